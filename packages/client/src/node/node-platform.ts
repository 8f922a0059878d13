import { nodeCrypto, nodeEd25519Verify, nodeHpke } from '@sotto/protocol/node';
import { generateRsaKeyPair } from '@sotto/protocol/nomyo-v1';
import type { ClientOptions } from '../client-options.ts';
import { systemClock } from '../clock.ts';
import type { Platform } from '../platform.ts';
import { nodeKeyFiles } from './key-files.ts';
import { undiciTransport } from './undici-transport.ts';

/** Node: undici with connections kept alive, `node:crypto`, the process's environment, key files. */
export const nodePlatform: Platform = {
  crypto: nodeCrypto,
  transport: undiciTransport(),
  hpke: nodeHpke,
  verifyEd25519: nodeEd25519Verify,
  clock: systemClock,
  keyFiles: nodeKeyFiles,
  environment(name) {
    const value = process.env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  },
  generateKeyPair: () => generateRsaKeyPair(nodeCrypto),
};

/** Options with Node's platform where they name none. */
export function onNode<Options extends ClientOptions>(options: Options): Options {
  return { ...options, platform: options.platform ?? nodePlatform };
}
