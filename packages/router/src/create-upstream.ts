import type { UpstreamConfig } from './config/schema.ts';
import { type Environment, readSecret } from './config/secrets.ts';
import { createBuiltinUpstream } from './upstreams/builtin/builtin-upstream.ts';
import { CountedUpstream } from './upstreams/counted-upstream.ts';
import type { DirectoryEntry } from './upstreams/model-directory.ts';
import { OpenaiUpstream } from './upstreams/openai/openai-upstream.ts';

/**
 * Makes one upstream of its configuration, and says which models it offers.
 * @throws ConfigurationError `invalid_config`
 */
export async function createUpstream(config: UpstreamConfig, environment: Environment): Promise<DirectoryEntry> {
  switch (config.type) {
    case 'openai': {
      const source = { env: config.apiKeyEnv, file: config.apiKeyFile };
      const upstream = new OpenaiUpstream({
        ...config,
        apiKey: await readSecret(source, environment, `upstreams.${config.name}`),
        firstByteTimeoutMs: config.timeoutMs,
      });
      return { upstream: new CountedUpstream(upstream, config.weight), models: config.models ?? null };
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
      return { upstream: new CountedUpstream(upstream, config.weight), models: upstream.models };
    }
    default:
      return config satisfies never;
  }
}
