import { sha256Hex } from '../digest.ts';
import type { CborValue } from '../nitro/cbor-reader.ts';
import { writeCbor } from '../nitro/cbor-writer.ts';
import type { NitroEvidence } from '../nitro/verify.ts';
import { type IssuedCertificate, issueCertificate } from './certificate-authority.ts';
import { syntheticKey } from './synthetic-keys.ts';
import { syntheticValidity } from './synthetic-time.ts';

/** What a synthetic Nitro hypervisor is asked to say; whatever is left out is what a good one says. */
export interface NitroDocumentInput {
  readonly nonce?: Uint8Array;
  readonly timestamp?: number;
  /** Other fields of the document, before it is signed. */
  readonly fields?: Readonly<Record<string, CborValue>>;
  /** Another protected header. */
  readonly protectedHeader?: CborValue;
  readonly unprotectedHeader?: CborValue;
}

/** A synthetic AWS: a root, its intermediates, and a hypervisor that signs whatever it is given. */
export interface NitroEmulator {
  /** SHA-256 of the root, for `roots`. */
  readonly root: string;
  readonly chain: readonly IssuedCertificate[];
  /** Evidence that commits to `reportData` in its user data. */
  attest(reportData: Uint8Array, input?: NitroDocumentInput): Promise<NitroEvidence>;
}

/** PCR0 to 2 that a synthetic document has unless told. */
export const SYNTHETIC_PCRS: readonly Uint8Array[] = [0xe0, 0xe1, 0xe2].map((byte) => new Uint8Array(48).fill(byte));

/** Makes a synthetic AWS, valid around `now`. */
export async function createNitroEmulator(now: Date): Promise<NitroEmulator> {
  const validity = syntheticValidity(now);
  const key = (name: string) => syntheticKey(`aws-${name}`, 'ecdsa-p384-sha384');
  const ca = { ...validity, ca: {} };
  const root = await issueCertificate({ ...ca, commonName: 'aws.nitro-enclaves', key: await key('root') });
  const zone = await issueCertificate({
    ...ca,
    commonName: 'zone',
    key: await key('zone'),
    issuer: root,
    ca: { pathLength: 1 },
  });
  const host = await issueCertificate({
    ...ca,
    commonName: 'host',
    key: await key('host'),
    issuer: zone,
    ca: { pathLength: 0 },
  });
  const leaf = await issueCertificate({ ...validity, commonName: 'enclave', key: await key('leaf'), issuer: host });

  const attest = async (reportData: Uint8Array, input: NitroDocumentInput = {}): Promise<NitroEvidence> => {
    const fields: Readonly<Record<string, CborValue>> = {
      module_id: 'i-0123456789abcdef0-enc0123456789abcdef',
      digest: 'SHA384',
      timestamp: input.timestamp ?? now.getTime(),
      pcrs: new Map([0, 1, 2, 3, 4].map((index) => [index, SYNTHETIC_PCRS[index] ?? new Uint8Array(48)])),
      certificate: leaf.certificate,
      cabundle: [root, zone, host].map(({ certificate }) => certificate),
      public_key: null,
      user_data: reportData,
      nonce: input.nonce ?? null,
      ...input.fields,
    };
    const payload = writeCbor(new Map(Object.entries(fields)));
    const protectedHeader = writeCbor(input.protectedHeader ?? new Map([[1, -35]]));
    const signature = await leaf.key.sign(writeCbor(['Signature1', protectedHeader, new Uint8Array(), payload]));
    return { document: writeCbor([protectedHeader, input.unprotectedHeader ?? new Map(), payload, signature]) };
  };
  return { root: await sha256Hex(root.certificate), chain: [leaf, host, zone, root], attest };
}
