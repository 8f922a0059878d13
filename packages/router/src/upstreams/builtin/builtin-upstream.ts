import { basename, resolve } from 'node:path';
import { APIError, apiError, type SecurityTier } from '@sotto/protocol';
import type { Upstream, UpstreamCall, UpstreamListener, UpstreamRequest } from '../upstream.ts';
import { shuttingDown } from '../upstream-error.ts';
import { answer } from './answer.ts';
import { type AnswerFormat, chatAnswer, completionAnswer } from './answer-format.ts';
import { BuiltinCall } from './builtin-call.ts';
import { bundledModelPath, DEFAULT_BUILTIN_MODEL } from './bundled-model.ts';
import { parseChatRequest } from './chat-request.ts';
import { parseCompletionRequest } from './completion-request.ts';
import { generate } from './generate.ts';
import type { GenerationRequest, StreamRequest } from './generation-request.ts';
import { type LlamaModule, type LoadedModel, loadModel } from './loaded-model.ts';
import { chatPrompt, type Prompt, textPrompt } from './prompt.ts';
import { grammarOf } from './response-format.ts';
import { type Turn, TurnQueue } from './turn-queue.ts';

/** What an embedded model server is made of. */
export interface BuiltinUpstreamOptions {
  readonly name: string;
  readonly tier: SecurityTier;
  /** A GGUF file, absolute or relative to the working directory; undefined: the tiny model that comes with the router. */
  readonly modelPath?: string | undefined;
  /** The model's public name; undefined: {@link DEFAULT_BUILTIN_MODEL}, or the file's name without `.gguf`. */
  readonly modelName?: string | undefined;
  /** Requests that may wait while one is answered; more get `overloaded`. 64 by default. */
  readonly maxQueue?: number | undefined;
  /** Longest prompt and answer together; undefined: as the model was trained, at most 8,192. */
  readonly contextTokens?: number | undefined;
  /** 1 by default: with more than the machine has idle, the threads wait for one another. */
  readonly threads?: number | undefined;
  /** How long the model waits for a reader that takes nothing of its stream. 30,000 by default. */
  readonly stallTimeoutMs?: number | undefined;
  /** Imports the optional dependency; for tests. */
  readonly importLlama?: (() => Promise<LlamaModule>) | undefined;
}

/** An upstream that runs a GGUF model in this process. */
export interface BuiltinUpstream extends Upstream {
  /** The one model's public name. */
  readonly models: readonly string[];
  /** Prompt and answer together have at most this many tokens. */
  readonly contextTokens: number;
}

const DEFAULT_MAX_QUEUE = 64;
const DEFAULT_THREADS = 1;
const DEFAULT_STALL_TIMEOUT_MS = 30_000;

/**
 * Loads a GGUF model and serves it as an OpenAI-compatible server would: `/chat/completions`, `/completions` and
 * `/models`, one request at a time, in the order of their arrival.
 * @throws ConfigurationError `invalid_config` where node-llama-cpp is not installed or the model cannot be loaded
 */
export async function createBuiltinUpstream(options: BuiltinUpstreamOptions): Promise<BuiltinUpstream> {
  const { modelPath, modelName } = options;
  const loaded = await loadModel({
    path: modelPath === undefined ? bundledModelPath() : resolve(modelPath),
    contextTokens: options.contextTokens ?? null,
    threads: options.threads ?? DEFAULT_THREADS,
    importLlama: options.importLlama ?? (() => import('node-llama-cpp')),
  });
  const ownName = modelPath === undefined ? DEFAULT_BUILTIN_MODEL : basename(modelPath, '.gguf');
  return new LoadedUpstream(options, loaded, modelName ?? ownName);
}

class LoadedUpstream implements BuiltinUpstream {
  readonly name: string;
  readonly tier: SecurityTier;
  readonly class = 'builtin';
  readonly models: readonly string[];
  readonly contextTokens: number;
  readonly #model: string;
  readonly #loaded: LoadedModel;
  readonly #queue: TurnQueue;
  readonly #stallTimeoutMs: number;
  readonly #calls = new Set<BuiltinCall>();
  readonly #turns = new Map<BuiltinCall, Turn>();
  readonly #createdSeconds = nowSeconds();
  #closing: Promise<void> | null = null;

  constructor(options: BuiltinUpstreamOptions, loaded: LoadedModel, model: string) {
    this.name = options.name;
    this.tier = options.tier;
    this.models = [model];
    this.contextTokens = loaded.contextTokens;
    this.#model = model;
    this.#loaded = loaded;
    this.#queue = new TurnQueue(options.maxQueue ?? DEFAULT_MAX_QUEUE);
    this.#stallTimeoutMs = options.stallTimeoutMs ?? DEFAULT_STALL_TIMEOUT_MS;
  }

  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall {
    const call = new BuiltinCall(listener, this.#stallTimeoutMs, (over) => this.#forget(over));
    this.#calls.add(call);
    queueMicrotask(() => {
      if (!call.isOver) this.#begin(request, call);
    });
    return call;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const call of this.#calls) call.fail(shuttingDown());
    await this.#queue.idle();
    await this.#loaded.dispose();
  }

  #forget(call: BuiltinCall): void {
    this.#calls.delete(call);
    const turn = this.#turns.get(call);
    this.#turns.delete(call);
    if (turn !== undefined) this.#queue.remove(turn);
  }

  /** Answers at once what needs no model, and what is wrong: a bad request does not wait for its turn. */
  #begin(request: UpstreamRequest, call: BuiltinCall): void {
    try {
      if (this.#closing !== null) throw shuttingDown();
      this.#route(request, call);
    } catch (error) {
      call.refuse(asFailure(error));
    }
  }

  #route({ method, path, body }: UpstreamRequest, call: BuiltinCall): void {
    switch (`${method} ${path}`) {
      case 'GET /models':
        call.answerJson(200, { object: 'list', data: [this.#listing()] });
        break;
      case `GET /models/${this.#model}`:
        call.answerJson(200, this.#listing());
        break;
      case 'POST /chat/completions':
        this.#chat(body, call);
        break;
      case 'POST /completions':
        this.#complete(body, call);
        break;
      default:
        throw apiError('not_found', `the built-in model server has no ${method} ${path}`);
    }
  }

  #chat(body: Uint8Array | null, call: BuiltinCall): void {
    this.#refuseWhenFull();
    const request = parseChatRequest(body);
    const format = chatAnswer(this.#named(request));
    this.#enqueue(call, request, chatPrompt(this.#loaded, request.messages), format);
  }

  #complete(body: Uint8Array | null, call: BuiltinCall): void {
    this.#refuseWhenFull();
    const request = parseCompletionRequest(body);
    const format = completionAnswer(this.#named(request), request.echo ? request.prompt : null);
    this.#enqueue(call, request, textPrompt(this.#loaded, request.prompt), format);
  }

  #enqueue(call: BuiltinCall, request: GenerationRequest & StreamRequest, prompt: Prompt, format: AnswerFormat): void {
    const turn = async () => {
      this.#turns.delete(call);
      try {
        const grammar = await grammarOf(this.#loaded, request.format);
        const pieces = generate(this.#loaded, prompt, request, grammar, call.signal);
        await answer(call, { pieces, promptTokens: prompt.tokens.length }, format, request);
      } catch (error) {
        call.refuse(asFailure(error));
      }
    };
    this.#turns.set(call, turn);
    this.#queue.add(turn);
  }

  #refuseWhenFull(): void {
    if (!this.#queue.isFull) return;
    throw apiError('overloaded', 'too many requests wait for the built-in model; try again later', {
      retryAfterMs: 1_000,
    });
  }

  #named(request: { readonly model: string | null } & StreamRequest) {
    if (request.model !== null && request.model !== this.#model) {
      throw apiError('model_not_found', `the built-in model server has ${this.#model} and no other model`, {
        param: 'model',
      });
    }
    return { model: this.#model, created: nowSeconds(), includeUsage: request.includeUsage };
  }

  #listing(): object {
    return { id: this.#model, object: 'model', created: this.#createdSeconds, owned_by: this.name };
  }
}

/** What the engine throws stays the cause: its text may quote the prompt. */
function asFailure(error: unknown): APIError {
  if (APIError.isInstance(error)) return error;
  return apiError('upstream_failed', 'the built-in model failed at this request', { cause: error });
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
