import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { completionEvents, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { ChatPage, type Settings } from './chat-page.ts';
import { describeInChromium, type RunningBrowser, startChromium } from './chromium.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type ServedPage, servePage } from './served-page.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const KEY = 'sotto_browser_canary_key';
const MODEL = 'canary-model';
const QUESTION = 'What does the canary sing?';
const GATEWAY = '**/.well-known/ohttp-gateway';
/** The length 0 and an empty plaintext's tag (draft-ietf-ohai-chunked-ohttp-08 §6). */
const FINAL_CHUNK_BYTES = 17;
/** Behind the response nonce of 32 bytes and the first chunk's length. */
const WITHIN_FIRST_CHUNK = 60;

const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;
let served: ServedPage;
let browser: RunningBrowser;
let chat: ChatPage;
let settings: Settings;

function startRouter(name: string): Promise<RunningRouter> {
  return startConfigured(join(folder, `${name}.json`), {
    listen: '127.0.0.1:0',
    nomyoV1: { keyFile: inject('routerKey') },
    shutdownGraceSeconds: 1,
    keys: [{ name: 'page', key: KEY }],
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: [MODEL] }],
  });
}

/** The next answer of the upstream: the test says what comes, and when. */
function heldAnswer(): Promise<ServerResponse> {
  return new Promise((resolve) => {
    upstream.behave((request, response) => {
      if (request.path.endsWith('/models')) {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"object":"list","data":[]}');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      resolve(response);
    });
  });
}

function say(response: ServerResponse, word: string): void {
  response.write(completionEvents([word], MODEL)[0]);
}

/** SHA-256 of the first hybrid key in the router's own list (RFC 9458 §3): length(2), id(1), KEM(2), key. */
async function keyFingerprint(url: string): Promise<string> {
  const list = Buffer.from(await (await fetch(`${url}/.well-known/ohttp-gateway`)).arrayBuffer());
  expect(list.readUInt16BE(3)).toBe(0x647a); // draft-ietf-hpke-pq §5.2: MLKEM768-X25519, Npk 1,216
  return createHash('sha256')
    .update(list.subarray(5, 5 + 1_216))
    .digest('hex');
}

/** Answers the whole question at once from here on. */
function answerAtOnce(): void {
  upstream.behave((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`${completionEvents(['It ', 'sings.'], MODEL).join('')}data: [DONE]\n\n`);
  });
}

describeInChromium('the chat page in Chromium, a router on another origin', () => {
  beforeAll(async () => {
    upstream = await startStandIn([MODEL]);
    [router, served, browser] = await Promise.all([startRouter('router'), servePage(), startChromium()]);
    settings = { router: router.url, model: MODEL, apiKey: KEY };
  });
  beforeEach(async () => {
    chat = await ChatPage.open(browser.context, served.url);
  });
  afterEach(() => chat.close());
  afterAll(async () => {
    await browser.close();
    served.stop();
    await router.stop();
    await upstream.close();
  });

  test('shows each token as it comes, and the answer as whole only at its end', async () => {
    const held = heldAnswer();
    await chat.ask(QUESTION, settings);
    const response = await held;
    say(response, 'It ');
    expect(await chat.answer('It')).toBe('streaming');
    say(response, 'sings.');
    expect(await chat.answer('It sings.')).toBe('streaming');
    response.end(`${completionEvents([], MODEL).join('')}data: [DONE]\n\n`);
    expect(await chat.answerIn('whole')).toBe('It sings.');
    expect(await chat.alert()).toBe('');
    expect(chat.complaints).toEqual([]);
  });

  test('shows the protocol, the suite, and the fingerprint of the key that the router really has', async () => {
    answerAtOnce();
    await chat.ask(QUESTION, settings);
    await chat.answerIn('whole');
    expect(await chat.channel('fingerprint')).toBe(await keyFingerprint(router.url));
    expect(await chat.channel('protocol')).toMatch(/^ohttp\b/);
    expect(await chat.channel('suite')).toBe('MLKEM768-X25519, HKDF-SHA256, AES-256-GCM (post-quantum)');
    expect(await chat.channel('trust')).toMatch(/^Only TLS vouches/);
  });

  test('trusts the identity that the router printed, and sends nothing to a router with another', async () => {
    answerAtOnce();
    const identity = String(router.events[0]?.['signer_fingerprint']);
    await chat.ask(QUESTION, { ...settings, identity });
    await chat.answerIn('whole');
    expect(await chat.channel('trust')).toMatch(/has signed this key/);

    const asked = upstream.seen.length;
    await chat.ask(QUESTION, { ...settings, identity: '0'.repeat(64) });
    await chat.answerIn('failed');
    expect(await chat.alert()).toMatch(/another identity .* Nothing was sent/);
    expect(upstream.seen.length).toBe(asked);
  });

  test('lets question, answer, API key, model and path leave the browser in no clear form', async () => {
    answerAtOnce();
    await chat.ask(QUESTION, settings);
    await chat.answerIn('whole');
    expect(upstream.seen.at(-1)?.bodyText).toContain(QUESTION);
    const sent = chat.sent.join('\n');
    expect(sent).toContain('/.well-known/ohttp-gateway');
    expect(sent).toContain('"Access-Control-Request-Method":"POST"');
    expect(chat.sent.some((text) => text.length > 1_120)).toBe(true);
    for (const secret of [QUESTION, 'canary', KEY, MODEL, 'Bearer', '/chat/completions', 'messages']) {
      expect(sent).not.toContain(secret);
      expect(sent).not.toContain(Buffer.from(secret).toString('base64').slice(0, -3));
    }
  });

  test('stops when told to: the part that came stays, and the upstream hears of it', async () => {
    const held = heldAnswer();
    await chat.ask(QUESTION, settings);
    const response = await held;
    const closed = once(response, 'close');
    say(response, 'It ');
    await chat.answer('It');
    await chat.stop();
    expect(await chat.answerIn('stopped')).toBe('It ');
    await closed;
    expect(response.writableFinished).toBe(false);
    expect(await chat.alert()).toBe('');
  });

  test('says in words that the API key is wrong, and asks no model', async () => {
    const asked = upstream.seen.length;
    await chat.ask(QUESTION, { ...settings, apiKey: 'sotto_not_this_one' });
    expect(await chat.answerIn('failed')).toBe('');
    expect(await chat.alert()).toMatch(/API key/);
    expect(await chat.alert()).not.toContain('sotto_not_this_one');
    expect(upstream.seen.length).toBe(asked);
  });

  test('shows no finished answer when the router dies in the middle of one', async () => {
    const mortal = await startRouter('mortal');
    const held = heldAnswer();
    await chat.ask(QUESTION, { ...settings, router: mortal.url });
    say(await held, 'It ');
    await chat.answer('It');
    await mortal.stop('SIGKILL');
    expect(await chat.answerIn('failed')).toBe('It ');
    expect(await chat.alert()).toMatch(/cut off/);
  });

  test.each([
    [
      'cut short before its final chunk',
      (body: Buffer) => body.subarray(0, body.length - FINAL_CHUNK_BYTES),
      /cut off/,
    ],
    ['cut short within its final chunk', (body: Buffer) => body.subarray(0, body.length - 1), /changed|cut off/],
    [
      'changed by one bit',
      (body: Buffer) => body.map((byte, at) => (at === WITHIN_FIRST_CHUNK ? byte ^ 1 : byte)),
      /changed/,
    ],
  ])('shows no finished answer when the sealed one was %s on its way', async (_what, damage, words) => {
    answerAtOnce();
    await chat.page.route(GATEWAY, async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      const response = await route.fetch();
      const { 'content-length': _length, ...headers } = response.headers();
      return route.fulfill({ status: response.status(), headers, body: Buffer.from(damage(await response.body())) });
    });
    await chat.ask(QUESTION, settings);
    await chat.answerIn('failed');
    expect(await chat.alert()).toMatch(words);
  });
});
