import { z } from 'zod';

/** SHA-1 or SHA-256 (gitformat-hash-function-transition, Object names). */
const GIT_OBJECT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
/** OCI image-spec 1.1, Content Descriptors, Digests: the one algorithm that registries use. */
const OCI_DIGEST = /^sha256:[0-9a-f]{64}$/;
const SEV_PRODUCTS = ['Milan', 'Genoa', 'Turin'] as const;
const serviceUrl = z.url({ protocol: /^https?$/ });

/** What the router attests with, as its operator writes it. */
export const attestationSchema = z
  .strictObject({
    /** `auto`: the kernel's TSM reports, else dstack's guest agent. Programs and software are never chosen unasked. */
    attester: z.enum(['none', 'auto', 'configfs-tsm', 'dstack', 'exec', 'software']).default('none'),
    /** The word that software evidence, which proves nothing, is meant. */
    allowInsecure: z.boolean().default(false),
    /** Of `exec`: a program and its arguments, one of which holds `{reportDataHex}`; no shell reads them. */
    command: z.array(z.string().min(1).max(4_096)).min(2).max(64).optional(),
    /** Of `exec`: the kind of evidence that the program writes. */
    evidence: z.enum(['sev-snp', 'tdx', 'dstack-tdx', 'aws-nitro']).optional(),
    /** Longest wait for a report and what the vendor adds to it; TDX takes seconds, a throttled SEV-SNP up to 60. */
    timeoutSeconds: z.int().min(1).max(600).default(90),
    /** Age at which static evidence is made anew; by default half the life of its keys. */
    refreshSeconds: z.int().min(60).max(86_400).optional(),
    /** Caches of the vendors' services; by default the services themselves. */
    collateral: z
      .strictObject({
        /** AMD: certificates and revocation lists. */
        kdsUrl: serviceUrl.optional(),
        /** Intel: TCB info, identities and revocation lists. */
        pcsUrl: serviceUrl.optional(),
        /** Intel: the revocation list of the root. */
        rootCrlUrl: serviceUrl.optional(),
        /** AMD: the processor family, for reports of version 2 that come without a certificate. */
        sevProduct: z.enum(SEV_PRODUCTS).optional(),
        /** AMD: leaves the revocation list out, for machines that reach no service; tier maximum then refuses. */
        skipAmdCrl: z.boolean().default(false),
      })
      .prefault({}),
    /** What the claims say of the build; the image that is measured has to hold it for it to be worth anything. */
    software: z
      .strictObject({
        commit: z.string().regex(GIT_OBJECT, 'the full hash of a commit, 40 or 64 lower-case digits').optional(),
        imageDigest: z.string().regex(OCI_DIGEST, 'a digest, sha256: and 64 lower-case digits').optional(),
      })
      .prefault({}),
  })
  .superRefine(({ attester, allowInsecure, command, evidence }, context) => {
    const issue = (name: string, message: string): void => context.addIssue({ code: 'custom', path: [name], message });
    const isExec = attester === 'exec';
    if (isExec !== (command !== undefined)) issue('command', 'attester: exec needs it, and no other takes it');
    if (isExec !== (evidence !== undefined)) issue('evidence', 'attester: exec needs it, and no other takes it');
    if ((attester === 'software') !== allowInsecure) {
      issue('allowInsecure', 'attester: software needs true, and no other takes it: its evidence proves nothing');
    }
  });

/** What the router attests with, with its defaults. */
export type AttestationConfig = z.output<typeof attestationSchema>;

/** Clients of tier high take static evidence that is a day old at most, and its age is that of the keys it names. */
const MAX_ROTATION_SECONDS = 86_400;

/** Reports what of the rest of a configuration keeps its evidence from being taken by anybody. */
export function checkAttestedConfig(
  config: {
    readonly attestation: Pick<AttestationConfig, 'attester'>;
    readonly publicUrl?: string | undefined;
    readonly ohttp: { readonly rotationSeconds: number };
  },
  issue: (path: string[], message: string) => void,
): void {
  if (config.attestation.attester === 'none') return;
  if (config.publicUrl === undefined) {
    issue(['publicUrl'], 'evidence names the origin of its router: with an attester, say which it is');
  }
  if (config.ohttp.rotationSeconds > MAX_ROTATION_SECONDS) {
    issue(
      ['ohttp', 'rotationSeconds'],
      `with an attester, ${MAX_ROTATION_SECONDS} at most: clients take no older keys`,
    );
  }
}
