import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { concatBytes } from '../../src/bytes.ts';
import { type HpkeProvider, KDF_HKDF_SHA256 } from '../../src/hpke/index.ts';
import { NodeHpke } from '../../src/node/hpke/node-hpke.ts';
import type { NodeEncapsulationKey } from '../../src/node/hpke/node-kem.ts';
import type { OhttpForm } from '../../src/ohttp/constants.ts';
import {
  type FindGatewayKey,
  importRecipient,
  openWholeRequest,
  parseKeyConfigs,
  sealRequest,
  sealWholeRequest,
} from '../../src/ohttp/index.ts';
import { bytes, hex } from '../hex.ts';
import { openRequest } from './gateway.ts';

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

const file = new URL('../../../../test-vectors/ohttp/vectors.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly Case[] };

/** The node provider with a case's randomness; the portable ones seal to the byte in the conformance checks. */
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
  return { config, findKey };
}

test.each(cases.filter(({ form }) => form === 'chunked'))('the node provider seals $name to the byte', async (one) => {
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

test.each(cases.filter(({ form }) => form === 'whole'))('the node provider seals $name to the byte', async (one) => {
  const provider = new FixedHpke(one);
  const { config, findKey } = await gateway(provider, one);
  const recipient = await importRecipient(provider, config, suiteOf(one));
  const sealed = await sealWholeRequest(provider, recipient, all(one.requestPieces));
  expect(hex(sealed.body)).toBe(one.request.join(''));
  const opened = await openWholeRequest(provider, findKey, sealed.body);
  expect(hex(await opened.sealResponse(all(one.responsePieces)))).toBe(one.response.join(''));
});
