import { aes128Gcm, aes256Gcm, createHpke, mlkem768X25519, x25519 } from '@sotto/protocol/hpke';
import { systemClock } from './clock.ts';
import { fetchTransport } from './fetch-transport.ts';
import type { OhttpRuntime } from './ohttp/runtime.ts';
import { webEd25519 } from './web-ed25519.ts';
import { webSha256 } from './web-sha256.ts';

/** Browsers and workers: `fetch`, WebCrypto, and noble's ML-KEM where WebCrypto has none. */
export const webRuntime: OhttpRuntime = {
  // Looked up at each call, so that a page may replace it after this module was loaded.
  transport: /* @__PURE__ */ fetchTransport((url, init) => fetch(url, init)),
  clock: systemClock,
  crypto: webSha256,
  hpke: /* @__PURE__ */ createHpke({ kems: [mlkem768X25519, x25519], aeads: [aes256Gcm, aes128Gcm] }),
  verifyEd25519: webEd25519,
};
