import { ConfigurationError } from '@sotto/protocol';
import { ChatbotDirectory } from './chatbots/chatbot-directory.ts';
import { chatbotOf } from './chatbots/chatbot-schema.ts';
import { Conversations } from './chatbots/conversations.ts';
import { startExpirySweep } from './chatbots/expiry-sweep.ts';
import type { RouterConfig } from './config/schema.ts';
import { type Environment, readSecret } from './config/secrets.ts';
import { type Accounting, createAccounting } from './create-accounting.ts';
import { createKeyRing, readConfiguredKeys } from './create-key-ring.ts';
import type { StoreSign } from './logs/store-events.ts';
import type { LimiterFactory } from './rate-limits/limiter-factory.ts';
import { isLasting, openStore } from './storage/open-store.ts';
import { deriveKey, readStorageKey } from './storage/storage-key.ts';
import { readStoragePassword } from './storage/storage-password.ts';
import type { Store } from './storage/store.ts';
import { describeStoreFault } from './storage/store-fault.ts';
import { StoreWatch } from './storage/store-watch.ts';
import { AliasRegistry } from './upstreams/alias-registry.ts';
import type { TokenUsage } from './upstreams/token-usage.ts';
import type { ModelPrice } from './usage/price.ts';
import { KeyHash } from './virtual-keys/key-hash.ts';
import { KeyRegistry } from './virtual-keys/key-registry.ts';
import type { KeyRing } from './virtual-keys/key-ring.ts';

const REREAD_MS = 60_000;
/** Who guesses is not kept waiting for long: the key's length is what keeps them out. */
const MIN_ADMIN_KEY_CHARACTERS = 24;

/** What may change at run time, and other processes that share the store must read anew. */
export type Announcement = 'keys' | 'aliases' | 'chatbots';

/** What the records need of the rest of the router. */
export interface RecordsOptions {
  readonly environment: Environment;
  /** 32 bytes, where several processes share it; by default as the configuration says. */
  readonly storageKey?: Uint8Array | undefined;
  /** Makes the counters of limits and budgets, where several processes share them. */
  readonly makeLimiter?: LimiterFactory | undefined;
  /** Calls `listener` each time counts come to be held elsewhere: what was counted until then is told there. */
  readonly onCountsMoved?: ((listener: () => void) => void) | undefined;
  /** Told of the tokens of every request. */
  readonly onUsed: (usage: TokenUsage) => void;
  /** Tells the other processes that share the store. */
  readonly announce: (what: Announcement) => void;
  /** Told of a database that goes, by the fault, and of one that is back, by null. Absent: faults are reported. */
  readonly onStore?: ((sign: StoreSign, fault: string | null) => void) | undefined;
  /** Told of what fails where no request can be told. */
  readonly report: (where: string, error: unknown) => void;
}

/** Everything the router keeps: keys, aliases, chatbots, conversations, and what is counted. */
export interface Records {
  readonly store: Store;
  /** Whether the store took and told all that it was last asked; at once. */
  isStoreUp(): boolean;
  /** Whether the store gives a sign of life now; within a second or so. */
  pingStore(): Promise<boolean>;
  readonly keyRing: KeyRing;
  readonly keys: KeyRegistry;
  readonly aliases: AliasRegistry;
  readonly chatbots: ChatbotDirectory;
  readonly conversations: Conversations;
  readonly accounting: Accounting;
  /** A key for one purpose, derived of the storage key. */
  derive(label: string): Uint8Array;
  /** Has the counts of budgets begin with what was spent. */
  seedBudgets(): Promise<void>;
  /** Reads anew what another process has changed. */
  reload(what: Announcement): Promise<void>;
  /**
   * Reads what another configuration says of keys, aliases, chatbots and prices.
   * @returns takes them over, all at once
   * @throws ConfigurationError `invalid_config`
   */
  prepare(config: RouterConfig): Promise<() => void>;
  /** Writes what is not written yet, and closes the store. */
  close(): Promise<void>;
}

/**
 * Opens the store, and reads what is in it.
 * @throws ConfigurationError `invalid_config`
 */
export async function openRecords(config: RouterConfig, options: RecordsOptions): Promise<Records> {
  const storageKey =
    options.storageKey ?? (await readStorageKey(config.storageKey, options.environment, isLasting(config.storage)));
  const store = await openStore(config.storage, storageKey, {
    password: await readStoragePassword(config, options.environment),
    waitMs: config.storageWaitSeconds * 1_000,
    onWaiting: (error) => options.report(`${error.message}; it is waited for`, error),
  });
  try {
    return await readRecords(config, options, storageKey, store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function readRecords(
  config: RouterConfig,
  { environment, announce, report, onUsed, onStore, makeLimiter, onCountsMoved }: RecordsOptions,
  storageKey: Uint8Array,
  store: Store,
): Promise<Records> {
  const keyHash = new KeyHash(storageKey);
  const keyRing = await createKeyRing(config, environment, keyHash);
  const keys = new KeyRegistry({
    ring: keyRing,
    store: store.keys,
    keyHash,
    prefix: config.keyPrefix,
    announce: () => announce('keys'),
  });
  const aliases = new AliasRegistry(config.aliases, store.aliases, () => announce('aliases'));
  const chatbots = new ChatbotDirectory(config.chatbots.map(chatbotOf), store.chatbots, () => announce('chatbots'));
  await Promise.all([keys.reload(), aliases.reload(), chatbots.reload()]);

  const storeAway = (sign: StoreSign, error: unknown, meanwhile: string): void => {
    const fault = describeStoreFault(error);
    if (onStore === undefined) report(`storage: ${fault}; ${meanwhile}`, error);
    else onStore(sign, fault);
  };
  const accounting = createAccounting({
    usage: store.usage,
    prices: pricesOf(config),
    targetsOf: (model) => (Object.hasOwn(aliases.current, model) ? (aliases.current[model] ?? []) : []),
    ...(makeLimiter === undefined ? {} : { makeLimiter }),
    onUsed,
    onInternalError: (error) => report('accounting', error),
    onStoreError: (error) => storeAway('writes', error, 'usage waits to be written'),
    onStoreBack: () => onStore?.('writes', null),
  });
  const seedBudgets = (): Promise<void> => accounting.seedBudgets(keyRing.all);
  await seedBudgets();
  onCountsMoved?.(() => void seedBudgets().catch((error: unknown) => report('accounting', error)));

  const now = Date.now;
  const conversations = new Conversations({
    store: store.conversations,
    sealKey: deriveKey(storageKey, 'sotto/conversations/v1'),
    defaultTtlSeconds: config.conversations.ttlSeconds,
    now,
    onUnreadable: (error) => report('conversations', error),
  });
  const watch = new StoreWatch({
    store,
    onAway: (error) => storeAway('life', error, 'the router goes on from memory'),
    onBack: () => {
      onStore?.('life', null);
      void catchUp();
    },
  });
  const reread = async (): Promise<void> => {
    await Promise.all([keys.reload(), aliases.reload(), chatbots.reload()]);
  };
  /** What waited is written, and what others changed meanwhile is read. */
  const catchUp = async (): Promise<void> => {
    await Promise.all([accounting.ledger.flush(), reread()]).catch((error: unknown) => report('storage', error));
  };
  // A net below the announcements: one that got lost is made up for. What the watch knows to be away is not asked.
  const rereading = setInterval(() => {
    if (watch.isUp) reread().catch((error: unknown) => report('storage', error));
  }, REREAD_MS).unref();
  const stopSweep = startExpirySweep({
    store: store.conversations,
    now,
    onError: (error) => report('conversations', error),
  });

  return {
    store,
    // A disk that is full answers every question, and takes nothing.
    isStoreUp: () => watch.isUp && !accounting.ledger.isFailing,
    pingStore: () => watch.look(),
    keyRing,
    keys,
    aliases,
    chatbots,
    conversations,
    accounting,
    derive: (label) => deriveKey(storageKey, label),
    seedBudgets,
    reload: async (what) => {
      await { keys, aliases, chatbots }[what].reload();
      if (what === 'keys') await seedBudgets();
    },
    prepare: async (next) => {
      const nextKeys = await readConfiguredKeys(next, environment, keyHash);
      return () => {
        keyRing.configure(nextKeys);
        aliases.configure(next.aliases);
        chatbots.configure(next.chatbots.map(chatbotOf));
        accounting.setPrices(pricesOf(next));
        seedBudgets().catch((error: unknown) => report('accounting', error));
      };
    },
    close: async () => {
      clearInterval(rereading);
      watch.close();
      stopSweep();
      await accounting.close().catch((error: unknown) => {
        report(`storage: ${accounting.ledger.waitingRows} rows of usage could not be written, and are lost`, error);
      });
      await store.close();
    },
  };
}

function pricesOf({ models }: RouterConfig): readonly (readonly [model: string, price: ModelPrice])[] {
  return Object.entries(models).flatMap(([model, { price }]) => (price === undefined ? [] : [[model, price] as const]));
}

/** The administration's key; null where there is no administration. @throws ConfigurationError `invalid_config` */
export async function readAdminKey({ admin }: RouterConfig, environment: Environment): Promise<string | null> {
  if (admin === undefined) return null;
  const key = await readSecret({ value: admin.key, file: admin.keyFile, env: admin.keyEnv }, environment, 'admin');
  if (key !== null && (key.length < MIN_ADMIN_KEY_CHARACTERS || /\s/.test(key))) {
    throw new ConfigurationError(`admin: a key has at least ${MIN_ADMIN_KEY_CHARACTERS} characters and no space`, {
      code: 'invalid_config',
    });
  }
  return key;
}
