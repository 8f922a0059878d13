import { createSecureFetch, SecureChatCompletion } from '@sotto/client';
import type { RouterConfigInput } from '@sotto/router';
import { Transport } from 'ehbp';
import { describe, expect, inject, test } from 'vitest';
import { completionEvents } from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, startSealedRouter } from './sealed-router.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
const STREAMED = JSON.stringify({ ...QUESTION, stream: true });
const HEADERS = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };

/** A router whose model server begins an answer and never ends it. */
async function startUnfinished(protocols: RouterConfigInput['protocols']) {
  const sealed = await startSealedRouter({ protocols, nomyoV1: { keyFile: inject('routerKey') } });
  let begun = (): void => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  sealed.upstream.behave((request, response) => {
    if (request.body['stream'] !== true) return begun();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(completionEvents(['begun'])[0], () => begun());
  });
  return { ...sealed, hasBegun };
}

/** Reads what comes until the body ends, one way or the other. */
async function readAll({ body }: Response): Promise<{ readonly text: string; readonly failure: unknown }> {
  let text = '';
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  try {
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      text += decoder.decode(part.value, { stream: true });
    }
    return { text, failure: null };
  } catch (failure) {
    return { text, failure };
  }
}

function lastEvent(text: string): unknown {
  return JSON.parse((text.trimEnd().split('\n\n').at(-1) ?? '').replace(/^data: /, ''));
}

/** Has the grace be over in the middle of a stream, and closes the router. */
async function expectEndInWords(
  { router, close, hasBegun }: Awaited<ReturnType<typeof startUnfinished>>,
  answer: Response,
): Promise<void> {
  await hasBegun;
  router.endUnderWay();
  const { text, failure } = await readAll(answer);
  expect(lastEvent(text)).toMatchObject({ error: { code: 'shutting_down' } });
  // Without the end of its framing it is no whole answer, whatever the events said.
  expect(failure).toBeInstanceOf(Error);
  await close();
}

describe('a shutdown whose grace is over', () => {
  test('ends a stream in clear with the error, and no end', async () => {
    const unfinished = await startUnfinished(['clear']);
    const { url } = unfinished;
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: HEADERS, body: STREAMED });
    await expectEndInWords(unfinished, answer);
  });

  test('ends a stream over ohttp with the error inside the ciphertext, and no final chunk', async () => {
    const unfinished = await startUnfinished(['ohttp']);
    const { url } = unfinished;
    const secureFetch = createSecureFetch({ routerUrl: url, allowHttp: true });
    const answer = await secureFetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: HEADERS,
      body: STREAMED,
    });
    await expectEndInWords(unfinished, answer);
  });

  test("tells our client's stream as an error of its own code", async () => {
    const { url, router, close, hasBegun } = await startUnfinished(['ohttp']);
    const client = new SecureChatCompletion({ baseURL: url, allowHttp: true, apiKey: API_KEY, maxRetries: 0 });
    const stream = await client.create({ ...QUESTION, stream: true });
    await hasBegun;
    router.endUnderWay();
    const read = async (): Promise<void> => {
      for await (const _chunk of stream);
    };
    await expect(read()).rejects.toMatchObject({ code: 'shutting_down' });
    await close();
  });

  test('ends a stream over ehbp with the error in a frame', async () => {
    const unfinished = await startUnfinished(['ehbp']);
    const { url } = unfinished;
    const transport = await Transport.create(url);
    const answer = await transport.request(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: HEADERS,
      body: STREAMED,
    });
    await expectEndInWords(unfinished, answer);
  });

  test.each(['nomyo-v1', 'ohttp'] as const)(
    'answers what is waited for in one piece over %s with a 503',
    async (protocol) => {
      const { url, router, close, hasBegun } = await startUnfinished([protocol]);
      const client = new SecureChatCompletion({
        baseURL: url,
        allowHttp: true,
        apiKey: API_KEY,
        protocol,
        keyDir: inject('clientKeys'),
        maxRetries: 0,
      });
      const asked = client.create(QUESTION);
      asked.catch(() => {});
      await hasBegun;
      router.endUnderWay();
      await expect(asked).rejects.toMatchObject({ status: 503, code: 'shutting_down' });
      await close();
    },
  );
});
