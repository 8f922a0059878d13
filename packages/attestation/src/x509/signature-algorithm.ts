import { encodeHex } from '@sotto/protocol';

/** The signatures that AMD, Intel and AWS use; nothing else is taken. */
export type SignatureAlgorithm = 'rsa-pss-sha384' | 'ecdsa-p256-sha256' | 'ecdsa-p384-sha384';

const SHA384 = '300d06096086480165030402020500'; // RFC 8017 §B.1: id-sha384 with NULL parameters
const MGF1_SHA384 = `301a06092a864886f70d010108${SHA384}`; // RFC 8017 §A.2.3
const PSS_SHA384 = `a00f${SHA384}a11c${MGF1_SHA384}a203020130`; // hash, mask generation, salt of 48 bytes

/**
 * Whole AlgorithmIdentifiers, byte for byte: an algorithm that is compared rather than parsed leaves no parameter to
 * play with.
 */
const ALGORITHM_IDENTIFIERS: Readonly<Record<string, SignatureAlgorithm>> = {
  [`304106092a864886f70d01010a3034${PSS_SHA384}`]: 'rsa-pss-sha384',
  // AMD's ARK and ASK write out trailerField 1, which DER would leave away as the default.
  [`304606092a864886f70d01010a3039${PSS_SHA384}a303020101`]: 'rsa-pss-sha384',
  '300a06082a8648ce3d040302': 'ecdsa-p256-sha256', // RFC 5758 §3.2: ecdsa-with-SHA256, no parameters
  '300a06082a8648ce3d040303': 'ecdsa-p384-sha384', // RFC 5758 §3.2: ecdsa-with-SHA384
};

/** Reads an AlgorithmIdentifier, DER. Throws `RangeError` for any but the three. */
export function parseSignatureAlgorithm(encoded: Uint8Array): SignatureAlgorithm {
  const algorithm = ALGORITHM_IDENTIFIERS[encodeHex(encoded)];
  if (algorithm === undefined) throw new RangeError('signature algorithm is not one that is taken');
  return algorithm;
}
