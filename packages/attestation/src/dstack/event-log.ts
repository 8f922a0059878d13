import { concatBytes, encodeHex, encodeUtf8 } from '@sotto/protocol';
import * as z from 'zod/mini';
import { sha2 } from '../digest.ts';
import { decodeHex } from '../hex.ts';
import { attestationError, parsing } from '../verification-error.ts';

/** The longest event log that is read; recorded ones have 7 KiB. */
export const MAX_EVENT_LOG_CHARACTERS = 65_536;
const MAX_EVENTS = 512;
const DIGEST_HEX = 96; // SHA-384
const RUNTIME_EVENT = 0x08000001; // dstack's type for events it extends into RTMR3
const RUNTIME_REGISTER = 3;
const REGISTERS = [0, 1, 2, 3] as const;
/** The last event of dstack's own boot: what comes after it, any container may have written. */
const SYSTEM_READY = 'system-ready';

const hex = z.string().check(z.regex(/^(?:[0-9a-f]{2})*$/));
const eventLog = z
  .array(
    z.strictObject({
      imr: z.literal(REGISTERS),
      event_type: z.uint32(),
      digest: hex.check(z.length(DIGEST_HEX)),
      event: z.string().check(z.maxLength(256)),
      event_payload: hex,
    }),
  )
  .check(z.maxLength(MAX_EVENTS));

/** One measured event. */
export type DstackEvent = z.infer<typeof eventLog>[number];

/** Payloads of the events by which dstack says what it runs, lower-case hexadecimal; null where there is none. */
export interface DstackIdentity {
  readonly appId: string | null;
  readonly composeHash: string | null;
  readonly instanceId: string | null;
  readonly keyProvider: string | null;
  readonly osImageHash: string | null;
}

const IDENTITY_EVENTS = {
  appId: 'app-id',
  composeHash: 'compose-hash',
  instanceId: 'instance-id',
  keyProvider: 'key-provider',
  osImageHash: 'os-image-hash',
} as const satisfies Record<keyof DstackIdentity, string>;

/**
 * Replays an event log into the four registers of a verified quote, and reads from it what dstack runs.
 *
 * Names and payloads of RTMR0 to RTMR2 are not covered by any digest, and are not returned. Those of RTMR3 are hashed
 * again from the payload; a digest that is only listed proves nothing.
 * @throws AttestationError `evidence_malformed`, `event_log_mismatch`
 */
export async function replayEventLog(text: string, rtmr: readonly string[]): Promise<DstackIdentity> {
  const events = parsing('parse.event-log', 'evidence_malformed', 'the event log', () => parseEventLog(text));
  for (const event of events) await checkRuntimeEvent(event);
  for (const register of REGISTERS) {
    const digests = events.filter(({ imr }) => imr === register).map(({ digest }) => digest);
    if ((await extendAll(digests)) !== rtmr[register]) {
      throw mismatch(`the event log does not lead to RTMR${register} of the quote`);
    }
  }
  return readIdentity(events.filter(({ imr }) => imr === RUNTIME_REGISTER));
}

function parseEventLog(text: string): readonly DstackEvent[] {
  if (text.length > MAX_EVENT_LOG_CHARACTERS) throw new RangeError('event log is too long');
  const parsed = z.safeParse(eventLog, JSON.parse(text));
  if (!parsed.success) throw new RangeError('event log has another form', { cause: parsed.error });
  return parsed.data;
}

async function checkRuntimeEvent(event: DstackEvent): Promise<void> {
  if (event.imr !== RUNTIME_REGISTER) return;
  if (event.event_type !== RUNTIME_EVENT) throw mismatch('RTMR3 holds an event that is not of dstack');
  const digest = await runtimeEventDigest(event.event, decodeHex(event.event_payload) ?? new Uint8Array());
  if (digest !== event.digest) throw mismatch('an event of RTMR3 has another digest than its payload');
}

/** Digest of an event of RTMR3: SHA-384(u32le(type) ‖ ":" ‖ name ‖ ":" ‖ payload). @returns hexadecimal */
export async function runtimeEventDigest(name: string, payload: Uint8Array): Promise<string> {
  const type = new Uint8Array(4);
  new DataView(type.buffer).setUint32(0, RUNTIME_EVENT, true);
  return encodeHex(await sha2('SHA-384', concatBytes(type, encodeUtf8(`:${name}:`), payload)));
}

/** Extends a register from zero (Intel TDX Module §12.2.2): SHA-384(register ‖ digest), in order. */
export async function extendAll(digests: readonly string[]): Promise<string> {
  let register = new Uint8Array(DIGEST_HEX / 2);
  for (const digest of digests) {
    register = await sha2('SHA-384', concatBytes(register, decodeHex(digest) ?? new Uint8Array()));
  }
  return encodeHex(register);
}

function readIdentity(events: readonly DstackEvent[]): DstackIdentity {
  const ready = events.findIndex(({ event }) => event === SYSTEM_READY);
  if (ready === -1) throw mismatch('the event log does not say that the system is ready');
  const payload = (name: string): string | null => {
    const found = events.filter(({ event }) => event === name);
    if (found.length > 1) throw mismatch('the event log says twice what runs');
    const [event] = found;
    if (event === undefined) return null;
    if (events.indexOf(event) > ready) throw mismatch('the event log says what runs after the system was ready');
    return event.event_payload;
  };
  return {
    appId: payload(IDENTITY_EVENTS.appId),
    composeHash: payload(IDENTITY_EVENTS.composeHash),
    instanceId: payload(IDENTITY_EVENTS.instanceId),
    keyProvider: payload(IDENTITY_EVENTS.keyProvider),
    osImageHash: payload(IDENTITY_EVENTS.osImageHash),
  };
}

function mismatch(message: string) {
  return attestationError('crypto.event-log', 'event_log_mismatch', message);
}
