import type { ServerResponse } from 'node:http';
import { completion, completionEvents, json } from '../../packages/router/test/stand-in-upstream.ts';
import { type LoopbackServer, startLoopbackServer } from './loopback-server.ts';

/** The ways in which a model server can be broken; each is also the name of a model that is broken so. */
export const FAULTS = [
  'slow',
  'never-answers',
  'stalls',
  'resets-at-once',
  'resets-midway',
  'talks-garbage',
  'answers-garbage',
  'answers-half',
  'answers-500',
] as const;

/** One of them. */
export type Fault = (typeof FAULTS)[number];

/** The model that works. */
export const GOOD_MODEL = 'good';
const WORDS = ['one', ' two', ' three', ' four'];
const SLOW_MS = 150;

/** A model server on loopback whose models are broken each in its own way. */
export interface FaultyModel extends LoopbackServer {
  /** Chat requests that reached it, by model. */
  readonly asked: ReadonlyMap<string, number>;
}

/**
 * Starts one.
 * @param options `faultOf` says how the next request for a model is to fail; any other word: it is answered. By default
 * the model's own name says it.
 */
export async function startFaultyModel({
  faultOf = (model) => model,
}: {
  readonly faultOf?: (model: string) => string;
} = {}): Promise<FaultyModel> {
  const asked = new Map<string, number>();
  const server = await startLoopbackServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      if (message.url?.endsWith('/models') === true) {
        const data = [GOOD_MODEL, ...FAULTS].map((id) => ({ id, object: 'model' }));
        sendJson(response, { object: 'list', data });
        return;
      }
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { model: string; stream?: boolean };
      asked.set(body.model, (asked.get(body.model) ?? 0) + 1);
      const streams = body.stream === true;
      const named = faultOf(body.model);
      const fault = FAULTS.find((each) => each === named);
      if (fault === undefined) answerWell(response, streams);
      else misbehave(response, fault, streams);
    });
  });
  return { ...server, asked };
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  json(value, status)({ method: '', path: '', headers: {}, bodyText: '', body: {} }, response);
}

function answerWell(response: ServerResponse, streams: boolean): void {
  if (!streams) {
    sendJson(response, completion(WORDS.join('')));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(`${completionEvents(WORDS).join('')}data: [DONE]\n\n`);
}

/** Sends the first half of a good answer. */
function answerHalf(response: ServerResponse, streams: boolean): void {
  if (streams) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(completionEvents(WORDS).slice(0, 2).join(''));
    return;
  }
  const text = JSON.stringify(completion(WORDS.join('')));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.write(text.slice(0, text.length / 2));
}

function misbehave(response: ServerResponse, fault: Fault, streams: boolean): void {
  switch (fault) {
    case 'slow':
      setTimeout(() => answerWell(response, streams), SLOW_MS);
      break;
    case 'never-answers':
      break;
    case 'stalls':
      answerHalf(response, streams);
      break;
    case 'resets-at-once':
      response.socket?.resetAndDestroy();
      break;
    case 'resets-midway':
      answerHalf(response, streams);
      setTimeout(() => response.socket?.resetAndDestroy(), 20);
      break;
    case 'talks-garbage':
      response.socket?.end('\x16\x03\x01 this is no HTTP\r\n\r\n');
      break;
    case 'answers-garbage':
      response.writeHead(200, { 'content-type': streams ? 'text/event-stream' : 'application/json' });
      response.end(streams ? 'data: {"choices": [\n\ndata: nonsense\n\n' : '<html>it works</html>');
      break;
    case 'answers-half':
      answerHalf(response, streams);
      // Ends as if that were all: of a body with a length, the connection.
      if (streams) response.end();
      else setTimeout(() => response.socket?.destroy(), 20);
      break;
    case 'answers-500':
      sendJson(response, { error: { message: 'a secret of the server', type: 'server_error' } }, 500);
      break;
    default:
      fault satisfies never;
  }
}
