import { type Behaviour, json, type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import { problemOf } from './messages-rules.ts';

/** The one key that the stand-in takes. */
export const API_KEY = 'sk-ant-stand-in';

/** An error as the Messages API tells it. */
export function apiFailure(
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): Behaviour {
  return json({ type: 'error', error: { type, message }, request_id: 'req_1' }, status, headers);
}

/** A good answer in one piece. */
export function message(content: readonly object[], more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'msg_01',
    type: 'message',
    role: 'assistant',
    model: 'claude-stand-in-1',
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    ...more,
  };
}

/** One server-sent event, as the API writes it. */
export function eventOf(type: string, fields: Record<string, unknown> = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

/** The events of a block: its start, its deltas, its stop. */
export function blockEvents(index: number, content_block: object, deltas: readonly object[]): readonly string[] {
  return [
    eventOf('content_block_start', { index, content_block }),
    ...deltas.map((delta) => eventOf('content_block_delta', { index, delta })),
    eventOf('content_block_stop', { index }),
  ];
}

/** The events of a text block, a word each. */
export function textEvents(index: number, words: readonly string[]): readonly string[] {
  const deltas = words.map((text) => ({ type: 'text_delta', text }));
  return blockEvents(index, { type: 'text', text: '', citations: null }, deltas);
}

/** The events of a whole streamed answer with these blocks. */
export function messageEvents(
  blocks: readonly (readonly string[])[],
  stopReason = 'end_turn',
  more: Record<string, unknown> = {},
): readonly string[] {
  const start = message([], { stop_reason: null, usage: { input_tokens: 10, output_tokens: 1 } });
  const [first = [], ...rest] = blocks;
  return [
    eventOf('message_start', { message: start }),
    ...first.slice(0, 1),
    eventOf('ping'),
    ...first.slice(1),
    ...rest.flat(),
    eventOf('message_delta', {
      delta: { stop_reason: stopReason, stop_sequence: null, ...more },
      usage: { output_tokens: 5 },
    }),
    eventOf('message_stop'),
  ];
}

/** Streams these events. */
export function streamed(events: readonly string[]): Behaviour {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).end(events.join(''));
  };
}

/**
 * Starts a stand-in for the Messages API on loopback: as strict as the real one about credentials, versions and
 * requests; what passes is answered by `behave`'s behaviour.
 */
export async function startMessagesStandIn(): Promise<StandInUpstream> {
  const standIn = await startStandIn();
  const behave = (behaviour: Behaviour): void => standIn.behave(checked(behaviour));
  behave((request, response) => {
    const words = ['Hello', ' world'];
    if (request.body['stream'] === true) return streamed(messageEvents([textEvents(0, words)]))(request, response);
    return json(message([{ type: 'text', text: words.join(''), citations: null }]))(request, response);
  });
  return { ...standIn, behave };
}

function checked(behaviour: Behaviour): Behaviour {
  return (request, response) => {
    // The API documents x-api-key; its own SDK sends the key as a bearer token.
    const { authorization, 'x-api-key': key = authorization?.replace(/^Bearer /, '') } = request.headers;
    if (key !== API_KEY) {
      return apiFailure(401, 'authentication_error', 'invalid x-api-key')(request, response);
    }
    const path = request.path.split('?')[0];
    if (path === '/v1/models' && request.method === 'GET') return behaviour(request, response);
    if (path !== '/v1/messages' || request.method !== 'POST') {
      return apiFailure(404, 'not_found_error', 'Not Found')(request, response);
    }
    const problem = problemOf(request.body, request.headers['anthropic-version']);
    return problem === null
      ? behaviour(request, response)
      : apiFailure(400, 'invalid_request_error', problem)(request, response);
  };
}
