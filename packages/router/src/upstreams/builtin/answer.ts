import { encodeUtf8 } from '@sotto/protocol';
import type { HeaderFields } from '../../http/exchange.ts';
import type { AnswerFormat, Usage } from './answer-format.ts';
import type { BuiltinCall } from './builtin-call.ts';
import type { GenerationEnd } from './generate.ts';
import type { StreamRequest } from './generation-request.ts';

const EVENT_STREAM: HeaderFields = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
/** OpenAI's API reference, streaming: what follows the last event. */
const DONE = encodeUtf8('data: [DONE]\n\n');

/** A generation whose prompt has been counted. */
export interface Generation {
  readonly pieces: AsyncGenerator<string, GenerationEnd | null>;
  readonly promptTokens: number;
}

/** Passes a generation on as it comes, or all at once; stops as soon as the call is over. */
export async function answer(
  call: BuiltinCall,
  generation: Generation,
  format: AnswerFormat,
  request: StreamRequest,
): Promise<void> {
  try {
    if (request.stream) await answerEvents(call, generation, format, request.includeUsage);
    else await answerWhole(call, generation, format);
  } finally {
    await generation.pieces.return(null);
  }
}

async function answerWhole(call: BuiltinCall, generation: Generation, format: AnswerFormat): Promise<void> {
  let text = '';
  for (;;) {
    const step = await generation.pieces.next();
    if (call.isOver) return;
    if (step.done === true) {
      if (step.value !== null) call.answerJson(200, format.whole(text, step.value, usageOf(generation, step.value)));
      return;
    }
    text += step.value;
  }
}

async function answerEvents(
  call: BuiltinCall,
  generation: Generation,
  format: AnswerFormat,
  includeUsage: boolean,
): Promise<void> {
  // Nothing is said before the first token: an engine that fails at once leaves another upstream its chance.
  let step = await generation.pieces.next();
  if (call.isOver) return;
  call.head(200, EVENT_STREAM);
  const first = format.first();
  if (first !== null) call.data(event(first));
  while (step.done !== true) {
    call.data(event(format.piece(step.value)));
    await call.writable();
    if (call.isOver) return;
    step = await generation.pieces.next();
  }
  if (step.value === null) return;
  call.data(event(format.last(step.value)));
  if (includeUsage) call.data(event(format.usage(usageOf(generation, step.value))));
  call.data(DONE);
  call.end();
}

function event(value: object): Uint8Array {
  return encodeUtf8(`data: ${JSON.stringify(value)}\n\n`);
}

function usageOf({ promptTokens }: Generation, { completionTokens }: GenerationEnd): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
