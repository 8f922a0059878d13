import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Store } from '../../src/storage/store.ts';
import { chatbot, conversation, storedKey, usageBatch, usageRow } from './stored.ts';

/** Names and values that a careless statement would take for something else. */
const HOSTILE = [
  "'; drop table virtual_keys; --",
  '" or 1=1 --',
  '%_\\%',
  '$1 ? :name @p',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'Zażółć gęślą jaźń 🔑 \u202e\u0301',
  'line\r\nbreak\ttab',
] as const;

/** What every store promises its features, whatever keeps it. @param open an empty store at each call */
export function describeStore(what: string, open: () => Promise<Store>): void {
  const opened = async (): Promise<Store> => {
    const store = await open();
    onTestFinished(() => store.close());
    return store;
  };

  describe(`${what}: virtual keys`, () => {
    test('come back as they were, limits and all', async () => {
      const { keys } = await opened();
      const plain = storedKey('plain', { createdAtMs: 1 });
      const full = storedKey('full', {
        createdAtMs: 2,
        models: ['gpt-*', 'org/x'],
        tiers: ['high', 'maximum'],
        defaultTier: 'high',
        requestsPerMinute: 1,
        requestsPerDay: 2,
        tokensPerMinute: 3,
        budget: { nanoUsd: Number.MAX_SAFE_INTEGER, period: 'month' },
        expiresAtMs: 4_102_444_800_000,
        revokedAtMs: 5,
      });
      await keys.insert([full, plain]);
      expect(await keys.list()).toEqual([plain, full]);
      expect(await keys.get(full.id)).toEqual(full);
      expect(await keys.get('key_none')).toBeNull();
    });

    test('are refused whole where one of them is there already', async () => {
      const { keys } = await opened();
      const first = storedKey('first');
      await keys.insert([first]);
      for (const taken of [{ id: first.id }, { name: first.name }, { hash: first.hash }]) {
        const inserting = keys.insert([storedKey('fresh'), storedKey('other', taken)]);
        await expect(inserting).rejects.toMatchObject({ code: 'already_exists', status: 409 });
      }
      expect(await keys.list()).toEqual([first]);
    });

    test('change only where they are told to', async () => {
      const { keys } = await opened();
      const key = storedKey('first', { models: ['m'], requestsPerMinute: 5 });
      await keys.insert([key, storedKey('second')]);
      const changed = await keys.update(key.id, { name: 'renamed', models: undefined, revokedAtMs: 9 });
      expect(changed).toEqual({ ...key, name: 'renamed', models: undefined, revokedAtMs: 9 });
      expect(await keys.get(key.id)).toEqual(changed);
      expect(await keys.update('key_none', { name: 'x' })).toBeNull();
      await expect(keys.update(key.id, { name: 'second' })).rejects.toMatchObject({ code: 'already_exists' });
    });

    test('lose none of two changes that come at once', async () => {
      const { keys } = await opened();
      const key = storedKey('first');
      await keys.insert([key]);
      const limits = ['requestsPerMinute', 'requestsPerDay', 'tokensPerMinute'] as const;
      await Promise.all(limits.map((limit) => keys.update(key.id, { [limit]: 7 })));
      expect(await keys.get(key.id)).toEqual({ ...key, requestsPerMinute: 7, requestsPerDay: 7, tokensPerMinute: 7 });
    });

    test('may be named anything', async () => {
      const { keys } = await opened();
      const named = HOSTILE.map((name, index) => storedKey(name, { createdAtMs: index, models: [name] }));
      await keys.insert(named);
      expect(await keys.list()).toEqual(named);
      expect(await keys.get(HOSTILE[0])).toBeNull();
      expect(await keys.get(HOSTILE[1])).toBeNull();
    });
  });

  describe(`${what}: aliases`, () => {
    test('are made, replaced, listed and deleted', async () => {
      const { aliases } = await opened();
      await aliases.put('gpt-4', ['a']);
      await aliases.put('gpt-4', ['b', 'org/c']);
      await aliases.put('other', ['a']);
      expect(await aliases.list()).toEqual({ 'gpt-4': ['b', 'org/c'], other: ['a'] });
      expect(await aliases.delete('gpt-4')).toBe(true);
      expect(await aliases.delete('gpt-4')).toBe(false);
      expect(Object.keys(await aliases.list())).toEqual(['other']);
    });

    test('may be named anything', async () => {
      const { aliases } = await opened();
      for (const name of HOSTILE) await aliases.put(name, [name]);
      const listed = new Map(Object.entries(await aliases.list()));
      expect(listed).toEqual(new Map(HOSTILE.map((name) => [name, [name]])));
      for (const name of HOSTILE) expect(await aliases.delete(name)).toBe(true);
    });
  });

  describe(`${what}: chatbots`, () => {
    test('are made, replaced and listed in the order of their ids', async () => {
      const { chatbots } = await opened();
      const full = chatbot('b', { tier: 'maximum', ttlSeconds: 60, parameters: { temperature: 0.5, stop: ['x'] } });
      await chatbots.put(full);
      await chatbots.put(chatbot('a', { systemPrompt: 'old' }));
      await chatbots.put(chatbot('a', { systemPrompt: 'new' }));
      expect(await chatbots.list()).toEqual([chatbot('a', { systemPrompt: 'new' }), full]);
      expect(await chatbots.get('b')).toEqual(full);
      expect(await chatbots.get('none')).toBeNull();
    });

    test('hold any text, U+0000 too, of any length', async () => {
      const { chatbots } = await opened();
      const systemPrompt = `${HOSTILE.join('\u0000')}${'long '.repeat(200_000)}`;
      await chatbots.put(chatbot('a', { systemPrompt }));
      expect((await chatbots.get('a'))?.systemPrompt).toBe(systemPrompt);
    });

    test('take their conversations with them, and no others', async () => {
      const { chatbots, conversations } = await opened();
      await chatbots.put(chatbot('bot'));
      await conversations.save(conversation('conv_1'));
      await conversations.save(conversation('conv_2', { chatbotId: 'another' }));
      expect(await chatbots.delete('bot')).toBe(true);
      expect(await chatbots.delete('bot')).toBe(false);
      expect(await conversations.get('conv_1', 0)).toBeNull();
      expect(await conversations.get('conv_2', 0)).not.toBeNull();
    });
  });

  describe(`${what}: conversations`, () => {
    test('go on from one version to the next, and from no other', async () => {
      const { conversations } = await opened();
      const first = conversation('conv_1');
      expect(await conversations.save(conversation('conv_1', { version: 2 }))).toBe(false);
      expect(await conversations.save(first)).toBe(true);
      expect(await conversations.save(first)).toBe(false);
      expect(await conversations.save({ ...first, version: 3 })).toBe(false);
      const second = { ...first, version: 2, sealed: new Uint8Array([2]), expiresAtMs: 20_000 };
      expect(await conversations.save(second)).toBe(true);
      expect(await conversations.get('conv_1', 0)).toEqual(second);
    });

    test('of two turns at once keep one', async () => {
      const { conversations } = await opened();
      await conversations.save(conversation('conv_1'));
      const turns = Array.from({ length: 20 }, (_, index) =>
        conversations.save(conversation('conv_1', { version: 2, sealed: new Uint8Array([index]) })),
      );
      expect((await Promise.all(turns)).filter(Boolean)).toHaveLength(1);
    });

    test('cannot be taken over by another key or chatbot', async () => {
      const { conversations } = await opened();
      const first = conversation('conv_1');
      await conversations.save(first);
      expect(await conversations.save({ ...first, version: 2, keyId: 'key_2' })).toBe(false);
      expect(await conversations.save({ ...first, version: 2, chatbotId: 'another' })).toBe(false);
      expect(await conversations.save({ ...first, keyId: 'key_2' })).toBe(false);
      expect(await conversations.get('conv_1', 0)).toEqual(first);
    });

    test('are gone once expired, swept or not, and swept in bounded steps', async () => {
      const { conversations } = await opened();
      for (let index = 0; index < 10; index++) {
        await conversations.save(conversation(`conv_${index}`, { expiresAtMs: 100 + index }));
      }
      expect(await conversations.get('conv_5', 104)).not.toBeNull();
      expect(await conversations.get('conv_5', 105)).toBeNull();
      expect(await conversations.deleteExpired(106, 4)).toBe(4);
      expect(await conversations.deleteExpired(106, 4)).toBe(3);
      expect(await conversations.deleteExpired(106, 4)).toBe(0);
      expect(await conversations.get('conv_7', 0)).not.toBeNull();
      expect(await conversations.get('conv_6', 0)).toBeNull();
    });

    test('are deleted on request', async () => {
      const { conversations } = await opened();
      await conversations.save(conversation('conv_1'));
      expect(await conversations.delete('conv_1')).toBe(true);
      expect(await conversations.delete('conv_1')).toBe(false);
      expect(await conversations.get('conv_1', 0)).toBeNull();
    });

    test('keep every byte, none or 8 MiB of them, and of a view only what it shows', async () => {
      const { conversations } = await opened();
      const big = new Uint8Array(randomBytes(8 * 1024 * 1024));
      await conversations.save(conversation('big', { sealed: big }));
      await conversations.save(conversation('none', { sealed: new Uint8Array(0) }));
      await conversations.save(conversation('view', { sealed: big.subarray(3, 9) }));
      const kept = (await conversations.get('big', 0))?.sealed;
      expect(kept).toBeInstanceOf(Uint8Array);
      expect(Buffer.compare(kept ?? new Uint8Array(0), big)).toBe(0);
      expect((await conversations.get('none', 0))?.sealed).toEqual(new Uint8Array(0));
      expect((await conversations.get('view', 0))?.sealed).toEqual(big.slice(3, 9));
    });
  });

  describe(`${what}: usage`, () => {
    test('adds up exactly over a thousand writes, fifty at once', async () => {
      const { usage } = await opened();
      const write = (): Promise<void> => usage.add(usageBatch([usageRow({ failed: 1, cancelled: 1 })]));
      // More at once would have the last wait longer for a connection than a store lets anybody wait.
      for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 50 }, write));
      expect(await usage.list({ limit: 10 })).toEqual([
        usageRow({
          requests: 1_000,
          failed: 1_000,
          cancelled: 1_000,
          promptTokens: 10_000,
          cachedTokens: 4_000,
          completionTokens: 5_000,
          costNanoUsd: 1_234_567_000,
        }),
      ]);
    });

    test('takes a thousand rows at once, the same one twice too, and is exact to the largest safe integer', async () => {
      const { usage } = await opened();
      const rows = Array.from({ length: 1_000 }, (_, index) => usageRow({ keyId: `key_${index}` }));
      const rest = Number.MAX_SAFE_INTEGER - 2 * usageRow().costNanoUsd;
      await usage.add(usageBatch([...rows, ...rows, usageRow({ keyId: 'key_7', costNanoUsd: rest })]));
      expect(await usage.list({ limit: 2_000 })).toHaveLength(1_000);
      expect((await usage.spentSince('2026-01-31')).get('key_7')).toBe(Number.MAX_SAFE_INTEGER);
      await usage.add(usageBatch([]));
    });

    test('is added once, however often a batch is written', async () => {
      const { usage } = await opened();
      const first = usageBatch([usageRow()], { writer: 'a', number: 1 });
      const second = usageBatch([usageRow()], { writer: 'a', number: 2 });
      for (const batch of [first, first, second, second, first, { ...first, writer: 'b' }]) await usage.add(batch);
      expect(await usage.list({ limit: 10 })).toMatchObject([{ requests: 3 }]);
    });

    test('of a write that fails keeps nothing, and takes it when it is tried again', async () => {
      const { usage } = await opened();
      // A missing count cannot be written: it stands for whatever goes wrong in the middle.
      const broken = { ...usageRow({ keyId: 'key_2' }), requests: null as unknown as number };
      const rows = Array.from({ length: 150 }, (_, index) => usageRow({ keyId: `key_${index + 3}` }));
      const batch = usageBatch([...rows, broken]);
      await expect(usage.add(batch)).rejects.toMatchObject({ code: 'store_unavailable', status: 503 });
      expect(await usage.list({ limit: 1_000 })).toEqual([]);
      await usage.add({ ...batch, rows });
      expect(await usage.list({ limit: 1_000 })).toHaveLength(150);
    });

    test('is listed by key, model and day, the latest day first', async () => {
      const { usage } = await opened();
      const named = HOSTILE.map((model) => usageRow({ day: '2026-01-01', keyId: model, model }));
      const rows = [
        usageRow({ day: '2026-02-01', keyId: 'b' }),
        usageRow({ day: '2026-01-31', keyId: 'a', model: 'm' }),
        usageRow({ day: '2026-01-31', keyId: 'a', model: 'n' }),
        usageRow({ day: '2026-01-31', keyId: 'b' }),
      ];
      await usage.add(usageBatch([...named, ...rows].reverse()));
      expect(await usage.list({ limit: 4 })).toEqual(rows);
      expect(await usage.list({ keyId: 'a', limit: 9 })).toEqual(rows.slice(1, 3));
      expect(await usage.list({ model: 'n', limit: 9 })).toEqual(rows.slice(2, 3));
      expect(await usage.list({ from: '2026-01-31', to: '2026-01-31', limit: 9 })).toEqual(rows.slice(1));
      for (const row of named)
        expect(await usage.list({ keyId: row.keyId, model: row.model, limit: 9 })).toEqual([row]);
    });

    test('tells what each key spent since a day', async () => {
      const { usage } = await opened();
      await usage.add(
        usageBatch([
          usageRow({ day: '2026-01-30', costNanoUsd: 1 }),
          usageRow({ day: '2026-01-31', costNanoUsd: 2 }),
          usageRow({ day: '2026-02-01', costNanoUsd: 4 }),
          usageRow({ day: '2026-02-01', costNanoUsd: 8, keyId: 'key_2' }),
        ]),
      );
      expect(await usage.spentSince('2026-01-31')).toEqual(
        new Map([
          ['key_1', 6],
          ['key_2', 8],
        ]),
      );
      expect(await usage.spentSince('2027-01-01')).toEqual(new Map());
    });
  });

  describe(`${what}: itself`, () => {
    test('answers a ping until it is closed, and says so after that', async () => {
      const store = await open();
      await store.ping();
      await store.close();
      const unavailable = { code: 'store_unavailable', status: 503 };
      await expect(store.ping()).rejects.toMatchObject(unavailable);
      await expect(store.keys.list()).rejects.toMatchObject(unavailable);
      await expect(store.keys.insert([storedKey('a')])).rejects.toMatchObject(unavailable);
      await expect(store.conversations.save(conversation('a'))).rejects.toMatchObject(unavailable);
    });
  });
}
