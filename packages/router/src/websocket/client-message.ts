import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { editJsonObject } from '../http/json-members.ts';
import { type JsonObject, readJsonObject } from '../http/json-object.ts';

/** What a client may say in one message. */
export type ClientMessage =
  | { readonly type: 'ping' }
  | { readonly type: 'auth'; readonly apiKey: string }
  | { readonly type: 'cancel' }
  /** An encapsulated request (RFC 9458). */
  | { readonly type: 'sealed'; readonly message: Uint8Array }
  /** The body of a model request, as the routes take it. */
  | { readonly type: 'request'; readonly body: Uint8Array };

const MAX_REQUEST_ID_CHARACTERS = 128;
const WRONG_ID = `request_id is a text of 1 to ${MAX_REQUEST_ID_CHARACTERS} characters`;
const requestId = z.string().min(1).max(MAX_REQUEST_ID_CHARACTERS);

const messageSchemas = {
  ping: z.looseObject({}).transform(() => ({ type: 'ping' as const })),
  auth: z.looseObject({ api_key: z.string() }).transform(({ api_key: apiKey }) => ({ type: 'auth' as const, apiKey })),
  cancel: z.looseObject({}).transform(() => ({ type: 'cancel' as const })),
  sealed: z
    .looseObject({ request_id: requestId, message: z.string().transform(decodeBase64) })
    .transform(({ message }) => ({ type: 'sealed' as const, message })),
};

/** Strict, and by the platform's means: sealed messages are long. */
function decodeBase64(text: string, context: z.RefinementCtx): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) context.addIssue({ code: 'custom', message: 'not base64' });
  return bytes;
}

/** Members of a message that are the connection's, not the model request's. */
const ENVELOPE_MEMBERS = ['request_id', 'id'];

/** Reads a message as JSON. @throws InvalidRequestError `invalid_json` */
export function readMessage(bytes: Uint8Array): JsonObject {
  const value = readJsonObject(bytes);
  if (value === null) throw apiError('invalid_json', 'the message is not a JSON object');
  return value;
}

/**
 * The id that tells this request from others under way: `request_id`, or `id`.
 * @returns null where there is none
 * @throws InvalidRequestError `invalid_request`
 */
export function requestIdOf(value: JsonObject): string | null {
  const given = value['request_id'] ?? value['id'];
  if (given === undefined || given === null) return null;
  const { success, data } = requestId.safeParse(given);
  if (!success) throw apiError('invalid_request', WRONG_ID, { param: 'request_id' });
  return data;
}

/**
 * Reads what a message says.
 * @param value what {@link readMessage} made of `bytes`
 * @throws InvalidRequestError `invalid_request`
 * @throws PayloadTooLargeError `payload_too_large` for a model request of more than `maxBodyBytes`
 */
export function parseMessage(value: JsonObject, bytes: Uint8Array, maxBodyBytes: number): ClientMessage {
  const type = value['type'];
  if (type === undefined) return { type: 'request', body: requestBody(value, bytes, maxBodyBytes) };
  if (typeof type !== 'string' || !Object.hasOwn(messageSchemas, type)) {
    throw apiError('invalid_request', 'type is ping, auth, cancel or sealed; a model request has none', {
      param: 'type',
    });
  }
  const result = messageSchemas[type as keyof typeof messageSchemas].safeParse(value);
  if (result.success) return result.data;
  const param = String(result.error.issues[0]?.path[0] ?? 'type');
  throw apiError('invalid_request', `${param}: not as a message of type ${type} has it`, { param });
}

/** The body without what is the connection's own; a socket streams unless it is told otherwise. */
function requestBody(value: JsonObject, bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length > maxBytes) {
    throw apiError('payload_too_large', `a request has at most ${maxBytes} bytes here`);
  }
  const silent = value['stream'] === undefined || value['stream'] === null;
  const taken = ENVELOPE_MEMBERS.filter((name) => Object.hasOwn(value, name));
  if (taken.length === 0 && !silent) return bytes;
  const edits: Record<string, string | null> = Object.fromEntries(taken.map((name) => [name, null]));
  return editJsonObject(bytes, silent ? { ...edits, stream: 'true' } : edits);
}
