import {
  EHBP_KEYS_PATH,
  type EhbpSealedRequest,
  ENCAPSULATED_KEY_HEADER,
  openEhbpResponse,
  parseEhbpKeyConfig,
  RESPONSE_NONCE_HEADER,
  sealEhbpRequest,
} from '@sotto/protocol/ehbp';
import { nodeHpke } from '@sotto/protocol/node';
import { chat } from '../../running-router.ts';

/** A router that answers Web requests. */
export type Fetch = (request: Request) => Promise<Response>;

/** A sealed request, as bytes and with the means to open its answer. */
export interface Sealed {
  readonly request: EhbpSealedRequest;
  readonly body: Uint8Array;
}

/** The key a router serves. */
export async function keyOf(fetch: Fetch): Promise<Uint8Array> {
  const answer = await fetch(new Request(`http://router.test${EHBP_KEYS_PATH}`));
  return parseEhbpKeyConfig(new Uint8Array(await answer.arrayBuffer()));
}

/** Seals a body, each piece in a frame of its own. */
export async function seal(publicKey: Uint8Array, ...pieces: readonly (string | Uint8Array)[]): Promise<Sealed> {
  const request = await sealEhbpRequest(nodeHpke, publicKey);
  const frames: Uint8Array[] = [];
  for (const piece of pieces) frames.push(await request.sealer.seal(Buffer.from(piece)));
  return { request, body: Buffer.concat(frames) };
}

/** Seals a chat request. */
export function sealChat(publicKey: Uint8Array, more: Record<string, unknown> = {}): Promise<Sealed> {
  return seal(publicKey, JSON.stringify(chat('hello sealed body', more)));
}

/** The request that carries a sealed body. */
export function carry(
  { request, body }: Sealed,
  headers: Record<string, string> = {},
  path = '/v1/chat/completions',
): Request {
  return new Request(`http://router.test${path}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': 'application/json', [ENCAPSULATED_KEY_HEADER]: request.encapsulatedKey, ...headers },
  });
}

/** Opens an answer's body. Throws as the opener does. */
export async function open({ request }: Sealed, answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  const nonce = answer.headers.get(RESPONSE_NONCE_HEADER);
  const opener = await openEhbpResponse(nodeHpke, request.responseSecret, nonce, (part) => void parts.push(part));
  await opener.push(new Uint8Array(await answer.arrayBuffer()));
  opener.finish();
  return Buffer.concat(parts).toString('utf8');
}

/** The code of a sealed error answer. */
export async function sealedCode(sealed: Sealed, answer: Response): Promise<unknown> {
  return (JSON.parse(await open(sealed, answer)) as { error?: { code?: unknown } }).error?.code;
}
