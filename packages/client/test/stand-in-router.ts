import { APIError, apiError, errorBodyWithDetail, isSecurityTier, SottoError } from '@sotto/protocol';
import { nodeCrypto } from '@sotto/protocol/node';
import {
  BINDING_HEADER,
  BINDING_MEMBER,
  checkBinding,
  decodePublicKeyHeader,
  exportPublicKeyPem,
  fingerprint,
  importPublicKeyPem,
  openRequest,
  type RsaKeyPair,
  receiveRequest,
  sealResponse,
} from '@sotto/protocol/nomyo-v1';
import type { Fetch } from '../src/fetch-transport.ts';

/** What the router found in a request. */
export interface ReceivedRequest {
  readonly headers: Headers;
  readonly body: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly binding: unknown;
}

export const ROUTER_URL = 'https://router.test';

/** A completion as an upstream would make it. */
export function completionOf(content: string): Record<string, unknown> {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_765_250_382,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
    _metadata: { security_tier: 'high', payload_id: 'written by the router' },
  };
}

/** A router of nomyo-v1 in a few lines, over the protocol's own functions; tests bend it where they need to. */
export class StandInRouter {
  keyPair: RsaKeyPair;
  offersBinding = true;
  answer: (request: ReceivedRequest) => unknown = () => completionOf('hello');
  /** Answers instead of the router; null lets the request through. Called with the path. */
  intercept: (request: Request, path: string) => Promise<Response | null> | Response | null = () => null;
  readonly received: ReceivedRequest[] = [];
  readonly keyRequests: Request[] = [];

  constructor(keyPair: RsaKeyPair) {
    this.keyPair = keyPair;
  }

  /** The router as a `fetch`. */
  readonly fetch: Fetch = async (url, init) => {
    const request = new Request(url, { ...init, signal: init.signal ?? null });
    // A real transport fails when it is stopped; a stand-in that answers at once has to look.
    request.signal.throwIfAborted();
    const response = await this.handle(request);
    request.signal.throwIfAborted();
    return response;
  };

  async handle(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    const intercepted = await this.intercept(request, path);
    if (intercepted !== null) return intercepted;
    if (path === '/pki/public_key') return this.#publicKey(request);
    try {
      return await this.#complete(request);
    } catch (error) {
      if (!APIError.isInstance(error)) throw error;
      return Response.json(errorBodyWithDetail(error), { status: error.status });
    }
  }

  async #publicKey(request: Request): Promise<Response> {
    this.keyRequests.push(request);
    const etag = `"${await fingerprint(nodeCrypto, this.keyPair.publicKey)}"`;
    const headers = new Headers({ etag });
    if (this.offersBinding) headers.set(BINDING_HEADER, '1');
    if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers });
    headers.set('content-type', 'text/plain');
    return new Response(exportPublicKeyPem(this.keyPair.publicKey), { headers });
  }

  async #complete(request: Request): Promise<Response> {
    const headers = request.headers;
    const bytes = new Uint8Array(await request.arrayBuffer());
    const { envelope } = await receiveRequest(nodeCrypto, this.keyPair.privateKey, bytes);
    const { plaintext, contentKey } = await openRequest(nodeCrypto, this.keyPair.privateKey, envelope);
    const pem = decodePublicKeyHeader(headers.get('x-public-key') ?? undefined);
    const clientKey = await importPublicKeyPem(nodeCrypto, pem);
    const parsed = JSON.parse(new TextDecoder().decode(plaintext)) as Record<string, unknown>;
    const { [BINDING_MEMBER]: binding = null, ...payload } = parsed;
    if (binding !== null) {
      const tier = headers.get('x-security-tier');
      const arrived = {
        payloadId: headers.get('x-payload-id') ?? '',
        clientKey,
        tier: isSecurityTier(tier) ? tier : null,
        nowMs: 1_800_000_000_000,
      };
      await checkBinding(nodeCrypto, binding, arrived, 300_000);
    }
    const received = { headers, body: new TextDecoder().decode(bytes), payload, binding };
    this.received.push(received);
    const answer = this.answer(received);
    if (SottoError.isInstance(answer)) throw answer;
    if (answer instanceof Response) return answer;
    const sealed = await sealResponse(nodeCrypto, new TextEncoder().encode(JSON.stringify(answer)), {
      clientKey,
      tagStyle: envelope.tagStyle,
      macUnder: binding === null ? null : contentKey,
      nowMs: 1_800_000_000_000,
    });
    return new Response(sealed, { headers: { 'x-request-id': 'request-1' } });
  }
}

/** An error that may pass by itself, with the wait that the router asks for. */
export function overloaded(headers: Record<string, string> = {}): Response {
  const error = apiError('overloaded', 'come back later');
  return Response.json(errorBodyWithDetail(error), { status: 503, headers });
}
