import { expect, test } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import {
  AEAD_AES_128_GCM,
  type HpkeProvider,
  type HpkeSuite,
  KDF_HKDF_SHA256,
  KEM_X25519,
} from '../../src/hpke/index.ts';
import { NodeHpke } from '../../src/node/hpke/node-hpke.ts';
import type { NodeEncapsulationKey } from '../../src/node/hpke/node-kem.ts';
import {
  type FindGatewayKey,
  importRecipient,
  openWholeRequest,
  parseKeyConfigs,
  sealRequest,
  sealWholeRequest,
} from '../../src/ohttp/index.ts';
import { bytes, hex } from '../hex.ts';
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

  test('RFC 9458 Appendix A: the node provider seals the request and the response to the byte', async () => {
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

  test('chunked OHTTP Appendix A: the node provider seals the request and the response to the byte', async () => {
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
});
