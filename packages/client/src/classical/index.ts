import { aes128Gcm, aes256Gcm, createHpke, x25519 } from '@sotto/protocol/hpke';
import { systemClock } from '../clock.ts';
import { fetchTransport } from '../fetch-transport.ts';
import { secureFetchFactory } from '../secure-fetch/create-secure-fetch.ts';
import { webEd25519 } from '../web-ed25519.ts';
import { webSha256 } from '../web-sha256.ts';

export type { SecureFetchOptions } from '../secure-fetch/create-secure-fetch.ts';
export type { SecureFetch } from '../secure-fetch/secure-fetch.ts';

/**
 * `createSecureFetch` without post-quantum key exchange, for pages that count kilobytes: what is recorded today can
 * be read by whoever has a quantum computer later.
 */
export const createSecureFetch = /* @__PURE__ */ secureFetchFactory({
  transport: /* @__PURE__ */ fetchTransport((url, init) => fetch(url, init)),
  clock: systemClock,
  crypto: webSha256,
  hpke: /* @__PURE__ */ createHpke({ kems: [x25519], aeads: [aes256Gcm, aes128Gcm] }),
  verifyEd25519: webEd25519,
});
