import { type EvidenceType, observingPolicy, type TrustRoots, verifyBundle } from '@sotto/attestation';
import { PolicyError } from '@sotto/protocol';

/** What the router found in evidence of its own. */
export interface OwnEvidence {
  /** When it stops to be worth anything, milliseconds since 1970; null where that could not be told. */
  readonly validUntilMs: number | null;
  readonly measurements: Readonly<Record<string, string>>;
  readonly advisories: readonly string[];
  /** What clients' policies may not allow. */
  readonly objections: readonly string[];
}

/** Verifies a bundle before anybody gets it. Rejects where its cryptography, binding or claims do not hold. */
export type SelfVerification = (
  bundle: string,
  expected: { readonly type: EvidenceType; readonly origin: string; readonly nonce: Uint8Array | undefined },
) => Promise<OwnEvidence>;

/** Longer than any claims live: their age is the client's to judge. */
const MAX_AGE_SECONDS = 31_536_000;

/**
 * Makes the check that the router's own bundles pass before they are published, with the clients' verifier: an empty
 * or garbled report, stale collateral, or another's certificate must be its operator's problem, not every client's.
 * What software runs it does not judge; what a policy could object to is told to the operator.
 * @param options another clock, and other roots than the vendors', for tests against a synthetic PKI
 */
export function selfVerification(
  options: { readonly now?: () => Date; readonly roots?: TrustRoots | undefined } = {},
): SelfVerification {
  return async (bundle, { type, origin, nonce }) => {
    try {
      const result = await verifyBundle(
        bundle,
        { ...observingPolicy([type]), maxAgeSeconds: MAX_AGE_SECONDS },
        {
          expectedOrigin: origin,
          nonce,
          now: options.now?.(),
          roots: options.roots,
        },
      );
      const { validUntil, measurements, advisories } = result;
      return { validUntilMs: validUntil.getTime(), measurements, advisories, objections: [] };
    } catch (error) {
      if (!PolicyError.isInstance(error)) throw error;
      // Good evidence all the same. Clients refuse it with an error that says why, which no answer at all would not.
      const objections = error.failures.map(({ message }) => message);
      return { validUntilMs: null, measurements: {}, advisories: [], objections };
    }
  };
}
