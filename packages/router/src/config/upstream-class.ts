import type { UpstreamClass } from '../upstreams/upstream.ts';
import { isPrivateAddress } from './address.ts';

/** A model server over HTTP, as far as its class goes. */
export interface ClassedServer {
  readonly baseUrl: string;
  readonly sameTee: boolean;
  readonly tlsSpkiSha256?: readonly string[] | undefined;
}

/** The class of a model server over HTTP. A pinned certificate says more than where the server listens. */
export function serverClass({ baseUrl, sameTee, tlsSpkiSha256 }: ClassedServer): UpstreamClass {
  if (sameTee) return 'same-tee';
  if (tlsSpkiSha256 !== undefined) return 'pinned';
  return isPrivateAddress(baseUrl) ? 'loopback' : 'remote';
}

/** The class of an upstream of a configuration: what answers and the policy of upstreams name it. */
export function upstreamClass(
  upstream:
    | ({ readonly type: 'openai' | 'anthropic' } & ClassedServer)
    | { readonly type: 'sotto'; readonly attestation?: unknown }
    | { readonly type: 'builtin' },
): UpstreamClass {
  switch (upstream.type) {
    case 'builtin':
      return 'builtin';
    case 'sotto':
      return upstream.attestation === undefined ? 'sealed' : 'attested';
    default:
      return serverClass(upstream);
  }
}
