import { describe, expect, test } from 'vitest';
import { turnsInWindow } from '../../src/chatbots/context-window.ts';
import { withTurn } from '../../src/chatbots/history.ts';

const turn = (name: string, length = 30) => ({
  message: `${name}${'x'.repeat(length - 1)}`,
  answer: 'y'.repeat(length),
});
const bot = { systemPrompt: '', parameters: { max_tokens: 100 } };

describe('the turns that fit a model’s window', () => {
  // By hand: a message of 30 bytes counts 8 + 10 tokens, a turn 36, the empty system prompt 8, the new message 9.
  test.each([
    [100 + 8 + 9 + 35, 0],
    [100 + 8 + 9 + 36, 1],
    [100 + 8 + 9 + 71, 1],
    [100 + 8 + 9 + 72, 2],
    [1_000_000, 3],
    [1, 0],
  ])('of %i tokens are the newest %i', (tokens, kept) => {
    const turns = [turn('a'), turn('b'), turn('c')];
    expect(turnsInWindow(turns, 'now', bot, tokens)).toEqual(turns.slice(3 - kept));
  });

  test('are counted by their bytes, not their characters', () => {
    expect(turnsInWindow([turn('ü')], '', bot, 100 + 8 + 8 + 36)).toHaveLength(0);
    expect(turnsInWindow([turn('ü')], '', bot, 100 + 8 + 8 + 37)).toHaveLength(1);
  });

  test('leave room for the answer, whatever it may have', () => {
    const turns = [turn('a', 3_000), turn('b', 3_000)];
    const kept = (parameters: Readonly<Record<string, unknown>>): number =>
      turnsInWindow(turns, '', { systemPrompt: '', parameters }, 5_100).length;
    expect(kept({})).toBe(2);
    expect(kept({ max_tokens: 2_000 })).toBe(1);
    expect(kept({ max_completion_tokens: 4_500, max_tokens: 1 })).toBe(0);
    expect(kept({ max_tokens: 'many' })).toBe(2);
  });

  test('are those of 8,192 tokens where the model’s window is not known', () => {
    const turns = Array.from({ length: 9 }, (_each, index) => turn(String(index), 1_500));
    expect(turnsInWindow(turns, '', bot)).toHaveLength(7);
  });
});

describe('a history', () => {
  const empty = { tier: 'standard', turns: [] } as const;

  test('keeps the newest turns where it would be too long', () => {
    let history = withTurn(empty, turn('a', 400_000), 'standard');
    history = withTurn(history, turn('b', 100_000), 'standard');
    expect(history.turns.map(({ message }) => message[0])).toEqual(['a', 'b']);
    history = withTurn(history, turn('c', 100_000), 'standard');
    expect(history.turns.map(({ message }) => message[0])).toEqual(['b', 'c']);
  });

  test('keeps 500 turns', () => {
    let history = withTurn(empty, turn('a'), 'standard');
    for (let index = 0; index < 600; index++) history = withTurn(history, turn('b'), 'standard');
    expect(history.turns).toHaveLength(500);
  });

  test('is of the highest tier that any of its turns had', () => {
    const high = withTurn(withTurn(empty, turn('a'), 'high'), turn('b'), 'standard');
    expect([high.tier, withTurn(high, turn('c'), 'maximum').tier]).toEqual(['high', 'maximum']);
  });
});
