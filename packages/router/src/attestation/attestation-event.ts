import type { EvidenceType } from '@sotto/attestation';
import { SottoError } from '@sotto/protocol';

/**
 * What happens to the router's evidence, for its operator: plain data, which can be logged and sent between processes.
 * Never what is in a request.
 */
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
      /** Milliseconds since 1970. */
      readonly validUntilMs: number;
    }
  | {
      readonly kind: 'failed';
      readonly purpose: 'static' | 'challenge';
      /** Of the attester or the verifier; `internal_error` for whatever else went wrong. */
      readonly code: string;
      /** Says what to do. */
      readonly message: string;
      /** Whether a bundle made earlier is still served. */
      readonly stillServing: boolean;
    };

/** What an operator is told of an error: ours in their own words, any other by its name alone. */
export function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  if (SottoError.isInstance(error)) return { code: error.code, message: error.message };
  return { code: 'internal_error', message: error instanceof Error ? error.name : typeof error };
}
