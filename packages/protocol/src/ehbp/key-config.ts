import { SecurityError } from '../errors.ts';
import { KEM_X25519 } from '../hpke/suite.ts';
import { encodeKeyConfig, parseKeyConfigs } from '../ohttp/key-config.ts';
import { EHBP_KEY_ID, EHBP_SUITE } from './constants.ts';

/** The 41 bytes of the key configuration: bare, without a length before it (EHBP §3.2). @param publicKey 32 bytes */
export function encodeEhbpKeyConfig(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeKeyConfig({ keyId: EHBP_KEY_ID, kemId: KEM_X25519, publicKey, suites: [EHBP_SUITE] });
}

/**
 * The public key of a key configuration: 32 bytes of X25519.
 * @throws SecurityError `invalid_key_config`, `unsupported_key_config`
 */
export function parseEhbpKeyConfig(bytes: Uint8Array): Uint8Array {
  // EHBP §3.2: clients use the first configuration and no other.
  const [config] = parseKeyConfigs(bytes);
  const { kemId, kdfId, aeadId } = EHBP_SUITE;
  const offered = config?.suites.some((one) => one.kdfId === kdfId && one.aeadId === aeadId) ?? false;
  if (config === undefined || config.kemId !== kemId || !offered) {
    throw new SecurityError('the router has no key of the suite that EHBP uses', { code: 'unsupported_key_config' });
  }
  return config.publicKey;
}
