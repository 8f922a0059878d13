import { webCrypto } from '@sotto/protocol';
import { generateRsaKeyPair } from '@sotto/protocol/nomyo-v1';
import { systemClock } from './clock.ts';
import { fetchTransport } from './fetch-transport.ts';
import type { Platform } from './platform.ts';

/** Browsers and workers: `fetch` and WebCrypto; no files, no environment. */
export const webPlatform: Platform = {
  crypto: webCrypto,
  // Looked up at each call, so that a page may replace it after this module was loaded.
  transport: fetchTransport((url, init) => fetch(url, init)),
  clock: systemClock,
  keyFiles: null,
  environment: () => null,
  generateKeyPair: () => generateRsaKeyPair(webCrypto),
};
