import { concatBytes } from '../bytes.ts';
import { ConfigurationError } from '../errors.ts';
import { encodedVarintLength, encodeVarint, writeVarint } from '../varint.ts';
import { controlDataFault, fieldFault, type Section } from './fields.ts';
import {
  type BinaryRequest,
  type BinaryResponse,
  type Field,
  FRAMING,
  type RequestHead,
  type ResponseHead,
} from './message.ts';

const NOTHING = new Uint8Array(0);
const ZERO = Uint8Array.of(0);

/** How a whole message is written. */
export interface EncodeOptions {
  /** Zero bytes at the end (RFC 9292 §3.8), 0 by default. */
  readonly paddingBytes?: number;
}

/**
 * A whole request in the known-length form (RFC 9292 §3.1), never truncated, so that padding stays padding.
 * @throws ConfigurationError `invalid_option` for control data or fields that HTTP does not allow
 */
export function encodeRequest(request: BinaryRequest, options: EncodeOptions = {}): Uint8Array<ArrayBuffer> {
  return concatBytes(
    encodeVarint(FRAMING.knownLengthRequest),
    controlData(request),
    knownLength(fieldLines(request.headers, 'header')),
    ...knownLengthBody(request, options),
  );
}

/** A whole response in the known-length form (RFC 9292 §3.1). @throws ConfigurationError `invalid_option` */
export function encodeResponse(response: BinaryResponse, options: EncodeOptions = {}): Uint8Array<ArrayBuffer> {
  const heads = [...response.informational.map((head) => checkStatus(head, 100, 199)), checkStatus(response, 200, 599)];
  return concatBytes(
    encodeVarint(FRAMING.knownLengthResponse),
    ...heads.flatMap(({ status, headers }) => [encodeVarint(status), knownLength(fieldLines(headers, 'header'))]),
    ...knownLengthBody(response, options),
  );
}

/**
 * The start of a request in the indeterminate-length form (RFC 9292 §3.2): {@link encodeContent} and
 * {@link encodeEnd} go on with it.
 * @throws ConfigurationError `invalid_option`
 */
export function encodeRequestHead(head: RequestHead): Uint8Array<ArrayBuffer> {
  return concatBytes(
    encodeVarint(FRAMING.indeterminateLengthRequest),
    controlData(head),
    fieldLines(head.headers, 'header'),
    ZERO,
  );
}

/**
 * The start of a response in the indeterminate-length form (RFC 9292 §3.2).
 * @throws ConfigurationError `invalid_option`
 */
export function encodeResponseHead(
  head: ResponseHead,
  informational: readonly ResponseHead[] = [],
): Uint8Array<ArrayBuffer> {
  const heads = [...informational.map((one) => checkStatus(one, 100, 199)), checkStatus(head, 200, 599)];
  return concatBytes(
    encodeVarint(FRAMING.indeterminateLengthResponse),
    ...heads.flatMap(({ status, headers }) => [encodeVarint(status), fieldLines(headers, 'header'), ZERO]),
  );
}

/** A piece of content in the indeterminate-length form. An empty one is nothing: zero would end the content. */
export function encodeContent(content: Uint8Array): Uint8Array<ArrayBuffer> {
  if (content.length === 0) return new Uint8Array(0);
  const lengthBytes = encodedVarintLength(content.length);
  const encoded = new Uint8Array(lengthBytes + content.length);
  writeVarint(encoded, 0, content.length);
  encoded.set(content, lengthBytes);
  return encoded;
}

/** The end of a message in the indeterminate-length form. @throws ConfigurationError `invalid_option` */
export function encodeEnd(trailers: readonly Field[] = [], paddingBytes = 0): Uint8Array<ArrayBuffer> {
  return concatBytes(ZERO, fieldLines(trailers, 'trailer'), ZERO, new Uint8Array(paddingBytes));
}

function knownLengthBody(
  { content, trailers }: { readonly content: Uint8Array; readonly trailers: readonly Field[] },
  { paddingBytes = 0 }: EncodeOptions,
): readonly Uint8Array[] {
  return [
    encodeVarint(content.length),
    content,
    knownLength(fieldLines(trailers, 'trailer')),
    paddingBytes === 0 ? NOTHING : new Uint8Array(paddingBytes),
  ];
}

function controlData(head: RequestHead): Uint8Array {
  const fault = controlDataFault(head);
  if (fault !== null) throw invalid(fault);
  return concatBytes(...[head.method, head.scheme, head.authority, head.path].map((text) => knownLength(latin1(text))));
}

function fieldLines(fields: readonly Field[], section: Section): Uint8Array {
  const lines: Uint8Array[] = [];
  let previous: string | null = null;
  for (const [name, value] of fields) {
    // RFC 9113 §8.2.1: names are in lower case on the wire.
    const field: Field = [name.toLowerCase(), value];
    const fault = fieldFault(field, section, previous);
    if (fault !== null) throw invalid(fault);
    previous = field[0];
    lines.push(knownLength(latin1(field[0])), knownLength(latin1(value)));
  }
  return concatBytes(...lines);
}

function checkStatus<T extends ResponseHead>(head: T, lowest: number, highest: number): T {
  if (!Number.isInteger(head.status) || head.status < lowest || head.status > highest) {
    throw invalid(`has a status that is not within ${lowest} to ${highest}`); // RFC 9292 §3.5
  }
  return head;
}

function knownLength(bytes: Uint8Array): Uint8Array {
  return concatBytes(encodeVarint(bytes.length), bytes);
}

/** Bytes of a string whose characters have been checked to be bytes. */
function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

function invalid(fault: string): ConfigurationError {
  return new ConfigurationError(`the message ${fault}`, { code: 'invalid_option' });
}
