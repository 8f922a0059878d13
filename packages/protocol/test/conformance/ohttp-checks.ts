import { bytes, type Check, equal, hex, SIZES } from './check.ts';
import {
  clientOf,
  gatewayOf,
  type OhttpExchange,
  openChunkedRequest,
  openChunkedResponse,
  partsOf,
  responseOpenerOf,
} from './ohttp-exchange.ts';
import { drawing } from './published-randomness.ts';
import { hpkeProviders, type NamedAlgorithms, portableAlgorithms, type Subject } from './subject.ts';

/** An exchange that can be made again to the byte. */
export interface OhttpExample extends OhttpExchange {
  readonly name: string;
  readonly form: 'chunked' | 'whole';
  /** The Binary HTTP message, hexadecimal, in the pieces that are sealed as chunks; the last is the final chunk. */
  readonly requestPieces: readonly string[];
  readonly responsePieces: readonly string[];
  readonly responseNonce: string;
  /** Method and path inside. */
  readonly requestLine: readonly [method: string, path: string];
}

/** Checks an exchange: every provider opens it, and the portable ones make it. */
export function ohttpChecks(subject: Subject, example: OhttpExample): readonly Check[] {
  const { name, form } = example;
  const opening = hpkeProviders(subject).map(([provider, hpke]) => ({
    name: `${name}: ${provider} opens the request${form === 'chunked' ? ' and the response' : ''} as published`,
    async run() {
      const gateway = await gatewayOf(subject, hpke, example);
      if (form === 'whole') {
        const opened = await subject.ohttp.openWholeRequest(hpke, gateway.findKey, bytes(example.request));
        checkRequest(subject, example, hex(opened.message), opened.enc);
        return;
      }
      for (const size of [...SIZES, 40]) {
        const request = bytes(example.request);
        const { message, opener } = await openChunkedRequest(subject, hpke, gateway.findKey, request, size);
        checkRequest(subject, example, message, opener.enc);
        const makeOpener = await responseOpenerOf(subject, hpke, gateway, example);
        const response = await openChunkedResponse(makeOpener, bytes(example.response), size);
        equal(response, example.responsePieces.join(''), 'the response');
        equal(subject.bhttp.decodeResponse(bytes(response)).status, 200, 'the status');
      }
    },
  }));
  const sealing = portableAlgorithms(subject).map((algorithms) => ({
    name: `${name}: ${algorithms.name} seals the request and the response to the byte, and opens its own response`,
    run: () => (form === 'whole' ? sealWhole(subject, algorithms, example) : sealChunked(subject, algorithms, example)),
  }));
  return [...opening, ...sealing];
}

function checkRequest(subject: Subject, example: OhttpExample, message: string, enc: Uint8Array | null): void {
  equal(message, example.requestPieces.join(''), 'the request');
  equal(enc === null ? null : hex(enc), hex(partsOf(subject, example).enc), 'the encapsulated secret');
  const { method, path } = subject.bhttp.decodeRequest(bytes(message));
  equal([method, path], example.requestLine, 'method and path');
}

async function sealWhole(subject: Subject, algorithms: NamedAlgorithms, example: OhttpExample): Promise<void> {
  const { hpke, recipient } = await clientOf(subject, algorithms, example);
  const sealed = await subject.ohttp.sealWholeRequest(hpke, recipient, bytes(example.requestPieces.join('')));
  equal(hex(sealed.body), example.request, 'the encapsulated request');

  const drawer = drawing(subject.hpke.createHpke(algorithms), bytes(example.responseNonce));
  const { findKey } = await gatewayOf(subject, drawer, example);
  const opened = await subject.ohttp.openWholeRequest(drawer, findKey, sealed.body);
  const response = await opened.sealResponse(bytes(example.responsePieces.join('')));
  equal(hex(response), example.response, 'the encapsulated response');
  equal(hex(await sealed.openResponse(response)), example.responsePieces.join(''), 'the response');
}

async function sealChunked(subject: Subject, algorithms: NamedAlgorithms, example: OhttpExample): Promise<void> {
  const { hpke, recipient } = await clientOf(subject, algorithms, example);
  const sealed = await subject.ohttp.sealRequest(hpke, recipient);
  equal(await sealAll(sealed.sealer, example.requestPieces), example.request, 'the encapsulated request');

  const drawer = drawing(subject.hpke.createHpke(algorithms), bytes(example.responseNonce));
  const { findKey } = await gatewayOf(subject, drawer, example);
  const { opener } = await openChunkedRequest(
    subject,
    drawer,
    findKey,
    bytes(example.request),
    Number.POSITIVE_INFINITY,
  );
  const response = await sealAll(await opener.sealResponse(), example.responsePieces);
  equal(response, example.response, 'the encapsulated response');
  for (const size of SIZES) {
    const makeOpener: typeof sealed.openResponse = (onChunk) => sealed.openResponse(onChunk);
    const clear = await openChunkedResponse(makeOpener, bytes(response), size);
    equal(clear, example.responsePieces.join(''), 'the response');
  }
}

type Sealer = Awaited<ReturnType<Subject['ohttp']['sealRequest']>>['sealer'];

async function sealAll(sealer: Sealer, pieces: readonly string[]): Promise<string> {
  const body = [sealer.preface];
  for (const piece of pieces.slice(0, -1)) body.push(await sealer.seal(bytes(piece)));
  body.push(await sealer.finish(bytes(pieces.at(-1) ?? '')));
  return body.map(hex).join('');
}
