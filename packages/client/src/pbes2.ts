import { encodeUtf8, equalBytes } from '@sotto/protocol';
import { DER_TAG, DerReader, unsignedInteger } from '@sotto/protocol/nomyo-v1';
import { encodeDer, encodeDerInteger } from './der-writer.ts';

const OID_PBES2 = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d); // RFC 8018 §A.4
const OID_PBKDF2 = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c); // RFC 8018 §A.2
const OID_DIGEST = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02] as const; // RFC 8018 §B.1: hmacWithSHA… under it
const OID_AES = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01] as const; // RFC 8018 §B.2.5: aes…-CBC under it

/** Last arc of hmacWithSHA… under {@link OID_DIGEST}, and WebCrypto's name of the hash. */
const HASHES = new Map([
  [7, 'SHA-1'],
  [9, 'SHA-256'],
  [10, 'SHA-384'],
  [11, 'SHA-512'],
]);
/** Last arc of aes…-CBC under {@link OID_AES}, and the key's length in bits. */
const AES_BITS = new Map([
  [2, 128],
  [22, 192],
  [42, 256],
]);

const ITERATIONS = 600_000; // OWASP Password Storage Cheat Sheet, PBKDF2-HMAC-SHA256
/** Some seconds of work; a file that asks for more is not one to wait for. */
const MAX_ITERATIONS = 20_000_000;
const SALT_BYTES = 16;
const IV_BYTES = 16;

/** A PBES2 EncryptedPrivateKeyInfo's parts (RFC 5208 §6, RFC 8018 §6.2). */
interface Sealed {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly hash: string;
  readonly keyBits: number;
  readonly iv: Uint8Array;
  readonly encrypted: Uint8Array;
}

/**
 * Encrypts a PKCS#8 key under a password: PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, which OpenSSL and
 * Python's cryptography read. Derives the key off the event loop.
 * @returns EncryptedPrivateKeyInfo, DER; PEM type ENCRYPTED PRIVATE KEY
 */
export async function sealPbes2(pkcs8: Uint8Array, password: string): Promise<Uint8Array<ArrayBuffer>> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const key = await deriveKey(password, { salt, iterations: ITERATIONS, hash: 'SHA-256', keyBits: 256 }, 'encrypt');
  const plaintext = new Uint8Array(pkcs8);
  const encrypted = await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key, plaintext);
  plaintext.fill(0);

  const { sequence, octetString, integer, oid, null: nullTag } = DER_TAG;
  const prf = encodeDer(sequence, encodeDer(oid, Uint8Array.of(...OID_DIGEST, 9)), encodeDer(nullTag));
  const derivation = encodeDer(sequence, encodeDer(octetString, salt), encodeDerInteger(integer, ITERATIONS), prf);
  const cipher = encodeDer(sequence, encodeDer(oid, Uint8Array.of(...OID_AES, 42)), encodeDer(octetString, iv));
  const parameters = encodeDer(sequence, encodeDer(sequence, encodeDer(oid, OID_PBKDF2), derivation), cipher);
  const algorithm = encodeDer(sequence, encodeDer(oid, OID_PBES2), parameters);
  return encodeDer(sequence, algorithm, encodeDer(octetString, new Uint8Array(encrypted)));
}

/** Whether {@link openPbes2} knows the form: PBES2 with PBKDF2 and AES-CBC. */
export function isPbes2(sealed: Uint8Array): boolean {
  return readPbes2(sealed) !== null;
}

/**
 * Decrypts what {@link sealPbes2}, OpenSSL or Python's cryptography made.
 * @returns the PKCS#8, DER, or null for a wrong password and for bytes that {@link isPbes2} refuses. One wrong
 *   password in 256 passes here: AES-CBC's padding is no proof, the caller parses what comes out.
 */
export async function openPbes2(sealed: Uint8Array, password: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const parts = readPbes2(sealed);
  if (parts === null) return null;
  const key = await deriveKey(password, parts, 'decrypt');
  const algorithm = { name: 'AES-CBC', iv: new Uint8Array(parts.iv) };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, new Uint8Array(parts.encrypted)));
  } catch {
    return null;
  }
}

type Derivation = Pick<Sealed, 'salt' | 'iterations' | 'hash' | 'keyBits'>;

async function deriveKey(password: string, from: Derivation, usage: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const passwordBytes = encodeUtf8(password);
  const base = await crypto.subtle.importKey('raw', passwordBytes, 'PBKDF2', false, ['deriveKey']);
  passwordBytes.fill(0);
  const algorithm = { name: 'PBKDF2', salt: new Uint8Array(from.salt), iterations: from.iterations, hash: from.hash };
  return crypto.subtle.deriveKey(algorithm, base, { name: 'AES-CBC', length: from.keyBits }, false, [usage]);
}

function readPbes2(der: Uint8Array): Sealed | null {
  try {
    const outer = new DerReader(der);
    const info = new DerReader(outer.read(DER_TAG.sequence));
    outer.end();
    const algorithm = new DerReader(info.read(DER_TAG.sequence));
    const encrypted = info.read(DER_TAG.octetString);
    info.end();
    if (!equalBytes(algorithm.read(DER_TAG.oid), OID_PBES2)) return null;
    const parameters = new DerReader(algorithm.read(DER_TAG.sequence));
    const derivation = readDerivation(new DerReader(parameters.read(DER_TAG.sequence)));
    const cipher = new DerReader(parameters.read(DER_TAG.sequence));
    const keyBits = AES_BITS.get(lastArc(cipher.read(DER_TAG.oid), OID_AES));
    const iv = cipher.read(DER_TAG.octetString);
    if (derivation === null || keyBits === undefined || iv.length !== IV_BYTES) return null;
    return { ...derivation, keyBits, iv, encrypted };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readDerivation(algorithm: DerReader): Omit<Derivation, 'keyBits'> | null {
  if (!equalBytes(algorithm.read(DER_TAG.oid), OID_PBKDF2)) return null;
  const parameters = new DerReader(algorithm.read(DER_TAG.sequence));
  const salt = parameters.read(DER_TAG.octetString);
  const iterations = unsignedNumber(parameters.read(DER_TAG.integer));
  // The derived key's length is given by the cipher already.
  if (parameters.peek() === DER_TAG.integer) parameters.read(DER_TAG.integer);
  let hash = HASHES.get(7); // RFC 8018 §A.2: hmacWithSHA1 unless said otherwise
  if (parameters.peek() !== null) {
    hash = HASHES.get(lastArc(new DerReader(parameters.read(DER_TAG.sequence)).read(DER_TAG.oid), OID_DIGEST));
  }
  if (hash === undefined || iterations < 1 || iterations > MAX_ITERATIONS) return null;
  return { salt, iterations, hash };
}

function unsignedNumber(contents: Uint8Array): number {
  let value = 0;
  for (const byte of unsignedInteger(contents)) value = value * 256 + byte;
  return value;
}

/** The number after `prefix` in an object identifier; -1 for any other one. */
function lastArc(oid: Uint8Array, prefix: readonly number[]): number {
  const [last, ...none] = oid.subarray(prefix.length);
  return last !== undefined && none.length === 0 && prefix.every((byte, index) => oid[index] === byte) ? last : -1;
}
