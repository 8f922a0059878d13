import { webcrypto } from 'node:crypto';

/**
 * A stand-in for NOMYO's JavaScript client: as picky as that is, so that what satisfies this one satisfies it too.
 * Written from recorded traffic, over nothing but `fetch` and WebCrypto.
 */
export interface StandInOptions {
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Default: a pair of its own, made when the client is. */
  readonly keys?: Promise<CryptoKeyPair>;
}

/** The members it writes, and demands in an answer. */
const MEMBERS = {
  version: '1.0',
  algorithm: 'hybrid-aes256-rsa4096',
  key_algorithm: 'RSA-OAEP-SHA256',
  payload_algorithm: 'AES-256-GCM',
} as const;
const RSA = { name: 'RSA-OAEP', hash: 'SHA-256' } as const;
const PLAIN_BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A refusal by the router: the status, and the `detail` that it read. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** 2,048 bits: the real client makes 4,096, which takes seconds. */
export function makeKeyPair(): Promise<CryptoKeyPair> {
  const parameters = { ...RSA, modulusLength: 2_048, publicExponent: Uint8Array.of(1, 0, 1) };
  return webcrypto.subtle.generateKey(parameters, true, ['encrypt', 'decrypt']);
}

/** `create()` against one router, with one key pair. */
export class NomyoJavascriptStandIn {
  readonly #options: StandInOptions;
  readonly #keys: Promise<CryptoKeyPair>;

  constructor(options: StandInOptions) {
    this.#options = options;
    this.#keys = options.keys ?? makeKeyPair();
  }

  async create(payload: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const { baseUrl, apiKey } = this.#options;
    const { publicKey, privateKey } = await this.#keys;
    // Anew for every request, before anything is sealed.
    const serverKey = await this.#fetchServerKey();
    const payloadId = `openai-compat-${Date.now()}-${Math.random().toString(36).slice(2)}`;
    const answer = await fetch(`${baseUrl}/v1/chat/secure_completion`, {
      method: 'POST',
      headers: {
        'X-Payload-ID': payloadId,
        'X-Public-Key': encodeURIComponent(await publicPem(publicKey)),
        'Content-Type': 'application/octet-stream',
        ...(apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }),
        // fetch would add one that lists gzip; the recorded client, over node:http, sends none.
        'Accept-Encoding': '',
      },
      body: await seal(serverKey, payload),
    });
    if (answer.headers.get('content-encoding') !== null) throw new TypeError('a compressed answer cannot be read');
    if (answer.status !== 200) throw new RefusedError(answer.status, detailOf(await answer.json()));
    const completion = await open(privateKey, await answer.json());
    const metadata = completion['_metadata'] ?? {};
    if (typeof metadata !== 'object' || Array.isArray(metadata)) throw new TypeError('_metadata is not an object');
    return { ...completion, _metadata: { ...metadata, payload_id: payloadId, is_encrypted: true } };
  }

  async #fetchServerKey(): Promise<CryptoKey> {
    const answer = await fetch(`${this.#options.baseUrl}/pki/public_key`);
    if (answer.status !== 200) throw new TypeError('the router shows no key');
    const [, base64 = ''] =
      /^-----BEGIN PUBLIC KEY-----\n([\s\S]+)\n-----END PUBLIC KEY-----\n?$/.exec(await answer.text()) ?? [];
    return webcrypto.subtle.importKey('spki', decode(base64.replaceAll('\n', '')), RSA, false, ['encrypt']);
  }
}

/** The tag stays where WebCrypto leaves it: at the end of the ciphertext. */
async function seal(serverKey: CryptoKey, payload: Readonly<Record<string, unknown>>): Promise<string> {
  const contentKey = webcrypto.getRandomValues(new Uint8Array(32));
  const nonce = webcrypto.getRandomValues(new Uint8Array(12));
  const aes = await webcrypto.subtle.importKey('raw', contentKey, 'AES-GCM', false, ['encrypt']);
  const plaintext = new TextEncoder().encode(JSON.stringify(payload));
  const ciphertext = await webcrypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, aes, plaintext);
  const wrapped = await webcrypto.subtle.encrypt(RSA, serverKey, contentKey);
  const { version, algorithm, ...algorithms } = MEMBERS;
  const encryptedPayload = { ciphertext: encode(ciphertext), nonce: encode(nonce) };
  return JSON.stringify({
    version,
    algorithm,
    encrypted_payload: encryptedPayload,
    encrypted_aes_key: encode(wrapped),
    ...algorithms,
  });
}

async function open(privateKey: CryptoKey, envelope: unknown): Promise<Record<string, unknown>> {
  const members = asObject(envelope);
  for (const [name, value] of Object.entries(MEMBERS)) {
    if (members[name] !== value) throw new TypeError(`${name} is not ${value}`);
  }
  if (typeof members['processed_at'] !== 'number') throw new TypeError('processed_at is not a number');
  const payload = asObject(members['encrypted_payload']);
  if ('tag' in payload) throw new TypeError('the tag is apart from the ciphertext');
  const contentKey = await webcrypto.subtle.decrypt(RSA, privateKey, decode(members['encrypted_aes_key']));
  const aes = await webcrypto.subtle.importKey('raw', contentKey, 'AES-GCM', false, ['decrypt']);
  const iv = decode(payload['nonce']);
  const plaintext = await webcrypto.subtle.decrypt({ name: 'AES-GCM', iv }, aes, decode(payload['ciphertext']));
  return asObject(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plaintext)));
}

function detailOf(body: unknown): string {
  const { detail } = asObject(body);
  if (typeof detail !== 'string') throw new TypeError('an error answer has no detail that is a string');
  return detail;
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not an object');
  return value as Record<string, unknown>;
}

async function publicPem(key: CryptoKey): Promise<string> {
  const lines = encode(await webcrypto.subtle.exportKey('spki', key)).match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----`;
}

function encode(bytes: ArrayBuffer | Uint8Array): string {
  return Buffer.from(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)).toString('base64');
}

function decode(text: unknown): Uint8Array<ArrayBuffer> {
  if (typeof text !== 'string' || !PLAIN_BASE64.test(text)) throw new TypeError('not standard padded base64');
  return new Uint8Array(Buffer.from(text, 'base64'));
}
