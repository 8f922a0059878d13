// A stand-in for a model server that costs next to nothing: answers made beforehand, written straight to the socket.
//   /json/BYTES/…          a completion of so many bytes
//   /events/COUNT/…        a stream of so many events, all at once
//   /paced/COUNT/MS/…      the same, one every so many milliseconds, each with the time at which it was written
import { createServer } from 'node:net';
import { serveJobs } from '../harness/jobs.mjs';
import { listenOnLoopback } from '../harness/listen.mjs';
import { prose } from '../harness/requests.mjs';

const STREAM_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const STREAM_END = '0\r\n\r\n';
const HEAD_END = Buffer.from('\r\n\r\n');

function completion(bytes) {
  const of = (content) =>
    JSON.stringify({
      id: 'chatcmpl-stand-in',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'stand-in',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 200, completion_tokens: 400, total_tokens: 600 },
    });
  const body = of(prose(bytes - of('').length));
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

function httpChunk(text) {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function event(content, finishReason = null) {
  const choices = [{ index: 0, delta: { role: 'assistant', content }, finish_reason: finishReason }];
  const chunk = { id: 'chatcmpl-stand-in', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'stand-in' };
  return httpChunk(`data: ${JSON.stringify({ ...chunk, choices })}\n\n`);
}

const LAST_EVENTS = event('', 'stop') + httpChunk('data: [DONE]\n\n') + STREAM_END;

function streamAtOnce(count) {
  return STREAM_HEAD + event('token ').repeat(count - 1) + LAST_EVENTS;
}

/** The one stream that each connection may have under way. */
const paced = new WeakMap();

function streamPaced(socket, count, everyMs) {
  let left = count - 1;
  socket.write(STREAM_HEAD);
  const timer = setInterval(() => {
    if (left-- > 0) {
      socket.write(event(String(process.hrtime.bigint())));
      return;
    }
    clearInterval(timer);
    socket.write(LAST_EVENTS);
  }, everyMs);
  paced.set(socket, timer);
}

const ready = new Map();

function answer(socket, path) {
  let bytes = ready.get(path);
  if (bytes === undefined) {
    const [, kind, size, everyMs] = path.split('/');
    if (kind === 'paced') {
      streamPaced(socket, Number(size), Number(everyMs));
      return;
    }
    bytes = Buffer.from(kind === 'events' ? streamAtOnce(Number(size)) : completion(Number(size)));
    ready.set(path, bytes);
  }
  socket.write(bytes);
}

function serve(socket) {
  let held = null;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearInterval(paced.get(socket)));
  socket.on('data', (chunk) => {
    held = held === null ? chunk : Buffer.concat([held, chunk]);
    for (let head = held.indexOf(HEAD_END); head >= 0; head = held.indexOf(HEAD_END)) {
      const fields = held.latin1Slice(0, head);
      const [, length = '0'] = /\r\ncontent-length: *(\d+)/i.exec(fields) ?? [];
      const end = head + HEAD_END.length + Number(length);
      if (held.length < end) return;
      held = held.subarray(end);
      answer(socket, fields.slice(fields.indexOf(' ') + 1, fields.indexOf(' HTTP/1.1')));
    }
    if (held.length === 0) held = null;
  });
}

serveJobs({ listen: () => listenOnLoopback(createServer(serve)) });
