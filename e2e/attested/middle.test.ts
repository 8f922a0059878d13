import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  createSyntheticBundleText,
  createSyntheticPlatforms,
  SYNTHETIC_SNP_MEASUREMENT,
} from '@sotto/attestation/testing';
import { createSecureFetch, type Fetch, type SecureFetch, type SecureFetchOptions, systemClock } from '@sotto/client';
import { SECURITY_TIERS, type SecurityTier } from '@sotto/protocol';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PassingAnswer, type PassingRequest, sendOn } from '../man-in-the-middle.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { API_KEY } from '../sealed-router.ts';
import { type AttestedRouter, startAttestedRouter } from './attested-router.ts';
import { builtProgram, removeBuiltPrograms } from './built-program.ts';
import { startProgramGuest } from './guests.ts';
import { type SyntheticWorld, startSyntheticWorld } from './synthetic-world.ts';

const SECRET = 'a canary that whoever holds the certificate would like to hear';
const PATH = '/pki/attestation';
const JSON_TYPE = { 'content-type': 'application/json' };
const MEASUREMENT = Buffer.from(SYNTHETIC_SNP_MEASUREMENT).toString('hex');
const folder = scratchFolder();

/** A certificate for `localhost`, and its key. @returns null where there is no openssl to make them with */
function certificate(): { readonly cert: string; readonly key: string } | null {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  try {
    execFileSync('openssl', [...kind, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } catch {
    return null;
  }
}

const tls = certificate();
let world: SyntheticWorld;
let router: AttestedRouter;
/** Where somebody would lead clients to; what was asked for there. */
const elsewhere: string[] = [];
let elsewhereUrl: string;
const closers: (() => Promise<unknown>)[] = [];

removeBuiltPrograms();

async function start(): Promise<void> {
  const [made, program] = await Promise.all([startSyntheticWorld(), builtProgram('router-process')]);
  world = made;
  const guest = await startProgramGuest('sev-snp', (reportData) => world.platforms.attest('sev-snp', reportData));
  const { roots } = world.platforms;
  router = await startAttestedRouter({ program, guest, roots, services: {}, ...(tls === null ? {} : { tls }) });
  const server = createServer((request, response) => {
    elsewhere.push(request.url ?? '');
    response.writeHead(200, JSON_TYPE).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  elsewhereUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agent = new Agent({ connect: { ca: tls?.cert ?? '' } });
  trusting = ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher: agent })) as unknown as Fetch;
  const closeServer = () => new Promise((resolve) => server.close(resolve));
  closers.push(world.close, guest.close, router.close, closeServer, () => agent.close());
}

/** TLS with the certificate's own authority trusted, as that of a public one is. */
let trusting: Fetch;

function client(tier: SecurityTier, options: Partial<SecureFetchOptions> = {}): SecureFetch {
  const attestation = {
    platforms: [{ type: 'sev-snp' as const, measurements: [MEASUREMENT] }],
    roots: world.platforms.roots,
  };
  return createSecureFetch({ routerUrl: router.url, tier, attestation, fetch: trusting, ...options });
}

const ask = (secureFetch: SecureFetch): Promise<Response> =>
  secureFetch(`${router.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...JSON_TYPE, authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: SECRET }] }),
  });

/** Evidence of the router's, as it answers this path. */
async function genuine(path: string): Promise<Record<string, unknown>> {
  const answer = await sendOn(router.directUrl(), { method: 'GET', path, headers: {}, body: Buffer.alloc(0) });
  return JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
}

/** Evidence that the one in the middle has made for keys of their own. */
async function ownBundle(path: string, members: object = {}): Promise<string> {
  const nonce = new URL(path, router.url).searchParams.get('nonce');
  return createSyntheticBundleText({
    platforms: world.platforms,
    type: 'sev-snp',
    keyConfig: new Uint8Array(41).fill(7),
    origin: router.url,
    now: new Date(),
    ...(nonce === null ? {} : { nonce: new Uint8Array(Buffer.from(nonce, 'base64url')) }),
    ...members,
  });
}

const evidence = (body: string | object): PassingAnswer => ({
  status: 200,
  headers: JSON_TYPE,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

/** Answers in the place of the router when evidence is asked for. */
function answering(make: (path: string) => Promise<PassingAnswer> | PassingAnswer): void {
  router.middle.attack({
    onRequest: (message: PassingRequest) => (message.path.startsWith(PATH) ? make(message.path) : message),
  });
}

const status = (code: number, headers: Record<string, string> = JSON_TYPE, body = '{}'): PassingAnswer => ({
  status: code,
  headers,
  body: Buffer.from(body),
});

/** What somebody can do who holds a certificate that clients trust. */
const ATTACKS: readonly (readonly [
  name: string,
  code: string,
  make: (path: string) => Promise<PassingAnswer> | PassingAnswer,
])[] = [
  ['strips the evidence', 'evidence_missing', () => status(404)],
  ['answers that it is not there now', 'fetch_failed', () => status(500)],
  ['answers with a page', 'evidence_malformed', () => status(200, { 'content-type': 'text/html' }, '<!doctype html>')],
  ['leads to evidence elsewhere', 'evidence_missing', () => status(302, { location: `${elsewhereUrl}${PATH}` }, '')],
  ['answers with more than there is to read', 'evidence_malformed', () => evidence(' '.repeat(262_145))],
  ['sends an empty answer', 'evidence_missing', () => status(200, JSON_TYPE, '')],
  [
    'puts keys of their own into the claims',
    'binding_mismatch',
    async (path) => {
      const { claims } = JSON.parse(await ownBundle(path)) as { readonly claims: string };
      return evidence({ ...(await genuine(path)), claims });
    },
  ],
  [
    'has an enclave with software of their own',
    'measurement_not_allowed',
    async (path) =>
      evidence(
        await ownBundle(path, {
          attest: async (reportData: Uint8Array) => ({
            type: 'sev-snp',
            ...(await world.platforms.sevSnp.attest(reportData, { measurement: new Uint8Array(48).fill(6) })),
          }),
        }),
      ),
  ],
  [
    'has an enclave of a vendor of their own',
    'chain_untrusted',
    async (path) => evidence(await ownBundle(path, { platforms: await createSyntheticPlatforms(new Date(), 'Turin') })),
  ],
  ['proves it in software', 'software_refused', async (path) => evidence(await ownBundle(path, { type: 'software' }))],
  [
    "serves another router's evidence",
    'audience_mismatch',
    async (path) => evidence(await ownBundle(path, { origin: 'https://other.example' })),
  ],
  [
    'replays the answer to another challenge',
    'nonce_mismatch',
    async () => evidence(await genuine(`${PATH}?nonce=${Buffer.alloc(32, 7).toString('base64url')}`)),
  ],
];

if (tls === null) {
  test('whoever terminates TLS with a trusted certificate (no openssl: skipped)', () => {
    process.stdout.write('skipped: there is no openssl to make a certificate with\n');
  });
} else {
  describe.each(SECURITY_TIERS)('tier %s, past somebody who holds a certificate that the client trusts', (tier) => {
    beforeAll(async () => {
      if (closers.length === 0) await start();
    });
    let before: number;
    beforeEach(() => {
      before = router.middle.seen.length;
      router.middle.attack({});
    });

    /** No request went out, and nothing of it in any other way. */
    function expectSilence(): void {
      expect(router.middle.seen.length).toBe(before);
      expect(router.middle.asked.join('\n')).not.toContain(SECRET);
    }

    test('one who relays everything carries the answer, and reads none of it', async () => {
      const secureFetch = client(tier);
      const answer = await ask(secureFetch);
      expect(await answer.text()).toContain(`echo: ${SECRET}`);
      expect(secureFetch.attestation).toMatchObject({ status: 'affirming', tier, answersNonce: tier === 'maximum' });
      const passed = router.middle.seen.slice(before);
      expect(passed).toHaveLength(1);
      for (const { body, headers, path } of passed) {
        for (const secret of [SECRET, API_KEY, 'chat/completions', 'canary']) {
          expect(body.includes(secret)).toBe(false);
          expect(JSON.stringify(headers) + path).not.toContain(secret);
        }
      }
    });

    test.each(ATTACKS)('one who %s is told by name (%s), and gets no request', async (_, code, make) => {
      answering(make);
      const secureFetch = client(tier);
      await expect(ask(secureFetch)).rejects.toMatchObject({ code });
      expect(secureFetch.attestation).toMatchObject({ status: 'contraindicated', tier, code });
      expectSilence();
      expect(elsewhere).toEqual([]);
    });

    test('one who serves keys of their own where keys are published is not asked for them', async () => {
      let served = 0;
      router.middle.attack({
        onRequest: (message) => {
          if (message.method !== 'GET' || message.path.startsWith(PATH)) return message;
          served++;
          return status(200, { 'content-type': 'application/ohttp-keys' }, 'keys of somebody else');
        },
      });
      const answer = await ask(client(tier));
      expect(await answer.text()).toContain(`echo: ${SECRET}`);
      expect(served).toBe(0);
    });

    test('one who is silent is waited for no longer than the app waits, and gets no request', async () => {
      answering(() => new Promise(() => {}));
      const answer = client(tier)(`${router.url}/v1/models`, { signal: AbortSignal.timeout(300) });
      await expect(answer).rejects.toMatchObject({ name: 'TimeoutError' });
      expectSilence();
    });

    test('one who replays good static evidence gains nothing, and is told where a challenge was sent', async () => {
      const kept = await genuine(PATH);
      answering(() => evidence(kept));
      const answer = ask(client(tier));
      if (tier === 'maximum') {
        await expect(answer).rejects.toMatchObject({ code: 'nonce_mismatch' });
        expectSilence();
      } else {
        // Within its time it is as good as new: the keys are the router's own.
        expect(await (await answer).text()).toContain(`echo: ${SECRET}`);
        expect(router.middle.seen.at(-1)?.body.includes(SECRET)).toBe(false);
      }
    });

    test('one who strips the evidence in mid-life, when the client comes for new, ends the conversation', async () => {
      let aheadMs = 0;
      const clock = { ...systemClock, now: () => Date.now() + aheadMs };
      const secureFetch = client(tier, { runtime: { clock } });
      expect((await ask(secureFetch)).status).toBe(200);
      answering(() => status(404));
      aheadMs = tier === 'maximum' ? 6 * 60_000 : 24 * 3_600_000 + 10 * 60_000;
      before = router.middle.seen.length;
      await expect(ask(secureFetch)).rejects.toMatchObject({ code: 'evidence_missing' });
      expectSilence();
    });
  });

  test('one who strips the evidence of a router that was started anew learns nothing either', async () => {
    router.middle.attack({});
    const secureFetch = client('high');
    expect((await ask(secureFetch)).status).toBe(200);
    await router.restart();
    answering(() => status(404));
    const before = router.middle.seen.length;
    await expect(ask(secureFetch)).rejects.toMatchObject({ code: 'evidence_missing' });
    // The one that the router could not open: it is sealed to a key that is gone.
    expect(router.middle.seen.slice(before).map(({ body }) => body.includes(SECRET))).toEqual([false]);
  });

  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });
}
