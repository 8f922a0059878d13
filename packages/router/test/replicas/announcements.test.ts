import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import type { Announcement } from '../../src/open-records.ts';
import { openReplicas, type Replicas } from '../../src/open-replicas.ts';
import { eventually } from '../eventually.ts';
import { type RedisServer, startRedisServer, withRedisServer } from '../redis-server.ts';

let server: RedisServer;

interface Following {
  readonly replicas: Replicas;
  /** What was reread, in order. */
  readonly reread: Announcement[];
}

/** A replica that listens: everything was reread once. */
async function following(url = server.url): Promise<Following> {
  const upstreams = [{ name: 'u', baseUrl: 'http://127.0.0.1:1/v1', models: ['m'] }];
  const replicas = await openReplicas(parseConfig({ auth: 'open', upstreams, redis: url }));
  if (replicas === null) throw new Error('there is a redis in the configuration');
  onTestFinished(() => replicas.close());
  const reread: Announcement[] = [];
  replicas.follow((what) => {
    reread.push(what);
    return Promise.resolve();
  });
  await eventually('everything is reread when listening begins', () => reread.length === 3);
  reread.length = 0;
  return { replicas, reread };
}

describe('what one replica announces', () => {
  withRedisServer(() => {
    beforeAll(async () => {
      server = await startRedisServer();
    });
    afterAll(() => server.kill());

    test('the others reread, and it itself does not', async () => {
      const [one, other] = [await following(), await following()];
      one.replicas.announce('keys');
      await eventually('the other rereads', () => other.reread.includes('keys'));
      expect(one.reread).toEqual([]);
    });

    test('is made up for by rereading everything, where Redis was away', async () => {
      const own = await startRedisServer();
      onTestFinished(() => own.kill());
      const [one, other] = [await following(own.url), await following(own.url)];
      await own.kill();
      await eventually('its end is noticed', () => !one.replicas.isUp);
      one.replicas.announce('keys');
      await own.start();
      await eventually('everything is reread', () => other.reread.length === 3);
      expect(new Set(other.reread)).toEqual(new Set(['keys', 'aliases', 'chatbots']));
    });

    test('is read a few times only, however often it is told', async () => {
      const [one, other] = [await following(), await following()];
      for (let times = 0; times < 500; times++) one.replicas.announce('aliases');
      one.replicas.announce('chatbots');
      await eventually('all is told', () => other.reread.includes('chatbots'));
      expect(other.reread.filter((what) => what === 'aliases').length).toBeLessThan(5);
    });

    test('can be nothing but what there is to reread', async () => {
      const [one, other] = [await following(), await following()];
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      for (const text of ['x', 'x secrets', 'x __proto__', `x ${'k'.repeat(10_000)}`]) {
        socket.write(`*3\r\n$7\r\nPUBLISH\r\n$12\r\nsotto:reread\r\n$${text.length}\r\n${text}\r\n`);
      }
      socket.end();
      await new Promise((resolve) => socket.on('close', resolve).resume());
      one.replicas.announce('keys');
      await eventually('what follows is heard', () => other.reread.length > 0);
      expect(other.reread).toEqual(['keys']);
    });
  });
});
