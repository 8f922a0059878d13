import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto } from '@sotto/protocol/node';
import { generateRsaKeyPair } from '@sotto/protocol/nomyo-v1';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClientOptions } from '../../src/client-options.ts';
import type { Logger } from '../../src/log.ts';
import { SecureCompletionClient } from '../../src/node/index.ts';
import { nodeKeyFiles } from '../../src/node/key-files.ts';
import { ROUTER_URL, StandInRouter } from '../stand-in-router.ts';
import { sharedKeyPair, TEST_MODULUS_BITS, testPlatform } from '../test-platform.ts';

let home: string;
let directory: string;
let router: StandInRouter;
const warnings: string[] = [];
const ignore = (): void => undefined;
const logger: Logger = { debug: ignore, info: ignore, warn: (message) => void warnings.push(message), error: ignore };

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'keys-'));
  directory = join(home, 'deep', 'client_keys');
  router = new StandInRouter(await sharedKeyPair(1));
  warnings.length = 0;
});

afterEach(() => rm(home, { recursive: true }));

function client(options: ClientOptions = {}): SecureCompletionClient {
  return new SecureCompletionClient({
    routerUrl: ROUTER_URL,
    fetch: router.fetch,
    platform: testPlatform({}, () => generateRsaKeyPair(nodeCrypto, TEST_MODULUS_BITS)),
    logger,
    ...options,
  });
}

/** The public key that a client sends. */
async function publicKeyOf(of: SecureCompletionClient): Promise<string> {
  await of.sendSecureRequest({ model: 'm' }, 'id');
  return decodeURIComponent(router.received.at(-1)?.headers.get('x-public-key') ?? '');
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

const { privateKeyPath, publicKeyPath } = nodeKeyFiles.pathsIn('.');

describe('generateKeys with saveToFile', () => {
  test('writes the pair under the names of NOMYO, the private key for its owner alone', async () => {
    const made = client();
    await made.generateKeys({ saveToFile: true, keyDir: directory });
    expect((await readdir(directory)).sort()).toEqual(['private_key.pem', 'public_key.pem']);
    expect(await modeOf(directory)).toBe(0o700);
    expect(await modeOf(join(directory, privateKeyPath))).toBe(0o600);
    expect(await readFile(join(directory, privateKeyPath), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const publicPem = await readFile(join(directory, publicKeyPath), 'utf8');
    expect(publicPem.trim()).toBe(await publicKeyOf(made));
  });

  test('replaces what is there', async () => {
    const made = client();
    await made.generateKeys({ saveToFile: true, keyDir: directory });
    const before = await readFile(join(directory, privateKeyPath), 'utf8');
    await made.generateKeys({ saveToFile: true, keyDir: directory });
    expect(await readFile(join(directory, privateKeyPath), 'utf8')).not.toBe(before);
  });

  test('with a password writes what loadKeys opens with that password alone', async () => {
    const made = client();
    await made.generateKeys({ saveToFile: true, keyDir: directory, password: 'secret' });
    const paths = nodeKeyFiles.pathsIn(directory);
    expect(await readFile(paths.privateKeyPath, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    const loaded = client();
    await loaded.loadKeys({ ...paths, password: 'secret' });
    expect(await publicKeyOf(loaded)).toBe(await publicKeyOf(made));
    for (const password of ['Secret', null]) {
      await expect(loaded.loadKeys({ ...paths, password })).rejects.toMatchObject({ code: 'wrong_key_password' });
    }
  });
});

describe('keyDir', () => {
  test('makes and stores a pair once, and later clients use it', async () => {
    const first = await publicKeyOf(client({ keyDir: directory, keyPassword: 'secret' }));
    const platform = testPlatform();
    const second = await publicKeyOf(client({ keyDir: directory, keyPassword: 'secret', platform }));
    expect(second).toBe(first);
    expect(platform.generated()).toBe(0);
  });

  test('is safe where several clients start together: all use the one pair that is stored', async () => {
    const clients = Array.from({ length: 4 }, () => client({ keyDir: directory }));
    const used = await Promise.all(
      clients.map(async (each, index) => {
        await each.sendSecureRequest({ model: 'm' }, `id-${index}`);
        return router.received.find(({ headers }) => headers.get('x-payload-id') === `id-${index}`);
      }),
    );
    const stored = (await readFile(join(directory, publicKeyPath), 'utf8')).trim();
    for (const request of used) {
      expect(decodeURIComponent(request?.headers.get('x-public-key') ?? '')).toBe(stored);
    }
    expect((await readdir(directory)).sort()).toEqual(['private_key.pem', 'public_key.pem']);
  });

  test('with a wrong password fails the request, and nothing is replaced or sent', async () => {
    await publicKeyOf(client({ keyDir: directory, keyPassword: 'secret' }));
    const before = await readFile(join(directory, privateKeyPath), 'utf8');
    const sent = router.received.length;
    const wrong = client({ keyDir: directory, keyPassword: 'other' });
    await expect(wrong.sendSecureRequest({}, 'id')).rejects.toMatchObject({ code: 'wrong_key_password' });
    expect(router.received).toHaveLength(sent);
    expect(await readFile(join(directory, privateKeyPath), 'utf8')).toBe(before);
  });

  test('that cannot be written is an error of the request, and no stray file stays', async () => {
    await writeFile(join(home, 'file'), '');
    const failing = client({ keyDir: join(home, 'file') });
    await expect(failing.sendSecureRequest({}, 'id')).rejects.toMatchObject({ code: 'invalid_key_file' });
    expect(await readdir(home)).toEqual(['file']);
  });
});

describe('loadKeys', () => {
  test('warns of a private key that others may read, and of a password that was not needed', async () => {
    const made = client();
    await made.generateKeys({ saveToFile: true, keyDir: directory });
    const paths = nodeKeyFiles.pathsIn(directory);
    await made.loadKeys(paths);
    expect(warnings).toEqual([]);
    await chmod(paths.privateKeyPath, 0o640);
    await made.loadKeys({ ...paths, password: 'secret' });
    expect(warnings).toEqual([expect.stringContaining('read by others'), expect.stringContaining('not encrypted')]);
  });

  test('refuses the public key of another pair', async () => {
    const other = join(home, 'other');
    await client().generateKeys({ saveToFile: true, keyDir: directory });
    await client().generateKeys({ saveToFile: true, keyDir: other });
    const loading = client().loadKeys({
      privateKeyPath: join(directory, privateKeyPath),
      publicKeyPath: join(other, publicKeyPath),
    });
    await expect(loading).rejects.toMatchObject({ code: 'invalid_key_file' });
  });

  test('refuses files that are missing, directories, and files longer than any key', async () => {
    await client().generateKeys({ saveToFile: true, keyDir: directory });
    await writeFile(join(home, 'long.pem'), 'x'.repeat(20_000));
    const good = join(directory, privateKeyPath);
    const bad = [
      { privateKeyPath: join(home, 'missing.pem') },
      { privateKeyPath: home },
      { privateKeyPath: join(home, 'long.pem') },
      { privateKeyPath: good, publicKeyPath: join(home, 'missing.pem') },
      { privateKeyPath: good, publicKeyPath: good },
    ];
    for (const paths of bad) await expect(client().loadKeys(paths)).rejects.toMatchObject({ code: 'invalid_key_file' });
  });
});
