import { ConfigurationError } from '@sotto/protocol';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import type { PreparedConfig } from '../../src/present-serving.ts';
import type { ToPrimary } from '../../src/workers/messages.ts';
import { WorkerReload } from '../../src/workers/worker-reload.ts';

const CONFIG = parseConfig({ auth: 'open', upstreams: [{ name: 'u', baseUrl: 'http://127.0.0.1:1' }] });

/** A worker whose preparations are finished by hand, in whatever order. */
function worker() {
  const told: ToPrimary[] = [];
  const done: string[] = [];
  const pending: { finish: () => void; fail: (error: Error) => void }[] = [];
  const prepare = (): Promise<PreparedConfig> => {
    const name = `${pending.length + 1}`;
    return new Promise((resolve, reject) => {
      pending.push({
        finish: () =>
          resolve({
            changed: [name],
            replacesKeys: false,
            commit: () => void done.push(`commit ${name}`),
            discard: async () => void done.push(`discard ${name}`),
          }),
        fail: reject,
      });
    });
  };
  return { reload: new WorkerReload(prepare, (message) => void told.push(message)), told, done, pending };
}

test('takes over what it was last asked for, however late an earlier one is ready', async () => {
  const { reload, told, done, pending } = worker();
  const first = reload.prepare({ vote: 1, config: CONFIG });
  // Another worker could not: the first vote is over before this worker is ready.
  reload.discard(1);
  const second = reload.prepare({ vote: 2, config: CONFIG });
  pending[1]?.finish();
  await second;
  pending[0]?.finish();
  await first;
  expect(done).toEqual(['discard 1']);
  expect(told).toEqual([{ sotto: 'prepared', vote: 2, changed: ['2'], replacesKeys: false }]);
  reload.commit(2);
  expect(done).toEqual(['discard 1', 'commit 2']);
});

test('lets go of what comes when its vote is over, and says nothing of it', async () => {
  const { reload, told, done, pending } = worker();
  const first = reload.prepare({ vote: 1, config: CONFIG });
  reload.discard(1);
  pending[0]?.finish();
  await first;
  expect([told, done]).toEqual([[], ['discard 1']]);
});

test('names the vote that it refuses', async () => {
  const { reload, told, pending } = worker();
  const first = reload.prepare({ vote: 7, config: CONFIG });
  pending[0]?.fail(new ConfigurationError('no', { code: 'invalid_config' }));
  await first;
  expect(told).toEqual([{ sotto: 'unprepared', vote: 7, message: 'no' }]);
});

test('cannot take over what it has not prepared', () => {
  const { reload } = worker();
  expect(() => reload.commit(1)).toThrow(RangeError);
});
