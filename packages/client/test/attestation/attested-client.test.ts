import { signerFingerprint } from '@sotto/protocol/key-statement';
import { nodeCrypto } from '@sotto/protocol/node';
import { fingerprint } from '@sotto/protocol/nomyo-v1';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { VerifiedAttestation } from '../../src/attestation/attestation-status.ts';
import { fetchEvidence } from '../../src/attestation/fetch-evidence.ts';
import type { ClientOptions } from '../../src/client-options.ts';
import { fetchTransport } from '../../src/fetch-transport.ts';
import { createSecureFetch, SecureChatCompletion } from '../../src/node/index.ts';
import { parseRouterUrl } from '../../src/router-url.ts';
import { GATEWAY_ORIGIN, json, NOW_MS, STAND_IN_SIGNER, StandInGateway } from '../ohttp/stand-in-gateway.ts';
import { completionOf, StandInRouter } from '../stand-in-router.ts';
import { sharedKeyPair, type TestPlatform, testPlatform } from '../test-platform.ts';
import { AttestedRouter, attestationOf, MEASUREMENT, NEXT_MEASUREMENT, syntheticPlatforms } from './attested-router.ts';

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const HOUR_MS = 3_600_000;

let router: AttestedRouter;
let platform: TestPlatform;

beforeAll(async () => {
  await syntheticPlatforms();
}, 60_000);

beforeEach(() => {
  router = new AttestedRouter();
  router.answer = () => json(completionOf('hello'));
  platform = testPlatform();
});

async function client(options: ClientOptions = {}): Promise<SecureChatCompletion> {
  return new SecureChatCompletion({
    baseURL: GATEWAY_ORIGIN,
    fetch: router.fetch,
    platform,
    maxRetries: 0,
    attestation: await attestationOf(),
    ...options,
  });
}

/** Lets time pass for client and router alike. */
function pass(milliseconds: number): void {
  platform.clock.nowMs += milliseconds;
  router.nowMs += milliseconds;
}

describe('ready', () => {
  test('tells what was proved, step by step', async () => {
    const chat = await client();
    expect(chat.attestation).toEqual({ status: 'pending', steps: [] });
    expect(await chat.ready()).toBe(chat.attestation);
    expect(chat.attestation).toMatchObject({
      status: 'affirming',
      type: 'sev-snp',
      measurements: { measurement: MEASUREMENT },
      tcb: { reported: { snp: 23 } },
      kid: 'k1',
      software: { name: 'sotto-router' },
      validUntil: new Date(NOW_MS + 24 * HOUR_MS),
      answersNonce: false,
    });
    const stages = ['fetch', 'schema', 'type', 'binding', 'crypto', 'policy', 'claims', 'history'];
    expect(chat.attestation.steps.map(({ name }) => name)).toEqual(stages);
    expect(chat.attestation.steps.every(({ status }) => status === 'passed')).toBe(true);
  });

  test('of tier maximum sends a challenge of its own, and is asked again within five minutes', async () => {
    const chat = await client({ tier: 'maximum' });
    await chat.ready();
    expect(chat.attestation).toMatchObject({ answersNonce: true, validUntil: new Date(NOW_MS + 300_000) });
    pass(300_000);
    await chat.create(REQUEST);
    const challenges = router.asked.map(({ searchParams }) => searchParams.get('nonce'));
    expect(new Set(challenges).size).toBe(2);
    expect(challenges.every((challenge) => challenge?.length === 43)).toBe(true);
    expect(router.opened[0]?.headers.get('x-security-tier')).toBe('maximum');
  });

  test('without the option has nothing to verify', async () => {
    const chat = await client({ attestation: undefined });
    expect(await chat.ready()).toEqual({ status: 'none', steps: [] });
    expect(router.outer).toHaveLength(0);
  });

  test('refuses a policy that allows any software, or what the tier forbids', async () => {
    const empty = await client({ attestation: {} });
    await expect(empty.ready()).rejects.toMatchObject({ code: 'policy_empty' });
    expect(empty.attestation).toMatchObject({ status: 'contraindicated', code: 'policy_empty' });
    const weak = await client({ tier: 'high', attestation: await attestationOf({ dangerouslyAllowSoftware: true }) });
    await expect(weak.ready()).rejects.toMatchObject({ code: 'invalid_option' });
  });

  test('refuses a router that hands prompts on by another policy than listed, or does not say by which', async () => {
    const listed = 'ab'.repeat(32);
    const chat = async () => client({ attestation: await attestationOf({ upstreamPolicies: [listed.toUpperCase()] }) });
    await expect((await chat()).ready()).rejects.toMatchObject({ code: 'upstream_policy_not_allowed' });
    router.evidence = { claims: { upstreamPolicySha256: 'cd'.repeat(32) } };
    await expect((await chat()).ready()).rejects.toMatchObject({ name: 'PolicyError', step: 'policy.upstreams' });
    router.evidence = { claims: { upstreamPolicySha256: listed } };
    expect(await (await chat()).ready()).toMatchObject({ upstreamPolicySha256: listed });
  });

  test('takes software only with its flag, and says so', async () => {
    router.evidence = { type: 'software' };
    const chat = await client({ attestation: await attestationOf({ dangerouslyAllowSoftware: true }) });
    expect(await chat.ready()).toMatchObject({ status: 'warning', type: 'software' });
    expect(chat.attestation.steps[4]?.words).toContain('proves nothing');
  });
});

describe('in the course of time', () => {
  test('many requests at once ask for evidence once', async () => {
    const chat = await client();
    await Promise.all([1, 2, 3, 4].map(() => chat.create(REQUEST)));
    expect(router.asked).toHaveLength(1);
  });

  test('a router that was started anew is verified again, once, and the request is sealed to its new key', async () => {
    const chat = await client();
    await chat.create(REQUEST);
    router.rotate();
    await chat.create(REQUEST);
    expect(router.asked).toHaveLength(2);
    expect(router.opened).toHaveLength(2);
    expect(chat.attestation).toMatchObject({ epoch: 2 });
  });

  test('a router that refuses its own attested key is asked twice and no more', async () => {
    router.intercept = async (request) =>
      request.method === 'POST'
        ? new Response('{"type":"https://iana.org/assignments/http-problem-types#ohttp-key"}', {
            status: 422,
            headers: { 'content-type': 'application/problem+json' },
          })
        : router.bundleResponse(new URL(request.url));
    await expect((await client()).create(REQUEST)).rejects.toMatchObject({ code: 'unknown_key_id' });
    expect(router.sealed).toBe(2);
  });

  test('evidence is fetched anew before its time ends', async () => {
    const chat = await client();
    await chat.create(REQUEST);
    pass(19 * HOUR_MS);
    await chat.create(REQUEST);
    expect(router.asked).toHaveLength(1);
    pass(4 * HOUR_MS);
    await chat.create(REQUEST);
    expect(router.asked).toHaveLength(2);
  });

  test('a router that cannot be asked keeps what it proved as long as that holds, and no longer', async () => {
    const chat = await client();
    await chat.create(REQUEST);
    router.onEvidence = () => new Response(null, { status: 503 });
    pass(23 * HOUR_MS);
    await chat.create(REQUEST);
    pass(HOUR_MS);
    await expect(chat.create(REQUEST)).rejects.toMatchObject({ code: 'fetch_failed', retryable: true });
    expect(router.sealed).toBe(2);
  });

  test('evidence that could not be fetched is asked for again, as maxRetries says', async () => {
    let failures = 1;
    router.onEvidence = () => (failures-- > 0 ? new Response(null, { status: 503 }) : null);
    await (await client({ maxRetries: 1 })).ready();
    expect(router.asked).toHaveLength(2);
  });

  test('a change of measurement within the policy is told, and the app can refuse it', async () => {
    const told: string[] = [];
    const refuse = (): never => {
      throw new Error('not this one');
    };
    for (const [verdict, taken] of [
      [() => true, true],
      [() => false, false],
      [refuse, false],
    ] as const) {
      router.evidence = {};
      const onMeasurementChange = (before: VerifiedAttestation, after: VerifiedAttestation) => {
        told.push(`${before.measurements['measurement']} ${after.measurements['measurement']}`);
        return verdict();
      };
      const chat = await client({ attestation: await attestationOf({ onMeasurementChange }) });
      await chat.create(REQUEST);
      router.evidence = { measurement: NEXT_MEASUREMENT };
      router.rotate();
      const opened = router.opened.length;
      const outcome = chat.create(REQUEST);
      if (taken) await outcome;
      else await expect(outcome).rejects.toMatchObject({ name: 'PolicyError', code: 'measurement_change_refused' });
      expect(router.opened.length).toBe(taken ? opened + 1 : opened);
    }
    expect(told).toEqual(Array.from({ length: 3 }, () => `${MEASUREMENT} ${NEXT_MEASUREMENT}`));
  });

  test('who gives up waiting leaves no verdict behind', async () => {
    const controller = new AbortController();
    router.onEvidence = () => {
      controller.abort();
      return null;
    };
    const chat = await client();
    await expect(chat.ready({ signal: controller.signal })).rejects.toMatchObject({ code: 'request_aborted' });
    expect(chat.attestation.status).toBe('pending');
  });
});

describe('beside other trust', () => {
  const pin = async () => ({ pinnedSigners: [await signerFingerprint(nodeCrypto, STAND_IN_SIGNER.publicKey)] });

  test('a pinned identity and evidence must both hold', async () => {
    router.claims = { epoch: 1 };
    await (await client(await pin())).create(REQUEST);
    await expect((await client({ pinnedSigners: ['00'.repeat(32)] })).create(REQUEST)).rejects.toMatchObject({
      code: 'untrusted_signer',
    });
    router.claims = { epoch: 1, keyConfigs: await new StandInGateway().keyConfigs() };
    await expect((await client(await pin())).create(REQUEST)).rejects.toMatchObject({ code: 'key_mismatch' });
    expect(router.sealed).toBe(1);
  });

  test('keys that were given must be those of the evidence', async () => {
    await (await client({ keyConfigs: await router.keyConfigs() })).create(REQUEST);
    const keyConfigs = await new StandInGateway().keyConfigs();
    await expect((await client({ keyConfigs })).create(REQUEST)).rejects.toMatchObject({ code: 'key_mismatch' });
    expect(router.sealed).toBe(1);
  });

  test('the RSA key of nomyo-v1 must be the one that the evidence commits to', async () => {
    const keys = await sharedKeyPair(1);
    const nomyo = new StandInRouter(keys);
    const rsaKeySha256 = await fingerprint(nodeCrypto, keys.publicKey);
    nomyo.intercept = (request) => router.intercept(request);
    const chat = () => client({ fetch: nomyo.fetch, protocol: 'nomyo-v1' });
    router.evidence = { claims: { rsaKeySha256 } };
    await (await chat()).create({ ...REQUEST, security_tier: 'high' });
    expect(nomyo.received).toHaveLength(1);
    for (const other of ['00'.repeat(32), null]) {
      router.evidence = { claims: { rsaKeySha256: other } };
      await expect((await chat()).create(REQUEST)).rejects.toMatchObject({ code: 'key_mismatch' });
      await expect((await chat()).client.fetchServerPublicKey()).rejects.toMatchObject({ code: 'key_mismatch' });
    }
    expect(nomyo.received).toHaveLength(1);
  });
});

describe('without the option', () => {
  test.each(['high', 'maximum'] as const)('tier %s is refused before a byte leaves', async (security_tier) => {
    for (const protocol of ['ohttp', 'nomyo-v1', 'auto'] as const) {
      const chat = await client({ attestation: undefined, protocol });
      await expect(chat.create({ ...REQUEST, security_tier })).rejects.toMatchObject({ code: 'evidence_missing' });
    }
    expect(router.outer).toHaveLength(0);
  });

  test('a router on this machine, and one that is trusted by name of the danger, take every tier', async () => {
    const options = { attestation: undefined, tier: 'maximum', protocol: 'ohttp' } as const;
    await (await client({ ...options, dangerouslyTrustRouterWithoutEvidence: true })).create(REQUEST);
    await (await client({ ...options, baseURL: 'http://127.0.0.1:1', allowHttp: true })).create(REQUEST);
    const lookalike = client({ ...options, baseURL: 'https://127.0.0.1.router.test' });
    await expect((await lookalike).create(REQUEST)).rejects.toMatchObject({ code: 'evidence_missing' });
  });
});

describe('createSecureFetch', () => {
  const ask = (init: RequestInit) => [`${GATEWAY_ORIGIN}/v1/chat/completions`, { method: 'POST', ...init }] as const;
  const runtime = { clock: { now: () => NOW_MS } };

  test('seals only to attested keys, and meets the tier that header, body or option asks for', async () => {
    const attestation = await attestationOf();
    const options = { routerUrl: GATEWAY_ORIGIN, fetch: router.fetch, runtime, attestation };
    const secureFetch = createSecureFetch(options);
    expect([secureFetch.trust, secureFetch.attestation.status]).toEqual(['attested', 'pending']);
    expect(await secureFetch.ready()).toMatchObject({ status: 'affirming', tier: 'standard' });
    await secureFetch(...ask({ headers: { 'x-security-tier': 'high' } }));
    expect(secureFetch.attestation).toMatchObject({ tier: 'high' });
    await secureFetch(...ask({ body: JSON.stringify({ security_tier: 'maximum' }) }));
    expect(secureFetch.attestation).toMatchObject({ tier: 'maximum' });
    await createSecureFetch({ ...options, tier: 'high' })(...ask({ body: '{}' }));
    expect(router.opened.at(-1)?.headers.get('x-security-tier')).toBe('high');
    await expect(secureFetch(...ask({ body: '{"security_tier":"top"}' }))).rejects.toMatchObject({
      code: 'invalid_security_tier',
    });
  });

  test('without the option refuses tiers that need proof, wherever they are named', async () => {
    const options = { routerUrl: GATEWAY_ORIGIN, fetch: router.fetch, runtime };
    const secureFetch = createSecureFetch(options);
    const named = [{ headers: { 'x-security-tier': 'high' } }, { body: '{"security_tier": "high"}' }];
    for (const init of named) {
      await expect(secureFetch(...ask(init))).rejects.toMatchObject({ code: 'evidence_missing' });
    }
    expect(() => createSecureFetch({ ...options, tier: 'high' })).toThrow('tier high');
    expect(router.outer).toHaveLength(0);
  });
});

describe('fetching evidence', () => {
  test('a router that does not answer in time is one that sent none', async () => {
    const transport = fetchTransport(
      (_, { signal }) =>
        new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('stopped')))),
    );
    const { signal } = new AbortController();
    const evidence = fetchEvidence(transport, parseRouterUrl(GATEWAY_ORIGIN, false), { timeoutMs: 1 }, signal);
    await expect(evidence).rejects.toMatchObject({ code: 'fetch_failed', retryable: true });
  });
});
