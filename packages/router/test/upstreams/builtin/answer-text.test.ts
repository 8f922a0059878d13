import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerText } from '../../../src/upstreams/builtin/answer-text.ts';

const plain = { stop: [], trimStart: false, trimEnd: false };

describe('an answer’s text', () => {
  it('holds back what may become a stop text, and shows it when it does not', () => {
    const text = new AnswerText({ ...plain, stop: ['END'] });
    expect(['one E', 'N', 'd ', 'EN'].map((piece) => text.push(piece))).toEqual(['one ', '', 'ENd ', '']);
    expect(text.finish()).toBe('EN');
    expect(text.isStopped).toBe(false);
  });

  it('ends before the earliest stop text and ignores what follows', () => {
    const text = new AnswerText({ ...plain, stop: ['later', 'now'] });
    expect(text.push('right now, later')).toBe('right ');
    expect(text.isStopped).toBe(true);
    expect(text.push('more') + text.finish()).toBe('');
  });

  it('drops blanks before the first word, however they arrive', () => {
    const text = new AnswerText({ ...plain, trimStart: true });
    expect([' ', '\t', '  one', ' two'].map((piece) => text.push(piece))).toEqual(['', '', 'one', ' two']);
  });

  it('drops white space at the end only', () => {
    const text = new AnswerText({ ...plain, trimEnd: true });
    expect(['{ ', '}', '\n', ' '].map((piece) => text.push(piece))).toEqual(['{', ' }', '', '']);
    expect(text.finish()).toBe('');
  });

  it('ends with the stop text that is complete first, in one piece and in several', () => {
    for (const pieces of [['bab'], ['b', 'a', 'b']]) {
      const text = new AnswerText({ ...plain, stop: ['a', 'bab'] });
      expect(pieces.map((piece) => text.push(piece)).join('') + text.finish()).toBe('b');
    }
    const both = new AnswerText({ ...plain, stop: ['b', 'ab'] });
    expect(both.push('xab')).toBe('x');
  });

  it('shows the same whatever the pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n') });
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(letters, stops, fc.boolean(), fc.boolean(), (whole, stop, trimStart, trimEnd) => {
        const options = { stop, trimStart, trimEnd };
        const atOnce = new AnswerText(options);
        const expected = atOnce.push(whole) + atOnce.finish();
        const stepwise = new AnswerText(options);
        const shown = [...whole].map((piece) => stepwise.push(piece)).join('') + stepwise.finish();
        expect(shown).toBe(expected);
        for (const word of stop) expect(shown).not.toContain(word);
      }),
    );
  });
});
