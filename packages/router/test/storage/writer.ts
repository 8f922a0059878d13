// Runs in a process of its own: writes without end, and says on its output what the store has acknowledged.
import { writeSync } from 'node:fs';
import { openStore } from '../../src/storage/open-store.ts';
import { conversation, storedKey, usageBatch, usageRow } from './stored.ts';

const [storage = '', round = ''] = process.argv.slice(2);
const store = await openStore(storage, new Uint8Array(32).fill(7));

/** At once and whole: nothing that was acknowledged waits in this process. */
const tell = (kind: string, what: string): void => void writeSync(1, `${kind} ${what}\n`);

async function writeKeys(): Promise<void> {
  for (let count = 0; ; count++) {
    const key = storedKey(`${round}-${count}`);
    await store.keys.insert([key, storedKey(`${round}-${count}-twin`)]);
    tell('key', key.name);
    await store.keys.update(key.id, { revokedAtMs: count + 1 });
    tell('revoked', key.name);
  }
}

async function addUsage(): Promise<void> {
  for (;;) {
    await store.usage.add(
      usageBatch([usageRow({ keyId: 'one', costNanoUsd: 1 }), usageRow({ keyId: 'two', costNanoUsd: 1 })]),
    );
    tell('usage', '1');
  }
}

async function converse(): Promise<void> {
  for (let version = 1; ; version++) {
    await store.conversations.save(conversation(round, { version, sealed: new Uint8Array(5_000).fill(version) }));
    tell('version', `${round} ${version}`);
  }
}

await Promise.all([writeKeys(), addUsage(), converse()]);
