import { createHash } from 'node:crypto';
import type { UpstreamConfig } from '../config/schema.ts';

/** What an upstream is told from others by, as the policy of upstreams has it; lists in ascending order. */
export interface UpstreamProof {
  readonly tlsSpkiSha256?: readonly string[];
  readonly pinnedSigners?: readonly string[];
  /** SHA-256 of the policy for its evidence, lower-case hexadecimal. */
  readonly attestationSha256?: string;
}

/** @returns undefined where nothing but its address tells an upstream from others */
export function upstreamProof(upstream: UpstreamConfig): UpstreamProof | undefined {
  if (upstream.type === 'builtin') return undefined;
  if (upstream.type !== 'sotto') {
    const { tlsSpkiSha256 } = upstream;
    return tlsSpkiSha256 === undefined ? undefined : { tlsSpkiSha256: [...tlsSpkiSha256].sort() };
  }
  const { pinnedSigners, attestation } = upstream;
  return {
    ...(pinnedSigners === undefined ? {} : { pinnedSigners: [...pinnedSigners].sort() }),
    ...(attestation === undefined ? {} : { attestationSha256: sha256(sortedJson(attestation)) }),
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** JSON that two readers of one policy write alike: no white space, members in the order of RFC 8785 §3.2.3. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${sortedJson(member)}`).join(',')}}`;
}
