import { apiError } from '@sotto/protocol';
import type { KeyHash } from './key-hash.ts';
import type { HashedKey, KeyRing } from './key-ring.ts';
import type { KeyChanges, KeyStore, StoredKey } from './key-store.ts';
import { hintOf, newKey, newKeyId } from './new-key.ts';
import type { KeyRights, VirtualKey } from './virtual-key.ts';

/** A virtual key as it is shown to whoever administers the router: without its hash. */
export interface ListedKey extends VirtualKey {
  readonly source: 'configuration' | 'store';
  /** Its first characters; empty where they are not known. */
  readonly hint: string;
  /** Unix time in milliseconds; null for one of the configuration. */
  readonly createdAtMs: number | null;
}

/** What a new key is to be. */
export type KeyDefinition = KeyRights & Pick<VirtualKey, 'name' | 'expiresAtMs'>;

/** A key that exists already, elsewhere: in clear, or known by its SHA-256 in hexadecimal only. */
export type ImportedKey = KeyDefinition & ({ readonly key: string } | { readonly sha256: string });

/** What the registry is made of. */
export interface KeyRegistryOptions {
  readonly ring: KeyRing;
  readonly store: KeyStore;
  readonly keyHash: KeyHash;
  /** What new keys begin with. */
  readonly prefix: string;
  /** Tells the other processes that the store's keys have changed. */
  readonly announce?: () => void;
  readonly now?: () => number;
}

/** Makes, changes and revokes virtual keys: in the store first, and from then on in the ring. */
export class KeyRegistry {
  readonly #options: KeyRegistryOptions;
  /** One write or reload at a time: the ring never goes back to what a slower one has read. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: KeyRegistryOptions) {
    this.#options = options;
  }

  /** Takes over what the store holds now; where it fails, the ring stays as it is. */
  reload(): Promise<void> {
    return this.#inTurn(async () => this.#options.ring.replace(await this.#options.store.list()));
  }

  /** All keys, those of the configuration first, then the oldest first. */
  async list(): Promise<readonly ListedKey[]> {
    const { ring, store } = this.#options;
    return [...ring.configured.map(listConfigured), ...(await store.list()).map(listStored)];
  }

  async get(id: string): Promise<ListedKey | null> {
    const { ring, store } = this.#options;
    const configured = ring.configured.find((key) => key.id === id);
    if (configured !== undefined) return listConfigured(configured);
    const stored = await store.get(id);
    return stored === null ? null : listStored(stored);
  }

  /**
   * Makes a key.
   * @returns the key in clear, which nobody can be shown again, and what is kept of it
   * @throws APIError `already_exists` where the name is taken
   */
  async make(definition: KeyDefinition): Promise<{ readonly key: string; readonly listed: ListedKey }> {
    const key = newKey(this.#options.prefix);
    const [listed] = await this.#insert([{ ...definition, key }], () => '');
    if (listed === undefined) throw apiError('internal_error', 'the key was not made');
    return { key, listed };
  }

  /**
   * Takes keys over, all of them or none.
   * @throws APIError `already_exists`, its `param` naming the first whose name or key is there already
   */
  import(keys: readonly ImportedKey[]): Promise<readonly ListedKey[]> {
    return this.#insert(keys, (index) => `keys[${index}].`);
  }

  /**
   * Changes a key.
   * @returns null where there is none
   * @throws APIError `already_exists` where the new name is taken, and for a key of the configuration
   */
  async update(id: string, changes: KeyChanges): Promise<ListedKey | null> {
    const { ring, store, announce } = this.#options;
    if (ring.configured.some((key) => key.id === id)) {
      throw apiError('already_exists', 'the configuration defines this key: change it there', { param: 'id' });
    }
    if (changes.name !== undefined) this.#checkConfiguredName(changes.name, 'name');
    const key = await this.#inTurn(async () => {
      const updated = await store.update(id, changes);
      if (updated !== null) ring.put(updated);
      return updated;
    });
    if (key === null) return null;
    announce?.();
    return listStored(key);
  }

  /** Revokes a key for good; one that is revoked stays so since then. @throws as {@link KeyRegistry.update} */
  async revoke(id: string): Promise<ListedKey | null> {
    const present = await this.get(id);
    if (present === null || (present.source === 'store' && present.revokedAtMs !== null)) return present;
    return this.update(id, { revokedAtMs: this.#now() });
  }

  async #insert(imported: readonly ImportedKey[], place: (index: number) => string): Promise<readonly ListedKey[]> {
    const { ring, store, announce } = this.#options;
    const keys = imported.map((key) => this.#toStored(key));
    await this.#inTurn(async () => {
      const fault = findTaken(keys, [...ring.configured, ...(await store.list())]);
      if (fault !== null) throw taken(place(fault.index) + memberOf(imported[fault.index], fault.what), fault.what);
      await store.insert(keys);
      for (const key of keys) ring.put(key);
    });
    announce?.();
    return keys.map(listStored);
  }

  #toStored(imported: ImportedKey): StoredKey {
    const { keyHash, prefix } = this.#options;
    const { name, expiresAtMs, models, tiers, defaultTier, requestsPerMinute, requestsPerDay } = imported;
    const { tokensPerMinute, budget } = imported;
    const rights = { models, tiers, defaultTier, requestsPerMinute, requestsPerDay, tokensPerMinute, budget };
    return {
      id: newKeyId(),
      name,
      ...rights,
      hash: 'key' in imported ? keyHash.ofKey(imported.key) : keyHash.ofSha256(imported.sha256),
      hint: 'key' in imported ? hintOf(imported.key, prefix) : '',
      createdAtMs: this.#now(),
      expiresAtMs,
      revokedAtMs: null,
    };
  }

  #checkConfiguredName(name: string, param: string): void {
    if (this.#options.ring.configured.some((key) => key.name === name)) throw taken(param, 'name');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

type Unique = 'name' | 'hash';

/** The first key whose name or hash is there already. The store refuses it too, but does not say which it is. */
function findTaken(
  keys: readonly HashedKey[],
  present: readonly HashedKey[],
): { readonly index: number; readonly what: Unique } | null {
  const names = new Set(present.map(({ name }) => name));
  const hashes = new Set(present.map(({ hash }) => hash));
  for (const [index, { name, hash }] of keys.entries()) {
    if (names.has(name)) return { index, what: 'name' };
    if (hashes.has(hash)) return { index, what: 'hash' };
    names.add(name);
    hashes.add(hash);
  }
  return null;
}

function memberOf(imported: ImportedKey | undefined, what: Unique): string {
  if (what === 'name') return 'name';
  return imported !== undefined && 'sha256' in imported ? 'sha256' : 'key';
}

function taken(param: string, what: Unique): Error {
  return apiError(
    'already_exists',
    `${param}: ${what === 'name' ? 'a key of this name' : 'this key'} is there already`,
    {
      param,
    },
  );
}

function listConfigured({ hash: _, ...key }: HashedKey): ListedKey {
  return { ...key, source: 'configuration', hint: '', createdAtMs: null };
}

function listStored({ hash: _, ...key }: StoredKey): ListedKey {
  return { ...key, source: 'store' };
}
