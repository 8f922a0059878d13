import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeRequest, decodeResponse } from '../../src/bhttp/index.ts';
import { concatBytes, decodeUtf8 } from '../../src/bytes.ts';
import { type HpkeProvider, KDF_HKDF_SHA256 } from '../../src/hpke/index.ts';
import { NodeHpke } from '../../src/node/hpke/node-hpke.ts';
import type { NodeEncapsulationKey } from '../../src/node/hpke/node-kem.ts';
import { LABELS, type OhttpForm } from '../../src/ohttp/constants.ts';
import {
  type FindGatewayKey,
  importRecipient,
  openWholeRequest,
  parseKeyConfigs,
  RequestOpener,
  ResponseOpener,
  sealRequest,
  sealWholeRequest,
} from '../../src/ohttp/index.ts';
import { openWholeResponse } from '../../src/ohttp/opened-response.ts';
import { REQUEST_HEADER_BYTES, requestInfo } from '../../src/ohttp/request-header.ts';
import { asyncErrorCode } from '../error-code.ts';
import { bytes, hex } from '../hex.ts';
import { PROVIDERS } from '../hpke/providers.ts';
import { openRequest, openResponse, pump } from './gateway.ts';

interface Case {
  readonly name: string;
  readonly form: OhttpForm;
  readonly kemId: number;
  readonly aeadId: number;
  readonly privateKey: string;
  readonly keyConfig: string;
  readonly randomness: string;
  readonly responseNonce: string;
  readonly requestPieces: readonly string[];
  readonly request: readonly string[];
  readonly responsePieces: readonly string[];
  readonly response: readonly string[];
}

interface Refusal {
  readonly what: string;
  readonly of: string;
  readonly direction: 'request' | 'response';
  readonly body: string;
  readonly code: string;
}

const file = new URL('../../../../test-vectors/ohttp/vectors.json', import.meta.url);
const { cases, refused } = JSON.parse(readFileSync(file, 'utf8')) as {
  cases: readonly Case[];
  refused: readonly Refusal[];
};

class FixedHpke extends NodeHpke {
  readonly #case: Case;
  constructor(fixed: Case) {
    super();
    this.#case = fixed;
  }
  protected override encapsulate(key: NodeEncapsulationKey) {
    return key.encapsulate(bytes(this.#case.randomness));
  }
  override randomBytes(): Uint8Array {
    return bytes(this.#case.responseNonce);
  }
}

const suiteOf = ({ kemId, aeadId }: Case) => ({ kemId, kdfId: KDF_HKDF_SHA256, aeadId });
const all = (parts: readonly string[]) => bytes(parts.join(''));

async function gateway(provider: HpkeProvider, one: Case) {
  const [config] = parseKeyConfigs(bytes(one.keyConfig));
  if (config === undefined) throw new Error('no configuration');
  const keyPair = await provider.importKeyPair(one.kemId, bytes(one.privateKey), config.publicKey);
  const findKey: FindGatewayKey = (id) => (id === config.keyId ? { keyPair, suites: config.suites } : undefined);
  return { config, keyPair, findKey };
}

/** The response's key source, from the router's end of the request's context. */
async function responseSource(provider: HpkeProvider, one: Case) {
  const { keyPair } = await gateway(provider, one);
  const preface = bytes(one.request[0] ?? '');
  const enc = preface.slice(REQUEST_HEADER_BYTES);
  const info = requestInfo(one.form, preface.subarray(0, REQUEST_HEADER_BYTES));
  const context = await provider.setupReceiver(suiteOf(one), keyPair, enc, info);
  return { context, aeadId: one.aeadId, enc, exportLabel: LABELS[one.form].response };
}

describe.each(PROVIDERS)('%s', (_name, provider) => {
  test.each(cases)('opens the request and the response of $name', async (one) => {
    const { findKey } = await gateway(provider, one);
    const source = await responseSource(provider, one);
    const sizes = one.form === 'whole' ? [Number.POSITIVE_INFINITY] : [Number.POSITIVE_INFINITY, 1];
    for (const size of sizes) {
      const request =
        one.form === 'whole'
          ? (await openWholeRequest(provider, findKey, all(one.request))).message
          : (await openRequest(provider, findKey, all(one.request), size)).message;
      expect(hex(request)).toBe(one.requestPieces.join(''));
      expect(decodeRequest(request)).toMatchObject({ method: 'POST', path: '/v1/chat/completions' });
      const response =
        one.form === 'whole'
          ? await openWholeResponse(provider, source, all(one.response))
          : await openResponse((onChunk) => new ResponseOpener(provider, source, onChunk), all(one.response), size);
      expect(hex(response)).toBe(one.responsePieces.join(''));
      expect(decodeUtf8(decodeResponse(response).content)).toMatch(/^data: .*\n\ndata: \[DONE\]\n\n$/);
    }
  });
});

test.each(cases.filter(({ form }) => form === 'chunked'))('seals $name to the byte', async (one) => {
  const provider = new FixedHpke(one);
  const { config, findKey } = await gateway(provider, one);
  const { sealer } = await sealRequest(provider, await importRecipient(provider, config, suiteOf(one)));
  const { opener } = await openRequest(provider, findKey, all(one.request));
  for (const [made, pieces, expected] of [
    [sealer, one.requestPieces, one.request],
    [await opener.sealResponse(), one.responsePieces, one.response],
  ] as const) {
    const body = [made.preface];
    for (const piece of pieces.slice(0, -1)) body.push(await made.seal(bytes(piece)));
    body.push(await made.finish(bytes(pieces.at(-1) ?? '')));
    expect(hex(concatBytes(...body))).toBe(expected.join(''));
  }
});

test.each(cases.filter(({ form }) => form === 'whole'))('seals $name to the byte', async (one) => {
  const provider = new FixedHpke(one);
  const { config, findKey } = await gateway(provider, one);
  const recipient = await importRecipient(provider, config, suiteOf(one));
  const sealed = await sealWholeRequest(provider, recipient, all(one.requestPieces));
  expect(hex(sealed.body)).toBe(one.request.join(''));
  const opened = await openWholeRequest(provider, findKey, sealed.body);
  expect(hex(await opened.sealResponse(all(one.responsePieces)))).toBe(one.response.join(''));
});

describe.each(PROVIDERS)('%s', (_name, provider) => {
  test.each(refused)('refuses a $direction with $what: $code', async ({ of, direction, body, code }) => {
    const one = cases.find(({ name }) => name === of);
    if (one === undefined) throw new Error('no such case');
    const { findKey } = await gateway(provider, one);
    for (const size of [Number.POSITIVE_INFINITY, 1]) {
      const source = await responseSource(provider, one);
      const make = (onChunk: (plaintext: Uint8Array) => void) =>
        direction === 'request'
          ? new RequestOpener(provider, findKey, onChunk)
          : new ResponseOpener(provider, source, onChunk);
      expect(await asyncErrorCode(() => pump(make, bytes(body), size))).toBe(code);
    }
  });
});
