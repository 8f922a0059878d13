import { AttestationError, equalBytes } from '@sotto/protocol';
import type { RouterAttestation } from '../attestation/router-attestation.ts';
import type { KeySource } from './key-source.ts';

/**
 * Keys that verified evidence commits to, and no others.
 * @param also where the client was also told whose keys to believe: both must name the same
 */
export function attestedKeys(attestation: RouterAttestation, also: KeySource | null): KeySource {
  return {
    trust: 'attested',
    async find(signal, revalidate) {
      const attested = revalidate ? await attestation.renew(signal) : await attestation.current(signal);
      if (also === null) return attested;
      const told = await also.find(signal, revalidate);
      const freshMs = Math.min(attested.freshMs, told.freshMs);
      if (equalBytes(attested.keyConfigs, told.keyConfigs)) return { ...attested, freshMs };
      // Between the two the router may have rotated its keys.
      if (!revalidate) return this.find(signal, true);
      throw mismatch();
    },
  };
}

function mismatch(): AttestationError {
  const message = 'the evidence is of other keys than those that were pinned or given: nothing was sent';
  return new AttestationError(message, { failures: [{ step: 'claims.keyConfig', code: 'key_mismatch', message }] });
}
