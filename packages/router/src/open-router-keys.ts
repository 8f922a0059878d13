import { ConfigurationError } from '@sotto/protocol';
import type { RouterConfig } from './config/schema.ts';
import type { GenerationSeed } from './hpke-keys/key-generation.ts';
import { KeyRotation } from './hpke-keys/key-rotation.ts';
import { KeySchedule } from './hpke-keys/key-schedule.ts';
import { generateRsaPkcs8, openRsaIdentity, type RsaIdentity, readRsaPkcs8File } from './pki/rsa-identity.ts';
import {
  generateSigningIdentity,
  openSigningIdentity,
  readIdentityFile,
  type SigningIdentity,
} from './pki/signing-identity.ts';
import type { RouterOptions } from './router.ts';

/** The router's own keys. */
export interface RouterKeys {
  /** The RSA key of nomyo-v1; null without it. */
  readonly rsa: RsaIdentity | null;
  /** The long-lived Ed25519 identity. */
  readonly signer: SigningIdentity;
  /** The HPKE keys of now and of the overlap. */
  readonly schedule: KeySchedule;
  /** Calls `listener` after each new generation. One listener; a later one replaces it. */
  onRotation(listener: () => void): void;
  /** Makes new HPKE keys; does nothing where another process makes them and is not to be asked. */
  rotate(): Promise<void>;
  /**
   * Makes HPKE keys that are to take the place of all others: what is sealed to those is refused from then on.
   * @param shared the seed, where another process makes them
   * @returns takes them into use
   * @throws ConfigurationError `invalid_config` where another process makes them and has not
   */
  prepareSole(shared?: GenerationSeed): Promise<() => void>;
  /** Forgets them. */
  destroy(): void;
}

/**
 * Makes the keys that the configuration asks for, or takes those that are handed in.
 * @throws ConfigurationError `invalid_key_file`
 */
export async function openRouterKeys(config: RouterConfig, options: RouterOptions): Promise<RouterKeys> {
  const rsa = config.protocols.includes('nomyo-v1')
    ? await openRsaIdentity({
        pkcs8: options.rsaPkcs8 ?? (await loadRsaPkcs8(config)),
        copies: config.nomyoV1.keyCopies,
        maxWaiting: config.nomyoV1.queue,
      })
    : null;
  const signer = openSigningIdentity(options.identityPem ?? (await loadIdentity(config)));
  const schedule = new KeySchedule();
  const add = (seed: GenerationSeed): Promise<void> => schedule.add(seed);
  const periods = { rotationMs: config.ohttp.rotationSeconds * 1_000, overlapMs: config.ohttp.overlapSeconds * 1_000 };
  const rotation = options.keySeeds === undefined ? new KeyRotation(periods, add) : null;
  const { live = [] } = options.keySeeds ?? {};
  // First, so that none is missed that comes while those of now are derived.
  options.keySeeds?.subscribe(add);
  for (const seed of live) await add(seed);
  await rotation?.rotate();
  return {
    rsa,
    signer,
    schedule,
    onRotation: (listener) => schedule.onListed(listener),
    rotate: async () => (rotation ?? options.keySeeds)?.rotate?.(),
    prepareSole: async (shared) => {
      const own = rotation?.prepareSole();
      const seed = own?.seed ?? shared;
      if (seed === undefined) {
        throw new ConfigurationError(
          'upstreams: where processes share keys that are attested, a change needs a restart',
          {
            code: 'invalid_config',
          },
        );
      }
      const serve = await schedule.prepareSole(seed);
      return () => {
        own?.commit();
        serve();
      };
    },
    destroy: () => {
      rotation?.stop();
      options.keySeeds?.close?.();
      schedule.destroy();
    },
  };
}

/** The RSA key of the configuration's file, or a new one. @throws ConfigurationError `invalid_key_file` */
export async function loadRsaPkcs8({ nomyoV1 }: RouterConfig): Promise<Uint8Array> {
  return nomyoV1.keyFile === undefined ? generateRsaPkcs8() : readRsaPkcs8File(nomyoV1.keyFile);
}

/** The identity of the configuration's file, or a new one. @throws ConfigurationError `invalid_key_file` */
export async function loadIdentity({ identity }: RouterConfig): Promise<string> {
  return identity.keyFile === undefined ? generateSigningIdentity() : readIdentityFile(identity.keyFile);
}
