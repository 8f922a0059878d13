import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LOG_LEVELS, Log, type LogFields, type Logger } from '../src/log.ts';
import { SecureChatCompletion } from '../src/node/index.ts';
import { completionOf, ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { sharedKeyPair, testPlatform } from './test-platform.ts';

/** A logger that writes everything down. */
class RecordingLogger implements Logger {
  readonly entries: { level: string; message: string; fields: LogFields }[] = [];
  debug = this.#writer('debug');
  info = this.#writer('info');
  warn = this.#writer('warn');
  error = this.#writer('error');

  #writer(level: string) {
    return (message: string, fields: LogFields) => void this.entries.push({ level, message, fields });
  }
}

test.each(LOG_LEVELS.map((level, index) => [level, index] as const))(
  'level %s lets %d levels through',
  (level, count) => {
    const logger = new RecordingLogger();
    const log = new Log(logger, level);
    for (const name of ['debug', 'info', 'warn', 'error'] as const) log[name]('said');
    expect(logger.entries).toHaveLength(count);
  },
);

describe('a log at the level debug', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keys-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('holds no prompt, answer, key, token, password or text of a peer', async () => {
    const canaries = [
      'canary-prompt',
      'canary-answer',
      'canary-api-key',
      'canary-password',
      'canary-header',
      'canary-peer',
    ];
    const logger = new RecordingLogger();
    const router = new StandInRouter(await sharedKeyPair(1));
    const platform = testPlatform();
    const chat = new SecureChatCompletion({
      baseURL: ROUTER_URL,
      apiKey: 'canary-api-key',
      fetch: router.fetch,
      platform,
      protocol: 'nomyo-v1',
      logger,
      logLevel: 'debug',
      keyDir: directory,
      keyPassword: 'canary-password',
      defaultHeaders: { 'x-note': 'canary-header' },
    });
    const request = { model: 'canary-model', messages: [{ role: 'user', content: 'canary-prompt' }] };

    router.answer = () => completionOf('canary-answer');
    await chat.create(request);
    router.answer = () => ['canary-answer'];
    await chat.create(request).catch(() => undefined);
    const error = { message: 'canary-peer canary-prompt', code: 'canary-peer', type: 'canary-peer' };
    const headers = { 'x-request-id': 'canary-peer', 'retry-after-ms': '1' };
    router.answer = () => Response.json({ error }, { status: 503, headers });
    await chat.create(request).catch(() => undefined);
    router.intercept = () => Promise.reject(new Error('canary-peer'));
    await chat.create(request).catch(() => undefined);

    const text = JSON.stringify(logger.entries);
    expect(logger.entries.map(({ message }) => message)).toContain('trying again');
    expect(logger.entries.filter(({ level }) => level === 'debug').length).toBeGreaterThan(3);
    for (const canary of [...canaries, 'canary-model', 'BEGIN']) expect(text).not.toContain(canary);
  });
});

test('what nomyo-v1 cannot give is said once a process, to the first logger that listens', async () => {
  vi.resetModules();
  const fresh = await import('../src/node/index.ts');
  const router = new StandInRouter(await sharedKeyPair(1));
  const logger = new RecordingLogger();
  const warnings = (): number => logger.entries.filter(({ message }) => message.includes('forward secrecy')).length;
  const platform = testPlatform();
  const client = (options: object) =>
    new fresh.SecureChatCompletion({
      baseURL: ROUTER_URL,
      fetch: router.fetch,
      platform,
      protocol: 'nomyo-v1',
      ...options,
    });
  const request = { model: 'm', messages: [] };

  await client({}).create(request);
  await client({ logger, logLevel: 'error' }).create(request);
  expect(warnings()).toBe(0);
  await client({ logger }).create(request);
  await client({ logger }).create(request);
  expect(warnings()).toBe(1);
});
