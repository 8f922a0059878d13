import { apiError } from './api-error.ts';
import { SecurityError, type SottoError } from './errors.ts';

/**
 * Which message is being read, and so who reads it: a router reads requests and answers with a status, a client reads
 * responses and must stop.
 */
export type MessageKind = 'request' | 'response';

/** The one error for everything that fails to decrypt: it never says which step did (protocol-ohttp §9). */
export function decryptionFailed(kind: MessageKind): SottoError {
  return kind === 'request'
    ? apiError('decryption_failed', 'the request could not be decrypted')
    : new SecurityError('the response could not be decrypted', { code: 'decryption_failed' });
}

/** The body ended before the message did. */
export function truncatedMessage(kind: MessageKind): SottoError {
  return kind === 'request'
    ? apiError('request_truncated', 'the request ended before its final chunk')
    : new SecurityError('the response ended before its final chunk: what came may not be all', {
        code: 'response_truncated',
      });
}

/** The framing or the fields of the message are not what its format allows. `reason` follows "the request". */
export function malformedMessage(kind: MessageKind, reason: string): SottoError {
  return kind === 'request'
    ? apiError('invalid_message', `the request ${reason}`)
    : new SecurityError(`the response ${reason}`, { code: 'invalid_response' });
}

/** A chunk is longer than the receiver takes; refused by its length, before it is kept. */
export function chunkTooLarge(kind: MessageKind, maxBytes: number): SottoError {
  const message = `a chunk of the ${kind} holds more than ${maxBytes} bytes`;
  return kind === 'request'
    ? apiError('chunk_too_large', message)
    : new SecurityError(message, { code: 'chunk_too_large' });
}

/** The header section has more bytes or fields than the receiver takes. */
export function headersTooLarge(kind: MessageKind): SottoError {
  return kind === 'request'
    ? apiError('headers_too_large', 'the header section of the request has too many bytes or fields')
    : new SecurityError('the header section of the response has too many bytes or fields', {
        code: 'invalid_response',
      });
}

/** The content is longer than the receiver takes. */
export function contentTooLarge(kind: MessageKind, maxBytes: number): SottoError {
  const message = `the ${kind} holds more than ${maxBytes} bytes of content`;
  return kind === 'request'
    ? apiError('payload_too_large', message)
    : new SecurityError(message, { code: 'invalid_response' });
}

/** One key has protected as many chunks as it may. */
export function messageLimitReached(): SottoError {
  return new SecurityError('the message has more chunks than one key may protect: start another', {
    code: 'message_limit_reached',
  });
}
