import {
  AttestationError,
  decodeUtf8,
  type RsaPublicKey,
  SecurityError,
  type SecurityTier,
  SottoError,
} from '@sotto/protocol';
import {
  BINDING_HEADER,
  BINDING_VERSION,
  exportPublicKeyPem,
  fingerprint,
  importPublicKeyPem,
} from '@sotto/protocol/nomyo-v1';
import type { Attestations } from './attestation/attestations.ts';
import type { ResolvedOptions } from './resolved-options.ts';
import { errorOfAnswer } from './router-answer.ts';
import type { RouterUrl } from './router-url.ts';
import { SharedFlight } from './shared-flight.ts';
import { readAll, type TransportResponse } from './transport.ts';

const PUBLIC_KEY_PATH = '/pki/public_key';
/** A PEM of 4,096 bits has 800 characters. */
const MAX_KEY_BYTES = 16_384;

/** A router's public key, fetched and held against the pins; against the evidence too before it is handed out. */
export interface RouterKey {
  readonly key: RsaPublicKey;
  readonly pem: string;
  /** SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits. */
  readonly fingerprint: string;
}

interface Cached {
  readonly routerKey: RouterKey;
  readonly etag: string | null;
  readonly fetchedMs: number;
}

/** One router's public key: fetched when first needed, kept for a while, fetched once for all who wait. */
export class RouterKeySource {
  readonly #options: ResolvedOptions;
  readonly #attestations: Attestations;
  readonly #router: RouterUrl;
  readonly #onBindingOffered: () => void;
  readonly #fetching: SharedFlight<RouterKey>;
  #cached: Cached | null = null;

  /** @param onBindingOffered called when the router says that it understands bound requests */
  constructor(options: ResolvedOptions, attestations: Attestations, router: RouterUrl, onBindingOffered: () => void) {
    this.#options = options;
    this.#attestations = attestations;
    this.#router = router;
    this.#onBindingOffered = onBindingOffered;
    this.#fetching = new SharedFlight((signal) => this.#fetch(signal));
  }

  /**
   * The key for a request of a tier, from the cache where it is fresh.
   * @throws SecurityError `key_mismatch` for a key that is not pinned, `invalid_response` for one that is no key
   * @throws AttestationError, PolicyError where the router's evidence is asked for, and does not vouch for the key
   * @throws APIError, APIConnectionError
   */
  async get(signal: AbortSignal, tier: SecurityTier | null): Promise<RouterKey> {
    const attestation = this.#attestations.of(this.#router, tier);
    const routerKey = await this.#find(signal);
    if (attestation === null) return routerKey;
    if ((await attestation.current(signal)).rsaKeySha256 === routerKey.fingerprint) return routerKey;
    // One of the two is older than the other: the router has been started anew.
    return this.renew(signal, tier);
  }

  /** The key as the router has it now; throws like {@link RouterKeySource.get}. */
  async renew(signal: AbortSignal, tier: SecurityTier | null): Promise<RouterKey> {
    const attestation = this.#attestations.of(this.#router, tier);
    const routerKey = await this.#fetching.join(signal);
    if (attestation === null) return routerKey;
    if ((await attestation.renew(signal)).rsaKeySha256 === routerKey.fingerprint) return routerKey;
    throw notAttested();
  }

  async #find(signal: AbortSignal): Promise<RouterKey> {
    const { platform, serverKeyMaxAgeMs } = this.#options;
    const cached = this.#cached;
    if (cached !== null && platform.clock.now() - cached.fetchedMs < serverKeyMaxAgeMs) return cached.routerKey;
    return this.#fetching.join(signal);
  }

  async #fetch(signal: AbortSignal): Promise<RouterKey> {
    const { transport, platform, defaultHeaders, log } = this.#options;
    const etag = this.#cached?.etag ?? null;
    const answer = await transport.send({
      method: 'GET',
      url: this.#router.at(PUBLIC_KEY_PATH),
      headers: { ...defaultHeaders, ...(etag === null ? {} : { 'if-none-match': etag }) },
      body: null,
      signal,
    });
    if (answer.headers[BINDING_HEADER] === String(BINDING_VERSION)) this.#onBindingOffered();
    const routerKey =
      answer.status === 304 && this.#cached !== null
        ? await this.#unchanged(answer, this.#cached)
        : await this.#read(answer);
    this.#cached = { routerKey, etag: answer.headers['etag'] ?? etag, fetchedMs: platform.clock.now() };
    log.debug('fetched the public key of the router', { status: answer.status });
    return routerKey;
  }

  async #unchanged(answer: TransportResponse, cached: Cached): Promise<RouterKey> {
    await answer.body.cancel();
    return cached.routerKey;
  }

  async #read(answer: TransportResponse): Promise<RouterKey> {
    if (answer.status !== 200) throw await errorOfAnswer(answer);
    const key = await this.#import(decodeUtf8(await readAll(answer.body, MAX_KEY_BYTES)) ?? '');
    const found = await fingerprint(this.#options.platform.crypto, key);
    const { pinnedKeys, log } = this.#options;
    if (pinnedKeys !== null && !pinnedKeys.has(found)) {
      throw new SecurityError(`the router shows the key ${found}, which pinnedKeys does not name: nothing was sent`, {
        code: 'key_mismatch',
      });
    }
    if (this.#cached !== null && this.#cached.routerKey.fingerprint !== found) log.info('the router has a new key');
    return { key, pem: exportPublicKeyPem(key), fingerprint: found };
  }

  async #import(pem: string): Promise<RsaPublicKey> {
    try {
      return await importPublicKeyPem(this.#options.platform.crypto, pem);
    } catch (cause) {
      if (!SottoError.isInstance(cause)) throw cause;
      throw new SecurityError('the router shows no RSA public key that is fit for use', {
        code: 'invalid_response',
        cause,
      });
    }
  }
}

function notAttested(): AttestationError {
  const message = 'the router shows an RSA key that its evidence does not commit to: nothing was sent';
  return new AttestationError(message, { failures: [{ step: 'claims.rsaKey', code: 'key_mismatch', message }] });
}
