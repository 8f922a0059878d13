import type { EvidenceType } from '@sotto/attestation';

/** What happens to the router's evidence, for its operator; never what is in a request. */
export type AttestationEvent =
  /** The evidence will be made by software, which proves nothing: said at each start, and to be said loudly. */
  | { readonly kind: 'insecure'; readonly message: string }
  | {
      readonly kind: 'published';
      readonly type: EvidenceType;
      /** Of the keys that the evidence speaks for. */
      readonly kid: string;
      /** By the platform's own names, lower-case hexadecimal: what clients have to list. */
      readonly measurements: Readonly<Record<string, string>>;
      /** Advisories of the vendor that concern the platform. */
      readonly advisories: readonly string[];
      /** Why policies may refuse this platform, whatever they list: debugging, migration, firmware. */
      readonly objections: readonly string[];
      readonly validUntil: Date;
    }
  | {
      readonly kind: 'failed';
      readonly purpose: 'static' | 'challenge';
      /** The attester's or the verifier's; its message says what to do. */
      readonly error: unknown;
      /** Whether a bundle made earlier is still served. */
      readonly stillServing: boolean;
    };
