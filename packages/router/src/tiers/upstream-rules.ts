import type { SecurityTier } from '@sotto/protocol';
import { isPrivateAddress } from '../config/address.ts';

/** What of an upstream's configuration does not go with its tier, and where. */
export interface TierFault {
  readonly key: string;
  readonly message: string;
}

/** A model server over HTTP, as far as tiers go. */
export interface TieredServer {
  readonly tier: SecurityTier;
  readonly baseUrl: string;
  readonly sameTee: boolean;
}

/**
 * What keeps a model server from the tier that its operator gives it (docs/tiers.md). It reads the prompt, and speaks
 * no protocol in which it could prove what it is: above `high` only its place inside the router's own TEE counts.
 */
export function serverFaults({ tier, baseUrl, sameTee }: TieredServer): readonly TierFault[] {
  const near = isPrivateAddress(baseUrl);
  const faults: TierFault[] = [];
  if (sameTee && !near) {
    faults.push({ key: 'sameTee', message: 'only loopback or a unix socket can be in the same TEE' });
  }
  if (tier === 'maximum' && !(near && sameTee)) {
    faults.push({
      key: 'tier',
      message:
        'maximum is not for a server that reads the prompt and proves nothing of itself, whatever its certificate: ' +
        'it takes type builtin, loopback or a unix socket with sameTee: true, or type sotto with attestation',
    });
  }
  if (tier === 'high' && !near && baseUrl.startsWith('http:')) {
    faults.push({ key: 'baseUrl', message: 'tier high needs https, loopback or a unix socket' });
  }
  return faults;
}

/** Another router, as far as tiers go. */
export interface TieredRouter {
  readonly tier: SecurityTier;
  readonly baseUrl: string;
  readonly pinnedSigners?: readonly string[] | undefined;
  readonly attestation?: unknown;
}

/** What keeps another Sotto router from the tier that its operator gives it. Its policy is judged elsewhere. */
export function routerFaults({ tier, baseUrl, pinnedSigners, attestation }: TieredRouter): readonly TierFault[] {
  const faults: TierFault[] = [];
  if (baseUrl.startsWith('unix:')) {
    faults.push({ key: 'baseUrl', message: 'another router has an origin: an https address, or http on loopback' });
  } else if (baseUrl.startsWith('http:') && !isPrivateAddress(baseUrl)) {
    faults.push({ key: 'baseUrl', message: 'another router is reached over https; over http on loopback only' });
  }
  if (pinnedSigners === undefined && attestation === undefined) {
    faults.push({
      key: 'pinnedSigners',
      message: 'say whose keys to seal to: name its signer in pinnedSigners, or demand its evidence in attestation',
    });
  }
  if (tier === 'maximum' && attestation === undefined) {
    faults.push({
      key: 'attestation',
      message: 'maximum needs it: a pinned signer says who runs the other router, and not what it does with a prompt',
    });
  }
  return faults;
}
