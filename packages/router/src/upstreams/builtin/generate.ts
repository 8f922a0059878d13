import type { LlamaGrammar, SequenceEvaluateOptions, Token } from 'node-llama-cpp';
import { AnswerText } from './answer-text.ts';
import type { GenerationRequest, Sampling } from './generation-request.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { Prompt } from './prompt.ts';
import { TokenDecoder } from './token-decoder.ts';

/** Why an answer ended, and what it cost. */
export interface GenerationEnd {
  /** `stop`: the model or a stop text ended it. `length`: the token limit or the context did. */
  readonly finishReason: 'stop' | 'length';
  /** Tokens that were made, with those of a stop text and without the model's end token. */
  readonly completionTokens: number;
}

/**
 * Generates an answer piece by piece, from an empty sequence, and empties it again: nothing of one request is there
 * for the next, not even as a cached prefix whose speed would tell. The consumer sets the pace: while it does not
 * ask, nothing is computed. To stop, abort `signal` and return from the generator.
 * @returns the end, as the generator's return value; null where `signal` was aborted
 */
export async function* generate(
  loaded: LoadedModel,
  prompt: Prompt,
  request: GenerationRequest,
  grammar: LlamaGrammar | null,
  signal: AbortSignal,
): AsyncGenerator<string, GenerationEnd | null> {
  const { sequence } = loaded;
  try {
    await sequence.clearHistory();
    const unread = await readAhead(loaded, prompt.tokens, signal);
    if (unread === null) return null;
    const stop = [...request.stop, ...prompt.stopTexts, ...grammarStops(loaded, grammar)];
    const text = new AnswerText({ stop, trimStart: prompt.trimStart, trimEnd: grammar?.trimWhitespaceSuffix ?? false });
    const decoder = new TokenDecoder(loaded.model, prompt.tokens);
    const limit = tokenLimit(loaded, prompt, request.maxTokens);
    const made: Token[] = [];
    let finishReason: GenerationEnd['finishReason'] = 'stop';
    for await (const token of sequence.evaluate(unread, evaluateOptions(loaded, request.sampling, grammar, made))) {
      if (signal.aborted) return null;
      if (prompt.stopTokens.has(token)) break;
      made.push(token);
      const shown = text.push(decoder.push(token));
      if (shown !== '') yield shown;
      if (text.isStopped) break;
      if (made.length >= limit) {
        finishReason = 'length';
        break;
      }
    }
    const rest = text.push(decoder.flush()) + text.finish();
    if (rest !== '') yield rest;
    return { finishReason: text.isStopped ? 'stop' : finishReason, completionTokens: made.length };
  } finally {
    if (!sequence.disposed) await sequence.clearHistory();
  }
}

/**
 * Evaluates a long prompt batch by batch, so that a caller who goes away does not keep the next one waiting.
 * @returns the last batch, from which the first token is sampled; null where `signal` was aborted
 */
async function readAhead(loaded: LoadedModel, tokens: readonly Token[], signal: AbortSignal): Promise<Token[] | null> {
  let offset = 0;
  for (; tokens.length - offset > loaded.batchTokens; offset += loaded.batchTokens) {
    if (signal.aborted) return null;
    await loaded.sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(offset, offset + loaded.batchTokens));
  }
  return signal.aborted ? null : tokens.slice(offset);
}

/** The last token made needs no place of its own, so the context is used up to its end and never shifted. */
function tokenLimit({ contextTokens }: LoadedModel, prompt: Prompt, maxTokens: number | null): number {
  const room = contextTokens - prompt.tokens.length;
  return maxTokens === null ? room : Math.min(maxTokens, room);
}

function evaluateOptions(
  { library, model }: LoadedModel,
  sampling: Sampling,
  grammar: LlamaGrammar | null,
  made: readonly Token[],
): SequenceEvaluateOptions {
  const { temperature, topP, topK, minP, seed, presencePenalty, frequencyPenalty } = sampling;
  const options: SequenceEvaluateOptions = { temperature, topP, topK, minP, seed };
  if (grammar !== null) {
    options.grammarEvaluationState = new library.LlamaGrammarEvaluationState({ model, grammar });
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    options.repeatPenalty = { punishTokens: () => made.slice(), penalty: 1, presencePenalty, frequencyPenalty };
  }
  return options;
}

/** Grammars end in line feeds, so that a model which never ends by itself does. */
function grammarStops({ library }: LoadedModel, grammar: LlamaGrammar | null): readonly string[] {
  return (grammar?.stopGenerationTriggers ?? []).flatMap((trigger) =>
    library.isLlamaText(trigger) ? trigger.values.filter((value) => typeof value === 'string') : [],
  );
}
