// A keep-alive connection that writes requests made beforehand and looks for nothing but the end of each answer: the
// generator must be faster than the router, and an HTTP client is not.
import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';
/** RFC 9112 §7.1: the end of the chunk before, and the last chunk. Ciphertext ends a segment so once in 2^56. */
const CHUNKED_END = Buffer.from('\r\n0\r\n\r\n');

/** A request as it goes over the connection. @param {{ path: string, headers: Record<string, string>, body: Uint8Array }} request */
export function requestBytes({ path, headers, body }) {
  const fields = Object.entries({ host: 'router', ...headers, 'content-length': body.length });
  const lines = [`POST ${path} HTTP/1.1`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(lines.join('\r\n') + HEAD_END), body]);
}

/** One connection to a router: an exchange at a time. @param {string} url */
export function openConnection(url) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.setNoDelay(true);
  let answer = null;
  socket.on('data', (segment) => {
    answer.segments.push(segment);
    if (answer.take(segment)) answer.resolve(answer);
  });
  socket.on('error', (error) => answer?.reject(error));
  socket.on('close', () => answer?.reject(new Error('the router closed a connection')));
  return {
    /** @param {Uint8Array} bytes @returns {Promise<{ status: number, segments: Buffer[] }>} */
    exchange: (bytes) =>
      new Promise((resolve, reject) => {
        answer = Object.assign(new Answer(), { resolve, reject });
        if (socket.destroyed) reject(new Error('the router closed a connection'));
        else socket.write(bytes);
      }),
    close() {
      answer = null;
      socket.destroy();
    },
  };
}

/** Follows an answer up to its end. */
class Answer {
  status = 0;
  segments = [];
  /** @type {Buffer} */
  #head = Buffer.alloc(0);
  /** Bytes to come, null for an answer in chunks. */
  #left = null;
  /** @type {Buffer} */
  #tail = Buffer.alloc(0);

  /** @param {Buffer} segment @returns {boolean} whether the answer is complete */
  take(segment) {
    const content = this.status === 0 ? this.#takeHead(segment) : segment;
    if (content === null) return false;
    if (this.#left !== null) {
      this.#left -= content.length;
      return this.#left <= 0;
    }
    const longEnough = content.length >= CHUNKED_END.length;
    this.#tail = longEnough ? content : Buffer.concat([this.#tail.subarray(-CHUNKED_END.length), content]);
    return this.#tail.subarray(-CHUNKED_END.length).equals(CHUNKED_END);
  }

  #takeHead(segment) {
    this.#head = this.#head.length === 0 ? segment : Buffer.concat([this.#head, segment]);
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) return null;
    const fields = this.#head.toString('latin1', 0, end);
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(fields) ?? [];
    this.status = Number(fields.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    this.#left = length === undefined ? null : Number(length);
    return this.#head.subarray(end + HEAD_END.length);
  }
}

/** The content of an answer in chunks (RFC 9112 §7.1). @param {readonly Buffer[]} segments */
export function chunkedContent(segments) {
  const bytes = Buffer.concat(segments);
  const content = [];
  for (let offset = bytes.indexOf(HEAD_END) + HEAD_END.length; ; ) {
    const lineEnd = bytes.indexOf('\r\n', offset);
    const length = Number.parseInt(bytes.toString('latin1', offset, lineEnd), 16);
    if (!(length > 0)) return Buffer.concat(content);
    content.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    offset = lineEnd + 2 + length + 2;
  }
}
