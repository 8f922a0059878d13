import { expect, test, vi } from 'vitest';
import { ReloadVote } from '../../src/workers/reload-vote.ts';

const READY = { changed: ['keys'], replacesKeys: false };

test('all have to say that they can', async () => {
  const vote = new ReloadVote(['a', 'b']);
  let outcome: unknown = null;
  void vote.outcome.then((readiness) => {
    outcome = readiness;
  });
  vote.ready('a', READY);
  await Promise.resolve();
  expect(outcome).toBeNull();
  vote.ready('b', READY);
  expect(await vote.outcome).toEqual(READY);
});

test('one that cannot speaks for all', async () => {
  const vote = new ReloadVote(['a', 'b']);
  vote.ready('a', READY);
  vote.refuse('no');
  vote.ready('b', READY);
  await expect(vote.outcome).rejects.toMatchObject({ code: 'invalid_config' });
});

test('one that died has no vote', async () => {
  const vote = new ReloadVote(['a', 'b']);
  vote.left('a');
  vote.ready('b', READY);
  expect(await vote.outcome).toEqual(READY);
});

test('one that says nothing does not hold it up for ever', async () => {
  vi.useFakeTimers();
  const vote = new ReloadVote(['a']);
  const rejected = expect(vote.outcome).rejects.toMatchObject({ code: 'invalid_config' });
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  await rejected;
});

test('where all died nobody has said that it can be taken over, nor whether keys go with it', async () => {
  const vote = new ReloadVote(['a', 'b']);
  vote.left('a');
  vote.left('b');
  await expect(vote.outcome).rejects.toMatchObject({ code: 'invalid_config' });
  await expect(new ReloadVote([]).outcome).rejects.toMatchObject({ code: 'invalid_config' });
});
