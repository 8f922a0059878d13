import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '@sotto/protocol';
import type { KeyFiles, KeyFileText } from '../platform.ts';
import { openLegacyPrivateKey } from './legacy-private-key.ts';

const PRIVATE_KEY_FILE = 'private_key.pem';
const PUBLIC_KEY_FILE = 'public_key.pem';
const OWNER_ONLY_DIRECTORY = 0o700;
const OWNER_ONLY_FILE = 0o600;
const PUBLIC_FILE = 0o644;
/** Bits by which the group or everybody may read. */
const READABLE_BY_OTHERS = 0o044;
/** Longer than any key's PEM; a path that leads to something else is not read into memory. */
const MAX_FILE_BYTES = 16_384;

/** Key files as NOMYO's clients keep them: `private_key.pem` and `public_key.pem` in one directory. */
export const nodeKeyFiles: KeyFiles = {
  read: (path) => explained(path, () => readBounded(path)),

  pathsIn: (directory) => ({
    privateKeyPath: join(directory, PRIVATE_KEY_FILE),
    publicKeyPath: join(directory, PUBLIC_KEY_FILE),
  }),

  write: (directory, pair, onExisting) =>
    explained(directory, async () => {
      const { privateKeyPath, publicKeyPath } = nodeKeyFiles.pathsIn(directory);
      await mkdir(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
      if (!(await place(privateKeyPath, pair.privateKeyPem, OWNER_ONLY_FILE, onExisting))) return false;
      // The private key is the pair; this file only repeats half of it.
      return place(publicKeyPath, pair.publicKeyPem, PUBLIC_FILE, 'replace');
    }),

  openLegacy: openLegacyPrivateKey,
};

async function readBounded(path: string): Promise<KeyFileText | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    const { mode } = await file.stat();
    // The size is not asked for: a device or a file that grows tells another one.
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > MAX_FILE_BYTES) throw new RangeError('longer than any key');
    const text = buffer.toString('utf8', 0, bytesRead);
    buffer.fill(0);
    // Windows has other rights, and shows the same bits for every file.
    return { text, readableByOthers: process.platform !== 'win32' && (mode & READABLE_BY_OTHERS) !== 0 };
  } finally {
    await file.close();
  }
}

/** Makes a file appear whole under its name, or not at all. @returns whether it did */
async function place(path: string, text: string, mode: number, onExisting: 'keep' | 'replace'): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (onExisting === 'replace') await rename(temporary, path);
    // A link, unlike a rename, fails where the name is taken: of two processes that start together one wins.
    else await link(temporary, path);
    return true;
  } catch (error) {
    if (onExisting === 'keep' && isSystemError(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new ConfigurationError(`the key file cannot be read or written: look at ${path}`, {
      code: 'invalid_key_file',
      cause,
    });
  }
}
