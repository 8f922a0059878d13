import { describe, expect, test } from 'vitest';
import {
  type BinaryRequest,
  type BinaryResponse,
  decodeRequest,
  decodeResponse,
  type Field,
} from '../../src/bhttp/index.ts';
import { decodeUtf8 } from '../../src/bytes.ts';
import { errorCode } from '../error-code.ts';
import { bytes } from '../hex.ts';
import { withSharedVectors } from '../shared-folder.ts';
import { decodeInPieces } from './pieces.ts';

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly truncatable?: number;
  readonly expect: {
    readonly method?: string;
    readonly scheme?: string;
    readonly authority?: string;
    readonly path?: string;
    readonly status?: number;
    readonly informational?: readonly number[];
    readonly headers?: readonly Field[];
    readonly content: string;
    readonly trailers?: readonly Field[];
  };
}

function check(message: BinaryRequest | BinaryResponse, { expect: expected }: Vector): void {
  const { content, informational, ...rest } = expected;
  expect(message).toMatchObject(rest);
  expect(decodeUtf8(message.content)).toBe(content);
  if (informational !== undefined && 'informational' in message) {
    expect(message.informational.map(({ status }) => status)).toEqual(informational);
  }
}

withSharedVectors<{ vectors: readonly Vector[] }>('bhttp/rfc9292-examples.json', ({ vectors }) => {
  describe.each(vectors)('RFC 9292 §5: $name', (vector) => {
    const encoded = bytes(vector.hex);
    const kind = vector.expect.method === undefined ? 'response' : 'request';
    const decode = kind === 'request' ? decodeRequest : decodeResponse;

    test('decodes whole', () => {
      check(decode(encoded), vector);
    });

    test('decodes byte by byte', () => {
      check(decodeInPieces(kind, encoded, 1), vector);
    });

    test('decodes with padding', () => {
      check(decode(Uint8Array.from([...encoded, 0, 0, 0])), vector);
    });

    test('is refused when padding is not zero', () => {
      expect(errorCode(() => decode(Uint8Array.from([...encoded, 0, 1])))).toMatch(/^invalid_(message|response)$/);
    });

    test('decodes as it is where padding and empty sections are cut off', () => {
      for (let cut = 1; cut <= (vector.truncatable ?? 0); cut++) {
        check(decode(encoded.subarray(0, encoded.length - cut)), vector);
      }
    });

    test('cut anywhere else, decodes only between sections, and then without those cut off', () => {
      const last = encoded.length - (vector.truncatable ?? 0);
      const decoded = Array.from({ length: last }, (_, length) => encoded.subarray(0, length)).filter(
        (shorter) => errorCode(() => decode(shorter)) === 'decoded',
      );
      expect(decoded.length).toBeLessThanOrEqual(3);
      for (const shorter of decoded) expect(decode(shorter).trailers).toEqual([]);
    });
  });
});
