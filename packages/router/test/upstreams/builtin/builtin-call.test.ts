import { apiError } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { BuiltinCall, MAX_HELD_BYTES } from '../../../src/upstreams/builtin/builtin-call.ts';
import { RecordedAnswer } from './recorded-answer.ts';

const PATIENT_MS = 60_000;

function newCall(stallTimeoutMs = PATIENT_MS) {
  const answer = new RecordedAnswer();
  const over: BuiltinCall[] = [];
  const call = new BuiltinCall(answer, stallTimeoutMs, (ended) => over.push(ended));
  return { answer, call, over };
}

const chunk = (text: string) => new TextEncoder().encode(text);

describe('a call', () => {
  it('keeps order through pauses, also when the reader pauses at every chunk', () => {
    const { answer, call, over } = newCall();
    answer.onChunk = () => call.pause();
    for (const text of ['1', '2', '3']) call.data(chunk(text));
    call.end();
    expect(answer.body).toBe('1');
    call.resume();
    expect(answer.body).toBe('12');
    expect(answer.ended).toBe(false);
    call.resume();
    expect(answer.body).toBe('123');
    call.resume();
    expect(answer.ended).toBe(true);
    expect(over).toEqual([call]);
  });

  it('makes the model wait once enough is held, until the reader has taken it', async () => {
    const { answer, call } = newCall();
    call.pause();
    call.data(new Uint8Array(MAX_HELD_BYTES - 1));
    await call.writable();
    call.data(new Uint8Array(1));
    let waited = true;
    const writable = call.writable().then(() => {
      waited = false;
    });
    await Promise.resolve();
    expect(waited).toBe(true);
    call.resume();
    await writable;
    expect(answer.chunks).toHaveLength(2);
  });

  it('ends the wait when the call is cancelled, and reports nothing any more', async () => {
    const { answer, call, over } = newCall();
    call.pause();
    call.data(new Uint8Array(MAX_HELD_BYTES));
    const writable = call.writable();
    call.cancel();
    await writable;
    call.resume();
    call.head(200, {});
    call.data(chunk('x'));
    call.end();
    call.fail(apiError('upstream_failed', 'x'));
    expect(answer).toMatchObject({ status: null, chunks: [], ended: false, error: null });
    expect(over).toHaveLength(1);
    expect(call.signal.aborted).toBe(true);
  });

  it('fails with upstream_timeout when the reader takes nothing for too long', async () => {
    const { answer, call } = newCall(1);
    call.pause();
    call.data(new Uint8Array(MAX_HELD_BYTES));
    await call.writable();
    expect(answer.error?.code).toBe('upstream_timeout');
    expect(call.isOver).toBe(true);
  });

  it('answers an error that the caller can mend, and reports any other', () => {
    const mendable = newCall();
    mendable.call.refuse(apiError('invalid_request', 'x', { param: 'n' }));
    expect(mendable.answer).toMatchObject({ status: 400, ended: true, error: null });
    const failed = newCall();
    failed.call.refuse(apiError('upstream_failed', 'x'));
    expect(failed.answer).toMatchObject({ status: null, ended: false, error: { code: 'upstream_failed' } });
  });
});
