import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@sotto/protocol';
import {
  encodeContent,
  encodeEnd,
  encodeResponseHead,
  type Field,
  RequestDecoder,
  type RequestHead,
} from '@sotto/protocol/bhttp';
import { type HpkeKeyPair, KEM_MLKEM768_X25519, KEM_X25519 } from '@sotto/protocol/hpke';
import { KEY_STATEMENT_PATH, type KeyClaims, type StatementSigner, signStatement } from '@sotto/protocol/key-statement';
import { nodeHpke } from '@sotto/protocol/node';
import {
  type ChunkSealer,
  checkInnerRequest,
  encodeKeyConfigs,
  OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
  OHTTP_KEY_PROBLEM_TYPE,
  OHTTP_KEYS_MEDIA_TYPE,
  PROBLEM_MEDIA_TYPE,
  RequestOpener,
} from '@sotto/protocol/ohttp';

/** A request as it came out of the ciphertext. */
export interface OpenedRequest {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly content: Uint8Array;
  readonly text: string;
  /** Plaintext bytes, padding included. */
  readonly plaintextBytes: number;
  readonly enc: string;
}

/** An answer as the gateway seals it: the pieces become chunks. */
export interface InnerAnswer {
  readonly status: number;
  readonly headers?: readonly Field[];
  readonly pieces?: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;
}

/** How the sealed body comes out wrong. */
export type Fault = 'no-final-chunk' | 'tampered' | 'no-end-of-content' | 'after-head';

const SUITES = [{ kdfId: 1, aeadId: 2 }];
const SIGNER = createPrivateKey({
  key: Buffer.from(`302e020100300506032b657004220420${'42'.repeat(32)}`, 'hex'),
  format: 'der',
  type: 'pkcs8',
});

/** The identity that signs the stand-in's statements. */
export const STAND_IN_SIGNER: StatementSigner = {
  publicKey: createPublicKey(SIGNER).export({ type: 'spki', format: 'der' }).subarray(-32),
  sign: (message) => sign(null, message, SIGNER),
};

export const GATEWAY_ORIGIN = 'https://router.test';
export const NOW_MS = 1_800_000_000_000;

/** A router of ohttp in a few lines, over the protocol's own functions; tests bend it where they need to. */
export class StandInGateway {
  answer: (request: OpenedRequest) => InnerAnswer | Promise<InnerAnswer> = () => json({ ok: true });
  /** Answers instead of the gateway; null lets the request through. */
  intercept: (request: Request) => Response | null | Promise<Response | null> = () => null;
  fault: Fault | null = null;
  /** Cuts what goes out into pieces. */
  split: (body: Uint8Array) => readonly Uint8Array[] = (body) => [body];
  keyHeaders: Record<string, string> = {};
  signers: readonly StatementSigner[] = [STAND_IN_SIGNER];
  claims: Partial<KeyClaims> = {};
  kemIds: readonly number[] = [KEM_MLKEM768_X25519, KEM_X25519];
  readonly opened: OpenedRequest[] = [];
  /** Everything that came in, in clear as it was on the wire. */
  readonly outer: {
    readonly method: string;
    readonly url: string;
    readonly headers: Headers;
    readonly body: Uint8Array;
  }[] = [];
  /** Whether the answer's stream was given up by its reader. */
  cancelled = false;
  /** Pieces of the answer that were asked for. */
  pulled = 0;
  #firstKeyId = 1;
  #keyPairs = new Map<number, HpkeKeyPair>();

  /** Forgets its keys and makes others. */
  rotate(): void {
    this.#firstKeyId += this.#keyPairs.size;
    this.#keyPairs = new Map();
  }

  async keyConfigs(): Promise<Uint8Array> {
    if (this.#keyPairs.size === 0) {
      for (const [index, kemId] of this.kemIds.entries()) {
        this.#keyPairs.set(this.#firstKeyId + index, await nodeHpke.generateKeyPair(kemId));
      }
    }
    return encodeKeyConfigs(
      [...this.#keyPairs].map(([keyId, { kemId, publicKey }]) => ({ keyId, kemId, publicKey, suites: SUITES })),
    );
  }

  /** The gateway as a `fetch`. */
  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const request = new Request(url, { ...init, signal: init.signal ?? null });
    request.signal.throwIfAborted();
    const body = new Uint8Array(await request.clone().arrayBuffer());
    this.outer.push({ method: request.method, url, headers: request.headers, body });
    const intercepted = await this.intercept(request);
    const response = intercepted ?? (await this.handle(request.method, new URL(url).pathname, body));
    request.signal.throwIfAborted();
    return withSignal(response, request.signal);
  };

  async handle(method: string, path: string, body: Uint8Array): Promise<Response> {
    if (path === KEY_STATEMENT_PATH) return new Response(await this.statement(), { headers: this.keyHeaders });
    if (path !== OHTTP_GATEWAY_PATH) return new Response('{"detail":"Not Found"}', { status: 404 });
    if (method === 'GET') {
      const headers = { 'content-type': OHTTP_KEYS_MEDIA_TYPE, ...this.keyHeaders };
      return new Response(new Uint8Array(await this.keyConfigs()), { headers });
    }
    return this.#open(body);
  }

  async statement(): Promise<string> {
    const claims: KeyClaims = {
      kid: String(this.#firstKeyId),
      keyConfigs: await this.keyConfigs(),
      origin: GATEWAY_ORIGIN,
      epoch: 5,
      issuedAt: NOW_MS / 1000 - 60,
      expiresAt: NOW_MS / 1000 + 86_400,
      minProtocol: 'ohttp',
      rsaKeySha256: null,
      ehbpKey: null,
      software: { name: 'stand-in', version: '0' },
      ...this.claims,
    };
    return signStatement(claims, this.signers);
  }

  async #open(body: Uint8Array): Promise<Response> {
    const content: Uint8Array[] = [];
    const heads: RequestHead[] = [];
    let plaintextBytes = 0;
    const decoder = new RequestDecoder({
      onHead: (value) => {
        heads.push(value);
      },
      onContent: (piece) => void content.push(piece.slice()),
      onTrailers: () => undefined,
    });
    const opener = new RequestOpener(
      nodeHpke,
      (id) => {
        const keyPair = this.#keyPairs.get(id);
        return keyPair === undefined ? undefined : { keyPair, suites: SUITES };
      },
      (plaintext) => {
        plaintextBytes += plaintext.length;
        decoder.push(plaintext);
      },
    );
    try {
      await opener.push(body);
      await opener.finish();
      decoder.finish();
    } catch (error) {
      const isUnknownKey = error instanceof Error && 'code' in error && error.code === 'unknown_key_id';
      return problem(isUnknownKey ? OHTTP_KEY_PROBLEM_TYPE : 'about:blank', isUnknownKey ? 422 : 400);
    }
    const received = toOpened(heads[0], concatBytes(...content), plaintextBytes, opener.enc);
    this.opened.push(received);
    const answer = await this.answer(received);
    return sealedResponse(this.#sealedPieces(await opener.sealResponse(), answer), () => {
      this.cancelled = true;
    });
  }

  async *#sealedPieces(sealer: ChunkSealer, answer: InnerAnswer): AsyncGenerator<Uint8Array, void, undefined> {
    const head = encodeResponseHead({ status: answer.status, headers: answer.headers ?? [] });
    yield* this.split(concatBytes(sealer.preface, await sealer.seal(head)));
    if (this.fault === 'after-head') return;
    const pieces: NonNullable<InnerAnswer['pieces']> = answer.pieces ?? [];
    for await (const piece of pieces) {
      this.pulled++;
      const framed = encodeContent(typeof piece === 'string' ? encodeUtf8(piece) : piece);
      const sealed = await sealer.seal(framed);
      if (this.fault === 'tampered') sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
      yield* this.split(sealed);
    }
    if (this.fault === 'no-final-chunk') return;
    if (this.fault !== 'no-end-of-content') yield* this.split(await sealer.seal(encodeEnd()));
    yield* this.split(await sealer.finish());
  }
}

function toOpened(
  head: RequestHead | undefined,
  content: Uint8Array,
  plaintextBytes: number,
  enc: Uint8Array | null,
): OpenedRequest {
  if (head === undefined || enc === null) throw new Error('a request without a head');
  checkInnerRequest(head);
  const text = new TextDecoder().decode(content);
  const { method, scheme, authority, path } = head;
  const hex = Buffer.from(enc).toString('hex');
  return { method, scheme, authority, path, headers: new Map(head.headers), content, text, plaintextBytes, enc: hex };
}

/** The sealed answer as an outer one, pulled piece by piece. */
function sealedResponse(pieces: AsyncGenerator<Uint8Array>, onCancel: () => void): Response {
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await pieces.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          controller.error(error);
        }
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, { headers: { 'content-type': OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE } });
}

/** A real transport tears the body down when it is stopped. */
function withSignal(response: Response, signal: AbortSignal): Response {
  const reader = response.body?.getReader();
  if (reader === undefined) return response;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        signal.addEventListener('abort', () => {
          controller.error(signal.reason);
          reader.cancel().catch(() => undefined);
        });
      },
      async pull(controller) {
        const next = await reader.read();
        if (signal.aborted) return;
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
  return new Response(stream, response);
}

/** An error answer in clear. */
export function problem(type: string, status: number): Response {
  return Response.json({ type, title: 'refused' }, { status, headers: { 'content-type': PROBLEM_MEDIA_TYPE } });
}

/** A JSON answer. */
export function json(value: unknown, status = 200): InnerAnswer {
  return { status, headers: [['content-type', 'application/json']], pieces: [JSON.stringify(value)] };
}

/** An event stream; each piece goes out as a chunk of its own. */
export function events(...pieces: readonly string[]): InnerAnswer {
  return { status: 200, headers: [['content-type', 'text/event-stream']], pieces };
}

/** A chunk of a chat completion as an event. */
export function chunkEvent(content: string, finish: string | null = null): string {
  const choices = [{ index: 0, delta: { role: 'assistant', content }, finish_reason: finish }];
  const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** A byte at a time. */
export function byteByByte(body: Uint8Array): readonly Uint8Array[] {
  return Array.from(body, (byte) => Uint8Array.of(byte));
}
