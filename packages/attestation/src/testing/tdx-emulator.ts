import { concatBytes, encodeUtf8 } from '@sotto/protocol';
import { DER_TAG } from '@sotto/protocol/der';
import { sha2, sha256Hex } from '../digest.ts';
import { decodeHex } from '../hex.ts';
import type { TdxCollateral } from '../tdx/collateral.ts';
import type { TdxEvidence } from '../tdx/verify.ts';
import { encodePemChain, type IssuedCertificate, issueCertificate, issueCrl } from './certificate-authority.ts';
import { der, integer, octetString, oid, sequence } from './der-writer.ts';
import { coordinates } from './signing-key.ts';
import { syntheticKey } from './synthetic-keys.ts';
import { type SyntheticValidity, syntheticValidity } from './synthetic-time.ts';
import { type JsonObject, syntheticQeIdentity, syntheticTcbInfo } from './tdx-collateral.ts';

/** What a synthetic trust domain is asked to say; whatever is left out is what a good one says. */
export interface TdxQuoteInput {
  readonly version?: 4 | 5;
  /** Of version 5: 2 for TDX 1.0, 3 for TDX 1.5. */
  readonly bodyType?: 2 | 3;
  /** The four runtime registers, 48 bytes each. */
  readonly rtmr?: readonly Uint8Array[];
  /** Changes the body of the quote before it is signed. */
  readonly editBody?: (body: Uint8Array) => void;
  /** Changes the header before it is signed. */
  readonly editHeader?: (header: Uint8Array) => void;
  /** Changes the quoting enclave's report before it is signed. */
  readonly editQeReport?: (report: Uint8Array) => void;
  /** Changes Intel's documents before they are signed. */
  readonly editTcbInfo?: (info: JsonObject) => void;
  readonly editQeIdentity?: (identity: JsonObject) => void;
  /** Serial numbers to revoke. */
  readonly revoked?: { readonly byRoot?: readonly number[]; readonly byCa?: readonly number[] };
}

/** Serial numbers of the synthetic Intel's certificates. */
export const TDX_SERIALS = { ca: 2, pck: 3, signer: 4 } as const;

/** A synthetic Intel: a root, its intermediates, and a platform that quotes whatever it is given. */
export interface TdxEmulator {
  /** SHA-256 of the root, for `roots`. */
  readonly root: string;
  readonly certificates: Readonly<Record<'root' | 'ca' | 'pck' | 'signer', IssuedCertificate>>;
  readonly validity: SyntheticValidity;
  /** Evidence that commits to `reportData`, 64 bytes. */
  attest(reportData: Uint8Array, input?: TdxQuoteInput): Promise<TdxEvidence & { readonly collateral: TdxCollateral }>;
}

/** MRTD and RTMR0 to 3 that a synthetic quote has unless told. */
export const SYNTHETIC_MR_TD: Uint8Array = new Uint8Array(48).fill(0x7d);
export const SYNTHETIC_RTMR: readonly Uint8Array[] = [0xa0, 0xa1, 0xa2, 0xa3].map((byte) =>
  new Uint8Array(48).fill(byte),
);
const HEADER = `040002008100000000000000939a7233f79c4ca9940a0db3957f0607${'00'.repeat(20)}`;
const TEE_TCB_SVN = '06010300000000000000000000000000';
const QE_AUTHENTICATION = new Uint8Array(32).fill(0x11);

/** Makes a synthetic Intel, valid around `now`. */
export async function createTdxEmulator(now: Date): Promise<TdxEmulator> {
  const validity = syntheticValidity(now);
  const names = ['intel-root', 'intel-ca', 'intel-pck', 'intel-signer', 'intel-attestation'] as const;
  const keys = await Promise.all(names.map((name) => syntheticKey(name, 'ecdsa-p256-sha256')));
  const [rootKey, caKey, pckKey, signerKey, attestationKey] = keys;
  if (!rootKey || !caKey || !pckKey || !signerKey || !attestationKey) throw new RangeError('a key is missing');
  const issue = { ...validity };
  const root = await issueCertificate({
    ...issue,
    commonName: 'Intel SGX Root CA',
    key: rootKey,
    ca: { pathLength: 1 },
  });
  const ca = await issueCertificate({
    ...issue,
    commonName: 'Intel SGX PCK Platform CA',
    key: caKey,
    issuer: root,
    serial: TDX_SERIALS.ca,
    ca: { pathLength: 0 },
  });
  const pck = await issueCertificate({
    ...issue,
    commonName: 'Intel SGX PCK Certificate',
    key: pckKey,
    issuer: ca,
    serial: TDX_SERIALS.pck,
    extensions: [{ oid: '1.2.840.113741.1.13.1', value: sgxExtension() }],
  });
  const signer = await issueCertificate({
    ...issue,
    commonName: 'Intel SGX TCB Signing',
    key: signerKey,
    issuer: root,
    serial: TDX_SERIALS.signer,
  });

  const collateral = async (input: TdxQuoteInput): Promise<TdxCollateral> => {
    const [info, identity] = [syntheticTcbInfo(validity), syntheticQeIdentity(validity)];
    input.editTcbInfo?.(info);
    input.editQeIdentity?.(identity);
    const [tcbInfo, qeIdentity] = [JSON.stringify(info), JSON.stringify(identity)];
    const signerChain = encodePemChain(signer.certificate, root.certificate);
    const lists = { thisUpdate: validity.notBefore, nextUpdate: validity.nextUpdate };
    return {
      tcbInfo,
      tcbInfoSignature: await signerKey.sign(encodeUtf8(tcbInfo)),
      tcbInfoIssuerChain: signerChain,
      qeIdentity,
      qeIdentitySignature: await signerKey.sign(encodeUtf8(qeIdentity)),
      qeIdentityIssuerChain: signerChain,
      pckCrl: await issueCrl({ ...lists, issuer: ca, revoked: input.revoked?.byCa ?? [] }),
      pckCrlIssuerChain: encodePemChain(ca.certificate, root.certificate),
      rootCaCrl: await issueCrl({ ...lists, issuer: root, revoked: input.revoked?.byRoot ?? [] }),
    };
  };

  const attest = async (reportData: Uint8Array, input: TdxQuoteInput = {}) => {
    const signed = writeSignedPart(reportData, input);
    const signature = await attestationKey.sign(signed);
    const qeReport = await writeQeReport(coordinates(attestationKey));
    input.editQeReport?.(qeReport);
    const chain = encodeUtf8(`${encodePemChain(pck.certificate, ca.certificate, root.certificate)}\0`);
    const certification = concatBytes(
      qeReport,
      await pckKey.sign(qeReport),
      uint16(QE_AUTHENTICATION.length),
      QE_AUTHENTICATION,
      uint16(5),
      uint32(chain.length),
      chain,
    );
    const type6 = concatBytes(uint16(6), uint32(certification.length), certification);
    const signatureData = concatBytes(signature, coordinates(attestationKey), type6);
    const quote = concatBytes(signed, uint32(signatureData.length), signatureData);
    return { quote, collateral: await collateral(input) };
  };
  return { root: await sha256Hex(root.certificate), certificates: { root, ca, pck, signer }, validity, attest };
}

function writeSignedPart(reportData: Uint8Array, input: TdxQuoteInput): Uint8Array {
  const version = input.version ?? 4;
  const header = bytesOf(HEADER);
  header.set(uint16(version));
  input.editHeader?.(header);
  const bodyType = version === 4 ? 2 : (input.bodyType ?? 3);
  const body = new Uint8Array(bodyType === 2 ? 584 : 648);
  body.set(bytesOf(TEE_TCB_SVN), 0);
  body.set(bytesOf('0000001000000000'), 120); // SEPT_VE_DISABLE
  body.set(bytesOf('e702060000000000'), 128);
  body.set(SYNTHETIC_MR_TD, 136);
  for (const [index, register] of (input.rtmr ?? SYNTHETIC_RTMR).entries()) body.set(register, 328 + index * 48);
  body.set(reportData, 520);
  input.editBody?.(body);
  return version === 4 ? concatBytes(header, body) : concatBytes(header, uint16(bodyType), uint32(body.length), body);
}

async function writeQeReport(attestationKey: Uint8Array): Promise<Uint8Array> {
  const report = new Uint8Array(384);
  report.set(bytesOf('1100000000000000e700000000000000'), 48);
  report.set(bytesOf('dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5'), 128);
  report.set(uint16(2), 256);
  report.set(uint16(4), 258);
  report.set(await sha2('SHA-256', concatBytes(attestationKey, QE_AUTHENTICATION)), 320);
  return report;
}

function sgxExtension(): Uint8Array {
  const sgx = '1.2.840.113741.1.13.1';
  const field = (suffix: string, value: Uint8Array) => sequence(oid(`${sgx}.${suffix}`), value);
  // CPUSVN, which 2.18 holds, is the 16 components as bytes.
  const cpuSvn = Uint8Array.from({ length: 16 }, (_, index) => (index < 8 ? 3 : 0));
  const components = [...cpuSvn].map((svn, index) => field(`2.${index + 1}`, integer(svn)));
  const tcb = sequence(...components, field('2.17', integer(13)), field('2.18', octetString(cpuSvn)));
  return sequence(
    field('1', octetString(new Uint8Array(16))),
    field('2', tcb),
    field('3', octetString(new Uint8Array(2))),
    field('4', octetString(bytesOf('50806f000000'))),
    field('5', der(DER_TAG.enumerated, Uint8Array.of(1))),
  );
}

function bytesOf(hex: string): Uint8Array {
  return decodeHex(hex) ?? new Uint8Array();
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function uint32(value: number): Uint8Array {
  return concatBytes(uint16(value & 0xffff), uint16(value >>> 16));
}
