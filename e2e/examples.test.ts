import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { completion, json, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, runNode, startConfigured } from './sotto.ts';

const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url));
const API_KEY = 'sotto_examples_e2e';
const MAX_LINES = 60;
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;

const ADMIN_KEY = 'admin-key-of-a-good-length';
/** Words that make the stand-in's vectors: how often a text has each. */
const WORDS = [/\bcats?\b|kitten/gi, /\brests?\b|sleeps|mat\b/gi, /rate|point/gi];

const CALL = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } };

beforeAll(async () => {
  upstream = await startStandIn(['scripted']);
  // Calls the tool first, and says what the tool said once it has.
  upstream.behave((request, response) => {
    if (request.path.endsWith('/embeddings')) {
      const data = (request.body['input'] as string[]).map((text, index) => {
        const vector = new Float32Array(WORDS.map((word) => (text.match(word) ?? []).length));
        return { object: 'embedding', index, embedding: Buffer.from(vector.buffer).toString('base64') };
      });
      return json({ object: 'list', model: 'scripted', data })(request, response);
    }
    const messages = request.body['messages'] as { role: string; content: string }[];
    const last = messages.at(-1);
    const message =
      'tools' in request.body && last?.role !== 'tool'
        ? { role: 'assistant', content: null, tool_calls: [CALL] }
        : {
            role: 'assistant',
            content: `It is ${(JSON.parse(last?.content ?? '') as { celsius: number }).celsius} degrees.`,
          };
    return json({ ...completion(''), choices: [{ index: 0, message, finish_reason: 'stop' }] })(request, response);
  });
  router = await startConfigured(join(folder, 'sotto.json'), {
    listen: '127.0.0.1:0',
    keys: [{ name: 'examples', key: API_KEY }],
    admin: { key: ADMIN_KEY },
    chatbots: [{ id: 'capitals', name: 'Capitals', description: 'who knows them', model: 'sotto-tiny' }],
    nomyoV1: { keyFile: inject('routerKey') },
    upstreams: [
      { name: 'builtin', type: 'builtin' },
      { name: 'scripted', baseUrl: upstream.baseUrl, models: ['scripted'], probe: false },
    ],
  });
});
afterAll(async () => {
  await router.stop();
  await upstream.close();
});

async function run(
  name: string,
  environment: Record<string, string> = {},
  nodeOptions: readonly string[] = [],
): Promise<readonly string[]> {
  const outcome = await runNode([...nodeOptions, join(EXAMPLES, name)], {
    environment: { SOTTO_BASE_URL: router.url, SOTTO_API_KEY: API_KEY, ...environment },
  });
  expect(outcome.stderr).toBe('');
  expect(outcome.code).toBe(0);
  return outcome.stdout.trim().split('\n');
}

/** What each example prints. A file without a line here fails the first test. */
const PRINTS: Readonly<Record<string, () => Promise<void>>> = {
  'receipt.mjs': async () => {
    const kept = await run('receipt.mjs', { RECEIPT_FOLDER: folder });
    expect(kept).toEqual(['kept the receipt of a router without evidence']);
    expect(JSON.parse(readFileSync(join(folder, 'receipt.json'), 'utf8'))).toHaveProperty('receipt');
  },
  'basic-chat.mjs': async () => {
    const [said, how] = await run('basic-chat.mjs');
    expect(said).toContain('Paris');
    expect(how).toBe('encrypted: true | tier: standard');
  },
  'streaming.mjs': async () => {
    const [said, inPieces, enough] = await run('streaming.mjs');
    expect(said).toContain('Paris');
    expect(inPieces).toBe('came in several pieces: true');
    expect(enough).toBe('the first word was enough');
  },
  'secure-fetch.mjs': async () => {
    const [connection, said, elsewhere] = await run('secure-fetch.mjs');
    const suite = 'MLKEM768-X25519, HKDF-SHA256, AES-256-GCM';
    expect(connection).toBe(`sealed with ${suite} | post-quantum: true | the key is unpinned`);
    expect(said).toMatch(/^200 .*Paris/);
    expect(elsewhere).toBe('elsewhere: invalid_option');
  },
  'openai-sdk.mjs': async () => {
    const [said, ...rest] = await run('openai-sdk.mjs');
    expect(said).toContain('Paris');
    expect(rest).toEqual(['the router offers sotto-tiny', 'no-such-model: 404 model_not_found']);
  },
  'ai-sdk.mjs': async () => {
    const [said, end] = await run('ai-sdk.mjs');
    expect(said).toContain('Paris');
    expect(end).toBe('ended because: stop');
  },
  'langchain.mjs': async () => {
    const [whole, inPieces] = await run('langchain.mjs');
    expect(whole).toContain('Paris');
    expect(inPieces).toBe(whole);
  },
  'tools.mjs': async () => {
    expect(await run('tools.mjs', { SOTTO_MODEL: 'scripted' })).toEqual([
      'the model calls get_weather(Paris)',
      'It is 18 degrees.',
    ]);
  },
  'embeddings.mjs': async () => {
    expect(await run('embeddings.mjs', { SOTTO_MODEL: 'scripted' })).toEqual([
      '0.949 The cat sleeps on the mat.',
      '0.707 Our kitten likes cushions.',
      '0.000 Rates rose by a quarter point.',
    ]);
  },
  'completions.mjs': async () => {
    const [whole, streamed] = await run('completions.mjs');
    expect(whole).toMatch(/^"[^"]+" \| \d+ tokens$/);
    expect(streamed).toBe('streamed, it is the same: true');
  },
  'chatbot.mjs': async () => {
    const [who, first, second, ...rest] = await run('chatbot.mjs');
    expect(who).toBe('talking to Capitals, who knows them');
    expect(first).toMatch(/^2 messages, the last: .*Paris/);
    expect(second).toMatch(/^4 messages, the last: ./);
    expect(rest).toEqual(['kept: user, assistant, user, assistant', 'and deleted']);
  },
  'admin-keys.mjs': async () => {
    expect(await run('admin-keys.mjs', { SOTTO_ADMIN_KEY: ADMIN_KEY })).toEqual([
      'made, and shown this once: true',
      'the first request: 200, 1 left',
      'with a larger limit: 200, 98 left',
      'now it is revoked: 401, no word of what is left',
      'used: 0 tokens',
    ]);
  },
  'websocket.mjs': async () => {
    // Node 20 has it behind this flag; later ones take the flag and need it not.
    const [open, france, italy, closed] = await run('websocket.mjs', {}, ['--experimental-websocket', '--no-warnings']);
    expect(open).toBe('open, as sotto.v1');
    expect(france).toMatch(/^france: .*Paris/);
    expect(italy).toMatch(/^italy: .*Rome/);
    expect(closed).toBe('closed with 1000');
  },
  'error-handling.mjs': async () => {
    expect(await run('error-handling.mjs')).toEqual([
      'a good request  -> answered',
      'a wrong key     -> mend the API key: invalid_api_key',
      'no such model   -> status 404: model_not_found',
      'nobody there    -> no answer: connection_failed',
      'plain http      -> stop: insecure_transport',
    ]);
  },
  'key-files.mjs': async () => {
    expect(await run('key-files.mjs')).toEqual([
      'private key written, mode 600',
      'same key used again: true',
      'answered: true',
      'with another password: wrong_key_password',
    ]);
  },
  'own-router.mjs': async () => {
    const child = spawn(process.execPath, [join(EXAMPLES, 'own-router.mjs')], {
      env: { SOTTO_LISTEN: '127.0.0.1:0', SOTTO_API_KEY: API_KEY },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = new Promise((resolve) => child.on('exit', resolve));
    const line = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    const [, url = ''] = /^router on (http:\/\/127\.0\.0\.1:\d+), RSA key SHA-256 [0-9a-f]{64}$/.exec(line) ?? [];
    const models = await fetch(`${url}/v1/models`, { headers: { 'x-api-key': API_KEY } });
    expect(await models.text()).toContain('sotto-tiny');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  },
};

const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.mjs'));

describe('examples', () => {
  test('are all run below', () => {
    expect(files.sort()).toEqual(Object.keys(PRINTS).sort());
  });

  test.each(files)(`%s has at most ${MAX_LINES} lines`, (name) => {
    expect(readFileSync(join(EXAMPLES, name), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  });

  test.each(Object.entries(PRINTS))('%s prints what it promises', (_name, check) => check());
});
