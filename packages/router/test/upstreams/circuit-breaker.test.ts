import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { CircuitBreaker } from '../../src/upstreams/circuit-breaker.ts';
import { ManualClock } from './manual-clock.ts';

const OPTIONS = { failures: 3, ratio: 0.5, window: 10, openMs: 1_000, maxOpenMs: 3_000 };

let clock: ManualClock;
let breaker: CircuitBreaker;
beforeEach(() => {
  clock = new ManualClock();
  breaker = new CircuitBreaker(OPTIONS, clock);
});

function ticket(): number {
  const given = breaker.begin();
  if (given === null) throw new Error('no call may pass');
  return given;
}

const fail = (times = 1): void => {
  for (let i = 0; i < times; i++) breaker.failed(ticket());
};
const succeed = (times = 1): void => {
  for (let i = 0; i < times; i++) breaker.succeeded(ticket());
};

describe('a closed breaker', () => {
  test('opens after so many failures in a row', () => {
    fail(2);
    expect(breaker.state).toBe('closed');
    fail();
    expect(breaker.state).toBe('open');
    expect(breaker.begin()).toBeNull();
    expect(breaker.closedForMs).toBe(1_000);
  });

  test('stays closed where a call is answered in between', () => {
    for (let i = 0; i < 4; i++) {
      fail(1);
      succeed(2);
    }
    expect(breaker.state).toBe('closed');
  });

  test('opens at the share of failures among the last calls, however they are mixed', () => {
    for (let i = 0; i < 4; i++) {
      fail();
      succeed();
    }
    fail();
    expect(breaker.state).toBe('closed');
    succeed();
    fail();
    expect(breaker.state).toBe('open');
  });

  test('forgets failures that are further back than its window', () => {
    for (let i = 0; i < 3; i++) {
      fail();
      succeed();
    }
    succeed(10);
    fail(2);
    succeed();
    fail(2);
    expect(breaker.state).toBe('closed');
  });

  test('counts no call whose caller went away', () => {
    fail(2);
    for (let i = 0; i < 10; i++) breaker.abandoned(ticket());
    expect(breaker.state).toBe('closed');
    fail();
    expect(breaker.state).toBe('open');
  });
});

describe('an open breaker', () => {
  beforeEach(() => fail(3));

  test('is half-open after its time, and lets one call through', () => {
    clock.advance(999);
    expect(breaker.begin()).toBeNull();
    clock.advance(1);
    expect(breaker.state).toBe('half-open');
    expect(breaker.begin()).not.toBeNull();
    expect(breaker.begin()).toBeNull();
    expect(breaker.closedForMs).toBeGreaterThan(0);
  });

  test.each(['succeeded', 'answering'] as const)('closes when its trial is %s', (outcome) => {
    clock.advance(1_000);
    breaker[outcome](ticket());
    expect(breaker.state).toBe('closed');
    fail(2);
    expect(breaker.state).toBe('closed');
  });

  test('opens for twice as long after each trial that fails, up to the longest', () => {
    for (const openMs of [1_000, 2_000, 3_000, 3_000]) {
      expect(breaker.closedForMs).toBe(openMs);
      clock.advance(openMs);
      fail();
    }
    clock.advance(3_000);
    succeed();
    fail(3);
    expect(breaker.closedForMs).toBe(1_000);
  });

  test('lets the next call through where the trial’s caller went away', () => {
    clock.advance(1_000);
    breaker.abandoned(ticket());
    expect(breaker.state).toBe('half-open');
    succeed();
    expect(breaker.state).toBe('closed');
  });

  test('is closed from outside', () => {
    breaker.close();
    expect(breaker.state).toBe('closed');
    expect(breaker.begin()).not.toBeNull();
  });
});

test('a call from before the breaker opened neither closes it nor takes the trial’s place', () => {
  const early = [ticket(), ticket(), ticket()];
  fail(3);
  for (const old of early) breaker.succeeded(old);
  expect(breaker.state).toBe('open');
  clock.advance(1_000);
  const trial = ticket();
  for (const old of early) breaker.failed(old);
  for (const old of early) breaker.abandoned(old);
  expect(breaker.begin()).toBeNull();
  breaker.succeeded(trial);
  expect(breaker.state).toBe('closed');
});

test('stays open up to a fifth longer, at random', () => {
  clock.chance = 0.999_999;
  fail(3);
  expect(breaker.closedForMs).toBeGreaterThan(1_199);
  expect(breaker.closedForMs).toBeLessThan(1_200);
});

test('tells each opening and closing once', () => {
  let changes = 0;
  breaker = new CircuitBreaker(OPTIONS, clock, () => changes++);
  breaker.close();
  expect(changes).toBe(0);
  fail(3);
  clock.advance(1_000);
  expect(changes).toBe(1);
  succeed();
  expect(changes).toBe(2);
});

test('whatever happens, at most one call is at an upstream that is not known to work', () => {
  const step = fc.record({ what: fc.constantFrom('begin', 'succeed', 'fail', 'abandon', 'wait'), which: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const time = new ManualClock();
      const each = new CircuitBreaker(OPTIONS, time);
      const underWay: { given: number; asTrial: boolean }[] = [];
      for (const { what, which } of steps) {
        if (what === 'wait') {
          time.advance(which * 100);
        } else if (what === 'begin') {
          const { state } = each;
          const given = each.begin();
          if (state === 'closed') expect(given).not.toBeNull();
          if (state === 'open') expect(given).toBeNull();
          const asTrial = state !== 'closed';
          if (given !== null) underWay.push({ given, asTrial });
        } else {
          const [over] = underWay.splice(which % Math.max(underWay.length, 1), 1);
          if (over === undefined) continue;
          if (what === 'succeed') each.succeeded(over.given);
          else if (what === 'fail') each.failed(over.given);
          else each.abandoned(over.given);
        }
        if (each.state !== 'closed') {
          expect(underWay.filter(({ asTrial }) => asTrial).length).toBeLessThanOrEqual(1);
        }
      }
    }),
  );
});
