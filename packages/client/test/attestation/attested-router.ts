import type { AttestationPolicyInput, EvidenceType } from '@sotto/attestation';
import {
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticPlatforms,
} from '@sotto/attestation/testing';
import { decodeBase64Url } from '@sotto/protocol';
import type { AttestationOptions } from '../../src/attestation/attestation-options.ts';
import { GATEWAY_ORIGIN, NOW_MS, StandInGateway } from '../ohttp/stand-in-gateway.ts';

let shared: Promise<SyntheticPlatforms> | null = null;

/** The synthetic vendors that all tests of a process trust. */
export function syntheticPlatforms(): Promise<SyntheticPlatforms> {
  shared ??= createSyntheticPlatforms(new Date(NOW_MS));
  return shared;
}

/** The measurement of the synthetic router, and that of its next release. */
export const MEASUREMENT = '5a'.repeat(48);
export const NEXT_MEASUREMENT = 'a5'.repeat(48);

/** A policy that every tier takes. */
export const POLICY: AttestationPolicyInput = {
  platforms: [
    { type: 'sev-snp', measurements: [MEASUREMENT, NEXT_MEASUREMENT] },
    { type: 'aws-nitro', pcrs: { 0: ['e0'.repeat(48)] } },
  ],
};

/** The option `attestation` of a client of the synthetic router. */
export async function attestationOf(members: Partial<AttestationOptions> = {}): Promise<AttestationOptions> {
  return { ...POLICY, roots: (await syntheticPlatforms()).roots, ...members };
}

/** What a bundle is made of beside the router's keys. */
export interface EvidenceMembers {
  readonly type?: EvidenceType;
  readonly origin?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly keyConfigs?: Uint8Array;
  readonly measurement?: string;
}

/** A router in a synthetic TEE: the stand-in gateway, and evidence of its keys. */
export class AttestedRouter extends StandInGateway {
  nowMs = NOW_MS;
  epoch = 1;
  evidence: EvidenceMembers = {};
  /** Answers in the place of the evidence; null lets the request through. */
  onEvidence: (request: Request) => Response | null | Promise<Response | null> = () => null;
  /** Addresses at which evidence was asked for. */
  readonly asked: URL[] = [];

  override intercept = async (request: Request): Promise<Response | null> => {
    const url = new URL(request.url);
    if (url.pathname !== '/pki/attestation') return null;
    this.asked.push(url);
    return (await this.onEvidence(request)) ?? this.bundleResponse(url);
  };

  /** Takes other keys, as a router that was started anew does. */
  override rotate(): void {
    super.rotate();
    this.epoch++;
  }

  async bundle(nonce: string | null, members: EvidenceMembers = {}): Promise<string> {
    const platforms = await syntheticPlatforms();
    const {
      type = 'sev-snp',
      origin = GATEWAY_ORIGIN,
      claims,
      keyConfigs,
      measurement,
    } = { ...this.evidence, ...members };
    const challenge = nonce === null ? null : decodeBase64Url(nonce);
    return createSyntheticBundleText({
      platforms,
      type,
      keyConfig: keyConfigs ?? (await this.keyConfigs()),
      origin,
      now: new Date(this.nowMs),
      claims: { epoch: this.epoch, ...claims },
      ...(challenge === null ? {} : { nonce: challenge }),
      ...(measurement === undefined
        ? {}
        : {
            attest: async (reportData) => ({
              type: 'sev-snp',
              ...(await platforms.sevSnp.attest(reportData, { measurement: Buffer.from(measurement, 'hex') })),
            }),
          }),
    });
  }

  /** Sealed requests that arrived, whether or not they could be opened. */
  get sealed(): number {
    return this.outer.filter(({ method }) => method === 'POST').length;
  }

  async bundleResponse(url: URL, members: EvidenceMembers = {}): Promise<Response> {
    return evidenceResponse(await this.bundle(url.searchParams.get('nonce'), members));
  }
}

/** A bundle as a router sends it. */
export function evidenceResponse(bundle: string): Response {
  return new Response(bundle, { headers: { 'content-type': 'application/json' } });
}
