import { BHttpDecoder, BHttpEncoder } from 'bhttp-js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BinaryRequest,
  type BinaryResponse,
  decodeRequest,
  decodeResponse,
  encodeContent,
  encodeEnd,
  encodeRequest,
  encodeRequestHead,
  encodeResponse,
  encodeResponseHead,
  type Field,
  RequestDecoder,
} from '../../src/bhttp/index.ts';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { SottoError } from '../../src/index.ts';
import { encodeVarint } from '../../src/varint.ts';
import { errorCode } from '../error-code.ts';
import { decodeInPieces } from './pieces.ts';

const token = fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
const value = fc.stringMatching(/^(?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\t\x80-\xff]{0,30}[\x21-\x7e\x80-\xff])?)?$/);
const fields: fc.Arbitrary<Field[]> = fc.array(fc.tuple(token, value), { maxLength: 8 });
const content = fc.uint8Array({ maxLength: 400 });
const head = { headers: fields, content, trailers: fields };
const request: fc.Arbitrary<BinaryRequest> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  scheme: fc.constantFrom('https', 'http'),
  authority: fc.constantFrom('', 'router.example', 'router.example:8443'),
  path: fc.stringMatching(/^\/[a-z0-9/?=&.-]{0,40}$/),
  ...head,
});
const informational = fc.array(fc.record({ status: fc.integer({ min: 100, max: 199 }), headers: fields }), {
  maxLength: 3,
});
const response: fc.Arbitrary<BinaryResponse> = fc.record({
  status: fc.integer({ min: 200, max: 599 }),
  informational,
  ...head,
});

const indeterminateRequest = (message: BinaryRequest, cut: number) =>
  concatBytes(
    encodeRequestHead(message),
    encodeContent(message.content.subarray(0, cut)),
    encodeContent(message.content.subarray(cut)),
    encodeEnd(message.trailers, 7),
  );

describe('round trips', () => {
  test('a request decodes to what was encoded, in both forms, in pieces of any size', () => {
    fc.assert(
      fc.property(request, fc.nat(400), fc.integer({ min: 1, max: 64 }), (message, cut, size) => {
        for (const encoded of [encodeRequest(message, { paddingBytes: 5 }), indeterminateRequest(message, cut)]) {
          expect(decodeRequest(encoded)).toEqual(message);
          expect(decodeInPieces('request', encoded, size)).toEqual(message);
        }
      }),
    );
  });

  test('a response decodes to what was encoded, in both forms, in pieces of any size', () => {
    fc.assert(
      fc.property(response, fc.integer({ min: 1, max: 64 }), (message, size) => {
        const indeterminate = concatBytes(
          encodeResponseHead(message, message.informational),
          encodeContent(message.content),
          encodeEnd(message.trailers),
        );
        for (const encoded of [encodeResponse(message), indeterminate]) {
          expect(decodeResponse(encoded)).toEqual(message);
          expect(decodeInPieces('response', encoded, size)).toEqual(message);
        }
      }),
    );
  });
});

describe('interoperability with an independent implementation', () => {
  test('it decodes our requests, and we decode its', async () => {
    const message = { ...MESSAGE, content: encodeUtf8('{"model":"m"}') };
    const theirs = new BHttpDecoder().decodeRequest(encodeRequest(message));
    expect(theirs.method).toBe('POST');
    expect(theirs.url).toBe('https://router.example/v1/chat/completions');
    expect(theirs.headers.get('authorization')).toBe('Bearer k');
    expect(await theirs.clone().text()).toBe('{"model":"m"}');
    const ours = decodeRequest(await new BHttpEncoder().encodeRequest(theirs));
    expect(ours).toMatchObject({
      method: 'POST',
      scheme: 'https',
      authority: 'router.example',
      content: message.content,
    });
  });

  test('it decodes our responses, and we decode its', async () => {
    const encoded = encodeResponse({
      status: 201,
      informational: [],
      headers: [['x-a', 'b']],
      content: encodeUtf8('hi'),
      trailers: [],
    });
    const theirs = new BHttpDecoder().decodeResponse(encoded);
    expect(theirs.status).toBe(201);
    expect(decodeResponse(await new BHttpEncoder().encodeResponse(theirs))).toMatchObject({
      status: 201,
      content: encodeUtf8('hi'),
    });
  });
});

const MESSAGE: BinaryRequest = {
  method: 'POST',
  scheme: 'https',
  authority: 'router.example',
  path: '/v1/chat/completions',
  headers: [['authorization', 'Bearer k']],
  content: new Uint8Array(0),
  trailers: [],
};

/** A known-length request whose header section is `section` as it stands. */
const withSection = (section: Uint8Array) =>
  concatBytes(
    encodeVarint(0),
    control('GET', 'https', 'a.example', '/'),
    encodeVarint(section.length),
    section,
    Uint8Array.of(0, 0),
  );
const string = (text: string) =>
  concatBytes(
    encodeVarint(text.length),
    Uint8Array.from(text, (one) => one.charCodeAt(0)),
  );
const control = (...parts: string[]) => concatBytes(...parts.map(string));
const line = (name: string, text: string) => concatBytes(string(name), string(text));

describe('refuses', () => {
  test.each([
    ['a name with a space', line('x y', 'v')],
    ['an empty name', line('', 'v')],
    ['a name with a colon inside', line('a:b', 'v')],
    ['a line feed in a value', line('x', 'v\nset-cookie: a=b')],
    ['a carriage return in a value', line('x', 'v\r')],
    ['a NUL in a value', line('x', 'a\0b')],
    ['white space around a value', line('x', ' v')],
    [':method among the fields', line(':method', 'GET')],
    [':status among the fields', line(':status', '200')],
    ['a pseudo-field after another field', concatBytes(line('a', 'b'), line(':protocol', 'x'))],
    ['a value that crosses the end of its section', concatBytes(string('a'), encodeVarint(40), Uint8Array.of(1, 2))],
    ['a name without a value', string('lonely')],
  ])('%s', (_what, section) => {
    expect(errorCode(() => decodeRequest(withSection(section)))).toBe('invalid_message');
  });

  test.each([
    ['a method that is no token', control('GE T', 'https', 'a', '/')],
    ['a scheme that is none', control('GET', '//evil', 'a', '/')],
    ['an authority with a space', control('GET', 'https', 'a b', '/')],
    ['a path with a line feed', control('GET', 'https', 'a', '/\n')],
    ['an empty path', control('GET', 'https', 'a', '')],
    ['CONNECT with a path', control('CONNECT', 'https', 'a', '/')],
  ])('%s', (_what, controlData) => {
    expect(errorCode(() => decodeRequest(concatBytes(encodeVarint(0), controlData)))).toBe('invalid_message');
  });

  test('a pseudo-field in the trailers', () => {
    const encoded = concatBytes(encodeRequestHead(MESSAGE), Uint8Array.of(0), line(':x', 'y'), Uint8Array.of(0));
    expect(errorCode(() => decodeRequest(encoded))).toBe('invalid_message');
  });

  test('a response where a request is due, and an unknown framing', () => {
    expect(errorCode(() => decodeRequest(Uint8Array.of(1, 0x40, 0xc8)))).toBe('invalid_message');
    expect(errorCode(() => decodeRequest(Uint8Array.of(4)))).toBe('invalid_message');
    expect(errorCode(() => decodeResponse(Uint8Array.of(0)))).toBe('invalid_response');
  });

  test.each([99, 600, 2 ** 30])('status %i', (status) => {
    expect(errorCode(() => decodeResponse(concatBytes(Uint8Array.of(1), encodeVarint(status))))).toBe(
      'invalid_response',
    );
  });

  test('10,000 headers, in both forms', () => {
    const headers: Field[] = Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, 'v']);
    expect(errorCode(() => decodeRequest(encodeRequest({ ...MESSAGE, headers })))).toBe('headers_too_large');
    expect(errorCode(() => decodeRequest(encodeRequestHead({ ...MESSAGE, headers })))).toBe('headers_too_large');
  });

  test('10,000 tiny headers by their count, and one of a megabyte by its size', () => {
    const limits = { headerBytes: 10_000_000 };
    const headers: Field[] = Array.from({ length: 10_000 }, () => ['x', '']);
    expect(errorCode(() => decodeRequest(encodeRequest({ ...MESSAGE, headers }), limits))).toBe('headers_too_large');
    const long: Field[] = [['x', 'v'.repeat(1_000_000)]];
    expect(errorCode(() => decodeRequest(encodeRequest({ ...MESSAGE, headers: long }), limits))).toBe(
      'headers_too_large',
    );
  });

  test('a huge length before a byte of what it announces has come', () => {
    const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    expect(errorCode(() => decodeRequest(concatBytes(encodeVarint(0), huge)))).toBe('headers_too_large');
    const content = concatBytes(encodeVarint(0), control('GET', 'https', 'a', '/'), Uint8Array.of(0), huge);
    expect(errorCode(() => decodeRequest(content, { contentBytes: 1_000 }))).toBe('payload_too_large');
    const response = concatBytes(Uint8Array.of(1), encodeVarint(200), Uint8Array.of(0), huge);
    expect(errorCode(() => decodeResponse(response, { contentBytes: 1_000 }))).toBe('invalid_response');
  });

  test('more informational responses than the limit', () => {
    const many = Array.from({ length: 17 }, () => ({ status: 103, headers: [] }));
    expect(errorCode(() => decodeResponse(encodeResponseHead({ status: 200, headers: [] }, many)))).toBe(
      'invalid_response',
    );
  });

  test('what follows the end or a failure', () => {
    const decoder = new RequestDecoder({ onHead() {}, onContent() {}, onTrailers() {} });
    expect(errorCode(() => decoder.push(Uint8Array.of(9)))).toBe('invalid_message');
    expect(errorCode(() => decoder.push(Uint8Array.of(0)))).toBe('message_finished');
    expect(errorCode(() => decoder.finish())).toBe('message_finished');
  });
});

describe('truncation', () => {
  test('a known-length request ends early only before an empty section', () => {
    const encoded = encodeRequest({ ...MESSAGE, headers: [] });
    // The last three bytes are the lengths of headers, content and trailers, all zero.
    for (let length = 0; length < encoded.length; length++) {
      const expected = length >= encoded.length - 3 ? 'decoded' : 'request_truncated';
      expect(errorCode(() => decodeRequest(encoded.subarray(0, length)))).toBe(expected);
    }
  });

  test('an indeterminate-length request does not end after content without its terminator', () => {
    const start = encodeRequestHead(MESSAGE);
    expect(errorCode(() => decodeRequest(start))).toBe('decoded');
    const withContent = concatBytes(start, encodeContent(encodeUtf8('abc')));
    expect(errorCode(() => decodeRequest(withContent))).toBe('request_truncated');
    expect(errorCode(() => decodeRequest(concatBytes(withContent, Uint8Array.of(0))))).toBe('decoded');
    const inTrailers = concatBytes(withContent, Uint8Array.of(0), line('a', 'b'));
    expect(errorCode(() => decodeRequest(inTrailers))).toBe('request_truncated');
  });

  test('a response cut anywhere inside its fields or content is truncated', () => {
    const encoded = encodeResponse({
      status: 200,
      informational: [],
      headers: [['a', 'b']],
      content: encodeUtf8('abc'),
      trailers: [],
    });
    const ends = new Map([
      [3, 'decoded'],
      [encoded.length - 5, 'decoded'],
      [encoded.length - 1, 'decoded'],
    ]);
    for (let length = 0; length < encoded.length; length++) {
      expect(errorCode(() => decodeResponse(encoded.subarray(0, length)))).toBe(
        ends.get(length) ?? 'response_truncated',
      );
    }
  });
});

test('a mutated message decodes or is refused with a typed error, never otherwise', () => {
  fc.assert(
    fc.property(request, fc.nat(2_000), fc.integer({ min: 0, max: 255 }), (message, at, byte) => {
      const encoded = encodeRequest(message);
      encoded[at % encoded.length] = byte;
      try {
        decodeRequest(encoded);
      } catch (error) {
        expect(SottoError.isInstance(error)).toBe(true);
      }
    }),
  );
});

test.each([
  ['a status out of range', () => encodeResponseHead({ status: 199, headers: [] })],
  ['a header injection', () => encodeRequest({ ...MESSAGE, headers: [['x', 'a\r\nb: c']] })],
  ['characters that are not bytes', () => encodeRequest({ ...MESSAGE, headers: [['x', '\u20ac']] })],
  ['a path with a space', () => encodeRequestHead({ ...MESSAGE, path: '/a b' })],
])('the encoder refuses %s', (_what, encode) => {
  expect(errorCode(encode)).toBe('invalid_option');
});

test('CONNECT decodes, for the layer above to refuse', () => {
  const encoded = concatBytes(encodeVarint(0), control('CONNECT', '', 'a.example:443', ''));
  expect(decodeRequest(encoded)).toMatchObject({ method: 'CONNECT', authority: 'a.example:443' });
});
