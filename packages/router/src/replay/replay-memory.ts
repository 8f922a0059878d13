import type { Awaitable } from '@sotto/protocol';

/** Where the gateway remembers what it has opened: this process's memory, or one that several processes share. */
export interface ReplayMemory {
  has(id: string): Awaitable<boolean>;
  /** Remembers an id. @returns `seen` where it was there already, `full` where nothing more can be remembered */
  add(id: string): Awaitable<'added' | 'seen' | 'full'>;
  /** Forgets an id whose request ended in an error that invites to send the same bytes again. */
  forget(id: string): Awaitable<void>;
}
