import { ConfigurationError } from '@sotto/protocol';
import { type PreparedConfig, parseConfig } from '@sotto/router';
import { expect, test, vi } from 'vitest';
import { Reloads } from '../../src/commands/serve-reload.ts';

const CONFIG = parseConfig({ auth: 'open', upstreams: [{ name: 'a', baseUrl: 'http://127.0.0.1:9/v1' }] });

function surroundings(load = () => Promise.resolve(CONFIG)) {
  const events: Record<string, unknown>[] = [];
  const commit = vi.fn();
  const prepared: PreparedConfig = { changed: ['keys'], replacesKeys: false, commit, discard: () => Promise.resolve() };
  const options = {
    load: vi.fn(load),
    prepare: () => Promise.resolve(prepared),
    report: (event: Record<string, unknown>) => void events.push(event),
  };
  return { options, events, commit };
}

test('one that was asked for before the start comes after it', async () => {
  const { options, events, commit } = surroundings();
  const reloads = new Reloads();
  reloads.request();
  expect(options.load).not.toHaveBeenCalled();
  reloads.begin(options);
  await vi.waitFor(() => expect(events).toEqual([{ event: 'config_reloaded', changed: ['keys'] }]));
  expect(commit).toHaveBeenCalledOnce();
});

test('those that are asked for while one runs are one', async () => {
  const { options, events } = surroundings();
  const reloads = new Reloads();
  reloads.begin(options);
  for (let request = 0; request < 5; request++) reloads.request();
  await vi.waitFor(() => expect(events).toHaveLength(2));
  await reloads.end();
  expect(options.load).toHaveBeenCalledTimes(2);
});

test('a configuration that cannot be read is told, and the next one is tried', async () => {
  const refuse = () => Promise.reject(new ConfigurationError('no', { code: 'invalid_config' }));
  const { options, events } = surroundings(refuse);
  const reloads = new Reloads();
  reloads.begin(options);
  reloads.request();
  await vi.waitFor(() => expect(events).toMatchObject([{ event: 'config_rejected', code: 'invalid_config' }]));
  options.load.mockResolvedValue(CONFIG);
  reloads.request();
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'config_reloaded' }));
});

test('a failure of our own is told without its words', async () => {
  const { options, events } = surroundings(() => Promise.reject(new Error('sotto_s3cret')));
  const reloads = new Reloads();
  reloads.begin(options);
  reloads.request();
  await vi.waitFor(() => expect(events).toMatchObject([{ event: 'config_rejected', code: 'internal_error' }]));
  expect(JSON.stringify(events)).not.toContain('s3cret');
});

test('after the end there are none', async () => {
  const { options } = surroundings();
  const reloads = new Reloads();
  reloads.begin(options);
  await reloads.end();
  reloads.request();
  expect(options.load).not.toHaveBeenCalled();
});
