import { isDeepStrictEqual } from 'node:util';

import type { TrustRoots } from '@sotto/attestation';

import type { KeyClaims } from '@sotto/protocol/key-statement';
import type { AttestationEvent } from './attestation/attestation-event.ts';
import type { AttestationConfig } from './attestation/config.ts';
import { createAttester } from './attestation/create-attester.ts';
import type { EndorsedAttester } from './attestation/endorsed-attester.ts';
import { EvidencePublisher } from './attestation/evidence-publisher.ts';
import { type SelfVerification, selfVerification } from './attestation/self-verification.ts';
import { readTlsSpkiSha256 } from './attestation/tls-spki.ts';
import { upstreamPolicySha256 } from './attestation/upstream-policy.ts';
import type { RouterConfig } from './config/schema.ts';
import type { Environment } from './config/secrets.ts';
import { keyClaims, type StandingClaims } from './key-claims.ts';
import type { RouterKeys } from './open-router-keys.ts';
import { generateSigningIdentity, openSigningIdentity, type SigningIdentity } from './pki/signing-identity.ts';

/** What a program that embeds the router may bring to its attestation. */
export interface AttestationOptions {
  /** Makes the evidence, in the place of what the configuration names. */
  readonly attester?: EndorsedAttester | undefined;
  /**
   * Other roots than the vendors', for the router's own evidence and for that of its upstreams: for tests against a
   * synthetic PKI. No configuration can name them.
   */
  readonly roots?: TrustRoots | undefined;
  /** Checks it before it is published, in the place of the clients' verifier. */
  readonly verifyEvidence?: SelfVerification | undefined;
  /** Told of what happens to the evidence. */
  readonly onAttestation?: ((event: AttestationEvent) => void) | undefined;
  /** The receipts' private key, PKCS#8 PEM, where several processes share one. */
  readonly receiptPem?: string | undefined;
}

/** What the router is made of for its evidence. */
export interface AttestationParts {
  readonly config: RouterConfig;
  readonly settings: AttestationConfig;
  readonly environment: Environment;
  readonly keys: Pick<RouterKeys, 'schedule' | 'rsa'>;
  readonly options: AttestationOptions;
}

/** What the router says of itself, and proves. */
export interface RouterAttestation {
  /** The claims of this moment: what the identity signs and evidence binds. */
  readonly claims: () => KeyClaims;
  /**
   * Reads what another configuration changes of the claims.
   * @returns whether the policy of upstreams is another one, and what states the claims anew from then on
   * @throws ConfigurationError `invalid_config`
   */
  readonly prepare: (config: RouterConfig) => Promise<{ readonly policyChanges: boolean; readonly commit: () => void }>;
  /** Null where the router does not attest. */
  readonly publisher: EvidencePublisher | null;
  /**
   * Signs receipts. It is never read from a file: a key that was made in a TEE, and left it only sealed for the other
   * routers of a cluster, is what makes a receipt the attested router's word, and not its operator's.
   */
  readonly receiptSigner: SigningIdentity;
}

/**
 * Makes the router's claims, and the publisher of evidence for them.
 * @throws ConfigurationError `invalid_config`, `invalid_key_file`
 * @throws AttestationError where the machine does not offer what the configuration asks for
 */
export async function openAttestation(parts: AttestationParts): Promise<RouterAttestation> {
  const { config, settings, environment, keys, options } = parts;
  const attester = options.attester ?? (await createAttester(settings, environment));
  const receiptSigner = openSigningIdentity(options.receiptPem ?? generateSigningIdentity());
  const standingOf = async (of: RouterConfig): Promise<StandingClaims> => ({
    upstreamPolicySha256: upstreamPolicySha256(of),
    receiptKey: receiptSigner.publicKey,
    ...(of.tls === undefined ? {} : { tlsSpkiSha256: await readTlsSpkiSha256(of.tls.certFile) }),
    ...(attester?.type === 'software' ? { insecure: true } : {}),
  });
  let standing = await standingOf(config);
  const claims = currentClaims(keys.schedule, {
    standing: () => standing,
    state: () => keyClaims(config, keys.schedule, keys.rsa?.fingerprint ?? null, standing),
  });
  const prepare: RouterAttestation['prepare'] = async (next) => {
    const changed = await standingOf(next);
    const commit = (): void => {
      if (!isDeepStrictEqual(standing, changed)) standing = changed;
    };
    return { policyChanges: standing.upstreamPolicySha256 !== changed.upstreamPolicySha256, commit };
  };
  if (attester === null) return { claims, prepare, publisher: null, receiptSigner };
  const { timeoutSeconds, refreshSeconds } = settings;
  const publisher = new EvidencePublisher({
    attester,
    claims,
    verify: options.verifyEvidence ?? selfVerification({ roots: options.roots }),
    onEvent: options.onAttestation,
    timeoutMs: timeoutSeconds * 1_000,
    refreshMs: refreshSeconds === undefined ? undefined : refreshSeconds * 1_000,
  });
  return { claims, prepare, publisher, receiptSigner };
}

/** States claims anew only when the keys or what stands beside them have changed: anybody may ask for them. */
function currentClaims(
  schedule: RouterKeys['schedule'],
  { standing, state }: { readonly standing: () => StandingClaims; readonly state: () => KeyClaims },
): () => KeyClaims {
  let stated: { readonly configs: Uint8Array; readonly beside: StandingClaims; readonly claims: KeyClaims } | null =
    null;
  return () => {
    const configs = schedule.encodedConfigs;
    const beside = standing();
    // The schedule writes them once for each set of keys.
    if (stated?.configs !== configs || stated.beside !== beside) stated = { configs, beside, claims: state() };
    return stated.claims;
  };
}
