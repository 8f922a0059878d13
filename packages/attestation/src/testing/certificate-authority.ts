import { DER_TAG } from '@sotto/protocol/der';
import { KEY_USAGE } from '../x509/extensions.ts';
import { bitString, der, integer, namedBits, nameOf, octetString, oid, sequence, time } from './der-writer.ts';
import { algorithmIdentifier, type SigningKey, signForX509 } from './signing-key.ts';

/** A certificate of a synthetic vendor, with the key it is of. */
export interface IssuedCertificate {
  readonly commonName: string;
  readonly key: SigningKey;
  readonly certificate: Uint8Array;
}

/** An extension, with its value as the OCTET STRING holds it. */
interface ExtensionInput {
  readonly oid: string;
  readonly critical?: boolean;
  readonly value: Uint8Array;
}

/** What goes into a certificate; whatever is left out is what a good one has. */
export interface CertificateInput {
  readonly commonName: string;
  readonly key: SigningKey;
  /** Self-signed where it is left out. */
  readonly issuer?: IssuedCertificate;
  readonly serial?: number;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Null for a leaf. */
  readonly ca?: { readonly pathLength?: number } | null;
  /** Bits of KeyUsage; those of a CA or a leaf where it is left out, none where it is null. */
  readonly keyUsage?: readonly number[] | null;
  readonly extensions?: readonly ExtensionInput[];
  /** Another AlgorithmIdentifier, DER, than the issuer's key has. */
  readonly algorithm?: Uint8Array;
}

/** Issues a certificate. */
export async function issueCertificate(input: CertificateInput): Promise<IssuedCertificate> {
  const { commonName, key, issuer } = input;
  const signer = issuer?.key ?? key;
  const algorithm = input.algorithm ?? algorithmIdentifier(signer.algorithm);
  const body = sequence(
    der(0xa0, integer(2)),
    integer(input.serial ?? 1),
    algorithm,
    nameOf(issuer?.commonName ?? commonName),
    sequence(time(input.notBefore), time(input.notAfter)),
    nameOf(commonName),
    key.spki,
    der(0xa3, sequence(...allExtensions(input).map(writeExtension))),
  );
  const certificate = sequence(body, algorithm, bitString(await signForX509(signer, body)));
  return { commonName, key, certificate };
}

function allExtensions({ ca = null, keyUsage, extensions = [] }: CertificateInput): readonly ExtensionInput[] {
  const usual = ca === null ? [KEY_USAGE.digitalSignature] : [KEY_USAGE.keyCertSign, KEY_USAGE.crlSign];
  const usage = keyUsage === undefined ? usual : keyUsage;
  const pathLength = ca?.pathLength === undefined ? [] : [integer(ca.pathLength)];
  const constraints = ca === null ? sequence() : sequence(der(DER_TAG.boolean, Uint8Array.of(0xff)), ...pathLength);
  return [
    { oid: '2.5.29.19', critical: true, value: constraints },
    ...(usage === null ? [] : [{ oid: '2.5.29.15', critical: true, value: namedBits(usage) }]),
    ...extensions,
  ];
}

function writeExtension({ oid: name, critical = false, value }: ExtensionInput): Uint8Array {
  const flag = critical ? [der(DER_TAG.boolean, Uint8Array.of(0xff))] : [];
  return sequence(oid(name), ...flag, octetString(value));
}

/** What goes into a revocation list. */
export interface CrlInput {
  readonly issuer: IssuedCertificate;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Serial numbers. */
  readonly revoked?: readonly number[];
}

/** Issues a revocation list, DER. */
export async function issueCrl({ issuer, thisUpdate, nextUpdate, revoked = [] }: CrlInput): Promise<Uint8Array> {
  const algorithm = algorithmIdentifier(issuer.key.algorithm);
  const entries = revoked.map((serial) => sequence(integer(serial), time(thisUpdate)));
  const body = sequence(
    integer(1),
    algorithm,
    nameOf(issuer.commonName),
    time(thisUpdate),
    time(nextUpdate),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    der(0xa0, sequence(writeExtension({ oid: '2.5.29.20', value: integer(1) }))),
  );
  return sequence(body, algorithm, bitString(await signForX509(issuer.key, body)));
}

export { encodePemChain } from '../x509/pem.ts';
