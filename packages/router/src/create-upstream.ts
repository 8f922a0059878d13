import type { TrustRoots } from '@sotto/attestation';
import type { UpstreamConfig } from './config/schema.ts';
import { type Environment, readSecret } from './config/secrets.ts';
import { AnthropicUpstream } from './upstreams/anthropic/anthropic-upstream.ts';
import { createBuiltinUpstream } from './upstreams/builtin/builtin-upstream.ts';
import { type GuardOptions, guardUpstream } from './upstreams/guard-upstream.ts';
import type { DirectoryEntry } from './upstreams/model-directory.ts';
import { OpenaiUpstream } from './upstreams/openai/openai-upstream.ts';
import { checkEvidencePolicy } from './upstreams/sotto/evidence-policy.ts';
import { SottoUpstream } from './upstreams/sotto/sotto-upstream.ts';

/** The built-in model keeps a queue of its own, and a call that fails in this process says nothing of the next. */
const OWN_QUEUE: Omit<GuardOptions, 'weight' | 'models'> = {
  maxConcurrent: Number.POSITIVE_INFINITY,
  queue: { max: 0, deadlineMs: 1 },
  breaker: null,
  probe: false,
};

/**
 * Makes one upstream of its configuration, and says which models it offers.
 * @param roots other roots than the vendors' for the evidence of another router, for tests
 * @throws ConfigurationError `invalid_config`
 */
export async function createUpstream(
  config: UpstreamConfig,
  environment: Environment,
  roots?: TrustRoots,
): Promise<DirectoryEntry> {
  switch (config.type) {
    case 'openai': {
      const source = { env: config.apiKeyEnv, file: config.apiKeyFile };
      const upstream = new OpenaiUpstream({
        ...config,
        apiKey: await readSecret(source, environment, `upstreams.${config.name}`),
        firstByteTimeoutMs: config.timeoutMs,
      });
      return guardUpstream(upstream, config);
    }
    case 'anthropic': {
      const source = { env: config.apiKeyEnv, file: config.apiKeyFile };
      const upstream = new AnthropicUpstream({
        ...config,
        apiKey: await readSecret(source, environment, `upstreams.${config.name}`),
        firstByteTimeoutMs: config.timeoutMs,
      });
      return guardUpstream(upstream, config);
    }
    case 'sotto': {
      const { attestation, ...rest } = config;
      const what = `upstreams.${config.name}`;
      const upstream = new SottoUpstream({
        ...rest,
        apiKey: await readSecret({ env: config.apiKeyEnv, file: config.apiKeyFile }, environment, what),
        attestation:
          attestation === undefined ? undefined : { ...checkEvidencePolicy(attestation, config.tier), roots },
        firstByteTimeoutMs: config.timeoutMs,
      });
      return guardUpstream(upstream, config);
    }
    case 'builtin': {
      const upstream = await createBuiltinUpstream({
        name: config.name,
        tier: config.tier,
        modelPath: config.model,
        contextTokens: config.contextTokens,
        threads: config.threads,
        maxQueue: config.maxQueue,
        modelName: config.models?.[0],
      });
      return guardUpstream(upstream, { ...OWN_QUEUE, weight: config.weight, models: upstream.models });
    }
    default:
      return config satisfies never;
  }
}
