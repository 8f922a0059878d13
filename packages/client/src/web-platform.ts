import { webCrypto } from '@sotto/protocol';
import { generateRsaKeyPair } from '@sotto/protocol/nomyo-v1';
import { systemClock } from './clock.ts';
import type { Platform } from './platform.ts';
import { webRuntime } from './web-runtime.ts';

/** Browsers and workers: `fetch` and WebCrypto; no files, no environment. */
export const webPlatform: Platform = {
  ...webRuntime,
  crypto: webCrypto,
  clock: systemClock,
  keyFiles: null,
  environment: () => null,
  generateKeyPair: () => generateRsaKeyPair(webCrypto),
};
