import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { CollectingSink } from '../../src/http/collecting-sink.ts';
import { routeTable } from '../../src/http/route-table.ts';
import type { Settlement } from '../../src/openai/admission.ts';
import { chatCompletionRoutes } from '../../src/openai/chat-completions.ts';
import type { ModelRoutesOptions, UpstreamDialect } from '../../src/openai/model-request.ts';
import { OpenaiUpstream } from '../../src/upstreams/openai/openai-upstream.ts';
import { eventually, gate } from '../eventually.ts';
import { chat } from '../running-router.ts';
import { completion, completionEvents, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

const reserved: { model: string; tokens: number }[] = [];
const settled: Settlement[] = [];
beforeEach(() => {
  reserved.length = 0;
  settled.length = 0;
});

/** A sink that tells how often something was written. */
class WatchedSink extends CollectingSink {
  writes = 0;

  override write(chunk: Uint8Array): boolean {
    this.writes++;
    return super.write(chunk);
  }
}

function options(dialect: UpstreamDialect): ModelRoutesOptions {
  const plain = new OpenaiUpstream({
    name: 'up',
    tier: 'standard',
    baseUrl: upstream.baseUrl,
    apiKey: null,
    sameTee: false,
    maxConcurrent: 8,
    connectTimeoutMs: 1_000,
    firstByteTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
  });
  onTestFinished(() => plain.close());
  return {
    directory: { candidates: async () => [{ upstream: plain, model: 'm', closedForMs: 0 }], list: async () => [] },
    admit: () => ({
      keyId: 'key_1',
      defaultTier: undefined,
      allowsModel: () => true,
      allowsTier: () => true,
      reserve: async (work) => {
        reserved.push(work);
        return { headers: { 'x-left': '1' }, settle: (settlement) => void settled.push(settlement) };
      },
    }),
    defaultTier: () => undefined,
    dialect: () => dialect,
    cacheSalt: (keyId, own) => `salt of ${keyId} and ${own}`,
    maxBodyBytes: 1_000_000,
    maxAnswerBytes: 1_000_000,
  };
}

/** Sends a request to the routes; `sink.close()` is the caller's going away. */
function ask(body: Record<string, unknown>, dialect: UpstreamDialect = { streamUsage: true, cacheSalt: false }) {
  const sink = new WatchedSink();
  const handle = routeTable(chatCompletionRoutes(options(dialect)));
  const bytes = Buffer.from(JSON.stringify(body));
  const request = {
    method: 'POST',
    path: '/v1/chat/completions',
    query: '',
    headers: {},
    sealedBy: null,
    sealedTier: null,
    body: () => Promise.resolve(bytes),
  };
  const done = Promise.resolve(handle({ id: 'req_1', request, sink }));
  return { sink, done, bytes };
}

const USAGE_EVENT = 'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}\n\n';

describe('what was set aside for a request', () => {
  test('is an estimate of its prompt, and what it may have answered', async () => {
    upstream.behave(json(completion('x')));
    const body = chat('x', { model: 'alias', max_tokens: 100, n: 3 });
    const { done, bytes } = ask(body);
    await done;
    expect(reserved).toEqual([{ model: 'alias', tokens: Math.ceil(bytes.length / 4) + 300 }]);
  });

  test('is settled with what the upstream says it used, under its own name of the model', async () => {
    upstream.behave(
      json({
        ...completion('x'),
        usage: { prompt_tokens: 10, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 8 } },
      }),
    );
    const { sink, done } = ask(chat('x', { model: 'alias' }));
    await done;
    expect((await sink.answer).headers['x-left']).toBe('1');
    const usage = { promptTokens: 10, cachedTokens: 8, completionTokens: 3 };
    expect(settled).toEqual([{ outcome: 'answered', usage, upstreamModel: 'm' }]);
  });

  test('is settled with the usage of a stream, which is asked for and kept from a caller who did not ask', async () => {
    const events = completionEvents(['a', 'b']).join('');
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${events}${USAGE_EVENT}data: [DONE]\n\n`);
    });
    const { sink, done } = ask(chat('x', { stream: true }));
    await done;
    expect(upstream.seen.at(-1)?.body['stream_options']).toEqual({ include_usage: true });
    expect(Buffer.from((await sink.answer).body).toString()).toBe(`${events}data: [DONE]\n\n`);
    const usage = { promptTokens: 9, cachedTokens: 0, completionTokens: 4 };
    expect(settled).toEqual([{ outcome: 'answered', usage, upstreamModel: 'm' }]);

    const asking = ask(chat('x', { stream: true, stream_options: { include_usage: true } }));
    await asking.done;
    expect(Buffer.from((await asking.sink.answer).body).toString()).toContain(USAGE_EVENT);
    expect(settled[1]).toEqual(settled[0]);
  });

  test('is settled with an estimate where the upstream does not tell, and is not asked where it would refuse', async () => {
    const events = completionEvents(['a', 'b']).join('');
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${events}data: [DONE]\n\n`);
    });
    const { done, bytes } = ask(chat('x', { stream: true }), { streamUsage: false, cacheSalt: false });
    await done;
    expect(upstream.seen.at(-1)?.body).not.toHaveProperty('stream_options');
    const usage = { promptTokens: Math.ceil(bytes.length / 4), cachedTokens: 0, completionTokens: 4 };
    expect(settled).toEqual([{ outcome: 'answered', usage, upstreamModel: 'm' }]);
  });

  test('is settled as failed where nobody answered, or half', async () => {
    upstream.behave(json({ error: { message: 'no' } }, 500));
    await expect(ask(chat('x')).done).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(settled).toEqual([{ outcome: 'failed', usage: null, upstreamModel: null }]);
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['a'])[0] ?? '', () => response.destroy());
    });
    await ask(chat('x', { stream: true })).done;
    expect(settled[1]).toMatchObject({ outcome: 'failed', usage: { completionTokens: 1 }, upstreamModel: 'm' });
  });

  test('is settled as cancelled where the caller went away, before the answer and in the middle of it', async () => {
    const asked = gate();
    upstream.behave(() => asked.open());
    const early = ask(chat('x'));
    await asked.opened;
    early.sink.close();
    await early.done;
    expect(settled).toMatchObject([{ outcome: 'cancelled', usage: { completionTokens: 0 }, upstreamModel: 'm' }]);
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['a', 'b']).slice(0, 2).join(''));
    });
    const middle = ask(chat('x', { stream: true }));
    await eventually('two events', () => middle.sink.writes > 0);
    middle.sink.close();
    await middle.done;
    expect(settled[1]).toMatchObject({ outcome: 'cancelled', usage: { completionTokens: 2 }, upstreamModel: 'm' });
  });
});

describe('the salt of a prompt cache', () => {
  test('is the key’s, with the caller’s own in it, where the upstream takes one', async () => {
    upstream.behave(json(completion('x')));
    const dialect = { streamUsage: true, cacheSalt: true };
    await ask(chat('x', { cache_salt: 'mine' }), dialect).done;
    expect(upstream.seen.at(-1)?.body['cache_salt']).toBe('salt of key_1 and mine');
    await ask(chat('x'), dialect).done;
    expect(upstream.seen.at(-1)?.body['cache_salt']).toBe('salt of key_1 and ');
    await ask(chat('x', { cache_salt: 'mine' })).done;
    expect(upstream.seen.at(-1)?.body['cache_salt']).toBe('mine');
  });
});
