import { encodeContent, encodeEnd, encodeRequestHead, type Field, ResponseDecoder } from '@sotto/protocol/bhttp';
import { KEM_MLKEM768_X25519 } from '@sotto/protocol/hpke';
import { nodeHpke } from '@sotto/protocol/node';
import {
  importRecipient,
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
  parseKeyConfigs,
  type Recipient,
  sealRequest,
  selectKeyConfig,
} from '@sotto/protocol/ohttp';

/** A router that answers Web requests. */
export type Fetch = (request: Request) => Promise<Response>;

/** What is to be sealed. */
export interface InnerInput {
  readonly method?: string;
  readonly path: string;
  readonly headers?: readonly Field[];
  readonly body?: string;
}

/** What came out of the ciphertext. */
export interface InnerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Fetches the keys and chooses one. */
export async function recipientOf(fetch: Fetch, kemId: number = KEM_MLKEM768_X25519): Promise<Recipient> {
  const keys = await fetch(new Request(`http://router.test${OHTTP_GATEWAY_PATH}`));
  const policy = { kemIds: [kemId], aeadIds: [2], supports: () => true };
  const { config, suite } = selectKeyConfig(parseKeyConfigs(new Uint8Array(await keys.arrayBuffer())), policy);
  return importRecipient(nodeHpke, config, suite);
}

/** A sealed request, as bytes and with the means to open its answer. */
export async function seal(recipient: Recipient, input: InnerInput) {
  const { sealer, openResponse } = await sealRequest(nodeHpke, recipient);
  const head = encodeRequestHead({
    method: input.method ?? 'POST',
    scheme: 'http',
    authority: 'router.test',
    path: input.path,
    headers: [['date', new Date().toUTCString()], ...(input.headers ?? [])],
  });
  const message = Buffer.concat([head, encodeContent(Buffer.from(input.body ?? '')), encodeEnd()]);
  const body = Buffer.concat([sealer.preface, await sealer.seal(message), await sealer.finish()]);
  return { body, openResponse };
}

/** The outer request that carries sealed bytes. */
export function outerRequest(body: Uint8Array, headers: Record<string, string> = {}): Request {
  return new Request(`http://router.test${OHTTP_GATEWAY_PATH}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE, ...headers },
  });
}

/** Opens an answer, whole. Throws as the opener does where it is not complete. */
export async function open(sealed: Awaited<ReturnType<typeof seal>>, answer: Response): Promise<InnerAnswer> {
  let status = 0;
  let headers: Record<string, string> = {};
  const content: Uint8Array[] = [];
  const decoder = new ResponseDecoder({
    onHead: (head) => {
      status = head.status;
      headers = Object.fromEntries(head.headers);
    },
    onContent: (part) => void content.push(part),
    onTrailers: () => {},
  });
  const opener = sealed.openResponse((chunk) => decoder.push(chunk));
  await opener.push(new Uint8Array(await answer.arrayBuffer()));
  await opener.finish();
  decoder.finish();
  return { status, headers, text: Buffer.concat(content).toString('utf8') };
}
