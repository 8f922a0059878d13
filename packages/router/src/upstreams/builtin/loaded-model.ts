import { open } from 'node:fs/promises';
import { ConfigurationError } from '@sotto/protocol';
import type { ChatWrapper, Llama, LlamaContext, LlamaContextSequence, LlamaModel } from 'node-llama-cpp';

/** What `import('node-llama-cpp')` gives. Only its types are imported, so that the router runs without it. */
export type LlamaModule = typeof import('node-llama-cpp');

/** What {@link loadModel} needs. */
export interface LoadOptions {
  /** Absolute path of a GGUF file. */
  readonly path: string;
  /** Null: as many as the model was trained on, but at most 8,192, less where memory is short. */
  readonly contextTokens: number | null;
  readonly threads: number;
  /** Imports node-llama-cpp; rejects where it is not installed. */
  readonly importLlama: () => Promise<LlamaModule>;
}

/** A model in memory, with one sequence: one answer at a time. */
export interface LoadedModel {
  readonly library: LlamaModule;
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  readonly chatWrapper: ChatWrapper;
  /** Prompt and answer together have at most this many tokens. */
  readonly contextTokens: number;
  /** How many tokens of a prompt the engine takes at once. */
  readonly batchTokens: number;
  /** Frees threads and memory. Nothing may be under way. */
  dispose(): Promise<void>;
}

/** Large contexts cost memory from the start; whoever wants more says so. */
const DEFAULT_MAX_CONTEXT_TOKENS = 8_192;

/** The first four bytes of a GGUF file. */
const GGUF_MAGIC = 'GGUF';

/**
 * Loads a GGUF model into this process, on the CPU, without building or downloading anything.
 * @throws ConfigurationError `invalid_config` without node-llama-cpp or a binary of it for this machine, and for a
 *   file that is missing, not GGUF, broken, or too large for the memory
 */
export async function loadModel(options: LoadOptions): Promise<LoadedModel> {
  await checkModelFile(options.path);
  const library = await importLibrary(options.importLlama);
  const llama = await startEngine(library);
  try {
    const model = await llama.loadModel({ modelPath: options.path, gpuLayers: 0, checkTensors: true });
    const context = await model.createContext({
      threads: options.threads,
      contextSize: options.contextTokens ?? { max: DEFAULT_MAX_CONTEXT_TOKENS },
    });
    return {
      library,
      llama,
      model,
      sequence: context.getSequence(),
      chatWrapper: chooseChatWrapper(library, model),
      contextTokens: context.contextSize,
      batchTokens: context.batchSize,
      dispose: () => dispose(context, model, llama),
    };
  } catch (error) {
    await llama.dispose();
    throw configurationError(`the model file ${options.path} could not be loaded: ${firstLine(error)}`, error);
  }
}

async function checkModelFile(path: string): Promise<void> {
  let magic: string;
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(GGUF_MAGIC.length), 0, GGUF_MAGIC.length, 0);
      magic = buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw configurationError(`the model file ${path} could not be read: ${firstLine(error)}`, error);
  }
  if (magic !== GGUF_MAGIC) throw configurationError(`the model file ${path} is not a GGUF file`, undefined);
}

async function importLibrary(importLlama: () => Promise<LlamaModule>): Promise<LlamaModule> {
  try {
    return await importLlama();
  } catch (error) {
    const message =
      'an upstream of type builtin needs node-llama-cpp, an optional dependency: npm install node-llama-cpp';
    throw configurationError(message, error);
  }
}

async function startEngine(library: LlamaModule): Promise<Llama> {
  try {
    return await library.getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: library.LlamaLogLevel.disabled,
      // Not left to NODE_LLAMA_CPP_DEBUG: debug output is not for a process that holds people's prompts.
      debug: false,
    });
  } catch (error) {
    const message = 'node-llama-cpp has no binary for this machine: npm install node-llama-cpp without --omit=optional';
    throw configurationError(message, error);
  }
}

/** The template inside the file; for a file without one, or with one that cannot be read, what fits its name and tokens. */
function chooseChatWrapper(library: LlamaModule, model: LlamaModel): ChatWrapper {
  const quiet = { warningLogs: false, fallbackToOtherWrappersOnJinjaError: false };
  try {
    return library.resolveChatWrapper(model, { ...quiet, type: 'jinjaTemplate' });
  } catch {
    return library.resolveChatWrapper(model, { ...quiet, noJinja: true });
  }
}

async function dispose(context: LlamaContext, model: LlamaModel, llama: Llama): Promise<void> {
  await context.dispose();
  await model.dispose();
  await llama.dispose();
}

function configurationError(message: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_config', cause });
}

const MAX_REASON_CHARACTERS = 200;

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n', 1)[0] ?? '').slice(0, MAX_REASON_CHARACTERS);
}
