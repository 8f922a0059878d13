import { bytes, type Check, ensure, equal, SIZES, text } from './check.ts';
import {
  clientOf,
  gatewayOf,
  type OhttpExchange,
  openChunkedRequest,
  openChunkedResponse,
  responseOpenerOf,
} from './ohttp-exchange.ts';
import { hpkeProviders, portableAlgorithms, type Subject } from './subject.ts';

/** What an independent implementation said to itself. */
export interface Transcripts {
  readonly cases: readonly Transcript[];
}

interface Transcript {
  readonly name: string;
  readonly keyConfig: string;
  readonly keyConfigList: string;
  readonly skSerialized: string;
  readonly request: string;
  readonly inner: {
    readonly url: string;
    readonly method: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: string;
  };
  readonly response: string;
  readonly innerResponse: string;
}

/** Checks that what another implementation sealed opens at both ends. */
export function transcriptChecks(subject: Subject, { cases }: Transcripts): readonly Check[] {
  return cases.flatMap((transcript) => {
    const exchange: OhttpExchange = {
      keyConfig: transcript.keyConfigList,
      privateKey: transcript.skSerialized,
      request: transcript.request,
      response: transcript.response,
    };
    const name = `transcript of an independent implementation, ${transcript.name}`;
    const gateways = hpkeProviders(subject).map(([provider, hpke]) => ({
      name: `${name}: ${provider} opens the request and the response, whole and byte by byte`,
      async run() {
        const gateway = await gatewayOf(subject, hpke, exchange);
        equal(subject.ohttp.parseKeyConfigs(bytes(transcript.keyConfig)), [gateway.config], 'the bare configuration');
        for (const size of SIZES) {
          const request = bytes(transcript.request);
          const { message } = await openChunkedRequest(subject, hpke, gateway.findKey, request, size);
          checkRequest(subject, transcript, message);
          const makeOpener = await responseOpenerOf(subject, hpke, gateway, exchange);
          const response = await openChunkedResponse(makeOpener, bytes(transcript.response), size);
          checkResponse(subject, transcript, response);
        }
      },
    }));
    const clients = portableAlgorithms(subject).map((algorithms) => ({
      name: `${name}: the request's sender, ${algorithms.name}, opens the response`,
      async run() {
        const { hpke, recipient } = await clientOf(subject, algorithms, exchange);
        const sealed = await subject.ohttp.sealRequest(hpke, recipient);
        for (const size of SIZES) {
          const response = await openChunkedResponse(
            (onChunk) => sealed.openResponse(onChunk),
            bytes(transcript.response),
            size,
          );
          checkResponse(subject, transcript, response);
        }
      },
    }));
    return [...gateways, ...clients];
  });
}

function checkRequest({ bhttp }: Subject, { inner }: Transcript, message: string): void {
  const request = bhttp.decodeRequest(bytes(message));
  const url = new URL(inner.url);
  const { method, authority, path } = request;
  equal([method, authority, path], [inner.method, url.host, url.pathname], 'method, authority and path');
  for (const [name, value] of inner.headers) {
    ensure(
      request.headers.some((field) => field[0] === name && field[1] === value),
      `the field ${name} is not there as it was sent`,
    );
  }
  equal(text(request.content), inner.body, 'the content');
}

function checkResponse({ bhttp }: Subject, { innerResponse }: Transcript, message: string): void {
  const response = bhttp.decodeResponse(bytes(message));
  equal([response.status, text(response.content)], [200, innerResponse], 'the answer');
}
