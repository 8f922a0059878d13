import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { requireDist } from './dist.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the routers' private key. */
    routerKey: string;
    /** A directory with a client's key pair. */
    clientKeys: string;
  }
}

/**
 * Makes the keys that all files share, once: 2,048 bits, the least that both ends take, since a key of 4,096 takes
 * seconds on a busy machine.
 */
export default function setup(project: TestProject): () => void {
  requireDist();
  const folder = mkdtempSync(join(tmpdir(), 'sotto-e2e-'));
  project.provide('routerKey', writePair(join(folder, 'router')));
  writePair(join(folder, 'client'));
  project.provide('clientKeys', join(folder, 'client'));
  return () => rmSync(folder, { recursive: true, force: true });
}

function writePair(directory: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  mkdirSync(directory, { mode: 0o700 });
  const path = join(directory, 'private_key.pem');
  writeFileSync(path, privateKey, { mode: 0o600 });
  writeFileSync(join(directory, 'public_key.pem'), publicKey);
  return path;
}
