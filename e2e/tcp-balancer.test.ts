import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startTcpBalancer, type TcpBalancer } from './tcp-balancer.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that says its name and ends. */
async function namedServer(name: string): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((socket) => void socket.on('error', () => {}).end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function balance(targets: readonly string[]): Promise<TcpBalancer> {
  const balancer = await startTcpBalancer(targets);
  closing.unshift(() => balancer.close());
  return balancer;
}

function whoAnswers(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    socket.on('error', reject).on('close', () => resolve(text));
  });
}

describe('the TCP balancer of the tests', () => {
  test('deals connections out in turn', async () => {
    const balancer = await balance([(await namedServer('a')).url, (await namedServer('b')).url]);
    const answers = [];
    for (let asked = 0; asked < 4; asked++) answers.push(await whoAnswers(balancer.url));
    expect(answers).toEqual(['a', 'b', 'a', 'b']);
    expect(balancer.taken).toEqual([2, 2]);
  });

  test('goes to the next server where one takes no connection, and closes where none does', async () => {
    const [gone, there] = [await namedServer('gone'), await namedServer('there')];
    const balancer = await balance([gone.url, there.url]);
    await new Promise((resolve) => gone.server.close(resolve));
    expect([await whoAnswers(balancer.url), await whoAnswers(balancer.url)]).toEqual(['there', 'there']);
    balancer.use([gone.url]);
    expect(await whoAnswers(balancer.url)).toBe('');
  });
});
