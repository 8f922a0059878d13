// What the primitives cost, for orientation: the same operation with Node's provider and with WebCrypto's.
import { webCrypto } from '@sotto/protocol';
import { nodeCrypto } from '@sotto/protocol/node';
import { generateRsaKeyPair, receiveRequest, sealRequest } from '@sotto/protocol/nomyo-v1';
import { chatRequest } from '../harness/requests.mjs';
import { decimal, median } from '../harness/statistics.mjs';

export const name = 'primitives';
export const title = 'Primitives';

const PROVIDERS = [nodeCrypto, webCrypto];
const SIZES = [
  ['1 KiB', 1_024],
  ['64 KiB', 65_536],
  ['1 MiB', 1_048_576],
];

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick }) {
  const batchMs = quick ? 10 : 40;
  const rows = [];
  const add = async (what, operations) => {
    const times = await byTurns(operations, batchMs);
    rows.push([what, ...times.map((microseconds) => decimal(microseconds, microseconds < 100 ? 1 : 0))]);
  };
  for (const [size, bytes] of SIZES)
    await add(
      `AES-256-GCM seal, ${size}`,
      PROVIDERS.map((each) => sealing(each, bytes)),
    );
  for (const [size, bytes] of SIZES) {
    await add(`AES-256-GCM open, ${size}`, await Promise.all(PROVIDERS.map((each) => opening(each, bytes))));
  }
  for (const [size, bytes] of SIZES)
    await add(
      `base64 there and back, ${size}`,
      PROVIDERS.map((each) => base64(each, bytes)),
    );
  for (const [size, bytes] of SIZES) await add(`read a nomyo-v1 envelope, ${size}`, await envelopeParsing(bytes));
  const pairs = await Promise.all(PROVIDERS.map((provider) => generateRsaKeyPair(provider)));
  await add(
    'RSA-4096 OAEP, wrap',
    pairs.map(
      ({ publicKey }) =>
        () =>
          publicKey.encrypt(new Uint8Array(32)),
    ),
  );
  await add('RSA-4096 OAEP, unwrap', await Promise.all(pairs.map(unwrapping)));
  return {
    tables: [{ caption: 'Microseconds each, median.', columns: ['operation', 'node:crypto', 'WebCrypto'], rows }],
    budget: [],
  };
}

function sealing(provider, bytes) {
  const [key, nonce, text] = [provider.randomBytes(32), provider.randomBytes(12), new Uint8Array(bytes)];
  return () => provider.aesGcmSeal(key, nonce, text);
}

async function opening(provider, bytes) {
  const [key, nonce] = [provider.randomBytes(32), provider.randomBytes(12)];
  const sealed = await provider.aesGcmSeal(key, nonce, new Uint8Array(bytes));
  return () => provider.aesGcmOpen(key, nonce, sealed);
}

function base64(provider, bytes) {
  const data = new Uint8Array(bytes).map((_, index) => index * 151);
  return () => provider.decodeBase64(provider.encodeBase64(data));
}

async function envelopeParsing(bytes) {
  const { publicKey, privateKey } = await generateRsaKeyPair(nodeCrypto, 2_048);
  const body = Buffer.from((await sealRequest(nodeCrypto, publicKey, chatRequest(bytes))).body);
  return PROVIDERS.map((provider) => () => receiveRequest(provider, privateKey, body));
}

async function unwrapping({ publicKey, privateKey }) {
  const wrapped = await publicKey.encrypt(new Uint8Array(32));
  return () => privateKey.decrypt(wrapped);
}

const BATCHES = 7;

/** Times operations by turns, in batches that last about as long. @returns {Promise<number[]>} microseconds each */
async function byTurns(operations, batchMs) {
  const batches = [];
  for (const operation of operations) batches.push({ operation, count: await countFor(operation, batchMs), times: [] });
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const { operation, count, times } of batches)
      times.push((await milliseconds(operation, count)) * (1_000 / count));
  }
  return batches.map(({ times }) => median(times));
}

async function countFor(operation, batchMs) {
  let count = 1;
  while ((await milliseconds(operation, count)) < batchMs) count *= 2;
  return count;
}

async function milliseconds(operation, count) {
  const begin = performance.now();
  for (let index = 0; index < count; index++) await operation();
  return performance.now() - begin;
}
