import { describe, expect, it } from 'vitest';
import { sliceObjectMember } from '../../../src/attest/collateral/signed-member.ts';

describe('sliceObjectMember', () => {
  it('gives the text as it is written, to the last blank', () => {
    const info = '{ "id":"TDX",\n "x" : [1, 2, {"tcbInfo":{}}], "s":"}\\"{,:" , "e":1.50 }';
    expect(sliceObjectMember(`{"tcbInfo":${info},"signature":"00"}`, 'tcbInfo')).toBe(info);
    expect(sliceObjectMember(`{"signature":"00", "tcbInfo": ${info}\n}`, 'tcbInfo')).toBe(info);
    expect(sliceObjectMember(`{"tcb\\u0049nfo":${info}}`, 'tcbInfo')).toBe(info);
  });

  it.each([
    ['is not there', '{"signature":{}}'],
    ['is there twice', '{"tcbInfo":{},"tcbInfo":{}}'],
    ['is deeper', '{"body":{"tcbInfo":{}}}'],
    ['is no object', '{"tcbInfo":"{}"}'],
    ['is in a list', '[{"tcbInfo":{}}]'],
    ['is of a text that is no JSON', '{"tcbInfo":{}'],
  ])('refuses a member that %s', (_, text) => {
    expect(() => sliceObjectMember(text, 'tcbInfo')).toThrow();
  });
});
