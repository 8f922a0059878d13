import {
  decodeResponse,
  encodeContent,
  encodeEnd,
  encodeRequestHead,
  type Field,
  ResponseDecoder,
} from '@sotto/protocol/bhttp';
import { AEAD_AES_256_GCM, KEM_X25519 } from '@sotto/protocol/hpke';
import { nodeHpke } from '@sotto/protocol/node';
import {
  importRecipient,
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
  OHTTP_REQUEST_MEDIA_TYPE,
  parseKeyConfigs,
  type Recipient,
  type ResponseOpener,
  sealRequest,
  sealWholeRequest,
  selectKeyConfig,
} from '@sotto/protocol/ohttp';

/** A router that answers Web requests. */
export type Fetch = (request: Request) => Promise<Response>;

/** What is to be sealed. */
export interface InnerInput {
  readonly method?: string;
  readonly path: string;
  readonly headers?: readonly Field[];
  readonly body?: string | Uint8Array;
  /** The `Date` field; now by default, null for none. */
  readonly date?: string | null;
}

/** What came out of the ciphertext. */
export interface InnerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A chunked request, as bytes and with the means to open its answer. */
export interface Sealed {
  readonly body: Uint8Array;
  readonly openResponse: (onChunk: (plaintext: Uint8Array) => void) => ResponseOpener;
}

/** Chooses a key of those a router serves. */
export async function chooseRecipient(
  keys: Uint8Array,
  kemId: number = KEM_X25519,
  aeadId: number = AEAD_AES_256_GCM,
): Promise<Recipient> {
  const policy = { kemIds: [kemId], aeadIds: [aeadId], supports: () => true };
  const { config, suite } = selectKeyConfig(parseKeyConfigs(keys), policy);
  return importRecipient(nodeHpke, config, suite);
}

/** Fetches the keys and chooses one: of X25519 with AES-256-GCM, unless another is asked for. */
export async function recipientOf(fetch: Fetch, kemId?: number, aeadId?: number): Promise<Recipient> {
  const keys = await fetch(new Request(`http://router.test${OHTTP_GATEWAY_PATH}`));
  return chooseRecipient(new Uint8Array(await keys.arrayBuffer()), kemId, aeadId);
}

/** A chat request with one message. */
export function chatInput(more: object = {}, headers: readonly Field[] = []): InnerInput {
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello sealed world' }], ...more });
  return { path: '/v1/chat/completions', headers: [['content-type', 'application/json'], ...headers], body };
}

/** The Binary HTTP message of a request, of indeterminate length. */
export function innerMessage({ method = 'POST', path, headers = [], body = '', date }: InnerInput): Uint8Array {
  const dated: readonly Field[] = date === null ? [] : [['date', date ?? new Date().toUTCString()]];
  const head = { method, scheme: 'https', authority: 'router.test', path, headers: [...dated, ...headers] };
  return Buffer.concat([encodeRequestHead(head), encodeContent(Buffer.from(body)), encodeEnd()]);
}

/** Seals messages in chunks: one and an empty last one, or each piece of `pieces` in its own. */
export async function sealPieces(recipient: Recipient, pieces: readonly Uint8Array[]): Promise<Sealed> {
  const { sealer, openResponse } = await sealRequest(nodeHpke, recipient);
  const parts = [sealer.preface];
  for (const piece of pieces) parts.push(await sealer.seal(piece));
  parts.push(await sealer.finish());
  return { body: Buffer.concat(parts), openResponse };
}

/** Seals a request in chunks. */
export function seal(recipient: Recipient, input: InnerInput): Promise<Sealed> {
  return sealPieces(recipient, [innerMessage(input)]);
}

/** Seals a request whole (RFC 9458 §4.3). */
export async function sealWhole(recipient: Recipient, input: InnerInput | Uint8Array) {
  return sealWholeRequest(nodeHpke, recipient, input instanceof Uint8Array ? input : innerMessage(input));
}

/** The outer request that carries chunks. */
export function outerRequest(body: Uint8Array, headers: Record<string, string> = {}, init: RequestInit = {}): Request {
  return new Request(`http://router.test${OHTTP_GATEWAY_PATH}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE, ...headers },
    ...init,
  });
}

/** The outer request that carries a whole message. */
export function outerWholeRequest(body: Uint8Array): Request {
  return outerRequest(body, { 'content-type': OHTTP_REQUEST_MEDIA_TYPE });
}

/** What is being read of an answer in chunks. */
export interface AnswerReader {
  readonly opener: ResponseOpener;
  /** Each chunk's plaintext. */
  readonly chunks: readonly Uint8Array[];
  /** What has come of the content so far. */
  text(): string;
  /** Ends the body. Throws as the opener does where the answer is not complete. */
  finish(): Promise<InnerAnswer>;
}

/** Reads an answer as its bytes come. */
export function readAnswer(sealed: Sealed): AnswerReader {
  let status = 0;
  let headers: Record<string, string> = {};
  const content: Uint8Array[] = [];
  const chunks: Uint8Array[] = [];
  const decoder = new ResponseDecoder({
    onHead: (head) => {
      status = head.status;
      headers = Object.fromEntries(head.headers);
    },
    onContent: (part) => void content.push(part),
    onTrailers: () => {},
  });
  const opener = sealed.openResponse((chunk) => {
    chunks.push(chunk);
    decoder.push(chunk);
  });
  const text = (): string => Buffer.concat(content).toString('utf8');
  return {
    opener,
    chunks,
    text,
    finish: async () => {
      await opener.finish();
      decoder.finish();
      return { status, headers, text: text() };
    },
  };
}

/** Opens an answer in chunks. Throws as the opener does where it is not complete. */
export async function open(sealed: Sealed, answer: Response | Uint8Array): Promise<InnerAnswer> {
  const reader = readAnswer(sealed);
  await reader.opener.push(answer instanceof Uint8Array ? answer : new Uint8Array(await answer.arrayBuffer()));
  return reader.finish();
}

/** Opens a whole answer. */
export async function openWhole(
  sealed: Awaited<ReturnType<typeof sealWhole>>,
  answer: Response,
): Promise<InnerAnswer & { readonly messageBytes: number }> {
  const message = await sealed.openResponse(new Uint8Array(await answer.arrayBuffer()));
  const { status, headers, content } = decodeResponse(message);
  const text = Buffer.from(content).toString('utf8');
  return { status, headers: Object.fromEntries(headers), text, messageBytes: message.length };
}

/** Seals a request in chunks, has it answered, and opens the answer. */
export async function ask(fetch: Fetch, input: InnerInput, recipient?: Recipient): Promise<InnerAnswer> {
  const sealed = await seal(recipient ?? (await recipientOf(fetch)), input);
  return open(sealed, await fetch(outerRequest(sealed.body)));
}

/** Has pieces of plaintext answered that may be no message at all. */
export async function askPieces(fetch: Fetch, ...pieces: readonly Uint8Array[]): Promise<InnerAnswer> {
  const sealed = await sealPieces(await recipientOf(fetch), pieces);
  return open(sealed, await fetch(outerRequest(sealed.body)));
}

/** The code of an error answer's body. */
export function codeOf({ text }: { readonly text: string }): unknown {
  return (JSON.parse(text) as { error?: { code?: unknown } }).error?.code;
}
