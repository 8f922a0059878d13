import type { Awaitable } from '@sotto/protocol';

/** The protocols a client chooses between, weakest first. */
const CHAT_PROTOCOLS = ['nomyo-v1', 'ohttp'] as const;
export type ChatProtocol = (typeof CHAT_PROTOCOLS)[number];

/** What is remembered of a router, so that nobody can talk a client down later. */
export interface RouterRecord {
  /** The highest epoch of a key statement that was verified; null before the first. */
  readonly epoch: number | null;
  /** The best protocol that the router ever offered; null before it offered one. */
  readonly protocol: ChatProtocol | null;
}

/**
 * Where a program keeps what its clients remember, for longer than they live. What it loses, somebody on the way can
 * make use of once; what somebody else writes there, the client believes.
 */
export interface RouterMemory {
  /** @returns null for an origin that was never remembered */
  recall(origin: string): Awaitable<RouterRecord | null>;
  remember(origin: string, record: RouterRecord): Awaitable<void>;
}

/** A memory that lives as long as the object. */
export function createRouterMemory(): RouterMemory {
  const records = new Map<string, RouterRecord>();
  return {
    recall: (origin) => records.get(origin) ?? null,
    remember: (origin, record) => {
      records.set(origin, record);
    },
  };
}

const NOTHING: RouterRecord = { epoch: null, protocol: null };

/** What is remembered of one router. Only ever grows. */
export class RememberedRouter {
  readonly #memory: RouterMemory;
  readonly #origin: string;

  constructor(memory: RouterMemory, origin: string) {
    this.#memory = memory;
    this.#origin = origin;
  }

  async recall(): Promise<RouterRecord> {
    return (await this.#memory.recall(this.#origin)) ?? NOTHING;
  }

  /** Remembers an epoch and a protocol, each where it is higher than what is known. */
  async raise(seen: Partial<RouterRecord>): Promise<void> {
    const known = await this.recall();
    const epoch = Math.max(known.epoch ?? -1, seen.epoch ?? -1);
    const protocol = better(known.protocol, seen.protocol ?? null);
    if (epoch === (known.epoch ?? -1) && protocol === known.protocol) return;
    await this.#memory.remember(this.#origin, { epoch: epoch < 0 ? null : epoch, protocol });
  }
}

function better(left: ChatProtocol | null, right: ChatProtocol | null): ChatProtocol | null {
  return rank(right) > rank(left) ? right : left;
}

function rank(protocol: ChatProtocol | null): number {
  return protocol === null ? -1 : CHAT_PROTOCOLS.indexOf(protocol);
}
