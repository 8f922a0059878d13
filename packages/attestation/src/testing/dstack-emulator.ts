import { encodeHex } from '@sotto/protocol';
import { type DstackEvent, extendAll, runtimeEventDigest } from '../dstack/event-log.ts';
import type { DstackEvidence } from '../dstack/verify.ts';
import { decodeHex } from '../hex.ts';
import type { TdxEmulator, TdxQuoteInput } from './tdx-emulator.ts';

/** What a synthetic dstack system is asked to say. */
export interface DstackInput extends TdxQuoteInput {
  /** Events of RTMR3, in order; those of an ordinary boot unless told. */
  readonly runtimeEvents?: readonly (readonly [name: string, payload: Uint8Array])[];
}

export const SYNTHETIC_COMPOSE_HASH: Uint8Array = new Uint8Array(32).fill(0xcc);
export const SYNTHETIC_APP_ID: Uint8Array = new Uint8Array(20).fill(0xab);

/** The events of an ordinary boot. */
export const SYNTHETIC_BOOT_EVENTS: readonly (readonly [name: string, payload: Uint8Array])[] = [
  ['system-preparing', new Uint8Array()],
  ['app-id', SYNTHETIC_APP_ID],
  ['compose-hash', SYNTHETIC_COMPOSE_HASH],
  ['os-image-hash', new Uint8Array(32).fill(0x05)],
  ['instance-id', new Uint8Array(20).fill(0x1d)],
  ['boot-mr-done', new Uint8Array()],
  ['system-ready', new Uint8Array()],
];

/** The event log of a synthetic boot: one event in each of RTMR0 to 2, then the runtime events. */
export async function syntheticEventLog(runtimeEvents = SYNTHETIC_BOOT_EVENTS): Promise<readonly DstackEvent[]> {
  const boot = ([0, 1, 2] as const).map((imr) => ({
    imr,
    event_type: 0x80000001,
    digest: encodeHex(new Uint8Array(48).fill(imr + 1)),
    event: '',
    event_payload: '',
  }));
  const runtime = runtimeEvents.map(async ([event, payload]) => ({
    imr: 3 as const,
    event_type: 0x08000001,
    digest: await runtimeEventDigest(event, payload),
    event,
    event_payload: encodeHex(payload),
  }));
  return [...boot, ...(await Promise.all(runtime))];
}

/** Evidence of dstack on a synthetic Intel platform. */
export async function attestDstack(
  tdx: TdxEmulator,
  reportData: Uint8Array,
  { runtimeEvents, ...input }: DstackInput = {},
): Promise<DstackEvidence> {
  const events = await syntheticEventLog(runtimeEvents);
  const rtmr = await Promise.all([0, 1, 2, 3].map((imr) => extendAll(digestsOf(events, imr))));
  const registers = rtmr.map((register) => decodeHex(register) ?? new Uint8Array());
  return { ...(await tdx.attest(reportData, { rtmr: registers, ...input })), eventLog: JSON.stringify(events) };
}

function digestsOf(events: readonly DstackEvent[], register: number): readonly string[] {
  return events.filter(({ imr }) => imr === register).map(({ digest }) => digest);
}
