import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@sotto/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBuiltinUpstream } from '../../../src/upstreams/builtin/builtin-upstream.ts';
import { bundledModelPath } from '../../../src/upstreams/builtin/bundled-model.ts';
import type { LlamaModule } from '../../../src/upstreams/builtin/loaded-model.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sotto-builtin-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function failure(
  modelPath: string | undefined,
  importLlama?: () => Promise<LlamaModule>,
): Promise<ConfigurationError> {
  try {
    await createBuiltinUpstream({ name: 'embedded', tier: 'maximum', modelPath, importLlama });
  } catch (error) {
    if (ConfigurationError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('the model was loaded');
}

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, bytes);
  return path;
}

describe('loading a model', () => {
  it('says what to install where the optional dependency is missing', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    const error = await failure(undefined, () => Promise.reject(missing));
    expect(error.code).toBe('invalid_config');
    expect(error.message).toContain('npm install node-llama-cpp');
    expect(error.cause).toBe(missing);
  });

  it('says so where the optional dependency has no binary for the machine', async () => {
    const library = await import('node-llama-cpp');
    const without = { ...library, getLlama: () => Promise.reject(new library.NoBinaryFoundError()) };
    const error = await failure(undefined, () => Promise.resolve(without));
    expect(error.code).toBe('invalid_config');
    expect(error.message).toContain('no binary for this machine');
  });

  it('names a file that is missing, empty, a directory, or something else', async () => {
    const paths = [
      join(directory, 'missing.gguf'),
      await file('empty.gguf', new Uint8Array()),
      directory,
      await file('text.gguf', new TextEncoder().encode('not a model at all')),
    ];
    for (const path of paths) {
      const error = await failure(path);
      expect(error.code).toBe('invalid_config');
      expect(error.message).toContain(path);
    }
  });

  it('names a file that is cut short or damaged, and the process lives on', async () => {
    const whole = await readFile(bundledModelPath());
    const damaged = Uint8Array.from(whole);
    damaged.fill(0xff, 100, 400);
    const paths = [
      await file('cut-in-weights.gguf', whole.subarray(0, whole.length - 1)),
      await file('damaged.gguf', damaged),
    ];
    const errors = await Promise.all(paths.map((path) => failure(path)));
    expect(errors.map(({ code }) => code)).toEqual(['invalid_config', 'invalid_config']);
    for (const [index, path] of paths.entries()) expect(errors[index]?.message).toContain(path);
  });
});
