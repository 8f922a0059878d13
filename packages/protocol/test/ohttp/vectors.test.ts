import { describe, expect, test } from 'vitest';
import { decodeRequest, decodeResponse } from '../../src/bhttp/index.ts';
import { concatBytes, decodeUtf8 } from '../../src/bytes.ts';
import {
  AEAD_AES_128_GCM,
  type HpkeProvider,
  type HpkeSuite,
  KDF_HKDF_SHA256,
  KEM_X25519,
} from '../../src/hpke/index.ts';
import { NodeHpke } from '../../src/node/hpke/node-hpke.ts';
import type { NodeEncapsulationKey } from '../../src/node/hpke/node-kem.ts';
import { LABELS } from '../../src/ohttp/constants.ts';
import {
  type FindGatewayKey,
  importRecipient,
  openWholeRequest,
  parseKeyConfigs,
  ResponseOpener,
  sealRequest,
  sealWholeRequest,
} from '../../src/ohttp/index.ts';
import { REQUEST_HEADER_BYTES, requestInfo } from '../../src/ohttp/request-header.ts';
import { bytes, hex } from '../hex.ts';
import { PROVIDERS } from '../hpke/providers.ts';
import { withSharedVectors } from '../shared-folder.ts';
import { openRequest, openResponse } from './gateway.ts';

/** A provider with the randomness of a published example: the ephemeral key, and the response nonce. */
class FixedHpke extends NodeHpke {
  readonly #ephemeral: Uint8Array;
  readonly #nonce: Uint8Array;
  constructor(ephemeral: string, nonce: string) {
    super();
    this.#ephemeral = bytes(ephemeral);
    this.#nonce = bytes(nonce);
  }
  protected override encapsulate(key: NodeEncapsulationKey) {
    return key.encapsulate(this.#ephemeral);
  }
  override randomBytes(length: number): Uint8Array {
    expect(length).toBe(this.#nonce.length);
    return this.#nonce.slice();
  }
}

const AES_128: HpkeSuite = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_128_GCM };

async function gateway(provider: HpkeProvider, keyConfig: string, privateKey: string) {
  const [config] = parseKeyConfigs(bytes(keyConfig));
  if (config === undefined) throw new Error('no configuration');
  const keyPair = await provider.importKeyPair(config.kemId, bytes(privateKey), config.publicKey);
  const findKey: FindGatewayKey = (id) => (id === config.keyId ? { keyPair, suites: config.suites } : undefined);
  return { config, findKey };
}

interface Appendix {
  readonly skR: string;
  readonly skE: string;
  readonly pkE: string;
  readonly keyConfig: string;
  readonly request: string;
  readonly encapsulatedRequest: string;
  readonly response: string;
  readonly encapsulatedResponse: string;
}

withSharedVectors<{ vector: Appendix }>('ohttp/rfc9458-appendix-a.json', ({ vector }) => {
  const nonce = vector.encapsulatedResponse.slice(0, 32);

  test('RFC 9458 Appendix A: seals the request and the response to the byte', async () => {
    const provider = new FixedHpke(vector.skE, nonce);
    const { config, findKey } = await gateway(provider, vector.keyConfig, vector.skR);
    expect(config).toMatchObject({
      keyId: 1,
      kemId: KEM_X25519,
      suites: [
        { kdfId: 1, aeadId: 1 },
        { kdfId: 1, aeadId: 3 },
      ],
    });
    const recipient = await importRecipient(provider, config, AES_128);
    const sealed = await sealWholeRequest(provider, recipient, bytes(vector.request));
    expect(hex(sealed.body)).toBe(vector.encapsulatedRequest);
    const opened = await openWholeRequest(provider, findKey, sealed.body);
    expect(hex(opened.enc)).toBe(vector.pkE);
    expect(hex(await opened.sealResponse(bytes(vector.response)))).toBe(vector.encapsulatedResponse);
    expect(hex(await sealed.openResponse(bytes(vector.encapsulatedResponse)))).toBe(vector.response);
  });

  test.each(PROVIDERS)('RFC 9458 Appendix A: %s opens the request', async (_name, provider) => {
    const { findKey } = await gateway(provider, vector.keyConfig, vector.skR);
    const opened = await openWholeRequest(provider, findKey, bytes(vector.encapsulatedRequest));
    expect(hex(opened.message)).toBe(vector.request);
    expect(decodeRequest(opened.message)).toMatchObject({ method: 'GET', authority: 'example.com', path: '/' });
  });
});

interface ChunkedAppendix extends Appendix {
  readonly requestPlaintextLengths: readonly number[];
  readonly responsePlaintextLengths: readonly number[];
}

function pieces(message: string, lengths: readonly number[]): Uint8Array[] {
  let offset = 0;
  return lengths.map((length) => {
    const start = offset;
    offset += length;
    return bytes(message).subarray(start, offset);
  });
}

withSharedVectors<{ vector: ChunkedAppendix }>('ohttp/chunked-ohttp-appendix-a.json', ({ vector }) => {
  const nonce = vector.encapsulatedResponse.slice(0, 32);

  test('chunked OHTTP Appendix A: seals the request and the response to the byte', async () => {
    const provider = new FixedHpke(vector.skE, nonce);
    const { config, findKey } = await gateway(provider, vector.keyConfig, vector.skR);
    const { sealer, openResponse: makeOpener } = await sealRequest(
      provider,
      await importRecipient(provider, config, AES_128),
    );
    const body = [sealer.preface];
    for (const piece of pieces(vector.request, vector.requestPlaintextLengths)) body.push(await sealer.seal(piece));
    body.push(await sealer.finish());
    expect(hex(concatBytes(...body))).toBe(vector.encapsulatedRequest);

    const { opener } = await openRequest(provider, findKey, concatBytes(...body));
    const answer = await opener.sealResponse();
    const answered = [answer.preface];
    for (const piece of pieces(vector.response, vector.responsePlaintextLengths))
      answered.push(await answer.seal(piece));
    answered.push(await answer.finish());
    expect(hex(concatBytes(...answered))).toBe(vector.encapsulatedResponse);
    expect(hex(await openResponse(makeOpener, concatBytes(...answered), 1))).toBe(vector.response);
  });

  test.each(PROVIDERS)(
    'chunked OHTTP Appendix A: %s opens the request whole, halved and byte by byte',
    async (_name, provider) => {
      const { findKey } = await gateway(provider, vector.keyConfig, vector.skR);
      for (const size of [Number.POSITIVE_INFINITY, 40, 1]) {
        const { message, opener } = await openRequest(provider, findKey, bytes(vector.encapsulatedRequest), size);
        expect(hex(message)).toBe(vector.request);
        expect(hex(opener.enc ?? new Uint8Array(0))).toBe(vector.pkE);
      }
    },
  );
});

interface Transcript {
  readonly name: string;
  readonly kemId: number;
  readonly aeadId: number;
  readonly keyConfig: string;
  readonly keyConfigList: string;
  readonly skSerialized: string;
  readonly request: string;
  readonly inner: {
    readonly url: string;
    readonly method: string;
    readonly headers: readonly [string, string][];
    readonly body: string;
  };
  readonly response: string;
  readonly innerResponse: string;
}

withSharedVectors<{ cases: readonly Transcript[] }>('ohttp/independent-transcripts.json', ({ cases }) => {
  describe.each(PROVIDERS)('transcripts of an independent implementation, %s', (_name, provider) => {
    test.each(cases)('$name: the request and the response open, whole and byte by byte', async (transcript) => {
      const { findKey, config } = await gateway(provider, transcript.keyConfigList, transcript.skSerialized);
      expect(parseKeyConfigs(bytes(transcript.keyConfig))).toEqual([config]);
      for (const size of [Number.POSITIVE_INFINITY, 1]) {
        const { message, opener } = await openRequest(provider, findKey, bytes(transcript.request), size);
        const request = decodeRequest(message);
        const url = new URL(transcript.inner.url);
        expect(request).toMatchObject({ method: transcript.inner.method, authority: url.host, path: url.pathname });
        expect(request.headers).toEqual(expect.arrayContaining([...transcript.inner.headers]));
        expect(decodeUtf8(request.content)).toBe(transcript.inner.body);

        // The router's end of the context exports what the client's end did.
        const { enc } = opener;
        if (enc === null) throw new Error('the request has no enc');
        const header = bytes(transcript.request).subarray(0, REQUEST_HEADER_BYTES);
        const suite = { kemId: transcript.kemId, kdfId: KDF_HKDF_SHA256, aeadId: transcript.aeadId };
        const keyPair = findKey(config.keyId)?.keyPair;
        if (keyPair === undefined) throw new Error('the gateway has no key');
        const context = await provider.setupReceiver(suite, keyPair, enc, requestInfo('chunked', header));
        const source = { context, aeadId: transcript.aeadId, enc, exportLabel: LABELS.chunked.response };
        const clear = await openResponse(
          (onChunk) => new ResponseOpener(provider, source, onChunk),
          bytes(transcript.response),
          size,
        );
        const response = decodeResponse(clear);
        expect(response.status).toBe(200);
        expect(decodeUtf8(response.content)).toBe(transcript.innerResponse);
      }
    });
  });
});
