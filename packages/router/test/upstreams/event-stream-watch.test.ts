import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStreamWatch } from '../../src/upstreams/event-stream-watch.ts';
import { completionEvents } from '../stand-in-upstream.ts';

function seen(chunks: Iterable<Uint8Array>): { done: boolean; finished: boolean } {
  const watch = new EventStreamWatch();
  for (const chunk of chunks) watch.see(chunk);
  return { done: watch.done, finished: watch.finished };
}

const pieces = (text: string, length: number): Buffer[] => {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
};

const FILLER = completionEvents(['words '.repeat(40)])
  .slice(0, -1)
  .join('');
const CASES = [
  ['data: [DONE]\n\n', true, false],
  [`${FILLER}data: [DONE]\n\n`, true, false],
  [`${FILLER}data:[DONE]\n\n`, true, false],
  [`${FILLER}x: [DONE]\r\ndata: [DONE]\r\n`, true, false],
  [`${FILLER}{"finish_reason":"stop"}`, false, true],
  [`${FILLER}{"finish_reason":  "length"}${FILLER}`, false, true],
  [`${FILLER}{"finish_reason":null}{"finish_reason": null}${FILLER}`, false, false],
  [`${FILLER}{"finish_reason":null}{"finish_reason":"stop"}`, false, true],
  [`${FILLER}"data: [DONE]"`, false, false],
  [`${FILLER}{"text":"\\"finish_reason\\":\\"stop\\""}`, false, false],
  ['', false, false],
] as const;

describe('the watch over an event stream', () => {
  test.each(CASES)('sees the same however %j is cut', (text, done, finished) => {
    for (const length of [1, 2, 3, 7, 13, 63, 64, 65, 1_000_000]) {
      expect(seen(pieces(text, length)), `pieces of ${length}`).toEqual({ done, finished });
    }
  });

  test('sees the same at any cuts', () => {
    const cut = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(fc.constantFrom(...CASES), cut, ([text, done, finished], lengths) => {
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = lengths[turn % lengths.length] ?? 1;
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        expect(seen(chunks)).toEqual({ done, finished });
      }),
    );
  });
});
