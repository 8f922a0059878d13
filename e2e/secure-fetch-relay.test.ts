import { createServer, type IncomingMessage, type Server, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureFetch } from '@sotto/client';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const CREDENTIAL = 'Bearer credential-of-the-relay';
const PROMPT = 'the-prompt-that-nobody-reads';

/** What one end saw of one request. */
interface Sight {
  readonly headers: IncomingMessage['headers'];
  readonly url: string;
  readonly remotePort: number | undefined;
  readonly bytes: Buffer;
}

/** Forwards each request to `target`, takes its own credential off, and keeps what it saw. */
async function startRelay(target: string, seen: Sight[]): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((message, response) => {
    const { authorization, host: _, ...headers } = message.headers;
    if (authorization !== undefined && authorization !== CREDENTIAL) {
      response.writeHead(401).end();
      return;
    }
    const onward = send(target + (message.url === '/relay' ? '/.well-known/ohttp-gateway' : message.url), {
      method: message.method,
      headers,
    });
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const { remotePort } = message.socket;
      seen.push({ headers: message.headers, url: message.url ?? '', remotePort, bytes: Buffer.concat(chunks) });
    });
    message.pipe(onward);
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describe('a relay', () => {
  const atRelay: Sight[] = [];
  const atRouter: Sight[] = [];
  let sealed: SealedRouter;
  let relay: Awaited<ReturnType<typeof startRelay>>;
  let gate: Awaited<ReturnType<typeof startRelay>>;

  beforeAll(async () => {
    sealed = await startSealedRouter();
    // The router's own front: it shows with what, and from where, requests arrive there.
    gate = await startRelay(sealed.url, atRouter);
    relay = await startRelay(gate.url, atRelay);
  });
  afterAll(async () => {
    for (const { server } of [relay, gate]) {
      server.closeAllConnections();
      server.close();
    }
    await sealed.close();
  });

  test('sees who asks and no content; the router sees the content, and nobody but the relay', async () => {
    const fetch = createSecureFetch({
      routerUrl: gate.url,
      allowHttp: true,
      relayUrl: `${relay.url}/relay`,
      relayHeaders: { authorization: CREDENTIAL },
    });
    const openai = new OpenAI({ baseURL: `${gate.url}/v1`, apiKey: API_KEY, fetch });
    const stream = await openai.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: PROMPT }],
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe(`echo: ${PROMPT}`);

    const [sight] = atRelay;
    expect(atRelay).toHaveLength(1);
    expect(sight?.headers).toMatchObject({ authorization: CREDENTIAL, 'content-type': 'message/ohttp-chunked-req' });
    const whole = JSON.stringify(sight?.headers) + sight?.url + sight?.bytes.toString('latin1');
    for (const secret of [PROMPT, API_KEY, 'stainless', '/v1/', 'OpenAI/JS']) expect(whole).not.toContain(secret);

    const posts = atRouter.filter(({ bytes }) => bytes.length > 0);
    expect(posts).toHaveLength(1);
    // The connection is the relay's own, and nothing in the request names the client's.
    expect(posts[0]?.remotePort).not.toBe(sight?.remotePort);
    const arrived = JSON.stringify(posts[0]?.headers);
    expect(arrived).not.toContain(String(sight?.remotePort));
    expect(
      Object.keys(posts[0]?.headers ?? {}).filter((name) => /forward|via|real-ip|authorization/.test(name)),
    ).toEqual([]);
    expect(posts[0]?.bytes.equals(sight?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  test('that refuses the credential is an error that is not taken for the router', async () => {
    const fetch = createSecureFetch({
      routerUrl: gate.url,
      allowHttp: true,
      relayUrl: `${relay.url}/relay`,
      relayHeaders: { authorization: 'Bearer another' },
      onSecurityError: 'response',
    });
    const answer = await fetch(`${gate.url}/v1/models`, { headers: { authorization: `Bearer ${API_KEY}` } });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: { code: 'response_not_sealed' } });
  });
});
