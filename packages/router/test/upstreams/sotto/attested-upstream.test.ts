import type { AttestationPolicyInput } from '@sotto/attestation';
import {
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticBundleInput,
  type SyntheticPlatforms,
} from '@sotto/attestation/testing';
import { decodeBase64Url, type SecurityTier } from '@sotto/protocol';
import { OHTTP_GATEWAY_PATH } from '@sotto/protocol/ohttp';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { CollectingSink } from '../../../src/http/collecting-sink.ts';
import { type Candidate, fitForTier } from '../../../src/upstreams/candidates.ts';
import { forward } from '../../../src/upstreams/forward.ts';
import { type GuardOptions, guardUpstream } from '../../../src/upstreams/guard-upstream.ts';
import { SottoUpstream } from '../../../src/upstreams/sotto/sotto-upstream.ts';
import { chat, type RunningRouter, startRouter } from '../../running-router.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import { ManualClock } from '../manual-clock.ts';
import { ScriptedUpstream } from '../scripted-upstream.ts';
import { type RouterFront, startFront } from './router-front.ts';

const MEASUREMENT = '5a'.repeat(48);
const POLICY: AttestationPolicyInput = { platforms: [{ type: 'sev-snp', measurements: [MEASUREMENT] }] };
const GUARD: GuardOptions = {
  weight: 1,
  maxConcurrent: 8,
  queue: { max: 8, deadlineMs: 1_000 },
  breaker: { failures: 2, ratio: 0.5, window: 4, openMs: 10_000, maxOpenMs: 10_000 },
  probe: false,
  models: ['m'],
};
const TIERS: readonly SecurityTier[] = ['standard', 'high', 'maximum'];

/** A clock that begins now, and goes on when a test says so. */
class ClockFromNow extends ManualClock {
  readonly #beganMs = Date.now();

  override unixMs(): number {
    return this.#beganMs + this.nowMs();
  }
}

let platforms: SyntheticPlatforms;
let model: StandInUpstream;
let second: RunningRouter;
let front: RouterFront;
/** What the second router's evidence has in the place of what is true; null: it has none. */
let evidence: Partial<SyntheticBundleInput> | null;

beforeAll(async () => {
  [platforms, model] = await Promise.all([createSyntheticPlatforms(new Date()), startStandIn()]);
}, 60_000);
afterAll(() => model.close());
beforeEach(async () => {
  evidence = {};
  second = await startRouter({
    upstreams: [{ name: 'model', baseUrl: model.baseUrl, tier: 'maximum', sameTee: true, models: ['m'] }],
  });
  front = await startFront(second.url, { evidence: (url) => bundle(url) });
});

async function bundle(url: URL, members = evidence): Promise<string | null> {
  if (members === null) return null;
  const keys = await fetch(`${second.url}${OHTTP_GATEWAY_PATH}`);
  const challenge = url.searchParams.get('nonce');
  const nonce = challenge === null ? null : decodeBase64Url(challenge);
  return createSyntheticBundleText({
    platforms,
    type: 'sev-snp',
    keyConfig: new Uint8Array(await keys.arrayBuffer()),
    origin: url.origin,
    now: new Date(),
    ...(nonce === null ? {} : { nonce }),
    ...members,
  });
}

/** Evidence of other software on the same hardware. */
const otherSoftware: Partial<SyntheticBundleInput> = {
  attest: async (reportData) => ({
    type: 'sev-snp',
    ...(await platforms.sevSnp.attest(reportData, { measurement: Buffer.alloc(48, 0x66) })),
  }),
};

/** The second router as an upstream of the first. */
function upstreamAt(baseUrl: string, clock?: ManualClock): Candidate & { readonly upstream: SottoUpstream } {
  const upstream = new SottoUpstream({
    name: 'second',
    tier: 'maximum',
    baseUrl,
    apiKey: null,
    attestation: { ...POLICY, roots: platforms.roots },
    maxConcurrent: 8,
    connectTimeoutMs: 1_000,
    firstByteTimeoutMs: 10_000,
    idleTimeoutMs: 10_000,
    ...(clock === undefined ? {} : { clock }),
  });
  onTestFinished(() => upstream.close());
  return { upstream, model: 'm', closedForMs: 0 };
}

async function ask(candidates: readonly Candidate[], tier: SecurityTier, text = 'x') {
  const sink = new CollectingSink();
  await forward(sink, {
    candidates: fitForTier(candidates, tier),
    path: '/chat/completions',
    tier,
    body: () => Buffer.from(JSON.stringify(chat(text))),
    stream: false,
    hidesUsage: false,
    maxAnswerBytes: 1_000_000,
    answerHeaders: ({ upstream }) => ({ 'x-sotto-upstream-class': upstream.class }),
  });
  const answer = await sink.answer;
  return { ...answer, text: new TextDecoder().decode(answer.body) };
}

describe.each(TIERS)('tier %s', (tier) => {
  test('is taken by a router that proves what the policy asks for, and which keeps the tier itself', async () => {
    const answer = await ask([upstreamAt(front.url)], tier, 'hello');
    expect(answer.text).toContain('echo: hello');
    expect(answer.headers).toMatchObject({ 'x-sotto-upstream-class': 'attested' });
    expect(front.seen).toContain('GET /pki/attestation');
  });

  test.each<[string, () => void]>([
    ['has no evidence', () => (evidence = null)],
    ['runs other software', () => (evidence = otherSoftware)],
    ['shows the evidence of another', () => (evidence = { origin: 'https://other.example' })],
    ['attests in software', () => (evidence = { type: 'software' })],
    ['shows evidence that has expired', () => (evidence = { now: new Date(Date.now() - 3 * 86_400_000) })],
    ['shows evidence of other keys', () => (evidence = { keyConfig: new Uint8Array(41) })],
  ])('refuses a router that %s before a byte leaves, and takes no quieter one', async (_flaw, mount) => {
    mount();
    const asked = model.seen.length;
    const candidate = upstreamAt(front.url);
    await expect(ask([candidate], tier)).rejects.toMatchObject({ code: 'upstream_not_attested', status: 403 });
    expect(front.sealed).toBe(0);
    expect(model.seen).toHaveLength(asked);
  });
});

describe('a router that has just failed to prove itself', () => {
  test('is no candidate at that tier for a while, and is asked again after it', async () => {
    const clock = new ClockFromNow();
    const candidate = upstreamAt(front.url, clock);
    evidence = otherSoftware;
    await expect(ask([candidate], 'high')).rejects.toMatchObject({ code: 'upstream_not_attested' });
    const asked = front.seen.length;
    evidence = {};
    await expect(ask([candidate], 'high')).rejects.toMatchObject({ code: 'upstream_not_attested' });
    expect(front.seen).toHaveLength(asked);
    clock.advance(5_000);
    expect((await ask([candidate], 'high')).text).toContain('echo');
  });

  test('gives way to another router of the same tier, and never to one of a quieter', async () => {
    evidence = otherSoftware;
    const other = upstreamAt(front.url);
    const good = upstreamAt((await startFront(second.url, { evidence: (url) => bundle(url, {}) })).url);
    expect((await ask([other, good], 'maximum')).text).toContain('echo');
    const quieter = new ScriptedUpstream('quieter', 'high');
    const candidates = [other, { upstream: quieter, model: 'm', closedForMs: 0 }];
    await expect(ask(candidates, 'maximum')).rejects.toMatchObject({ code: 'upstream_not_attested' });
    expect(quieter.calls).toHaveLength(0);
  });

  test('is not taken for one that is away: its breaker stays closed', async () => {
    evidence = otherSoftware;
    const { upstream: own } = upstreamAt(front.url);
    const { upstream } = guardUpstream(own, GUARD);
    for (let turn = 0; turn < 3; turn++) {
      const candidate = { upstream, model: 'm', closedForMs: upstream.closedForMs };
      await expect(ask([candidate], 'maximum')).rejects.toMatchObject({ code: 'upstream_not_attested' });
    }
    expect(upstream.state).toMatchObject({ breaker: 'closed', failed: 0, served: 0 });
  });
});

test('a router whose evidence cannot be had for now is away, and not unproved', async () => {
  const candidate = upstreamAt(front.url);
  await front.close();
  await expect(ask([candidate], 'maximum')).rejects.toMatchObject({ code: 'upstream_unavailable', status: 503 });
  expect(candidate.upstream.lacksProof('maximum')).toBe(false);
});

test('evidence that ends is asked for anew, and nothing is sealed on the old', async () => {
  const clock = new ClockFromNow();
  const candidate = upstreamAt(front.url, clock);
  await ask([candidate], 'maximum');
  const sealed = front.sealed;
  evidence = otherSoftware;
  // Tier maximum: five minutes at most.
  clock.advance(300_001);
  await expect(ask([candidate], 'maximum')).rejects.toMatchObject({ code: 'upstream_not_attested' });
  expect(front.sealed).toBe(sealed);
});

test('its own questions are of the highest tier, so that a probe sees evidence that fails', async () => {
  evidence = otherSoftware;
  const { upstream, models } = guardUpstream(upstreamAt(front.url).upstream, { ...GUARD, models: undefined });
  onTestFinished(() => upstream.close());
  if (!('ask' in models)) throw new Error('the models are configured');
  await expect(models.ask()).rejects.toMatchObject({ code: 'upstream_not_attested' });
  expect(front.sealed).toBe(0);
});
