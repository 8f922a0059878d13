import { AttestationError, equalBytes } from '@sotto/protocol';
import type { RouterAttestation } from '../attestation/router-attestation.ts';
import type { FoundKeys, KeySource } from './key-source.ts';

/**
 * Finds keys that verified evidence commits to, and no others.
 * @param told where the client was also told whose keys to believe: both must name the same
 * @throws AttestationError `key_mismatch` where they do not, and what verification throws
 */
export async function findAttestedKeys(
  attestation: RouterAttestation,
  told: KeySource,
  signal: AbortSignal,
  revalidate: boolean,
): Promise<FoundKeys> {
  const attested = revalidate ? await attestation.renew(signal) : await attestation.current(signal);
  if (told.trust === 'unpinned') return attested;
  const found = await told.find(signal, revalidate);
  const freshMs = Math.min(attested.freshMs, found.freshMs);
  if (equalBytes(attested.keyConfigs, found.keyConfigs)) return { keyConfigs: attested.keyConfigs, freshMs };
  // Between the two the router may have rotated its keys; keys that were given stay as they are.
  if (!revalidate && told.trust === 'pinned') return findAttestedKeys(attestation, told, signal, true);
  const message = 'the evidence is of other keys than those that were pinned or given: nothing was sent';
  throw new AttestationError(message, { failures: [{ step: 'claims.keyConfig', code: 'key_mismatch', message }] });
}
