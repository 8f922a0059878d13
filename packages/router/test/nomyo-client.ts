import { Buffer } from 'node:buffer';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes, randomUUID } from 'node:crypto';
import type { SecurityTier } from '@sotto/protocol';
import { nodeCrypto } from '@sotto/protocol/node';
import {
  encodePublicKeyHeader,
  exportPublicKeyPem,
  generateRsaKeyPair,
  importPublicKeyPem,
  makeBinding,
  openResponse,
  type RsaKeyPair,
  sealRequest,
} from '@sotto/protocol/nomyo-v1';
import { type Answer, send } from './http-client.ts';

let pair: Promise<RsaKeyPair> | undefined;

/** A client's key pair of 2,048 bits, made once a test file. */
export function clientKeys(): Promise<RsaKeyPair> {
  pair ??= generateRsaKeyPair(nodeCrypto, 2_048);
  return pair;
}

/** A request as nomyo-v1 puts it on the wire, for tests to send, tamper with and send again. */
export interface WireRequest {
  readonly body: string;
  readonly headers: Record<string, string>;
  /** Where the request was bound: its content key, under which the answer's MAC is made. */
  readonly macUnder: Uint8Array | null;
}

/** How a request is made. */
export interface WireOptions {
  readonly headers?: Record<string, string>;
  /** Seals a binding inside, as our own client does. */
  readonly bound?: boolean;
  readonly tier?: SecurityTier;
  readonly keys?: RsaKeyPair;
  readonly nowMs?: number;
}

/** Seals a chat request to a router's key. */
export async function sealFor(
  routerUrl: string,
  payload: Record<string, unknown>,
  options: WireOptions = {},
): Promise<WireRequest> {
  const keys = options.keys ?? (await clientKeys());
  const pem = (await send(`${routerUrl}/pki/public_key`)).text;
  const payloadId = randomUUID();
  const tier = options.tier ?? null;
  const fields = { payloadId, clientKey: keys.publicKey, tier, nowMs: options.nowMs ?? Date.now() };
  const binding = options.bound === true ? await makeBinding(nodeCrypto, fields) : null;
  const { body, contentKey } = await sealRequest(
    nodeCrypto,
    await importPublicKeyPem(nodeCrypto, pem),
    payload,
    binding,
  );
  return {
    body,
    macUnder: binding === null ? null : contentKey,
    headers: {
      'content-type': 'application/octet-stream',
      'x-payload-id': payloadId,
      'x-public-key': encodePublicKeyHeader(exportPublicKeyPem(keys.publicKey)),
      ...(tier === null ? {} : { 'x-security-tier': tier }),
      ...options.headers,
    },
  };
}

/** Posts a sealed request. */
export function post(routerUrl: string, request: Pick<WireRequest, 'body' | 'headers'>): Promise<Answer> {
  return send(`${routerUrl}/v1/chat/secure_completion`, request);
}

/** Seals and posts a chat request. */
export async function ask(
  routerUrl: string,
  payload: Record<string, unknown>,
  options: WireOptions = {},
): Promise<Answer> {
  return post(routerUrl, await sealFor(routerUrl, payload, options));
}

/** Opens a sealed answer. */
export async function openAnswer(answer: Answer, macUnder: Uint8Array | null = null): Promise<Record<string, unknown>> {
  const { privateKey } = await clientKeys();
  const { plaintext } = await openResponse(nodeCrypto, privateKey, new Uint8Array(answer.body), macUnder);
  return JSON.parse(Buffer.from(plaintext).toString('utf8')) as Record<string, unknown>;
}

/** Seals bytes that need not be a chat request, nor JSON at all. */
export async function sealText(routerUrl: string, text: string | Uint8Array): Promise<WireRequest> {
  const request = await sealFor(routerUrl, {});
  const key = createPublicKey((await send(`${routerUrl}/pki/public_key`)).text);
  const [contentKey, nonce] = [randomBytes(32), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: 16 });
  const ciphertext = Buffer.concat([cipher.update(text), cipher.final()]).toString('base64');
  const tag = cipher.getAuthTag().toString('base64');
  const wrapped = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, contentKey);
  const body = JSON.stringify({
    ...(JSON.parse(request.body) as object),
    encrypted_payload: { ciphertext, nonce: nonce.toString('base64'), tag },
    encrypted_aes_key: wrapped.toString('base64'),
  });
  return { ...request, body };
}
