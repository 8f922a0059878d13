import { parseBundle } from '@sotto/attestation';
import { type KeyClaims, serializeClaims } from '@sotto/protocol/key-statement';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { EvidencePublisher } from '../../src/attestation/evidence-publisher.ts';
import { ATTESTATION_PATHS, attestationRoutes } from '../../src/attestation/routes.ts';
import { selfVerification } from '../../src/attestation/self-verification.ts';
import { asApiError, sendError } from '../../src/http/answer.ts';
import { CollectingSink } from '../../src/http/collecting-sink.ts';
import type { HeaderFields } from '../../src/http/exchange.ts';
import { type Route, routeTable } from '../../src/http/route-table.ts';
import { insecureClaims, ScriptedAttester } from './software-attester.ts';

const NONCE = Buffer.alloc(32, 0xab).toString('base64url');

let claims: KeyClaims;
let attester: ScriptedAttester;
let routes: readonly Route[];

beforeEach(() => {
  claims = insecureClaims(Math.floor(Date.now() / 1_000) * 1_000);
  attester = new ScriptedAttester();
  const publisher = new EvidencePublisher({
    attester,
    claims: () => claims,
    verify: selfVerification(),
    timeoutMs: 5_000,
  });
  onTestFinished(() => publisher.close());
  routes = attestationRoutes(publisher);
});

async function get(target: string, headers: HeaderFields = {}, table: readonly Route[] = routes) {
  const [path = '', query = ''] = target.split('?');
  const sink = new CollectingSink();
  const request = { method: 'GET', path, query, headers, sealedBy: null, sealedTier: null };
  try {
    const body = () => Promise.resolve(new Uint8Array());
    await routeTable(table)({ id: 'r', request: { ...request, body }, sink });
  } catch (error) {
    sendError(sink, asApiError(error));
  }
  const answer = await sink.answer;
  return { ...answer, text: Buffer.from(answer.body).toString() };
}

const codeOf = (text: string): unknown => (JSON.parse(text) as { error: { code: unknown } }).error.code;

describe('the evidence endpoint', () => {
  test.each(ATTESTATION_PATHS)(
    'serves the static bundle at %s, to be kept a little, named by its keys',
    async (path) => {
      const { status, headers, body } = await get(path);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'cache-control': 'public, max-age=300',
        etag: '"k1"',
      });
      expect(parseBundle(body)).toMatchObject({ v: 1, claims: serializeClaims(claims) });
      expect(parseBundle(body).nonce).toBeUndefined();
    },
  );

  test('says that nothing has changed to who has the bundle of these keys', async () => {
    const unchanged = await get('/pki/attestation', { 'if-none-match': '"k1"' });
    expect([unchanged.status, unchanged.text]).toEqual([304, '']);
    claims = { ...claims, kid: 'k2' };
    expect((await get('/pki/attestation', { 'if-none-match': '"k1"' })).status).toBe(200);
  });

  test('lets nobody keep a bundle beyond its end', async () => {
    claims = { ...claims, expiresAt: Math.floor(Date.now() / 1_000) + 61 };
    const { headers } = await get('/pki/attestation');
    expect(headers['cache-control']).toMatch(/^public, max-age=(?:59|6[01])$/);
  });

  test('answers a challenge anew each time, for nobody to keep', async () => {
    for (let count = 0; count < 2; count++) {
      const { status, headers, body } = await get(`/pki/attestation?nonce=${NONCE}`, { 'if-none-match': '"k1"' });
      expect([status, headers['cache-control'], headers['etag']]).toEqual([200, 'no-store', undefined]);
      expect(parseBundle(body).nonce).toEqual(new Uint8Array(32).fill(0xab));
    }
    expect(attester.asked).toHaveLength(2);
  });

  test.each([
    'nonce=',
    'nonce',
    `nonce=${NONCE.slice(1)}`,
    `nonce=${NONCE}A`,
    `nonce=${NONCE}=`,
    `nonce=${NONCE.slice(0, 42)}t`,
    `nonce=${NONCE.slice(0, 42)}+`,
    `Nonce=${NONCE}`,
    `nonce=${NONCE}&nonce=${NONCE}`,
    `nonce=${NONCE}&more=1`,
    `more=1`,
    `%6eonce=${NONCE}`,
  ])('refuses the query %s, and asks no attester', async (query) => {
    const { status, text } = await get(`/pki/attestation?${query}`);
    expect([status, codeOf(text)]).toEqual([400, 'invalid_request']);
    expect(attester.asked).toHaveLength(0);
  });

  test('tells who challenges too often when to come back', async () => {
    const nonces = [1, 2, 3, 4, 5].map((value) => Buffer.alloc(32, value).toString('base64url'));
    const answers = [];
    for (const nonce of nonces) answers.push(await get(`/pki/attestation?nonce=${nonce}`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429]);
    expect(answers[4]?.headers).toMatchObject({ 'retry-after': '1' });
    expect(codeOf(answers[4]?.text ?? '')).toBe('rate_limit_exceeded');
  });

  test('has nothing to give where the attester fails, and does not say why', async () => {
    const secret = 'device node 17 is on fire';
    attester.script.push(() => Promise.reject(new Error(secret)));
    const { status, headers, text } = await get('/pki/attestation');
    expect([status, codeOf(text), headers['retry-after']]).toEqual([503, 'evidence_unavailable', '5']);
    expect(text).not.toContain(secret);
  });

  test('is not there where the router does not attest', async () => {
    expect(codeOf((await get('/pki/attestation', {}, [])).text)).toBe('not_found');
  });

  test('is described', () => {
    for (const { operation } of routes) expect(operation).toMatchObject({ tag: 'keys', credential: 'none' });
  });
});
