import { andThen } from '../awaitable.ts';
import { concatBytes, encodeHex } from '../bytes.ts';
import type { Awaitable } from '../crypto-provider.ts';
import { ConfigurationError } from '../errors.ts';
import type { HpkeExporter, HpkeProvider } from '../hpke/hpke-provider.ts';
import { expandResponseKey, type ResponseKey } from '../ohttp/response-key.ts';
import { EHBP_SECRET_BYTES, EHBP_SUITE, RESPONSE_EXPORT_LABEL } from './constants.ts';
import { decodeHexHeader } from './hex-header.ts';

/** What opens the response of one request: to be kept as a key is kept. */
export interface ResponseSecret {
  /** What the request's context exported, 32 bytes. */
  readonly exportedSecret: Uint8Array;
  /** The request's encapsulated key, 32 bytes. */
  readonly requestEnc: Uint8Array;
}

/** Exports a request's response secret from either end of its context (EHBP §4.4.1). */
export function exportResponseSecret(context: HpkeExporter, requestEnc: Uint8Array): Awaitable<ResponseSecret> {
  return andThen(context.export(RESPONSE_EXPORT_LABEL, EHBP_SECRET_BYTES), (exportedSecret) => ({
    exportedSecret,
    requestEnc,
  }));
}

/** Derives the response's key: OHTTP's derivation under EHBP's label (EHBP §4.4.1). @param responseNonce 32 bytes */
export function deriveEhbpResponseKey(
  provider: HpkeProvider,
  { exportedSecret, requestEnc }: ResponseSecret,
  responseNonce: Uint8Array,
): Awaitable<ResponseKey> {
  return expandResponseKey(provider, EHBP_SUITE.aeadId, exportedSecret, concatBytes(requestEnc, responseNonce));
}

/**
 * The JSON by which a client keeps a response secret, so that it can open a response it has to ask for again (EHBP
 * §6). Whoever has it reads the response.
 */
export function serializeRecoveryToken({ exportedSecret, requestEnc }: ResponseSecret): string {
  return JSON.stringify({ exportedSecret: encodeHex(exportedSecret), requestEnc: encodeHex(requestEnc) });
}

/** Parses what {@link serializeRecoveryToken} wrote. @throws ConfigurationError `invalid_option` */
export function parseRecoveryToken(json: string): ResponseSecret {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw invalidToken();
  }
  if (typeof parsed !== 'object' || parsed === null) throw invalidToken();
  const exportedSecret = member(parsed, 'exportedSecret');
  const requestEnc = member(parsed, 'requestEnc');
  if (exportedSecret === null || requestEnc === null) throw invalidToken();
  return { exportedSecret, requestEnc };
}

function member(token: object, name: string): Uint8Array | null {
  const value: unknown = Object.entries(token).find(([key]) => key === name)?.[1];
  return typeof value === 'string' ? decodeHexHeader(value) : null;
}

function invalidToken(): ConfigurationError {
  return new ConfigurationError('the session recovery token is not one', { code: 'invalid_option' });
}
