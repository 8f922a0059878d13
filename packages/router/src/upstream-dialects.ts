import { isPrivateAddress } from './config/address.ts';
import type { RouterConfig } from './config/schema.ts';
import type { UpstreamDialect } from './openai/model-request.ts';

const PLAIN: UpstreamDialect = { streamUsage: false, cacheSalt: false };

/**
 * What each upstream understands beyond the plain API. Model servers of one's own mostly take `cache_salt` or pass over
 * it; commercial ones refuse members they do not know.
 */
export function upstreamDialects({ upstreams }: RouterConfig): (name: string) => UpstreamDialect {
  const dialects = new Map<string, UpstreamDialect>();
  for (const upstream of upstreams) {
    if (upstream.type === 'openai') {
      const { streamUsage, cacheSalt, baseUrl } = upstream;
      dialects.set(upstream.name, { streamUsage, cacheSalt: cacheSalt ?? isPrivateAddress(baseUrl) });
    } else if (upstream.type === 'sotto') {
      dialects.set(upstream.name, { streamUsage: true, cacheSalt: upstream.cacheSalt });
    } else {
      // Ours, or translated by us: they tell the usage where asked, and know no salt.
      dialects.set(upstream.name, { streamUsage: true, cacheSalt: false });
    }
  }
  return (name) => dialects.get(name) ?? PLAIN;
}
