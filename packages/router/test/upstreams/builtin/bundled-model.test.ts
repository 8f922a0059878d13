import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@sotto/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledModelPath } from '../../../src/upstreams/builtin/bundled-model.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sotto-bundled-'));
  await mkdir(join(directory, 'package/models'), { recursive: true });
  await mkdir(join(directory, 'package/dist/chunks'), { recursive: true });
  await writeFile(join(directory, 'package/package.json'), '{"name":"@sotto/router"}');
  await writeFile(join(directory, 'package/models/tiny.gguf'), 'GGUF');
  // Another package's folder of models on the way up is not ours.
  await mkdir(join(directory, 'package/dist/chunks/models'), { recursive: true });
  await writeFile(join(directory, 'package/dist/chunks/package.json'), '{"name":"another"}');
  await writeFile(join(directory, 'package/dist/chunks/models/tiny.gguf'), 'GGUF');
});
afterAll(() => rm(directory, { recursive: true }));

describe('the path of the bundled model', () => {
  it('is the same from the source and from any depth of the built package', () => {
    const expected = join(directory, 'package/models/tiny.gguf');
    expect(bundledModelPath(join(directory, 'package/dist'))).toBe(expected);
    expect(bundledModelPath(join(directory, 'package/dist/chunks'))).toBe(expected);
    expect(bundledModelPath(join(directory, 'package/src/upstreams/builtin'))).toBe(expected);
    expect(bundledModelPath()).toMatch(/models[/\\]tiny\.gguf$/);
  });

  it('is refused where the code was bundled away from its package', () => {
    expect(() => bundledModelPath(directory)).toThrow(ConfigurationError);
    expect(() => bundledModelPath(directory)).toThrow(expect.objectContaining({ code: 'invalid_config' }));
  });
});
