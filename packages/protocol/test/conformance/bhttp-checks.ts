import type { BinaryRequest, BinaryResponse, Field } from '../../src/bhttp/index.ts';
import { bytes, type Check, ensure, equal, hex, inPieces, text } from './check.ts';
import { codeOf, type Subject } from './subject.ts';

/** Examples of RFC 9292 §5. */
export interface BhttpVectors {
  readonly vectors: readonly BhttpVector[];
}

interface BhttpVector {
  readonly name: string;
  readonly hex: string;
  /** Bytes at the end that may be missing (RFC 9292 §3.8). */
  readonly truncatable?: number;
  readonly expect: {
    readonly method?: string;
    readonly scheme?: string;
    readonly authority?: string;
    readonly path?: string;
    readonly status?: number;
    readonly informational?: readonly number[];
    readonly headers?: readonly Field[];
    readonly content: string;
    readonly trailers?: readonly Field[];
  };
}

type Message = Partial<BinaryRequest & BinaryResponse> & Pick<BinaryRequest, 'content' | 'trailers'>;

/** Checks Binary HTTP messages. */
export function bhttpChecks(subject: Subject, { vectors }: BhttpVectors): readonly Check[] {
  return vectors.flatMap((vector) => checksOf(subject, vector));
}

function checksOf(subject: Subject, vector: BhttpVector): readonly Check[] {
  const encoded = bytes(vector.hex);
  const kind = vector.expect.method === undefined ? 'response' : 'request';
  const decode = (message: Uint8Array): Message =>
    kind === 'request' ? subject.bhttp.decodeRequest(message) : subject.bhttp.decodeResponse(message);
  const check = (what: string, run: () => Promise<void> | void): Check => ({
    name: `RFC 9292 §5, ${vector.name}: ${what}`,
    run: async () => run(),
  });
  const { truncatable = 0 } = vector;
  const shortened = (): void => {
    for (let cut = 1; cut <= truncatable; cut++) same(decode(encoded.subarray(0, encoded.length - cut)), vector);
  };
  return [
    check('decodes whole', () => same(decode(encoded), vector)),
    check('decodes byte by byte', async () => same(await decodeByteByByte(subject, kind, encoded), vector)),
    check('decodes with padding', () => same(decode(Uint8Array.from([...encoded, 0, 0, 0])), vector)),
    check('is refused when padding is not zero', async () => {
      const code = await codeOf(subject, () => decode(Uint8Array.from([...encoded, 0, 1])));
      equal(code, kind === 'request' ? 'invalid_message' : 'invalid_response', 'the code');
    }),
    ...(truncatable === 0 ? [] : [check('decodes as it is where padding and empty sections are cut off', shortened)]),
    check('cut anywhere else, decodes only between sections, and then without those cut off', async () => {
      const last = encoded.length - truncatable;
      let decoded = 0;
      for (let length = 0; length < last; length++) {
        const shorter = encoded.subarray(0, length);
        if ((await codeOf(subject, () => decode(shorter))) !== 'accepted') continue;
        decoded++;
        equal(decode(shorter).trailers, [], 'the trailers of a cut message');
      }
      ensure(decoded <= 3, `${decoded} cut messages decode, more than there are sections`);
    }),
  ];
}

function same(message: Message, { expect }: BhttpVector): void {
  const { content, informational, ...rest } = expect;
  const actual: Readonly<Record<string, unknown>> = { ...message };
  for (const [name, value] of Object.entries(rest)) equal(actual[name], value, name);
  equal(text(message.content), content, 'the content');
  if (informational !== undefined) {
    equal(
      message.informational?.map(({ status }) => status),
      informational,
      'the informational responses',
    );
  }
}

async function decodeByteByByte(subject: Subject, kind: 'request' | 'response', encoded: Uint8Array): Promise<Message> {
  const content: string[] = [];
  const informational: BinaryResponse['informational'][number][] = [];
  const parts: { head: object; trailers: readonly Field[] } = { head: {}, trailers: [] };
  const handler = {
    onHead: (head: object) => void Object.assign(parts, { head }),
    onInformational: (head: BinaryResponse['informational'][number]) => void informational.push(head),
    onContent: (piece: Uint8Array) => void content.push(hex(piece)),
    onTrailers: (trailers: readonly Field[]) => void Object.assign(parts, { trailers }),
  };
  const { RequestDecoder, ResponseDecoder } = subject.bhttp;
  const decoder = kind === 'request' ? new RequestDecoder(handler) : new ResponseDecoder(handler);
  await inPieces(encoded, 1, (piece) => decoder.push(piece));
  decoder.finish();
  return { ...parts.head, informational, content: bytes(content.join('')), trailers: parts.trailers };
}
