import { request as httpRequest } from 'node:http';
import { encodePublicKeyHeader, exportPublicKeyPem } from '@sotto/protocol/nomyo-v1';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PatientAnswer } from '../../../src/gateways/nomyo-v1/patient-answer.ts';
import { CollectingSink } from '../../../src/http/collecting-sink.ts';
import { gate } from '../../eventually.ts';
import { ask, clientKeys, openAnswer, sealFor } from '../../nomyo-client.ts';
import { refusingBaseUrl, startRawUpstream } from '../../raw-upstream.ts';
import { chat, startRouter, testRouter, upstreamsAt } from '../../running-router.ts';
import { completion, json, startStandIn } from '../../stand-in-upstream.ts';

const BODY = Buffer.from('{"sealed":true}');

describe('white space before a slow answer', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('begins after the silence and comes again every ten seconds', async () => {
    const sink = new CollectingSink();
    const patient = new PatientAnswer(sink, 20_000);
    patient.start();
    vi.advanceTimersByTime(19_999);
    expect(patient.started).toBe(false);
    vi.advanceTimersByTime(1);
    expect(patient.started).toBe(true);
    vi.advanceTimersByTime(30_000);
    patient.send(BODY, { 'retry-after': '1' });
    const answer = await sink.answer;
    expect(answer.headers).toEqual({ 'content-type': 'application/octet-stream' });
    expect(Buffer.from(answer.body).toString()).toBe('    {"sealed":true}');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is not there where the answer comes in time', async () => {
    const sink = new CollectingSink();
    const patient = new PatientAnswer(sink, 20_000);
    patient.start();
    patient.send(BODY, { 'x-ratelimit-limit': '5' });
    vi.advanceTimersByTime(60_000);
    const answer = await sink.answer;
    expect(Buffer.from(answer.body).toString()).toBe('{"sealed":true}');
    expect(answer.headers).toMatchObject({ 'x-ratelimit-limit': '5', 'content-length': '15' });
  });

  test('ends when the client goes away', () => {
    const sink = new CollectingSink();
    const patient = new PatientAnswer(sink, 20_000);
    patient.start();
    vi.advanceTimersByTime(20_000);
    sink.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a slow answer', () => {
  test('is one JSON text behind its white space, and opens', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({
      upstreams: upstreamsAt(upstream.baseUrl),
      nomyoV1: { keepAliveSeconds: 1 },
    });
    const hold = gate();
    upstream.behave(async (request, response) => {
      await hold.opened;
      await json(completion('at last'))(request, response);
    });
    const { body, headers } = await sealFor(url, chat('x'));
    const first = new Promise<string>((resolve) => {
      const asked = httpRequest(`${url}/v1/chat/secure_completion`, { method: 'POST', headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          hold.open();
        });
        response.on('end', () => resolve(text));
      });
      asked.end(body);
    });
    const text = await first;
    expect(text).toMatch(/^ +\{/);
    const answer = { status: 200, headers: {}, body: Buffer.from(text), text, complete: true, json: () => ({}) };
    expect(await openAnswer(answer)).toHaveProperty('choices');
    await upstream.close();
  });

  test('that fails after its white space is cut off, for its status is already out', async () => {
    const raw = await startRawUpstream(() => {});
    const { url } = await startRouter({
      upstreams: [{ name: 'slow', baseUrl: raw.baseUrl, models: ['m'], timeoutMs: 1_500 }],
      nomyoV1: { keepAliveSeconds: 1 },
    });
    const answer = await ask(url, chat('x'));
    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(false);
    expect(answer.text.trim()).toBe('');
  });

  test('does not begin while the request is still being sent: its error keeps its status', async () => {
    const router = await testRouter({ upstreams: upstreamsAt(await refusingBaseUrl()) });
    const { publicKey } = await clientKeys();
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] });
    const sink = new CollectingSink();
    const sent = gate();
    const handled = router.handle({
      id: 'req_1',
      sink,
      request: {
        method: 'POST',
        path: '/v1/chat/secure_completion',
        query: '',
        headers: { 'x-payload-id': 'id', 'x-public-key': encodePublicKeyHeader(exportPublicKeyPem(publicKey)) },
        sealedBy: null,
        sealedTier: null,
        body: async () => {
          await sent.opened;
          return Buffer.from('{}');
        },
      },
    });
    await vi.advanceTimersByTimeAsync(120_000);
    sent.open();
    await handled;
    vi.useRealTimers();
    expect((await sink.answer).status).toBe(400);
  });
});
