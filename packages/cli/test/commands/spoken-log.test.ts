import { expect, test } from 'vitest';
import { spokenLog } from '../../src/commands/spoken-log.ts';

function spoken(...events: readonly Record<string, unknown>[]) {
  const said: string[] = [];
  const lines: string[] = [];
  const log = { write: (line: string) => void lines.push(line), dropped: 3, close: () => Promise.resolve() };
  const both = spokenLog((words) => void said.push(words), log);
  for (const event of events) both.write(`${JSON.stringify({ level: 'info', ...event })}\n`);
  return { said, lines, both };
}

test('what happens to model servers, database and Redis is said in words, with its name and its reason', () => {
  const { said } = spoken(
    { event: 'upstream_down', upstream: 'gpu-1' },
    { event: 'upstream_up', upstream: 'gpu-1' },
    { event: 'breaker_opened', upstream: 'gpu-2', last_failure: 'upstream_failed', consecutive_failures: 5 },
    { event: 'breaker_closed', upstream: 'gpu-2' },
    { event: 'store_away', fault: 'the disk is full' },
    { event: 'store_back' },
    { event: 'redis_away' },
    { event: 'redis_back' },
  );
  const named = ['gpu-1', 'gpu-1', 'upstream_failed', 'gpu-2', 'the disk is full', 'database', 'Redis', 'Redis'];
  expect(said).toHaveLength(named.length);
  named.forEach((name, index) => {
    expect(said[index]).toContain(name);
  });
});

test('requests are said to nobody; every line goes on as it is', async () => {
  const request = { event: 'request', route: '/v1/models', status: 200 };
  const { said, lines, both } = spoken(request, { event: 'of-another-version' });
  expect(said).toEqual([]);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([request, { event: 'of-another-version' }]);
  expect(both.dropped).toBe(3);
  await both.close();
});

test('where no lines are wanted, words are said all the same', async () => {
  const said: string[] = [];
  const alone = spokenLog((words) => void said.push(words), null);
  alone.write('{"event":"redis_back"}\n');
  expect([said.length, alone.dropped]).toEqual([1, 0]);
  await alone.close();
});
