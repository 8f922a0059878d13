import { ConfigurationError } from '@sotto/protocol';
import { AdminGate } from './admin/admin-gate.ts';
import { InvalidConfigError } from './config/config-fault.ts';
import { parseConfig } from './config/parse.ts';
import { changedKeys, refuseRestartKeys } from './config/reload.ts';
import type { RouterConfigInput } from './config/schema.ts';
import type { GenerationSeed } from './hpke-keys/key-generation.ts';
import { PolicyKeys } from './hpke-keys/policy-keys.ts';
import { readAdminKey } from './open-records.ts';
import { createServing, type Serving, type ServingParts, type Standing } from './serving.ts';
import { type UpstreamMaking, UpstreamSet } from './upstream-set.ts';

/** Another configuration, read and ready, that nobody is served by yet. */
export interface PreparedConfig {
  /** The keys in which it differs from the present one. */
  readonly changed: readonly string[];
  /** Whether HPKE keys of its own come with it: what is sealed to those of before is refused then. */
  readonly replacesKeys: boolean;
  /**
   * Puts it in the place of the present one, at once and whole.
   * @throws ConfigurationError `invalid_config` where another has been put there since it was prepared
   */
  commit(): void;
  /** Lets go of it. */
  discard(): Promise<void>;
}

/** The configuration that is served now, and how another takes its place. */
export class PresentServing {
  readonly #standing: Standing;
  readonly #making: UpstreamMaking;
  readonly #retired = new Set<UpstreamSet>();
  #serving: Serving;
  #adminKey: string | null;

  constructor(
    standing: Standing,
    { adminKey, ...parts }: Omit<ServingParts, 'policyKeys'> & { readonly adminKey: string | null },
    making: UpstreamMaking,
  ) {
    this.#standing = standing;
    this.#making = making;
    this.#adminKey = adminKey;
    this.#serving = createServing(standing, { ...parts, policyKeys: new PolicyKeys(standing.keys.schedule) });
  }

  get serving(): Serving {
    return this.#serving;
  }

  /**
   * Reads another configuration and all that it names, and makes what it needs. Nothing of the present one changes.
   * @param shared the seed of new HPKE keys, where another process makes them
   * @throws ConfigurationError `invalid_config`, `invalid_key_file`: also where a key has changed that needs a restart
   */
  async prepare(input: RouterConfigInput, shared?: GenerationSeed): Promise<PreparedConfig> {
    const { keys, records, attestation } = this.#standing;
    const before = this.#serving;
    const config = parseConfig(input);
    const changed = changedKeys(before.config, config);
    refuseRestartKeys(changed);
    const adminKey = await readAdminKey(config, this.#making.environment);
    const claims = await attestation.prepare(config);
    // Whoever has verified the policy before seals to the keys of before: nothing sealed so may go elsewhere now.
    const replacesKeys = attestation.publisher !== null && claims.policyChanges;
    if (replacesKeys && keys.rsa !== null) throw needsNewRsaKey();
    const serveNewKeys = replacesKeys ? await keys.prepareSole(shared) : null;
    const takeRecords = await records.prepare(config);
    const upstreams = await UpstreamSet.open(config.upstreams, this.#making, before.upstreams);
    const gate = adminKey === this.#adminKey ? before.gate : gateOf(adminKey, config.publicUrl);
    const policyKeys = replacesKeys ? new PolicyKeys(keys.schedule) : before.policyKeys;
    const serving = createServing(this.#standing, { config, upstreams, gate, policyKeys });
    return {
      changed,
      replacesKeys,
      commit: () => {
        if (this.#serving !== before) throw outOfDate();
        takeRecords();
        claims.commit();
        this.#adminKey = adminKey;
        this.#serving = serving;
        this.#standing.inFlight.limitTo(config.limits.openStreams);
        if (serveNewKeys !== null) {
          before.policyKeys.end();
          serveNewKeys();
        }
        void serving.directory.refresh();
        void attestation.publisher?.refresh();
        void this.#retire(before.upstreams);
      },
      discard: () => upstreams.closeBut([before.upstreams]),
    };
  }

  /** Ends all calls to upstreams with `shutting_down`. */
  endCalls(): void {
    for (const each of [this.#serving.upstreams, ...this.#retired]) each.endCalls();
  }

  /** Lets go of all upstreams. */
  async close(): Promise<void> {
    await Promise.all([this.#serving.upstreams, ...this.#retired].map((each) => each.close()));
  }

  /** Lets go of upstreams that are not asked any more once the requests that may still ask them are over. */
  async #retire(upstreams: UpstreamSet): Promise<void> {
    this.#retired.add(upstreams);
    await this.#standing.inFlight.settled();
    this.#retired.delete(upstreams);
    await upstreams.closeBut([this.#serving.upstreams, ...this.#retired]);
  }
}

/** Clients of nomyo-v1 that ask for evidence remember it by the RSA key, which is made or read at the start. */
function needsNewRsaKey(): InvalidConfigError {
  const message = 'a router that attests and serves nomyo-v1 needs a restart to change where prompts may go';
  return new InvalidConfigError([{ key: 'upstreams', source: null, line: null, message }]);
}

/** What it took over from the one before may be closed by now. */
function outOfDate(): ConfigurationError {
  const message = 'another configuration has been taken over since this one was prepared: prepare it again';
  return new ConfigurationError(message, { code: 'invalid_config' });
}

function gateOf(key: string | null, publicUrl: string | undefined): AdminGate | null {
  return key === null ? null : new AdminGate({ key, publicUrl });
}
