import { concatBytes } from '../../src/bytes.ts';
import type { HpkeProvider, HpkeSuite } from '../../src/hpke/index.ts';
import type { ChunkOpener } from '../../src/ohttp/index.ts';
import {
  type FindGatewayKey,
  type GatewayKey,
  importRecipient,
  type KeyConfig,
  type Recipient,
  RequestOpener,
  type ResponseOpener,
} from '../../src/ohttp/index.ts';

/** A gateway with one key, and a client that has imported it. */
export interface Pair {
  readonly config: KeyConfig;
  readonly findKey: FindGatewayKey;
  readonly recipient: Recipient;
}

export async function makePair(provider: HpkeProvider, suite: HpkeSuite, keyId = 7): Promise<Pair> {
  const keyPair = await provider.generateKeyPair(suite.kemId);
  const key: GatewayKey = { keyPair, suites: [suite] };
  const config: KeyConfig = { keyId, kemId: suite.kemId, publicKey: keyPair.publicKey, suites: [suite] };
  return {
    config,
    findKey: (id) => (id === keyId ? key : undefined),
    recipient: await importRecipient(provider, config, suite),
  };
}

/** Pushes a body in pieces of `size` bytes and ends it. @returns the chunks in clear */
async function pump(
  makeOpener: (onChunk: (plaintext: Uint8Array) => void) => ChunkOpener,
  body: Uint8Array,
  size = Number.POSITIVE_INFINITY,
): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const opener = makeOpener((plaintext) => void chunks.push(plaintext.slice()));
  const step = Math.min(size, Math.max(body.length, 1));
  for (let offset = 0; offset < body.length; offset += step) await opener.push(body.slice(offset, offset + step));
  await opener.finish();
  return chunks;
}

/** Opens a chunked request. */
export async function openRequest(provider: HpkeProvider, findKey: FindGatewayKey, body: Uint8Array, size?: number) {
  const made: RequestOpener[] = [];
  const chunks = await pump(
    (onChunk) => {
      const opener = new RequestOpener(provider, findKey, onChunk);
      made.push(opener);
      return opener;
    },
    body,
    size,
  );
  const [opener] = made;
  if (opener === undefined) throw new Error('no opener was made');
  return { opener, message: concatBytes(...chunks), chunks };
}

/** Opens a chunked response. */
export async function openResponse(
  make: (onChunk: (plaintext: Uint8Array) => void) => ResponseOpener,
  body: Uint8Array,
  size?: number,
): Promise<Uint8Array> {
  return concatBytes(...(await pump(make, body, size)));
}
