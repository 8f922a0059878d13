import type { CryptoProvider } from '@sotto/protocol';
import type { HpkeProvider } from '@sotto/protocol/hpke';
import type { Ed25519Verify } from '@sotto/protocol/key-statement';
import type { RsaKeyPair } from '@sotto/protocol/nomyo-v1';
import type { Clock } from './clock.ts';
import type { Transport } from './transport.ts';

/**
 * What a runtime gives to the client. `@sotto/client` brings one for browsers and one for Node; pass another as
 * the option `platform` where neither fits.
 */
export interface Platform {
  readonly crypto: CryptoProvider;
  readonly transport: Transport;
  /** Seals requests and opens answers over ohttp. */
  readonly hpke: HpkeProvider;
  /** Verifies the signatures of key statements. */
  readonly verifyEd25519: Ed25519Verify;
  readonly clock: Clock;
  /** Null where there are no files, as in browsers. */
  readonly keyFiles: KeyFiles | null;
  /** An environment variable; null where it is unset or empty, and where there is no environment. */
  environment(name: string): string | null;
  /** Makes a client key pair, off the event loop: RSA, 2,048 to 4,096 bits, exponent 65,537. */
  generateKeyPair(): Promise<RsaKeyPair>;
}

/** A key file's text. */
export interface KeyFileText {
  readonly text: string;
  /** Whether anyone but the file's owner may read it. */
  readonly readableByOthers: boolean;
}

/** A key pair as it is stored. */
export interface KeyPairText {
  /** PKCS#8 PEM, encrypted where there is a password. */
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
}

/** Key files, on runtimes that have files. All methods throw {@link ConfigurationError} `invalid_key_file`. */
export interface KeyFiles {
  /** @returns null where there is no such file */
  read(path: string): Promise<KeyFileText | null>;
  /** Where a directory keeps its private key, and where its public one. */
  pathsIn(directory: string): { readonly privateKeyPath: string; readonly publicKeyPath: string };
  /**
   * Stores a pair, each file whole or not at all, the private one for its owner alone.
   * @param onExisting what to do where the directory has a private key already
   * @returns whether the pair was stored
   */
  write(directory: string, pair: KeyPairText, onExisting: 'keep' | 'replace'): Promise<boolean>;
  /**
   * Opens an encrypted private key of a form that WebCrypto cannot: OpenSSL's `DEK-Info` PEM, PBES1, scrypt.
   * @returns unencrypted PKCS#8, DER
   * @throws ConfigurationError `wrong_key_password`
   */
  openLegacy(pem: string, password: string): Promise<Uint8Array>;
}
