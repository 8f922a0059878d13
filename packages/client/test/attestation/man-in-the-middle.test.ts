import { SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SecureChatCompletion } from '../../src/node/index.ts';
import { GATEWAY_ORIGIN, json, StandInGateway } from '../ohttp/stand-in-gateway.ts';
import { completionOf } from '../stand-in-router.ts';
import { testPlatform } from '../test-platform.ts';
import { AttestedRouter, attestationOf, evidenceResponse, syntheticPlatforms } from './attested-router.ts';

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'a secret of mine' }] };

let router: AttestedRouter;

beforeAll(async () => {
  await syntheticPlatforms();
}, 60_000);

beforeEach(() => {
  router = new AttestedRouter();
  router.answer = () => json(completionOf('hello'));
});

async function client(): Promise<SecureChatCompletion> {
  return new SecureChatCompletion({
    baseURL: GATEWAY_ORIGIN,
    fetch: router.fetch,
    platform: testPlatform(),
    protocol: 'ohttp',
    maxRetries: 0,
    attestation: await attestationOf(),
  });
}

interface Attack {
  readonly name: string;
  readonly code: Readonly<Record<SecurityTier, string>>;
  /** Does what somebody does who relays everything and holds a valid certificate. */
  readonly mount: () => Promise<void> | void;
}

function inEachTier(code: string): Attack['code'] {
  return { standard: code, high: code, maximum: code };
}

const answering = (answer: () => Response) => () => {
  router.onEvidence = answer;
};

const ATTACKS: readonly Attack[] = [
  {
    name: 'strips the evidence',
    code: inEachTier('evidence_missing'),
    mount: answering(() => new Response('Not Found', { status: 404 })),
  },
  { name: 'sends none', code: inEachTier('evidence_missing'), mount: answering(() => evidenceResponse('')) },
  {
    name: 'leads to evidence elsewhere',
    code: inEachTier('evidence_missing'),
    mount: answering(() => new Response(null, { status: 302, headers: { location: 'https://other.test/bundle' } })),
  },
  {
    name: 'answers with a page',
    code: inEachTier('evidence_malformed'),
    mount: answering(() => new Response('<html>', { headers: { 'content-type': 'text/html' } })),
  },
  {
    name: 'answers without end',
    code: inEachTier('evidence_malformed'),
    mount: answering(() => evidenceResponse(' '.repeat(262_145))),
  },
  {
    name: 'fails in the place of the router',
    code: inEachTier('fetch_failed'),
    mount: answering(() => new Response(null, { status: 500 })),
  },
  {
    name: 'swaps the keys in the claims',
    code: inEachTier('binding_mismatch'),
    mount: async () => {
      const keyConfigs = await new StandInGateway().keyConfigs();
      router.onEvidence = async ({ url }) => {
        const nonce = new URL(url).searchParams.get('nonce');
        const [own, good] = await Promise.all([router.bundle(nonce, { keyConfigs }), router.bundle(nonce)]);
        const { claims } = JSON.parse(own) as { claims: string };
        return evidenceResponse(JSON.stringify({ ...(JSON.parse(good) as object), claims }));
      };
    },
  },
  {
    name: "serves another router's evidence",
    code: inEachTier('audience_mismatch'),
    mount: () => {
      router.evidence = { origin: 'https://other.test' };
    },
  },
  {
    name: 'makes evidence of its own in software',
    code: inEachTier('software_refused'),
    mount: () => {
      router.evidence = { type: 'software' };
    },
  },
  {
    name: 'has a TEE of its own, with software of its own',
    code: inEachTier('measurement_not_allowed'),
    mount: () => {
      router.evidence = { measurement: '66'.repeat(48) };
    },
  },
  {
    name: 'replays a bundle of yesterday',
    code: { standard: 'claims_expired', high: 'claims_expired', maximum: 'nonce_mismatch' },
    mount: async () => {
      router.nowMs -= 2 * 86_400_000;
      const old = await router.bundle(null);
      router.onEvidence = () => evidenceResponse(old);
    },
  },
  {
    name: 'replays an answer to another challenge',
    code: inEachTier('nonce_mismatch'),
    mount: async () => {
      const old = await router.bundle(Buffer.alloc(32, 7).toString('base64url'));
      router.onEvidence = () => evidenceResponse(old);
    },
  },
];

describe.each(SECURITY_TIERS)('tier %s', (tier) => {
  test('a router that proves itself is asked, and the answer comes back', async () => {
    const answer = await (await client()).create({ ...REQUEST, security_tier: tier });
    expect(answer.choices[0]?.message.content).toBe('hello');
    expect(answer._metadata).toMatchObject({ key_trust: 'attested' });
  });

  test.each(ATTACKS)('whoever $name gets no sealed byte, and is reported by name', async ({ code, mount }) => {
    await mount();
    const chat = await client();
    const request = chat.create({ ...REQUEST, security_tier: tier });
    await expect(request).rejects.toMatchObject({ code: code[tier] });
    expect(router.sealed).toBe(0);
    expect(chat.attestation).toMatchObject({ status: 'contraindicated', tier, code: code[tier] });
    const failed = chat.attestation.steps.filter(({ status }) => status === 'failed');
    expect(failed.map(({ code: found }) => found)).toContain(code[tier]);
  });

  test('whoever serves keys of their own beside good evidence is not heard: nobody asks there', async () => {
    const other = new StandInGateway();
    const keys = await other.keyConfigs();
    const { intercept } = router;
    router.intercept = async (request) =>
      request.method === 'GET' && new URL(request.url).pathname !== '/pki/attestation'
        ? new Response(new Uint8Array(keys), { headers: { 'content-type': 'application/ohttp-keys' } })
        : intercept(request);
    await (await client()).create({ ...REQUEST, security_tier: tier });
    expect(router.opened).toHaveLength(1);
  });

  test('whoever serves the bundle of older keys, once newer were seen, is reported', async () => {
    const chat = await client();
    const old = await router.bundle(null);
    router.rotate();
    await chat.create({ ...REQUEST, security_tier: tier });
    router.onEvidence = async ({ url }) =>
      tier === 'maximum' ? router.bundleResponse(new URL(url), { claims: { epoch: 1 } }) : evidenceResponse(old);
    // The router was started anew: the client hears that its key is gone, and asks for evidence again.
    router.rotate();
    await expect(chat.create({ ...REQUEST, security_tier: tier })).rejects.toMatchObject({
      code: 'key_statement_rollback',
    });
  });
});
