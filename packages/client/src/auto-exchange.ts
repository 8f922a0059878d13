import { SecurityError, type SecurityTier } from '@sotto/protocol';
import type { Exchange, ExchangeAnswer, ExchangeRequest, ExchangeStream } from './exchange.ts';
import type { OhttpChannels } from './ohttp-channels.ts';
import type { ResolvedOptions } from './resolved-options.ts';
import { type ChatProtocol, RememberedRouter } from './router-memory.ts';
import type { RouterUrl } from './router-url.ts';

/**
 * Finds out once which protocol a router speaks, and stays with it: ohttp, or nomyo-v1 where the router clearly has no
 * ohttp, never had, and nothing in the options asks for it.
 */
export class AutoExchange implements Exchange {
  readonly #options: ResolvedOptions;
  readonly #channels: OhttpChannels;
  readonly #exchanges: Readonly<Record<ChatProtocol, Exchange>>;
  readonly #chosen = new Map<string, ChatProtocol>();

  constructor(options: ResolvedOptions, channels: OhttpChannels, exchanges: Readonly<Record<ChatProtocol, Exchange>>) {
    this.#options = options;
    this.#channels = channels;
    this.#exchanges = exchanges;
  }

  async attempt(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeAnswer> {
    return this.#exchanges[await this.#choose(request, signal)].attempt(request, signal);
  }

  async attemptStream(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeStream> {
    return this.#exchanges[await this.#choose(request, signal)].attemptStream(request, signal);
  }

  async #choose({ router, tier }: ExchangeRequest, signal: AbortSignal): Promise<ChatProtocol> {
    const known = this.#chosen.get(router.base);
    if (known !== undefined) return known;
    const protocol = await this.#findOut(router, tier, signal);
    this.#chosen.set(router.base, protocol);
    return protocol;
  }

  /** A failed connection or an error status of any other kind says nothing of what the router speaks: it is thrown. */
  async #findOut(router: RouterUrl, tier: SecurityTier | null, signal: AbortSignal): Promise<ChatProtocol> {
    const { memory, log } = this.#options;
    const remembered = new RememberedRouter(memory, new URL(router.base).origin);
    const { protocol: best } = await remembered.recall();
    if (this.#asksForNomyoV1() && best !== 'ohttp') return 'nomyo-v1';
    try {
      await this.#channels.of(router, tier).prepare(signal);
    } catch (error) {
      if (!isNotOffered(error) || this.#asksForOhttp()) throw error;
      if (best === 'ohttp') throw downgradeRefused();
      await remembered.raise({ protocol: 'nomyo-v1' });
      log.warn('the router offers no ohttp: this client speaks nomyo-v1 with it', { protocol: 'nomyo-v1' });
      return 'nomyo-v1';
    }
    await remembered.raise({ protocol: 'ohttp' });
    return 'ohttp';
  }

  /** Options that only ohttp can keep. */
  #asksForOhttp(): boolean {
    const { pinnedSigners, keyConfigs, relay, pqKem } = this.#options.ohttp;
    return pinnedSigners !== null || keyConfigs !== null || relay !== null || pqKem === 'required';
  }

  /** A pin of the RSA key, and none of an identity: over ohttp there would be nothing to hold the router to. */
  #asksForNomyoV1(): boolean {
    return this.#options.pinnedKeys !== null && !this.#asksForOhttp();
  }
}

function isNotOffered(error: unknown): boolean {
  return SecurityError.isInstance(error) && error.code === 'downgrade_refused';
}

function downgradeRefused(): SecurityError {
  return new SecurityError('the router offers no ohttp any more, and once did: nothing was sent', {
    code: 'downgrade_refused',
  });
}
