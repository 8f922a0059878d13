import { encodeUtf8 } from '@sotto/protocol';
import { encodeBase64Url } from '../base64url.ts';
import { computeReportData } from '../binding.ts';
import type { Bundle, Evidence, EvidenceType } from '../bundle.ts';
import { encodeBundle } from '../bundle-encoding.ts';
import type { SevProduct, TrustRoots } from '../roots.ts';
import { SOFTWARE_WARNING, softwareSignedBytes } from '../software/verify.ts';
import { attestDstack } from './dstack-emulator.ts';
import { createNitroEmulator, type NitroEmulator } from './nitro-emulator.ts';
import { createSevSnpEmulator, type SevSnpEmulator } from './sev-snp-emulator.ts';
import { syntheticKey } from './synthetic-keys.ts';
import { createTdxEmulator, type TdxEmulator } from './tdx-emulator.ts';

/** Every platform of a synthetic world, and the roots to trust it by. Its keys last as long as the process. */
export interface SyntheticPlatforms {
  readonly roots: TrustRoots;
  readonly sevSnp: SevSnpEmulator;
  readonly tdx: TdxEmulator;
  readonly nitro: NitroEmulator;
  /** Evidence of a kind that commits to `reportData`, 64 bytes; `nonce` where the kind has a field for it. */
  attest(type: EvidenceType, reportData: Uint8Array, nonce?: Uint8Array): Promise<Evidence>;
}

/** Makes a synthetic world around `now`; the first call in a process takes seconds, for two RSA-4096 keys. */
export async function createSyntheticPlatforms(now: Date, product: SevProduct = 'Genoa'): Promise<SyntheticPlatforms> {
  const sevSnp = await createSevSnpEmulator(product, now);
  const tdx = await createTdxEmulator(now);
  const nitro = await createNitroEmulator(now);
  const amd = { Milan: '', Genoa: '', Turin: '', [product]: sevSnp.root };

  const attest = async (type: EvidenceType, reportData: Uint8Array, nonce?: Uint8Array): Promise<Evidence> => {
    switch (type) {
      case 'sev-snp':
        return { type, ...(await sevSnp.attest(reportData)) };
      case 'tdx':
        return { type, ...(await tdx.attest(reportData)) };
      case 'dstack-tdx':
        return { type, ...(await attestDstack(tdx, reportData)) };
      case 'aws-nitro':
        return { type, ...(await nitro.attest(reportData, nonce === undefined ? {} : { nonce })) };
      case 'software': {
        const key = await syntheticKey('software', 'ecdsa-p256-sha256');
        const signature = await key.sign(softwareSignedBytes(reportData));
        return { type, publicKey: key.spki, signature, warning: SOFTWARE_WARNING };
      }
    }
  };
  return { roots: { amd, intelSgx: tdx.root, awsNitro: nitro.root }, sevSnp, tdx, nitro, attest };
}

/** What a synthetic router's bundle is made of. */
export interface SyntheticBundleInput {
  readonly platforms: SyntheticPlatforms;
  readonly type: EvidenceType;
  /** The bytes to encrypt to over ohttp. */
  readonly keyConfig: Uint8Array;
  readonly origin: string;
  readonly now: Date;
  /** Makes the evidence answer a challenge. */
  readonly nonce?: Uint8Array;
  /** Other members of the claims, over those of a good router. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Other evidence than the platform makes by itself. */
  readonly attest?: (reportData: Uint8Array) => Promise<Evidence>;
}

/** The bundle that a router on a synthetic platform serves. */
export async function createSyntheticBundle(input: SyntheticBundleInput): Promise<Bundle> {
  const { platforms, type, nonce, now } = input;
  const iat = Math.floor(now.getTime() / 1_000);
  const claims = encodeUtf8(
    JSON.stringify({
      v: 1,
      kid: 'k1',
      keyConfig: encodeBase64Url(input.keyConfig),
      aud: input.origin,
      epoch: 1,
      iat,
      exp: iat + 86_400,
      minProtocol: 'ohttp',
      rsaKeySha256: null,
      ehbpKey: null,
      software: { name: 'sotto-router', version: '0.1.0', commit: 'synthetic' },
      ...(type === 'software' ? { insecure: true } : {}),
      ...input.claims,
    }),
  );
  const reportData = await computeReportData(claims, nonce);
  const evidence = await (input.attest?.(reportData) ?? platforms.attest(type, reportData, nonce));
  return { v: 1, claims, ...(nonce === undefined ? {} : { nonce }), evidence };
}

/** {@link createSyntheticBundle} as the router sends it: JSON. */
export async function createSyntheticBundleText(input: SyntheticBundleInput): Promise<string> {
  return encodeBundle(await createSyntheticBundle(input));
}
