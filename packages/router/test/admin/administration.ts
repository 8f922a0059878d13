import { onTestFinished } from 'vitest';
import { AdminGate } from '../../src/admin/admin-gate.ts';
import { type AdminRoutesOptions, adminRoutes } from '../../src/admin/routes.ts';
import { ChatbotDirectory } from '../../src/chatbots/chatbot-directory.ts';
import { chatbotOf, chatbotSchema } from '../../src/chatbots/chatbot-schema.ts';
import { asApiError, sendError } from '../../src/http/answer.ts';
import { type CollectedAnswer, CollectingSink } from '../../src/http/collecting-sink.ts';
import type { HeaderFields } from '../../src/http/exchange.ts';
import { routeTable } from '../../src/http/route-table.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { Store } from '../../src/storage/store.ts';
import { AliasRegistry } from '../../src/upstreams/alias-registry.ts';
import { KeyHash } from '../../src/virtual-keys/key-hash.ts';
import { KeyRegistry } from '../../src/virtual-keys/key-registry.ts';
import { type HashedKey, KeyRing } from '../../src/virtual-keys/key-ring.ts';
import type { ErrorAnswer } from '../http-client.ts';
import { STORAGE_KEY } from '../storage/folder.ts';
import { chatbot, storedKey } from '../storage/stored.ts';

export const ADMIN_KEY = 'admin-key-of-a-good-length';
/** What the time is in these tests. */
export const NOW_MS = Date.parse('2026-06-01T12:00:00Z');

/** What a test sends. */
export interface Asked {
  readonly headers?: HeaderFields;
  /** JSON as a value, or as text. */
  readonly body?: unknown;
}

/** What the administration answered. */
export interface AdminAnswer extends CollectedAnswer {
  readonly text: string;
  /** The body; without members where it is no JSON. */
  readonly json: AdminJson;
}

/** The members of answers that tests look at; which of them are there depends on the route. */
export interface AdminJson {
  readonly error: ErrorAnswer['error'];
  readonly data: readonly AdminJson[];
  readonly hasMore: boolean;
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly hint: string;
  readonly source: string;
  readonly limits: Readonly<Record<string, number | null>>;
}

/** An administration over a store in memory. */
export interface Administration {
  readonly store: Store;
  readonly ring: KeyRing;
  readonly registry: KeyRegistry;
  readonly aliases: AliasRegistry;
  /** What other processes were told. */
  readonly announced: string[];
  /** Sends a request with the admin key, and with JSON where there is a body. */
  ask(method: string, target: string, asked?: Asked): Promise<AdminAnswer>;
  /** Asks the ring who holds a key: the key's name, or the error's code. */
  whoHolds(key: string): string;
}

/** A key of the configuration, as the tests' router has one. */
export function configuredKey(keyHash: KeyHash): HashedKey {
  return { ...storedKey('operator'), id: 'config:operator', hash: keyHash.ofKey('sotto_configured') };
}

/** Makes an administration for a test. */
export async function administration(more: Partial<AdminRoutesOptions> = {}): Promise<Administration> {
  const store = await openStore('memory:', STORAGE_KEY);
  onTestFinished(() => store.close());
  const announced: string[] = [];
  const now = (): number => NOW_MS;
  const keyHash = new KeyHash(STORAGE_KEY);
  const ring = new KeyRing([configuredKey(keyHash)], keyHash, now);
  const registry = new KeyRegistry({
    ring,
    store: store.keys,
    keyHash,
    prefix: 'sotto_',
    announce: () => void announced.push('keys'),
    now,
  });
  const aliases = new AliasRegistry({ fixed: ['m'] }, store.aliases, () => void announced.push('aliases'));
  const chatbots = new ChatbotDirectory([chatbot('fixed')], store.chatbots, () => void announced.push('chatbots'));
  const routes = adminRoutes({
    gate: new AdminGate({ key: ADMIN_KEY, publicUrl: 'https://router.example', now }),
    keys: registry,
    aliases,
    chatbots: {
      schema: chatbotSchema.transform(chatbotOf),
      bodySchema: chatbotSchema.partial({ id: true }),
      directory: chatbots,
    },
    usage: (query) => store.usage.list(query),
    upstreams: () => [],
    live: () => Promise.reject(new Error('nobody asks here')),
    now,
    ...more,
  });
  const handle = routeTable(routes);
  const ask = async (method: string, target: string, { headers, body }: Asked = {}): Promise<AdminAnswer> => {
    const [path = '', query = ''] = target.split('?');
    const sink = new CollectingSink();
    const bytes = Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
    const request = {
      method,
      path,
      query,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...headers },
      sealedBy: null,
      sealedTier: null,
      body: () => Promise.resolve(bytes),
    };
    try {
      await handle({ id: 'test', request, sink });
    } catch (error) {
      const told = asApiError(error);
      if (told.code === 'internal_error') throw error;
      sendError(sink, told);
    }
    const answer = await sink.answer;
    const text = Buffer.from(answer.body).toString('utf8');
    const isJson = answer.headers['content-type'] === 'application/json';
    return { ...answer, text, json: JSON.parse(isJson ? text : '{}') as AdminJson };
  };
  const whoHolds = (key: string): string => {
    try {
      return ring.authenticate({ 'x-api-key': key }).name;
    } catch (error) {
      return String(asApiError(error).code);
    }
  };
  return { store, ring, registry, aliases, announced, ask, whoHolds };
}

/** A gate of its own, and a clock to turn. */
export function testGate(): { readonly gate: AdminGate; readonly clock: { ms: number } } {
  const clock = { ms: NOW_MS };
  return { gate: new AdminGate({ key: ADMIN_KEY, now: () => clock.ms }), clock };
}
