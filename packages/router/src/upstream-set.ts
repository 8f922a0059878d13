import { isDeepStrictEqual } from 'node:util';
import type { UpstreamConfig } from './config/schema.ts';
import { type Environment, readSecret } from './config/secrets.ts';
import type { DirectoryEntry } from './upstreams/model-directory.ts';

/** How upstreams are made. */
export interface UpstreamMaking {
  /** Where secrets are looked up. */
  readonly environment: Environment;
  readonly create: (config: UpstreamConfig) => Promise<DirectoryEntry>;
}

interface Member {
  readonly config: UpstreamConfig;
  /** The router's own key with it: a file may hold another one than before. */
  readonly secret: string | null;
  readonly entry: DirectoryEntry;
}

/** The upstreams of one configuration. What did not change is taken over from the one before, with all it has learned. */
export class UpstreamSet {
  /** In the order of the configuration. */
  readonly entries: readonly DirectoryEntry[];
  readonly #members: readonly Member[];

  private constructor(members: readonly Member[]) {
    this.#members = members;
    this.entries = members.map(({ entry }) => entry);
  }

  /**
   * Makes the upstreams of a configuration.
   * @param create makes one
   * @param before those that run already
   * @throws ConfigurationError `invalid_config`; nothing is left open then
   */
  static async open(
    configs: readonly UpstreamConfig[],
    { environment, create }: UpstreamMaking,
    before: UpstreamSet | null = null,
  ): Promise<UpstreamSet> {
    const made = await Promise.allSettled(
      configs.map(async (config) => {
        const secret = await secretOf(config, environment);
        return before?.find(config, secret) ?? { config, secret, entry: await create(config) };
      }),
    );
    const members = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = made.find((each) => each.status === 'rejected');
    const set = new UpstreamSet(members);
    if (failed === undefined) return set;
    await set.closeBut(before === null ? [] : [before]);
    throw failed.reason;
  }

  /** Ends what is under way with `shutting_down`, which callers are told. */
  endCalls(): void {
    for (const { upstream } of this.entries) upstream.endCalls();
  }

  /** Lets go of all. */
  async close(): Promise<void> {
    await this.closeBut([]);
  }

  /** Lets go of those that no other of these sets has. */
  async closeBut(kept: readonly UpstreamSet[]): Promise<void> {
    const others = this.entries.filter((entry) => !kept.some(({ entries }) => entries.includes(entry)));
    await Promise.all(others.map(({ upstream }) => upstream.close()));
  }

  /** One that runs already and would be no other. Another router is always met anew: its policy may be in a file. */
  find(config: UpstreamConfig, secret: string | null): Member | undefined {
    if (config.type === 'sotto') return undefined;
    return this.#members.find((each) => each.secret === secret && isDeepStrictEqual(each.config, config));
  }
}

async function secretOf(config: UpstreamConfig, environment: Environment): Promise<string | null> {
  if (config.type === 'builtin') return null;
  return readSecret({ env: config.apiKeyEnv, file: config.apiKeyFile }, environment, `upstreams.${config.name}`);
}
