import type { HpkeProvider, HpkeSuite } from '../../src/hpke/index.ts';
import type { FindGatewayKey, KeyConfig, Recipient, ResponseOpener } from '../../src/ohttp/index.ts';
import { bytes, ensure, hex, inPieces } from './check.ts';
import { encapsulatingAs } from './published-randomness.ts';
import type { NamedAlgorithms, Subject } from './subject.ts';

/** key_id(1) ‖ kem(2) ‖ kdf(2) ‖ aead(2) (RFC 9458 §4.3). */
const HEADER_BYTES = 7;

/** A published exchange with a gateway whose private key is published too. All values are hexadecimal. */
export interface OhttpExchange {
  /** A key configuration or a list of them (RFC 9458 §3). */
  readonly keyConfig: string;
  readonly privateKey: string;
  /** The encapsulated request. */
  readonly request: string;
  /** The encapsulated response. */
  readonly response: string;
}

/** The gateway of an exchange. */
export interface Gateway {
  readonly config: KeyConfig;
  readonly findKey: FindGatewayKey;
}

/** Gives the gateway's key to a provider. */
export async function gatewayOf(subject: Subject, hpke: HpkeProvider, exchange: OhttpExchange): Promise<Gateway> {
  const [config] = subject.ohttp.parseKeyConfigs(bytes(exchange.keyConfig));
  ensure(config !== undefined, 'there is no key configuration');
  const keyPair = await hpke.importKeyPair(config.kemId, bytes(exchange.privateKey), config.publicKey);
  return { config, findKey: (id) => (id === config.keyId ? { keyPair, suites: config.suites } : undefined) };
}

/** The client of an exchange: its provider encapsulates as published. */
export async function clientOf(
  subject: Subject,
  algorithms: NamedAlgorithms,
  exchange: OhttpExchange,
): Promise<{ readonly hpke: HpkeProvider; readonly recipient: Recipient }> {
  const { suite, enc } = partsOf(subject, exchange);
  const hpke = encapsulatingAs(subject, algorithms, {
    kemId: suite.kemId,
    enc,
    privateKey: bytes(exchange.privateKey),
  });
  const [config] = subject.ohttp.parseKeyConfigs(bytes(exchange.keyConfig));
  ensure(config !== undefined, 'there is no key configuration');
  return { hpke, recipient: await subject.ohttp.importRecipient(hpke, config, suite) };
}

/** What the encapsulated request starts with. */
export function partsOf({ hpke }: Subject, exchange: OhttpExchange) {
  const request = bytes(exchange.request);
  const [, ...ids] = request.subarray(0, HEADER_BYTES);
  const id = (index: number): number => ((ids[index] ?? 0) << 8) | (ids[index + 1] ?? 0);
  const suite: HpkeSuite = { kemId: id(0), kdfId: id(2), aeadId: id(4) };
  const lengths = hpke.kemLengths(suite.kemId);
  ensure(lengths !== null, 'the request has a KEM that is not known');
  return {
    suite,
    header: request.slice(0, HEADER_BYTES),
    enc: request.slice(HEADER_BYTES, HEADER_BYTES + lengths.enc),
  };
}

/** Opens a chunked request that comes in pieces of `size` bytes. */
export async function openChunkedRequest(
  { ohttp }: Subject,
  hpke: HpkeProvider,
  findKey: FindGatewayKey,
  body: Uint8Array,
  size: number,
) {
  const clear: string[] = [];
  const opener = new ohttp.RequestOpener(hpke, findKey, (plaintext) => void clear.push(hex(plaintext)));
  await inPieces(body, size, (piece) => opener.push(piece));
  await opener.finish();
  return { opener, message: clear.join('') };
}

/** Opens a chunked response that comes in pieces of `size` bytes. @returns the message in hexadecimal */
export async function openChunkedResponse(
  makeOpener: (onChunk: (plaintext: Uint8Array) => void) => ResponseOpener,
  body: Uint8Array,
  size: number,
): Promise<string> {
  const clear: string[] = [];
  const opener = makeOpener((plaintext) => void clear.push(hex(plaintext)));
  await inPieces(body, size, (piece) => opener.push(piece));
  await opener.finish();
  return clear.join('');
}

/** Makes openers of the response at the gateway's end of the context, which exports what the client's end does. */
export async function responseOpenerOf(
  subject: Subject,
  hpke: HpkeProvider,
  { findKey, config }: Gateway,
  exchange: OhttpExchange,
): Promise<(onChunk: (plaintext: Uint8Array) => void) => ResponseOpener> {
  const { suite, header, enc } = partsOf(subject, exchange);
  const keyPair = findKey(config.keyId)?.keyPair;
  ensure(keyPair !== undefined, 'the gateway has no key');
  // draft-ietf-ohai-chunked-ohttp-08 §6.1: label ‖ 0x00 ‖ header
  const info = Uint8Array.of(...label('message/bhttp chunked request'), 0, ...header);
  const context = await hpke.setupReceiver(suite, keyPair, enc, info);
  // draft-ietf-ohai-chunked-ohttp-08 §6.2
  const exportLabel = label('message/bhttp chunked response');
  const source = { context, aeadId: suite.aeadId, enc, exportLabel };
  return (onChunk) => new subject.ohttp.ResponseOpener(hpke, source, onChunk);
}

function label(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
