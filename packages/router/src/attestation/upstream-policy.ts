import { createHash } from 'node:crypto';
import { parseUpstreamAddress } from '../config/address.ts';
import type { RouterConfig, UpstreamConfig } from '../config/schema.ts';
import { upstreamClass } from '../config/upstream-class.ts';
import { upstreamProof } from './upstream-proof.ts';

type PolicyConfig = Pick<RouterConfig, 'upstreams' | 'cluster' | 'nomyoV1' | 'protocols'>;

/**
 * The policy by which the router picks upstreams, as text that two readers write alike: where a prompt may go, and at
 * which tier. JSON without white space, `{"v":1,"upstreams":[…]}`; one object an upstream with the members `name`,
 * `class`, `origin`, `tier`, `sameTee`, `attested` and, where there is one, `proof`, in this order; the objects in the order of their names' code
 * units. `origin` is scheme, host and port, `unix:` with the socket's path, or `builtin`. What an upstream costs, how
 * long it may take, and its key are not in it. A member `keysFrom` follows where the keys that prompts are sealed to come
 * from outside: who gave them can read the prompts.
 * @param attested names of upstreams whose own evidence the router verifies; by default those that the configuration
 *   asks for some
 */
export function upstreamPolicy(
  config: PolicyConfig,
  attested: ReadonlySet<string> = attestedNames(config.upstreams),
): string {
  const outlines = config.upstreams
    .map((upstream) => ({
      name: upstream.name,
      class: upstreamClass(upstream),
      origin: originOf(upstream),
      tier: upstream.tier,
      sameTee: isInSameTee(upstream),
      attested: attested.has(upstream.name),
      proof: upstreamProof(upstream),
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const outside = keysFrom(config);
  return JSON.stringify({ v: 1, upstreams: outlines, ...(outside.length === 0 ? {} : { keysFrom: outside }) });
}

/** SHA-256 of {@link upstreamPolicy}, lower-case hexadecimal: what the router's claims name. */
export function upstreamPolicySha256(
  config: PolicyConfig,
  attested: ReadonlySet<string> = attestedNames(config.upstreams),
): string {
  return createHash('sha256').update(upstreamPolicy(config, attested)).digest('hex');
}

/** The configuration's keys that name a secret of which the keys to unseal with are, or follow. */
function keysFrom({ cluster, nomyoV1, protocols }: PolicyConfig): readonly string[] {
  return [
    ...(cluster === undefined ? [] : ['cluster.secret']),
    ...(protocols.includes('nomyo-v1') && nomyoV1.keyFile !== undefined ? ['nomyoV1.keyFile'] : []),
  ];
}

function isInSameTee(upstream: UpstreamConfig): boolean {
  return upstream.type === 'builtin' || (upstream.type !== 'sotto' && upstream.sameTee);
}

function attestedNames(upstreams: RouterConfig['upstreams']): ReadonlySet<string> {
  return new Set(upstreams.filter((each) => upstreamClass(each) === 'attested').map(({ name }) => name));
}

function originOf(upstream: UpstreamConfig): string {
  if (upstream.type === 'builtin') return 'builtin';
  const { origin, socketPath } = parseUpstreamAddress(upstream.baseUrl);
  return socketPath === null ? origin : `unix:${socketPath}`;
}
