import type { KeyRights, VirtualKey } from './virtual-key.ts';

/** A virtual key as it is stored. */
export interface StoredKey extends VirtualKey {
  /** Keyed hash of the key, 64 lower-case hexadecimal digits (see `key-hash.ts`). */
  readonly hash: string;
  /** The key's first characters, for people to tell keys apart: `sotto_Ab12`; empty for an imported hash. */
  readonly hint: string;
  readonly createdAtMs: number;
}

/** What may be changed of a stored key; a member that is absent stays as it is, one that is undefined lifts a limit. */
export type KeyChanges = {
  readonly [Member in keyof (KeyRights &
    Pick<VirtualKey, 'name' | 'expiresAtMs' | 'revokedAtMs'>)]?: VirtualKey[Member];
};

/** Where virtual keys are kept. Whatever has been acknowledged survives the process. */
export interface KeyStore {
  /**
   * Adds all of them, or none.
   * @throws APIError `already_exists` where an id, a name or a hash is taken
   */
  insert(keys: readonly StoredKey[]): Promise<void>;
  /** All, the oldest first, revoked and expired ones too. */
  list(): Promise<readonly StoredKey[]>;
  get(id: string): Promise<StoredKey | null>;
  /**
   * @returns the key as it is now, or null where there is none
   * @throws APIError `already_exists` where the new name is taken
   */
  update(id: string, changes: KeyChanges): Promise<StoredKey | null>;
}
