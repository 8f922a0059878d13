import type { Attestations } from './attestation/attestations.ts';
import type { ResolvedOptions } from './resolved-options.ts';
import { RouterKeySource } from './router-key.ts';
import type { RouterUrl } from './router-url.ts';

/** The keys of the routers that a client speaks to, and what each has promised. */
export class RouterKeyring {
  readonly #options: ResolvedOptions;
  readonly #attestations: Attestations;
  readonly #sources = new Map<string, RouterKeySource>();
  readonly #bindingOffered: Set<string>;

  /** @param bindingOffered routers that have offered the binding; grows, and may be shared between clients */
  constructor(options: ResolvedOptions, attestations: Attestations, bindingOffered: Set<string> = new Set()) {
    this.#options = options;
    this.#attestations = attestations;
    this.#bindingOffered = bindingOffered;
  }

  /** What is known of a router's offers, for a client that is made out of this one. */
  get bindingOffered(): Set<string> {
    return this.#bindingOffered;
  }

  /** Where a router's key comes from. */
  of(router: RouterUrl): RouterKeySource {
    let source = this.#sources.get(router.base);
    if (source === undefined) {
      source = new RouterKeySource(this.#options, this.#attestations, router, () =>
        this.#bindingOffered.add(router.base),
      );
      this.#sources.set(router.base, source);
    }
    return source;
  }

  /**
   * Whether requests to a router are bound. In `auto` that is so from the first time the router has offered it,
   * for good: a later answer without the offer may be anybody's, and never makes a request less safe.
   */
  binds(router: RouterUrl): boolean {
    const { requestBinding } = this.#options;
    return requestBinding === 'always' || (requestBinding === 'auto' && this.#bindingOffered.has(router.base));
  }
}
