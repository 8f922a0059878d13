import type { OhttpChannel } from './ohttp/ohttp-channel.ts';
import { openChannel } from './ohttp/ohttp-options.ts';
import type { ResolvedOptions } from './resolved-options.ts';
import type { RouterUrl } from './router-url.ts';

/** The sealed ways to the routers that a client speaks to. */
export class OhttpChannels {
  readonly #options: ResolvedOptions;
  readonly #channels = new Map<string, OhttpChannel>();

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  /** @throws ConfigurationError `unsupported_runtime` */
  of(router: RouterUrl): OhttpChannel {
    let channel = this.#channels.get(router.base);
    if (channel === undefined) {
      const { platform, transport, ohttp, memory, log } = this.#options;
      channel = openChannel({ ...platform, transport }, router, ohttp, memory, log);
      this.#channels.set(router.base, channel);
    }
    return channel;
  }
}
