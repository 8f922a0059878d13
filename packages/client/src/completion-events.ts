import { type APIError, ERROR_CODES, isErrorCode, parseErrorBody, SecurityError } from '@sotto/protocol';
import type { ChatCompletionChunk } from './chat-completion.ts';
import { isObject } from './json-object.ts';
import { ServerSentEventParser } from './server-sent-events.ts';
import type { ResponseBody } from './transport.ts';

/** What ends a stream of OpenAI's kind: whatever ends without it was cut off. */
const DONE = '[DONE]';
/** An error in the middle of an answer has no status of its own; one that came from further up has this one. */
const UPSTREAM_FAILED_STATUS = 502;

/**
 * Reads the chunks out of a streamed answer. It ends when the stream has said that it is done and its sealed form has
 * ended too.
 * @throws APIError, authenticated, for an error that the router or the upstream put into the stream
 * @throws SecurityError `response_truncated`, `invalid_response`, and what reading `body` throws
 */
export async function* readChunks(body: ResponseBody): AsyncGenerator<ChatCompletionChunk, void, undefined> {
  const parser = new ServerSentEventParser();
  let done = false;
  for await (const bytes of body) {
    for (const { data } of parser.push(bytes)) {
      if (data === DONE) done = true;
      // What comes after the end is not part of the answer, but the sealed form must still end as it should.
      else if (!done) yield parseChunk(data);
    }
  }
  if (done) return;
  throw new SecurityError('the answer ended before it said that it was done: what came is not all', {
    code: 'response_truncated',
  });
}

function parseChunk(data: string): ChatCompletionChunk {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch {
    // The parser's own message quotes the text, which is the answer.
  }
  if (!isObject(chunk)) throw invalid('an event of the answer is not a JSON object');
  if ('error' in chunk && chunk['error'] !== null) throw errorOf(chunk['error'], data);
  if (isChunk(chunk)) return chunk;
  throw invalid('an event of the answer is not a chunk of a chat completion');
}

function isChunk(chunk: Readonly<Record<string, unknown>>): chunk is ChatCompletionChunk {
  const { choices } = chunk;
  return Array.isArray(choices) && choices.every((choice) => isObject(choice) && isObject(choice['delta']));
}

/** The error of an `error` event, with the status that its code has where it is one of ours. */
function errorOf(error: unknown, body: string): APIError {
  const code = isObject(error) ? error['code'] : null;
  const status = isErrorCode(code) ? (ERROR_CODES[code] ?? UPSTREAM_FAILED_STATUS) : UPSTREAM_FAILED_STATUS;
  return parseErrorBody({ status, headers: {}, body, authenticated: true });
}

function invalid(message: string): SecurityError {
  return new SecurityError(message, { code: 'invalid_response' });
}
