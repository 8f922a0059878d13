import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { completion, json, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { type ManInTheMiddle, startManInTheMiddle } from './man-in-the-middle.ts';
import { withRecording } from './shared-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

/** A chat request in OpenAI's terms. */
export type ChatCall = Readonly<Record<string, unknown>>;

/** What a client made of one call. */
export type CallOutcome =
  | { readonly answer: Readonly<Record<string, unknown>> }
  | { readonly refused: { readonly kind: string; readonly status: number | null; readonly detail: string } };

/** One of NOMYO's clients: runs calls at once, with one key pair. */
export type NomyoClient = (
  options: { readonly baseUrl: string; readonly apiKey: string | null },
  calls: readonly ChatCall[],
) => Promise<readonly CallOutcome[]>;

const KEYS = { all: 'sotto_all_e2e', small: 'sotto_small_e2e', once: 'sotto_once_e2e' };
const TOOL = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } };
const TOOL_CALL = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } };

function ask(content: string, more: ChatCall = {}): ChatCall {
  return { model: 'm', messages: [{ role: 'user', content }], ...more };
}

/**
 * Everything that is promised to NOMYO's clients, for one of them.
 * @param recording what the real client sent for a request with tools and a tier
 * @param kinds what the client calls its error of a status
 */
export function describeNomyoClient(
  name: string,
  recording: string,
  run: NomyoClient,
  kinds: (status: number) => string,
): void {
  describe(`${name}, unmodified`, () => {
    let folder: string;
    let upstream: StandInUpstream;
    let router: RunningRouter;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sotto-nomyo-'));
      upstream = await startStandIn(['m']);
      router = await startConfigured(join(folder, 'sotto.json'), {
        listen: '127.0.0.1:0',
        nomyoV1: { keyFile: inject('routerKey'), keepAliveSeconds: 1 },
        keys: [
          { name: 'all', key: KEYS.all },
          { name: 'small', key: KEYS.small, models: ['other'], tiers: ['standard'] },
          { name: 'once', key: KEYS.once, limits: { requestsPerMinute: 1 } },
        ],
        upstreams: [
          { name: 'good', baseUrl: upstream.baseUrl, tier: 'high', models: ['m', 'other'] },
          // Nothing listens at the discard port.
          { name: 'gone', baseUrl: 'http://127.0.0.1:9/v1', models: ['gone'] },
        ],
      });
    });
    beforeEach(() => upstream.behave(echo));
    afterAll(async () => {
      await router.stop();
      await upstream.close();
      rmSync(folder, { recursive: true });
    });

    const runWith = (apiKey: string | null, ...calls: ChatCall[]): Promise<readonly CallOutcome[]> =>
      run({ baseUrl: router.url, apiKey }, calls);

    test('completes a chat, in every alphabet', async () => {
      const [outcome] = await runWith(KEYS.all, ask('Grüße 🌍', { temperature: 0.7 }));
      expect(outcome).toMatchObject({
        answer: {
          choices: [{ message: { role: 'assistant', content: 'echo: Grüße 🌍' }, finish_reason: 'stop' }],
          _metadata: { is_encrypted: true, security_tier: 'standard' },
        },
      });
      expect(upstream.seen.at(-1)?.body).toMatchObject({ ...ask('Grüße 🌍', { temperature: 0.7 }), stream: false });
    });

    test('passes tools on, and gets the calls of tools back', async () => {
      const message = { role: 'assistant', content: null, tool_calls: [TOOL_CALL] };
      upstream.behave(json({ ...completion(''), choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }));
      const [outcome] = await runWith(KEYS.all, ask('weather?', { tools: [TOOL], tool_choice: 'auto' }));
      expect(outcome).toMatchObject({ answer: { choices: [{ message, finish_reason: 'tool_calls' }] } });
      expect(upstream.seen.at(-1)?.body).toMatchObject({ tools: [TOOL], tool_choice: 'auto' });
    });

    test('is answered in one piece though it asks for a stream', async () => {
      const [outcome] = await runWith(KEYS.all, ask('stream', { stream: true }));
      expect(outcome).toMatchObject({ answer: { choices: [{ message: { content: 'echo: stream' } }] } });
      expect(upstream.seen.at(-1)?.body['stream']).toBe(false);
    });

    test('gets the tier it asks for, told inside the answer and not to the model', async () => {
      const [outcome] = await runWith(KEYS.all, ask('high', { security_tier: 'high' }));
      expect(outcome).toMatchObject({ answer: { _metadata: { security_tier: 'high', upstream_class: 'loopback' } } });
      expect(upstream.seen.at(-1)?.bodyText).not.toContain('security_tier');
    });

    test('sends 2 MB and gets them back', async () => {
      const prompt = 'sealed ü '.repeat(200_000);
      const [outcome] = await runWith(KEYS.all, ask(prompt));
      expect(prompt.length).toBeGreaterThan(1_700_000);
      expect(outcome).toMatchObject({ answer: { choices: [{ message: { content: `echo: ${prompt}` } }] } });
    });

    test('has twelve requests answered at once, each with its own answer', async () => {
      const questions = Array.from({ length: 12 }, (_, index) => `question ${index}`);
      const outcomes = await runWith(KEYS.all, ...questions.map((question) => ask(question)));
      expect(outcomes.map(contentOf)).toEqual(questions.map((question) => `echo: ${question}`));
    });

    test('waits for a slow answer, kept awake by white space', async () => {
      upstream.behave(async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, 1_300));
        await echo(request, response);
      });
      const [outcome] = await runWith(KEYS.all, ask('slow'));
      expect(contentOf(outcome)).toBe('echo: slow');
    });

    test('gets its own error for each refusal', async () => {
      const [noMessages, noModel, tooHigh, noSuchTier, gone] = await runWith(
        KEYS.all,
        { model: 'm' },
        ask('x', { model: 'nobody has it' }),
        ask('x', { security_tier: 'maximum' }),
        ask('x', { security_tier: 'secret' }),
        ask('x', { model: 'gone' }),
      );
      expectRefusal(noMessages, 400, 'messages');
      expectRefusal(noModel, 404, 'no such model');
      expectRefusal(tooHigh, 403, 'tier maximum');
      expectRefusal(noSuchTier, 400, 'standard, high, maximum');
      expectRefusal(gone, 503, 'cannot be reached');
    });

    test('gets its own error for a key that is wrong, missing, too small or used up', async () => {
      const [[wrong], [missing], [model, tier], [first, second]] = await Promise.all([
        runWith('sotto_nobody', ask('x')),
        runWith(null, ask('x')),
        runWith(KEYS.small, ask('x'), ask('x', { model: 'other', security_tier: 'high' })),
        runWith(KEYS.once, ask('x'), ask('x')),
      ]);
      expectRefusal(wrong, 401, 'not known');
      expectRefusal(missing, 401, 'is needed');
      expectRefusal(model, 403, 'does not allow this model');
      expectRefusal(tier, 403, 'does not allow tier high');
      const limited = [first, second].filter((outcome) => outcome !== undefined && 'refused' in outcome);
      expect(limited).toHaveLength(1);
      expectRefusal(limited[0], 429, 'limit of 1 requests');
    });

    test('gets one of the statuses it knows where the model server fails in another way', async () => {
      upstream.behave(json({ error: { message: 'the secret of the operator' } }, 502));
      const [failed] = await runWith(KEYS.all, ask('x'));
      expectRefusal(failed, 500, 'failed');
      upstream.behave(json({ error: { message: 'slow' } }, 504));
      const [late] = await runWith(KEYS.all, ask('x'));
      expectRefusal(late, 503, 'in time');
    });

    withRecording<Recording>(recording, ({ request: recorded }) => {
      test('is what it stands in for: the same header fields and members, in the same order', async () => {
        const middle: ManInTheMiddle = await startManInTheMiddle(router.url);
        await run({ baseUrl: middle.url, apiKey: KEYS.all }, [ask('x', { security_tier: 'high' })]);
        await middle.close();
        const sent = middle.seen[0];
        const names = recorded.rawHeaders.filter((_, index) => index % 2 === 0).map((each) => each.toLowerCase());
        // Of the transport's own fields only those count that steer the answer.
        const told = (fields: readonly string[]): readonly string[] => fields.filter((each) => TOLD.has(each));
        expect(told(Object.keys(sent?.headers ?? {}))).toEqual(told(names));
        expect(shapeOf(sent?.body.toString('utf8') ?? '')).toBe(shapeOf(recorded.bodyText));
      });
    });

    function expectRefusal(outcome: CallOutcome | undefined, status: number, words: string): void {
      expect(outcome).toEqual({
        refused: { kind: kinds(status), status, detail: expect.stringContaining(words) as string },
      });
    }
  });
}

/** What was recorded, as far as it is looked at. */
interface Recording {
  readonly request: { readonly rawHeaders: readonly string[]; readonly bodyText: string };
}

const TOLD = new Set(['x-payload-id', 'x-public-key', 'content-type', 'authorization', 'x-security-tier']);

/** An envelope without what is encrypted: its members, their order, and the spaces between them. */
function shapeOf(envelope: string): string {
  return envelope.replace(/("(?:ciphertext|nonce|tag|encrypted_aes_key)": ?)"[A-Za-z0-9+/]+=*"/g, '$1…');
}

const echo = ((request, response) => {
  const messages = request.body['messages'] as { content: string }[];
  return json(completion(`echo: ${messages.at(-1)?.content ?? ''}`))(request, response);
}) satisfies Parameters<StandInUpstream['behave']>[0];

function contentOf(outcome: CallOutcome | undefined): unknown {
  if (outcome === undefined || !('answer' in outcome)) return outcome;
  const [choice] = outcome.answer['choices'] as { message: { content: string } }[];
  return choice?.message.content;
}
