// @ts-check
// A client key pair for nomyo-v1 that outlives the process: made once, kept under a password, used again.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecureChatCompletion } from '@sotto/client';

const keyDir = await mkdtemp(join(tmpdir(), 'client-keys-')); // your program has a directory of its own
/** @type {import('@sotto/client').ClientOptions} */
const options = {
  baseURL: process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434',
  allowHttp: true,
  protocol: 'nomyo-v1',
  keyDir, // private_key.pem and public_key.pem, as NOMYO's clients keep them
  keyPassword: process.env.SOTTO_KEY_PASSWORD ?? 'only for this example',
};
const request = {
  model: process.env.SOTTO_MODEL ?? 'sotto-tiny',
  messages: [{ role: 'user', content: 'Hello' }],
};

// The first client finds no key, makes one, and stores it encrypted.
await new SecureChatCompletion(options).create(request);
const privateKey = join(keyDir, 'private_key.pem');
const { mode, mtimeMs } = await stat(privateKey);
console.log('private key written, mode', (mode & 0o777).toString(8));

// The second finds it, opens it with the password, and is ready at once.
const answer = await new SecureChatCompletion(options).create(request);
console.log('same key used again:', (await stat(privateKey)).mtimeMs === mtimeMs);
console.log('answered:', answer.choices.length === 1);

// With another password it is not opened, and nothing is overwritten.
try {
  await new SecureChatCompletion({ ...options, keyPassword: 'another' }).create(request);
} catch (error) {
  console.log('with another password:', error instanceof Error && 'code' in error ? error.code : error);
}
await rm(keyDir, { recursive: true });
