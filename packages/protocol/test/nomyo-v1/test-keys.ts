import { nodeCrypto } from '../../src/node/node-crypto.ts';
import { generateRsaKeyPair, type RsaKeyPair } from '../../src/nomyo-v1/rsa-key.ts';

/** A pair of 2,048 bits: as good as one of 4,096 for everything but security, and made in a tenth of the time. */
export function shortKeyPair(): Promise<RsaKeyPair> {
  return generateRsaKeyPair(nodeCrypto, 2_048);
}

/** An envelope's members, for tests to change. */
export interface EnvelopeJson {
  [member: string]: unknown;
  encrypted_payload: { [member: string]: unknown; ciphertext: string; nonce: string; tag?: string };
  encrypted_aes_key: string;
}

/** A serialised envelope as members. */
export function membersOf(body: string): EnvelopeJson {
  return JSON.parse(body) as EnvelopeJson;
}

/** The same envelope in the form of NOMYO's JavaScript client: the tag at the end of the ciphertext. */
export function withTagAppended(members: EnvelopeJson): EnvelopeJson {
  const { ciphertext, nonce, tag = '' } = members.encrypted_payload;
  const sealed = Buffer.concat([Buffer.from(ciphertext, 'base64'), Buffer.from(tag, 'base64')]);
  return { ...members, encrypted_payload: { ciphertext: sealed.toString('base64'), nonce } };
}
