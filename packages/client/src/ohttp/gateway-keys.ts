import { SecurityError } from '@sotto/protocol';
import type { HpkeProvider } from '@sotto/protocol/hpke';
import {
  importRecipient,
  type KeyConfigPolicy,
  parseKeyConfigs,
  type Recipient,
  selectKeyConfig,
} from '@sotto/protocol/ohttp';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { SharedFlight } from '../shared-flight.ts';
import type { KeySource, Trust } from './key-source.ts';

interface GatewayKeysSettings {
  readonly source: KeySource;
  readonly policy: KeyConfigPolicy;
  readonly hpke: HpkeProvider;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

interface Cached {
  readonly recipient: Recipient;
  readonly freshUntilMs: number;
}

/** One router's key: found when first needed, kept as long as the router says, looked for once for all who wait. */
export class GatewayKeys {
  readonly #settings: GatewayKeysSettings;
  readonly #finding: SharedFlight<Recipient>;
  readonly #renewing: SharedFlight<Recipient>;
  #cached: Cached | null = null;

  constructor(settings: GatewayKeysSettings) {
    this.#settings = settings;
    this.#finding = new SharedFlight((signal) => this.#find(signal, false));
    this.#renewing = new SharedFlight((signal) => this.#find(signal, true));
  }

  get trust(): Trust {
    return this.#settings.source.trust;
  }

  /**
   * The key to seal to.
   * @throws SecurityError `downgrade_refused` where the router has no ohttp, `invalid_key_config`,
   *   `unsupported_key_config`, and what a key statement's verification throws
   * @throws APIError, APIConnectionError
   */
  async current(signal: AbortSignal): Promise<Recipient> {
    const cached = this.#cached;
    if (cached !== null && this.#settings.clock.now() < cached.freshUntilMs) return cached.recipient;
    return this.#finding.join(signal);
  }

  /** The key in the place of one that the router refuses; throws like {@link GatewayKeys.current}. */
  async replace(stale: Recipient, signal: AbortSignal): Promise<Recipient> {
    const cached = this.#cached;
    // Another request has been refused before this one, and the new key is here already.
    if (cached !== null && cached.recipient !== stale) return cached.recipient;
    return this.#renewing.join(signal);
  }

  async #find(signal: AbortSignal, revalidate: boolean): Promise<Recipient> {
    const { source, policy, hpke, clock, log } = this.#settings;
    const { keyConfigs, freshMs } = await source.find(signal, revalidate);
    const { config, suite } = selectKeyConfig(parseNonEmpty(keyConfigs), policy);
    const recipient = await importRecipient(hpke, config, suite);
    this.#cached = { recipient, freshUntilMs: clock.now() + freshMs };
    log.debug('found the ohttp key of the router', { keyId: config.keyId, kem: suite.kemId, trust: source.trust });
    return recipient;
  }
}

/** A statement of a router without ohttp holds no keys at all. */
function parseNonEmpty(keyConfigs: Uint8Array) {
  if (keyConfigs.length > 0) return parseKeyConfigs(keyConfigs);
  throw new SecurityError('the router offers no ohttp keys: check that it has ohttp switched on', {
    code: 'downgrade_refused',
  });
}
