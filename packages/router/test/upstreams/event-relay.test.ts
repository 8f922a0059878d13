import type { APIError } from '@sotto/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CollectingSink } from '../../src/http/collecting-sink.ts';
import { EventRelay } from '../../src/upstreams/event-relay.ts';
import type { TokenUsage } from '../../src/upstreams/token-usage.ts';
import { completionEvents } from '../stand-in-upstream.ts';

interface Relayed {
  readonly text: string;
  readonly complete: boolean;
  readonly usage: TokenUsage | null;
  readonly failures: readonly (string | null)[];
  readonly events: number;
}

/** What comes out of a relay that an upstream's bytes go into, some of them in one turn of the loop. */
async function relay(chunks: Iterable<Uint8Array>, hidesUsage = false, together = 1): Promise<Relayed> {
  const sink = new CollectingSink();
  const failures: (string | null)[] = [];
  const onFail = (error: APIError): void => void failures.push(error.code);
  const relayed = new EventRelay(sink, null, { headers: {}, hidesUsage, onFail });
  let written = 0;
  for (const chunk of chunks) {
    relayed.write(chunk);
    if (++written % together === 0) await Promise.resolve();
  }
  relayed.end();
  const { body, complete } = await sink.answer;
  const text = Buffer.from(body).toString('utf8');
  return { text, complete, usage: relayed.usage, failures, events: relayed.events };
}

const pieces = (text: string, length: number): Buffer[] => {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
};

const WORDS = completionEvents(['words '.repeat(40), ' ü'])
  .slice(0, -1)
  .join('');
const STOP = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';
const USED = '"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens":5}';
const USAGE = `data: {"choices":[],${USED}}\n\n`;
const DONE = 'data: [DONE]\n\n';
const COUNTED = { promptTokens: 7, cachedTokens: 4, completionTokens: 5 };

/** A stream, what passes where the reader did and did not ask for the usage, and what it told. */
const STREAMS: readonly (readonly [text: string, passed: string, hidden: string, usage: TokenUsage | null])[] = [
  [WORDS + STOP + DONE, WORDS + STOP + DONE, WORDS + STOP + DONE, null],
  [WORDS + STOP, WORDS + STOP + DONE, WORDS + STOP + DONE, null],
  [WORDS + DONE, WORDS + DONE, WORDS + DONE, null],
  [`${WORDS}data:[DONE]\n`, `${WORDS}data:[DONE]\n`, `${WORDS}data:[DONE]\n`, null],
  [WORDS + STOP + USAGE + DONE, WORDS + STOP + USAGE + DONE, WORDS + STOP + DONE, COUNTED],
  [WORDS + STOP + USAGE, WORDS + STOP + USAGE + DONE, WORDS + STOP + DONE, COUNTED],
  [
    `data: {"choices":[{"finish_reason": "length"}],${USED}}\r\n\r\n: bye\r\n\r\ndata: [DONE]\r\n\r\n`,
    `data: {"choices":[{"finish_reason": "length"}],${USED}}\r\n\r\n: bye\r\n\r\ndata: [DONE]\r\n\r\n`,
    `data: {"choices":[{"finish_reason": "length"}],${USED}}\r\n\r\n: bye\r\n\r\ndata: [DONE]\r\n\r\n`,
    COUNTED,
  ],
  [
    `${STOP}data: {"choices":[],"usage":null}\n\ndata: "usage"\n\n${USAGE}${DONE}`,
    `${STOP}data: {"choices":[],"usage":null}\n\ndata: "usage"\n\n${USAGE}${DONE}`,
    `${STOP}data: {"choices":[],"usage":null}\n\ndata: "usage"\n\n${DONE}`,
    COUNTED,
  ],
];

describe('a relayed stream', () => {
  test.each(STREAMS)('passes the same however %j is cut', async (text, passed, hidden, usage) => {
    for (const length of [1, 2, 3, 7, 63, 64, 65, 1_000_000]) {
      for (const together of [1, 4]) {
        const all = await relay(pieces(text, length), false, together);
        expect(all, `pieces of ${length}`).toMatchObject({ text: passed, complete: true, usage, failures: [] });
        const without = await relay(pieces(text, length), true, together);
        expect(without, `pieces of ${length}`).toMatchObject({ text: hidden, complete: true, usage, failures: [] });
      }
    }
  });

  test('passes the same at any cuts', async () => {
    const cut = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...STREAMS), cut, async ([text, , hidden, usage], lengths) => {
        const bytes = Buffer.from(text);
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = lengths[turn % lengths.length] ?? 1;
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        expect(await relay(chunks, true)).toMatchObject({ text: hidden, usage, complete: true });
      }),
      { numRuns: 50 },
    );
  });

  test('counts its events', async () => {
    expect((await relay([Buffer.from(WORDS + STOP + DONE)])).events).toBe(4);
    expect((await relay([Buffer.from((WORDS + STOP + DONE).replaceAll('\n', '\r\n'))])).events).toBe(4);
  });

  test.each([
    ['in the middle of an event', `${WORDS}data: {"choices":[{"finish_reason":"st`],
    ['with finish reasons of null', `${WORDS}data: {"choices":[{"finish_reason":null},{"finish_reason": null}]}\n\n`],
    ['with a finish reason in the model’s words', 'data: {"text":"\\"finish_reason\\":\\"stop\\""}\n\n'],
    ['with [DONE] in the model’s words', `data: {"text":"data: [DONE]"}\n\n`],
    ['with [DONE] behind something else on its line', `x data: [DONE]\n\n`],
    ['before it began', ''],
  ])('that ends %s ends with an error, at any cut', async (_when, text) => {
    for (const length of [1, 5, 1_000_000]) {
      const relayed = await relay(pieces(text, length));
      expect(relayed.complete).toBe(false);
      expect(relayed.failures).toEqual(['upstream_failed']);
      const events = relayed.text.split('\n\n');
      expect(JSON.parse(events.at(-2)?.slice('data: '.length) ?? '')).toMatchObject({
        error: { code: 'upstream_failed' },
      });
      expect(events).not.toContain('data: [DONE]');
    }
  });

  test('whose event never ends is cut off', async () => {
    const endless = Array.from({ length: 70 }, () => Buffer.alloc(65_536, 'x'));
    const { failures, complete, text } = await relay([Buffer.from('data: "'), ...endless]);
    expect(failures).toEqual(['upstream_invalid_response']);
    expect(complete).toBe(false);
    expect(text).not.toContain('xxx');
  });
});
