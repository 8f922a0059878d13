import { andThen, translateErrors } from '../awaitable.ts';
import { concatBytes } from '../bytes.ts';
import type { Awaitable } from '../crypto-provider.ts';
import { SecurityError, SottoError } from '../errors.ts';
import type { HpkeProvider, HpkePublicKey, HpkeSender } from '../hpke/hpke-provider.ts';
import type { HpkeSuite } from '../hpke/suite.ts';
import { CHUNK_AAD, ChunkSealer, type ChunkSealerOptions } from './chunk-sealer.ts';
import { LABELS, type OhttpForm } from './constants.ts';
import type { KeyConfig } from './key-config.ts';
import {
  type OpenedResponse,
  openWholeResponse,
  ResponseOpener,
  type ResponseOpenerOptions,
} from './opened-response.ts';
import { encodeRequestHeader, requestInfo } from './request-header.ts';
import type { ResponseKeySource } from './response-key.ts';

/** A gateway's key, imported and ready to be sealed to any number of times. */
export interface Recipient {
  readonly keyId: number;
  readonly suite: HpkeSuite;
  readonly publicKey: HpkePublicKey;
}

/**
 * Imports the key of a configuration for the suite that {@link selectKeyConfig} chose.
 * @throws SecurityError `invalid_key_config` for a public key that is none
 */
export function importRecipient(provider: HpkeProvider, config: KeyConfig, suite: HpkeSuite): Awaitable<Recipient> {
  const imported = translateErrors(() => provider.importPublicKey(config.kemId, config.publicKey), notAKey);
  return andThen(imported, (publicKey) => ({ keyId: config.keyId, suite, publicKey }));
}

/** A chunked request under way. */
export interface SealedRequest {
  /** Seals the body; its preface is header ‖ enc. */
  readonly sealer: ChunkSealer;
  /** Makes the opener of this request's response, once. */
  openResponse(onChunk: (plaintext: Uint8Array) => void, options?: ResponseOpenerOptions): ResponseOpener;
}

/**
 * Starts a chunked request (draft-ietf-ohai-chunked-ohttp-08 §6.1), with an encapsulation of its own: a request that is
 * sent again is started again.
 * @throws SecurityError `invalid_key_config`
 */
export function sealRequest(
  provider: HpkeProvider,
  recipient: Recipient,
  options: ChunkSealerOptions = {},
): Awaitable<SealedRequest> {
  return andThen(start(provider, recipient, 'chunked'), ({ preface, context, source }) => ({
    sealer: new ChunkSealer(preface, context, options),
    openResponse: (onChunk, openerOptions) => new ResponseOpener(provider, source, onChunk, openerOptions),
  }));
}

/** A whole request, ready to be sent once. */
export interface SealedWholeRequest {
  readonly body: Uint8Array;
  /** Opens this request's response. */
  openResponse(body: Uint8Array): Awaitable<OpenedResponse>;
}

/** Seals a whole request (RFC 9458 §4.3). @throws SecurityError `invalid_key_config` */
export function sealWholeRequest(
  provider: HpkeProvider,
  recipient: Recipient,
  message: Uint8Array,
): Awaitable<SealedWholeRequest> {
  return andThen(start(provider, recipient, 'whole'), ({ preface, context, source }) =>
    andThen(context.seal(message, CHUNK_AAD), (sealed) => ({
      body: concatBytes(preface, sealed),
      openResponse: (body) => openWholeResponse(provider, source, body),
    })),
  );
}

interface Started {
  readonly preface: Uint8Array;
  readonly context: HpkeSender;
  readonly source: ResponseKeySource;
}

function start(provider: HpkeProvider, { keyId, suite, publicKey }: Recipient, form: OhttpForm): Awaitable<Started> {
  const header = encodeRequestHeader({ keyId, ...suite });
  // Some KEMs see that a key is none only when they encapsulate to it.
  const setup = translateErrors(() => provider.setupSender(suite, publicKey, requestInfo(form, header)), notAKey);
  return andThen(setup, ({ enc, context }) => ({
    preface: concatBytes(header, enc),
    context,
    source: { context, aeadId: suite.aeadId, enc, exportLabel: LABELS[form].response },
  }));
}

function notAKey(error: unknown): Error {
  if (SottoError.isInstance(error)) return error;
  return new SecurityError("the gateway's public key is not a key of its KEM", { code: 'invalid_key_config' });
}
