import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodePem } from '@sotto/protocol/nomyo-v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLegacyPrivateKey } from '../../src/node/legacy-private-key.ts';
import { readPrivateKeyPem, writePrivateKeyPem } from '../../src/private-key-pem.ts';
import { spkiOfPkcs8 } from '../../src/rsa-private-key.ts';
import { sharedKeyPair } from '../test-platform.ts';

const PASSWORD = 'correct horse';
const PYTHON = '/usr/bin/python3';

let directory: string;
let plainPath: string;
let sealedPath: string;
let spki: Uint8Array;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keys-'));
  plainPath = join(directory, 'plain.pem');
  sealedPath = join(directory, 'sealed.pem');
  const pair = await sharedKeyPair(0);
  spki = pair.publicKey.spki;
  await writeFile(plainPath, await writePrivateKeyPem(pair.pkcs8, null));
  await writeFile(sealedPath, await writePrivateKeyPem(pair.pkcs8, PASSWORD));
});

afterAll(() => rm(directory, { recursive: true }));

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
  return stdout;
}

function works(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { timeout: 30_000 }).status === 0;
}

/** Reads a private key as the client does. @returns its public key, to compare */
async function read(pem: string): Promise<Uint8Array> {
  const { pkcs8 } = await readPrivateKeyPem(pem, PASSWORD, { openLegacy: openLegacyPrivateKey });
  return spkiOfPkcs8(pkcs8);
}

const hasOpenssl = works('openssl', ['version']);
const hasCryptography = works(PYTHON, ['-c', 'import cryptography']);

function skipped(what: string): void {
  test(`${what} (not there: skipped)`, () => {
    process.stdout.write(`skipped: ${what} is not on this machine\n`);
  });
}

describe('OpenSSL', () => {
  if (!hasOpenssl) {
    skipped('openssl');
    return;
  }

  test('reads the private keys that the client writes', () => {
    const expected = new Uint8Array(spki);
    for (const args of [
      ['-in', plainPath],
      ['-in', sealedPath, '-passin', `pass:${PASSWORD}`],
    ]) {
      const pem = run('openssl', ['pkey', ...args, '-pubout']);
      expect(decodePem(pem)?.der).toEqual(expected);
    }
  });

  const legacy = ['-provider', 'legacy', '-provider', 'default'];
  const pass = ['-passout', `pass:${PASSWORD}`];
  const forms: readonly (readonly [string, readonly string[]])[] = [
    ['PKCS#8', ['pkcs8', '-topk8', '-nocrypt']],
    ['PKCS#1', ['rsa', '-traditional']],
    ['PBES2, its default', ['pkcs8', '-topk8', ...pass]],
    ['PBES2, AES-128 and SHA-1', ['pkcs8', '-topk8', '-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA1', ...pass]],
    ['PBES2, AES-256 and SHA-512', ['pkcs8', '-topk8', '-v2', 'aes256', '-v2prf', 'hmacWithSHA512', ...pass]],
    ['PBES2, triple DES', ['pkcs8', '-topk8', '-v2', 'des3', ...pass]],
    ['scrypt', ['pkcs8', '-topk8', '-scrypt', ...pass]],
    ['PBES1, triple DES', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-3DES', ...pass]],
    ['PBES1, RC2', ['pkcs8', '-topk8', '-v1', 'PBE-SHA1-RC2-40', ...legacy, ...pass]],
    ['DEK-Info, AES-256', ['rsa', '-traditional', '-aes256', ...pass]],
    ['DEK-Info, triple DES', ['rsa', '-traditional', '-des3', ...pass]],
    ['DEK-Info, single DES', ['rsa', '-traditional', '-des', ...legacy, ...pass]],
  ];
  test.each(forms)('writes private keys that the client reads: %s', async (_, args) => {
    const pem = run('openssl', [...args, '-in', plainPath]);
    await expect(read(pem)).resolves.toEqual(new Uint8Array(spki));
  });

  test.each(forms.filter(([, args]) => args.includes('-passout')))(
    'writes private keys that do not open with another password: %s',
    async (_, args) => {
      const pem = run('openssl', [...args, '-in', plainPath]);
      const opening = readPrivateKeyPem(pem, 'wrong', { openLegacy: openLegacyPrivateKey });
      await expect(opening).rejects.toMatchObject({ name: 'ConfigurationError', code: 'wrong_key_password' });
    },
  );

  test('writes one old form that nothing here opens: the error says what to do', async () => {
    const pem = run('openssl', ['pkcs8', '-topk8', '-v1', 'PBE-MD5-DES', ...legacy, ...pass, '-in', plainPath]);
    await expect(read(pem)).rejects.toMatchObject({ code: 'invalid_key_file' });
  });
});

describe("Python's cryptography", () => {
  if (!hasCryptography) {
    skipped("Python's cryptography");
    return;
  }

  test('reads the private keys that the client writes', () => {
    const script = [
      'import sys',
      'from cryptography.hazmat.primitives.serialization import load_pem_private_key, Encoding, PublicFormat',
      'key = load_pem_private_key(open(sys.argv[1], "rb").read(), sys.argv[2].encode() if sys.argv[2] else None)',
      'print(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())',
    ].join('\n');
    for (const args of [
      [plainPath, ''],
      [sealedPath, PASSWORD],
    ]) {
      expect(decodePem(run(PYTHON, ['-c', script, ...args]))?.der).toEqual(new Uint8Array(spki));
    }
  });

  test('writes private keys that the client reads, as NOMYO does', async () => {
    const script = [
      'import sys',
      'from cryptography.hazmat.primitives.serialization import *',
      'key = load_pem_private_key(open(sys.argv[1], "rb").read(), None)',
      'encryption = BestAvailableEncryption(sys.argv[2].encode())',
      'print(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode())',
    ].join('\n');
    const pem = run(PYTHON, ['-c', script, plainPath, PASSWORD]);
    expect(pem).toContain('ENCRYPTED PRIVATE KEY');
    await expect(read(pem)).resolves.toEqual(new Uint8Array(spki));
  });
});

test('a file that the client wrote is the one it reads', async () => {
  await expect(read(await readFile(sealedPath, 'utf8'))).resolves.toEqual(new Uint8Array(spki));
});
