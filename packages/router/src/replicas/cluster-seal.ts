import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { ConfigurationError } from '@sotto/protocol';
import { type Environment, readSecret } from '../config/secrets.ts';

const KEY_BYTES = 32;
/** RFC 4648 §4: 32 bytes are 43 characters and one of padding. */
const KEY_TEXT = /^[A-Za-z0-9+/]{43}=$/;
const VERSION = 1;
const NONCE_BYTES = 12; // NIST SP 800-38D §8.2.2: random nonces, of which few are made
const TAG_BYTES = 16;

/** Seals what replicas hand each other through a server that must not read it: AES-256-GCM under the cluster's secret. */
export interface ClusterSeal {
  /** @param place where it is put, so that it opens nowhere else */
  seal(place: string, plaintext: Uint8Array): Buffer;
  /** @returns null for anything that was not sealed under the same secret for the same place */
  open(place: string, sealed: Uint8Array): Buffer | null;
}

/** Where the secret is written, and which cluster it is for. */
export interface ClusterConfig {
  readonly name: string;
  readonly secret: {
    readonly key?: string | undefined;
    readonly keyFile?: string | undefined;
    readonly keyEnv?: string | undefined;
  };
}

/** Reads the cluster's secret: 32 bytes in base64. @throws ConfigurationError `invalid_config` */
export async function readClusterSeal({ name, secret }: ClusterConfig, environment: Environment): Promise<ClusterSeal> {
  const { key, keyFile, keyEnv } = secret;
  const text = (await readSecret({ value: key, file: keyFile, env: keyEnv }, environment, 'cluster.secret')) ?? '';
  const bytes = Buffer.from(text, 'base64');
  // Whoever writes the last character freely has two texts for one key: only the canonical one is taken.
  if (!KEY_TEXT.test(text) || bytes.toString('base64') !== text) {
    throw new ConfigurationError('cluster.secret: give 32 bytes in base64', { code: 'invalid_config' });
  }
  const label = `sotto/cluster/${name}/v1`;
  return clusterSeal(new Uint8Array(hkdfSync('sha256', bytes, new Uint8Array(0), label, KEY_BYTES)));
}

function clusterSeal(key: Uint8Array): ClusterSeal {
  return {
    seal: (place, plaintext) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, ciphertext, cipher.getAuthTag()]);
    },
    open: (place, sealed) => {
      if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== VERSION) return null;
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(place))
        .setAuthTag(sealed.subarray(-TAG_BYTES));
      try {
        const start = decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([start, decipher.final()]);
      } catch {
        return null;
      }
    },
  };
}
