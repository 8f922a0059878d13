import { computeReportData, type Evidence, parseBundle, verifyBundle } from '@sotto/attestation';
import { type KeyClaims, serializeClaims } from '@sotto/protocol/key-statement';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { AttestationEvent } from '../../src/attestation/attestation-event.ts';
import { EvidencePublisher, type EvidencePublisherOptions } from '../../src/attestation/evidence-publisher.ts';
import { selfVerification } from '../../src/attestation/self-verification.ts';
import { gate } from '../eventually.ts';
import { EventList, insecureClaims, ScriptedAttester, softwareEvidence } from './software-attester.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR_MS = 3_600_000;
const NONCE = new Uint8Array(32).fill(0xab);
const UNAVAILABLE = { status: 503, code: 'evidence_unavailable' };

beforeEach(() => void vi.useFakeTimers({ now: NOW, toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

let claims: KeyClaims;
let attester: ScriptedAttester;
let events: EventList;

beforeEach(() => {
  claims = insecureClaims(NOW);
  attester = new ScriptedAttester();
  events = new EventList();
});

async function publisher(changes: Partial<EvidencePublisherOptions> = {}): Promise<EvidencePublisher> {
  const made = new EvidencePublisher({
    attester,
    claims: () => claims,
    verify: selfVerification(),
    onEvent: events.push,
    timeoutMs: 1_000,
    ...changes,
  });
  onTestFinished(() => made.close());
  expect(await events.next()).toMatchObject({ kind: 'insecure' });
  return made;
}

const broken = () => Promise.reject(new Error('no device'));
const verified = (body: Uint8Array, nonce?: Uint8Array) =>
  verifyBundle(
    body,
    { dangerouslyAllowSoftware: true, freshness: nonce === undefined ? 'static' : 'nonce' },
    { expectedOrigin: 'https://router.example', nonce, now: new Date() },
  );

describe('the static bundle', () => {
  test('binds the very claims of the router, and verifies as clients verify', async () => {
    const published = await (await publisher()).current();
    expect(parseBundle(published.body).claims).toEqual(serializeClaims(claims));
    expect(attester.asked).toEqual([await computeReportData(serializeClaims(claims))]);
    await expect(verified(published.body)).resolves.toMatchObject({ kid: 'k1', type: 'software' });
    expect(published).toMatchObject({ kid: 'k1', validUntilMs: claims.expiresAt * 1_000 });
  });

  test('is made once for all who ask', async () => {
    const made = await publisher();
    const [first, ...others] = await Promise.all([made.current(), made.current(), made.current()]);
    for (const other of [...others, await made.current()]) expect(other).toBe(first);
    expect(attester.asked).toHaveLength(1);
  });

  test('tells the operator what it shows', async () => {
    await (await publisher()).refresh();
    expect(await events.next()).toEqual({
      kind: 'published',
      type: 'software',
      kid: 'k1',
      measurements: {},
      advisories: [],
      objections: [],
      validUntilMs: claims.expiresAt * 1_000,
    });
  });

  test('is made anew at half the life of its claims, then at half of what is left', async () => {
    const made = await publisher();
    await made.refresh();
    await events.next();
    await vi.advanceTimersByTimeAsync(12.5 * HOUR_MS - 1);
    expect(attester.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await events.next()).toMatchObject({ kind: 'published' });
    expect(attester.asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(6.25 * HOUR_MS);
    expect(await events.next()).toMatchObject({ kind: 'published' });
    expect(attester.asked).toHaveLength(3);
  });

  test('is made anew as often as the operator says', async () => {
    const made = await publisher({ refreshMs: HOUR_MS });
    await made.refresh();
    await events.next();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(await events.next()).toMatchObject({ kind: 'published' });
  });

  test('is never of other keys than those in use now', async () => {
    const made = await publisher();
    const before = await made.current();
    claims = insecureClaims(NOW, { kid: 'k2', keyConfigs: new Uint8Array(41).fill(8) });
    const after = await made.current();
    expect(after.kid).toBe('k2');
    expect(after.body).not.toEqual(before.body);
    claims = { ...claims, upstreamPolicySha256: 'ab'.repeat(32) };
    expect(parseBundle((await made.current()).body).claims).toEqual(serializeClaims(claims));
  });

  test('of keys that rotated while it was made is not served, but made once more', async () => {
    const made = await publisher();
    attester.script.push(async (reportData) => {
      claims = insecureClaims(NOW, { kid: 'k2' });
      return softwareEvidence(reportData);
    });
    expect((await made.current()).kid).toBe('k2');
    let count = 3;
    const rotating = async (reportData: Uint8Array): Promise<Evidence> => {
      claims = insecureClaims(NOW, { kid: `k${++count}` });
      return softwareEvidence(reportData);
    };
    attester.script.push(rotating, rotating);
    claims = insecureClaims(NOW, { kid: 'k3' });
    await expect(made.current()).rejects.toMatchObject(UNAVAILABLE);
  });

  test('that is good is served on when the attester fails, until its own end and no longer', async () => {
    const made = await publisher();
    const good = await made.current();
    await events.next();
    for (let count = 0; count < 20; count++) attester.script.push(broken);
    await made.refresh();
    expect(await events.next()).toMatchObject({ kind: 'failed', purpose: 'static', stillServing: true });
    expect(await made.current()).toBe(good);
    vi.setSystemTime(claims.expiresAt * 1_000 - 1);
    expect(await made.current()).toBe(good);
    vi.setSystemTime(claims.expiresAt * 1_000);
    await expect(made.current()).rejects.toMatchObject(UNAVAILABLE);
  });

  test('of other keys is not served on when the attester fails', async () => {
    const made = await publisher();
    await made.current();
    await events.next();
    claims = insecureClaims(NOW, { kid: 'k2' });
    attester.script.push(broken);
    await expect(made.current()).rejects.toMatchObject({ ...UNAVAILABLE, retryAfterMs: 5_000 });
    expect(await events.next()).toMatchObject({ kind: 'failed', stillServing: false });
  });

  test('is tried again after a while, however often it is asked for in between', async () => {
    const made = await publisher();
    attester.script.push(broken);
    await made.refresh();
    expect(await events.next()).toMatchObject({ kind: 'failed', code: 'internal_error', message: 'Error' });
    for (let count = 0; count < 3; count++) await expect(made.current()).rejects.toMatchObject(UNAVAILABLE);
    expect(attester.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await events.next()).toMatchObject({ kind: 'published' });
    await expect(made.current()).resolves.toMatchObject({ kid: 'k1' });
  });

  test('is tried again ever more slowly, and at once when the keys have rotated', async () => {
    const made = await publisher();
    for (let count = 0; count < 3; count++) attester.script.push(broken);
    await made.refresh();
    await events.next();
    await vi.advanceTimersByTimeAsync(5_000);
    await events.next();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(attester.asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    await events.next();
    await vi.advanceTimersByTimeAsync(0);
    expect(attester.asked).toHaveLength(3);
    claims = insecureClaims(NOW, { kid: 'k2' });
    await made.refresh();
    await expect(made.current()).resolves.toMatchObject({ kid: 'k2' });
  });

  test.each<[string, string, (reportData: Uint8Array) => Promise<Evidence>]>([
    ['commits to something else', 'signature_invalid', async () => softwareEvidence(new Uint8Array(64))],
    [
      'is garbled',
      'evidence_malformed',
      async (reportData) => ({ ...softwareEvidence(reportData), publicKey: new Uint8Array(91) }),
    ],
    [
      'is of another kind than it can be',
      'evidence_malformed',
      async () => ({ type: 'tdx', quote: new Uint8Array(1_000).fill(4) }),
    ],
  ])('is not published where the evidence %s', async (_, code, attest) => {
    const made = await publisher();
    attester.script.push(attest);
    await expect(made.current()).rejects.toMatchObject(UNAVAILABLE);
    expect(await events.next()).toMatchObject({ kind: 'failed', code });
    expect(attester.forgotten).toBe(1);
  });

  test('is not published where its claims do not say that software made it', async () => {
    claims = insecureClaims(NOW, { insecure: undefined });
    await expect((await publisher()).current()).rejects.toMatchObject(UNAVAILABLE);
    expect(await events.next()).toMatchObject({ kind: 'failed', code: 'claims_invalid' });
  });

  test('is made no more once the publisher is closed', async () => {
    const made = await publisher({ refreshMs: HOUR_MS });
    await made.refresh();
    made.close();
    await vi.advanceTimersByTimeAsync(2 * HOUR_MS);
    expect(attester.asked).toHaveLength(1);
  });
});

describe('an answer to a challenge', () => {
  test('commits to the challenge and the claims, and is no static bundle', async () => {
    const made = await publisher();
    const body = await made.answer(NONCE);
    expect(attester.asked).toEqual([await computeReportData(serializeClaims(claims), NONCE)]);
    await expect(verified(body, NONCE)).resolves.toMatchObject({ kid: 'k1' });
    await expect(verified(body)).rejects.toMatchObject({ code: 'nonce_mismatch' });
  });

  test('is never the static bundle, though there be one', async () => {
    const made = await publisher();
    await made.current();
    await events.next();
    attester.script.push(broken);
    await expect(made.answer(NONCE)).rejects.toMatchObject(UNAVAILABLE);
    expect(await events.next()).toMatchObject({ kind: 'failed', purpose: 'challenge', stillServing: false });
  });

  test('is not awaited for ever', async () => {
    const made = await publisher();
    const hanging = gate();
    attester.script.push(async (reportData) => {
      await hanging.opened;
      return softwareEvidence(reportData);
    });
    const refused = expect(made.answer(NONCE)).rejects.toMatchObject(UNAVAILABLE);
    while (attester.asked.length === 0) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(1_000);
    await refused;
    hanging.open();
  });
});

describe('a publisher', () => {
  test('is not made of claims that name no router', () => {
    const nameless = insecureClaims(NOW, { origin: null });
    const make = () =>
      new EvidencePublisher({ attester, claims: () => nameless, verify: selfVerification(), timeoutMs: 1_000 });
    expect(make).toThrow(expect.objectContaining({ name: 'ConfigurationError', code: 'invalid_config' }));
  });

  test('says at its start that software evidence is insecure', () => {
    const told: AttestationEvent[] = [];
    new EvidencePublisher({
      attester,
      claims: () => claims,
      verify: selfVerification(),
      timeoutMs: 1_000,
      onEvent: (event) => told.push(event),
    });
    const [event] = told;
    expect(event?.kind === 'insecure' ? event.message : '').toMatch(/INSECURE.*proves nothing/);
  });
});
