import { ConfigurationError } from '@sotto/protocol';
import { exportPublicKeyPem, type RsaKeyPair } from '@sotto/protocol/nomyo-v1';
import { type ClientKeyPair, clientKeyPairOf, importKeyPair } from './client-key-pair.ts';
import type { Log } from './log.ts';
import type { KeyFiles, Platform } from './platform.ts';
import { readPrivateKeyPem, writePrivateKeyPem } from './private-key-pem.ts';

/** Where NOMYO's clients keep their keys, below the working directory. */
const DEFAULT_KEY_DIR = 'client_keys';

/** How to make the client's key pair. */
export interface GenerateKeysOptions {
  /** Also writes the pair into `keyDir`, over what is there. Default false. */
  readonly saveToFile?: boolean | undefined;
  /** Default `client_keys`. */
  readonly keyDir?: string | undefined;
  /** Encrypts the private key's file (PBES2). */
  readonly password?: string | null | undefined;
}

/** Where the client's key pair is: files, or PEM texts on runtimes without files. */
export type LoadKeysOptions = { readonly password?: string | null | undefined } & (
  | { readonly privateKeyPath: string; readonly publicKeyPath?: string | null | undefined }
  | { readonly privateKeyPem: string; readonly publicKeyPem?: string | null | undefined }
);

interface ClientKeysSettings {
  readonly platform: Platform;
  readonly keyDir: string | null;
  readonly keyPassword: string | null;
  readonly log: Log;
}

/**
 * The client's one key pair. Whoever asks first has it made or loaded; all who ask meanwhile wait for that same
 * pair. A failure is told to those who waited, and the next one to ask tries again.
 */
export class ClientKeys {
  readonly #settings: ClientKeysSettings;
  #pair: Promise<ClientKeyPair> | null = null;
  /** A pair in the making that nobody has claimed yet. */
  #fresh: Promise<RsaKeyPair> | null = null;

  constructor(settings: ClientKeysSettings) {
    this.#settings = settings;
  }

  /** Starts to make or load the pair, and returns at once. */
  prepare(): void {
    if (this.#pair !== null) return;
    // Without a directory the pair stays unclaimed, so that generateKeys() may still take it and save it.
    const started = this.#settings.keyDir === null ? this.#prepareFresh() : this.current();
    started.catch(() => undefined);
  }

  /** The pair, once it is there. @throws ConfigurationError `invalid_key_file`, `wrong_key_password` */
  current(): Promise<ClientKeyPair> {
    if (this.#pair !== null) return this.#pair;
    const { keyDir } = this.#settings;
    return this.#adopt(keyDir === null ? this.#generate() : this.#loadOrCreate(keyDir));
  }

  /**
   * Makes a new pair and uses it from now on.
   * @throws ConfigurationError `unsupported_runtime`, `invalid_key_file`
   */
  async generate(options: GenerateKeysOptions = {}): Promise<void> {
    const { saveToFile = false, keyDir = DEFAULT_KEY_DIR, password = null } = options;
    if (!saveToFile) {
      await this.#adopt(this.#generate());
      return;
    }
    const files = this.#files();
    await this.#adopt(this.#generate((pair) => this.#save(files, keyDir, pair, password, 'replace')));
  }

  /**
   * Loads a pair and uses it from now on.
   * @throws ConfigurationError `invalid_key_file`, `wrong_key_password`, `unsupported_runtime`
   */
  async load(options: LoadKeysOptions): Promise<void> {
    await this.#adopt(this.#load(options));
  }

  #adopt(next: Promise<ClientKeyPair>): Promise<ClientKeyPair> {
    const previous = this.#pair;
    this.#pair = next;
    next.catch(() => {
      if (this.#pair === next) this.#pair = previous;
    });
    return next;
  }

  #prepareFresh(): Promise<RsaKeyPair> {
    this.#fresh ??= this.#settings.platform.generateKeyPair();
    return this.#fresh;
  }

  async #generate(save: (pair: RsaKeyPair) => Promise<unknown> = async () => undefined): Promise<ClientKeyPair> {
    const fresh = this.#prepareFresh();
    this.#fresh = null;
    const pair = await fresh;
    try {
      await save(pair);
      this.#settings.log.debug('made a client key pair');
      return clientKeyPairOf(pair);
    } finally {
      pair.pkcs8.fill(0);
    }
  }

  async #loadOrCreate(directory: string): Promise<ClientKeyPair> {
    const files = this.#files();
    const stored = await this.#readDirectory(files, directory);
    if (stored !== null) return stored;
    const { keyPassword } = this.#settings;
    let saved = false;
    const made = await this.#generate(async (pair) => {
      saved = await this.#save(files, directory, pair, keyPassword, 'keep');
    });
    if (saved) return made;
    // Another process was faster: both use the pair that is there now.
    return (await this.#readDirectory(files, directory)) ?? made;
  }

  async #save(
    files: KeyFiles,
    directory: string,
    pair: RsaKeyPair,
    password: string | null,
    onExisting: 'keep' | 'replace',
  ): Promise<boolean> {
    const publicKeyPem = exportPublicKeyPem(pair.publicKey);
    const privateKeyPem = await writePrivateKeyPem(pair.pkcs8, password);
    return files.write(directory, { privateKeyPem, publicKeyPem }, onExisting);
  }

  async #readDirectory(files: KeyFiles, directory: string): Promise<ClientKeyPair | null> {
    const { privateKeyPath, publicKeyPath } = files.pathsIn(directory);
    const privateKeyPem = await this.#readPrivateKey(files, privateKeyPath);
    if (privateKeyPem === null) return null;
    const publicKeyPem = (await files.read(publicKeyPath))?.text ?? null;
    return this.#import(privateKeyPem, publicKeyPem, this.#settings.keyPassword);
  }

  async #load(options: LoadKeysOptions): Promise<ClientKeyPair> {
    const password = options.password ?? null;
    if ('privateKeyPem' in options) return this.#import(options.privateKeyPem, options.publicKeyPem ?? null, password);
    const files = this.#files();
    const privateKeyPem = await this.#readPrivateKey(files, options.privateKeyPath);
    if (privateKeyPem === null) throw noFile(options.privateKeyPath);
    const publicKeyPath = options.publicKeyPath ?? null;
    if (publicKeyPath === null) return this.#import(privateKeyPem, null, password);
    const publicKeyPem = await files.read(publicKeyPath);
    if (publicKeyPem === null) throw noFile(publicKeyPath);
    return this.#import(privateKeyPem, publicKeyPem.text, password);
  }

  async #readPrivateKey(files: KeyFiles, path: string): Promise<string | null> {
    const file = await files.read(path);
    if (file?.readableByOthers) {
      this.#settings.log.warn('the private key file can be read by others: restrict it to its owner, chmod 600');
    }
    return file?.text ?? null;
  }

  async #import(privateKeyPem: string, publicKeyPem: string | null, password: string | null): Promise<ClientKeyPair> {
    const { platform, log } = this.#settings;
    const { pkcs8, wasEncrypted } = await readPrivateKeyPem(privateKeyPem, password, platform.keyFiles);
    try {
      const pair = await importKeyPair(platform.crypto, pkcs8, publicKeyPem);
      if (password !== null && !wasEncrypted) log.warn('the private key is not encrypted: its password was not needed');
      log.debug('loaded a client key pair');
      return pair;
    } finally {
      pkcs8.fill(0);
    }
  }

  #files(): KeyFiles {
    const { keyFiles } = this.#settings.platform;
    if (keyFiles === null) {
      throw new ConfigurationError('this runtime has no key files: pass PEM texts to loadKeys', {
        code: 'unsupported_runtime',
      });
    }
    return keyFiles;
  }
}

function noFile(path: string): ConfigurationError {
  return new ConfigurationError(`there is no key file at ${path}`, { code: 'invalid_key_file' });
}
