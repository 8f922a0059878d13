import { decodeUtf8, SecurityError } from '@sotto/protocol';
import { ENVELOPE_ALGORITHM, type OpenedResponse } from '@sotto/protocol/nomyo-v1';
import type { CompletionMetadata } from './chat-completion.ts';
import { isObject } from './json-object.ts';

/**
 * Reads the JSON object of an opened answer, and adds what the client knows of it as `_metadata`, over what the
 * router put there.
 * @throws SecurityError `invalid_response` for anything but a JSON object
 */
export function readCompletion(opened: OpenedResponse, payloadId: string): Readonly<Record<string, unknown>> {
  const completion = parseAnswer(opened.plaintext);
  const metadata: CompletionMetadata = {
    payload_id: payloadId,
    processed_at: opened.processedAt,
    is_encrypted: true,
    encryption_algorithm: ENVELOPE_ALGORITHM,
    response_authenticated: opened.bound,
  };
  return addMetadata(completion, metadata);
}

/** Adds what the client knows as `_metadata`, over what the router put there. */
export function addMetadata(
  completion: Readonly<Record<string, unknown>>,
  metadata: CompletionMetadata,
): Readonly<Record<string, unknown>> {
  const { _metadata: ofRouter } = completion;
  return { ...completion, _metadata: isObject(ofRouter) ? { ...ofRouter, ...metadata } : metadata };
}

/** @throws SecurityError `invalid_response` for anything but a JSON object in UTF-8 */
export function parseAnswer(plaintext: Uint8Array): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(decodeUtf8(plaintext) ?? '');
  } catch {
    // The parser's own message quotes the text, which is the answer.
  }
  if (isObject(parsed)) return parsed;
  throw new SecurityError('the sealed answer is not a JSON object', { code: 'invalid_response' });
}
