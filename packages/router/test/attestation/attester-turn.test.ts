import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AttesterTurn } from '../../src/attestation/attester-turn.ts';
import { gate } from '../eventually.ts';
import { ScriptedAttester, softwareEvidence } from './software-attester.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const data = (value: number) => new Uint8Array(64).fill(value);

describe('an attester', () => {
  test('is asked one thing at a time, in the order of asking', async () => {
    const attester = new ScriptedAttester();
    const first = gate();
    attester.script.push(async (reportData) => {
      await first.opened;
      return softwareEvidence(reportData);
    });
    const turn = new AttesterTurn(attester, 1_000);
    const answers = [turn.attest(data(1)), turn.attest(data(2))];
    await vi.advanceTimersByTimeAsync(0);
    expect(attester.asked).toEqual([data(1)]);
    first.open();
    await Promise.all(answers);
    expect(attester.asked).toEqual([data(1), data(2)]);
  });

  test('that fails does not keep the next from its turn', async () => {
    const attester = new ScriptedAttester();
    attester.script.push(() => Promise.reject(new Error('no device')));
    const turn = new AttesterTurn(attester, 1_000);
    const failed = expect(turn.attest(data(1))).rejects.toThrow('no device');
    await expect(turn.attest(data(2))).resolves.toMatchObject({ type: 'software' });
    await failed;
  });

  test('that does not answer in time is told to stop, and is not asked again before it has come back', async () => {
    const attester = new ScriptedAttester();
    const hanging = gate();
    attester.script.push(async (reportData) => {
      await hanging.opened;
      return softwareEvidence(reportData);
    });
    const turn = new AttesterTurn(attester, 1_000);
    const late = expect(turn.attest(data(1))).rejects.toMatchObject({ status: 503, code: 'evidence_unavailable' });
    await vi.advanceTimersByTimeAsync(1_000);
    await late;
    expect(attester.signals[0]?.aborted).toBe(true);
    await expect(turn.attest(data(2))).rejects.toMatchObject({ code: 'evidence_unavailable' });
    expect(attester.asked).toHaveLength(1);
    hanging.open();
    await vi.advanceTimersByTimeAsync(0);
    await expect(turn.attest(data(3))).resolves.toBeDefined();
    expect(attester.signals[1]?.aborted).toBe(false);
  });
});
