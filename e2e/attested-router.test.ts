import {
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticPlatforms,
} from '@sotto/attestation/testing';
import { SecureChatCompletion } from '@sotto/client';
import { SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ManInTheMiddle, type PassingAnswer, startManInTheMiddle } from './man-in-the-middle.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const SECRET = 'a canary that sings to nobody in the middle';
const MEASUREMENT = '5a'.repeat(48);
const PATH = '/pki/attestation';

let platforms: SyntheticPlatforms;
let router: SealedRouter;
let middle: ManInTheMiddle;
let keyConfig: Uint8Array;

beforeAll(async () => {
  [platforms, router] = await Promise.all([
    createSyntheticPlatforms(new Date()),
    startSealedRouter({ upstreams: [{ name: 'inside', type: 'builtin', tier: 'maximum' }] }),
  ]);
  middle = await startManInTheMiddle(router.url);
  keyConfig = new Uint8Array(await (await fetch(`${router.url}/.well-known/ohttp-gateway`)).arrayBuffer());
}, 60_000);

afterAll(async () => {
  await middle.close();
  await router.close();
});

interface Members {
  readonly keyConfig?: Uint8Array;
  readonly origin?: string;
  readonly iat?: Date;
}

/** The router's evidence, made for it by the synthetic platform it would run on. */
async function bundle(path: string, members: Members = {}): Promise<string> {
  const nonce = new URL(path, middle.url).searchParams.get('nonce');
  return createSyntheticBundleText({
    platforms,
    type: 'sev-snp',
    keyConfig: members.keyConfig ?? keyConfig,
    origin: members.origin ?? middle.url,
    now: members.iat ?? new Date(),
    ...(nonce === null ? {} : { nonce: new Uint8Array(Buffer.from(nonce, 'base64url')) }),
  });
}

function answering(make: (path: string) => Promise<string> | null): void {
  middle.attack({
    onRequest: async (message) => {
      if (!message.path.startsWith(PATH)) return message;
      const body = await make(message.path);
      return {
        status: body === null ? 404 : 200,
        headers: JSON_TYPE,
        body: Buffer.from(body ?? '{}'),
      } satisfies PassingAnswer;
    },
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };

function client(): SecureChatCompletion {
  return new SecureChatCompletion({
    baseURL: middle.url,
    allowHttp: true,
    apiKey: API_KEY,
    maxRetries: 0,
    attestation: { platforms: [{ type: 'sev-snp', measurements: [MEASUREMENT] }], roots: platforms.roots },
  });
}

const ask = (chat: SecureChatCompletion, tier: SecurityTier) =>
  chat.create({
    model: 'sotto-tiny',
    messages: [{ role: 'user', content: SECRET }],
    max_tokens: 4,
    security_tier: tier,
  });

const ATTACKS: readonly (readonly [name: string, code: string, mount: () => void])[] = [
  ['strips the evidence', 'evidence_missing', () => answering(() => null)],
  [
    "serves another router's evidence",
    'audience_mismatch',
    () => answering((path) => bundle(path, { origin: 'https://other.example' })),
  ],
  [
    'swaps the keys',
    'binding_mismatch',
    () =>
      answering(async (path) => {
        const own = JSON.parse(await bundle(path, { keyConfig: keyConfig.slice().fill(1, 8, 16) })) as {
          claims: string;
        };
        return JSON.stringify({ ...(JSON.parse(await bundle(path)) as object), claims: own.claims });
      }),
  ],
];

describe.each(SECURITY_TIERS)('tier %s, through whoever terminates TLS', (tier) => {
  let before: number;

  beforeEach(() => {
    before = middle.seen.length;
  });

  test('a router that proves itself answers, and the one in the middle reads nothing', async () => {
    answering((path) => bundle(path));
    const chat = client();
    const answer = await ask(chat, tier);
    expect(answer._metadata).toMatchObject({ key_trust: 'attested', security_tier: tier });
    expect(chat.attestation).toMatchObject({ status: 'affirming', answersNonce: tier === 'maximum' });
    const passed = middle.seen.slice(before);
    expect(passed.length).toBeGreaterThan(0);
    for (const { body } of passed) expect(body.includes(SECRET)).toBe(false);
  });

  test.each(ATTACKS)('one who %s is told by name (%s), and gets no request', async (_, code, mount) => {
    mount();
    const chat = client();
    await expect(ask(chat, tier)).rejects.toMatchObject({ code });
    expect(chat.attestation).toMatchObject({ status: 'contraindicated', code });
    expect(middle.seen.length).toBe(before);
  });

  test('one who replays a bundle of two days ago is told by name, and gets no request', async () => {
    const old = await bundle(PATH, { iat: new Date(Date.now() - 2 * 86_400_000) });
    answering(async () => old);
    const code = tier === 'maximum' ? 'nonce_mismatch' : 'claims_expired';
    await expect(ask(client(), tier)).rejects.toMatchObject({ code });
    expect(middle.seen.length).toBe(before);
  });
});
