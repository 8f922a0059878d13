import { ConfigurationError } from '@sotto/protocol';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';

const parse = (upstream: object) =>
  parseConfig({ auth: 'open', upstreams: [{ name: 'a', baseUrl: 'http://127.0.0.1:8000/v1', ...upstream }] })
    .upstreams[0];

describe('an upstream', () => {
  test('is guarded unless told otherwise', () => {
    expect(parse({})).toMatchObject({
      queue: { max: 256, deadlineMs: 10_000 },
      breaker: { failures: 5, ratio: 0.5, window: 20, openMs: 10_000, maxOpenMs: 120_000 },
      probe: { path: '/models', intervalMs: 15_000, timeoutMs: 5_000 },
    });
  });

  test('keeps the other defaults where one value is given', () => {
    expect(parse({ queue: { max: 0 }, breaker: { failures: 1 }, probe: { path: '/health' } })).toMatchObject({
      queue: { max: 0, deadlineMs: 10_000 },
      breaker: { failures: 1, window: 20 },
      probe: { path: '/health', intervalMs: 15_000 },
    });
  });

  test('need not be probed', () => {
    expect(parse({ probe: false })).toMatchObject({ probe: false });
  });

  test.each([
    ['a line without end', { queue: { max: 1_000_000 } }, 'upstreams.0.queue.max'],
    ['a misspelt deadline', { queue: { deadline: 5 } }, 'deadline'],
    ['a breaker that opens at nothing', { breaker: { failures: 0 } }, 'upstreams.0.breaker.failures'],
    ['a share above the whole', { breaker: { ratio: 1.5 } }, 'upstreams.0.breaker.ratio'],
    [
      'a longest time below the first',
      { breaker: { openMs: 5_000, maxOpenMs: 1_000 } },
      'upstreams.0.breaker.maxOpenMs',
    ],
    ['a probe of another host', { probe: { path: '//elsewhere.example/x' } }, 'upstreams.0.probe'],
    ['a probe with a query', { probe: { path: '/x?y=1' } }, 'upstreams.0.probe'],
    ['a probe without pause', { probe: { intervalMs: 1 } }, 'upstreams.0.probe'],
    ['a probe that is only said to be there', { probe: true }, 'upstreams.0.probe'],
  ])('with %s is refused', (_what, upstream, key) => {
    let message = '';
    try {
      parse(upstream);
    } catch (error) {
      if (ConfigurationError.isInstance(error)) message = error.message;
    }
    expect(message).toContain(key);
  });
});
