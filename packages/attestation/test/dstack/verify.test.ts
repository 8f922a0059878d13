import { beforeAll, describe, expect, it } from 'vitest';
import { type DstackEvent, runtimeEventDigest } from '../../src/dstack/event-log.ts';
import { type DstackEvidence, verifyDstack } from '../../src/dstack/verify.ts';
import type { TrustRoots } from '../../src/roots.ts';
import {
  attestDstack,
  type DstackInput,
  SYNTHETIC_BOOT_EVENTS,
  syntheticEventLog,
} from '../../src/testing/dstack-emulator.ts';
import { createTdxEmulator, type TdxEmulator } from '../../src/testing/tdx-emulator.ts';
import { codeOf } from '../expect-failure.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = new Uint8Array(64).fill(0x42);
const MISMATCH = 'AttestationError event_log_mismatch';
const MALFORMED = 'AttestationError evidence_malformed';
let tdx: TdxEmulator;
let roots: TrustRoots;

beforeAll(async () => {
  tdx = await createTdxEmulator(NOW);
  roots = { amd: { Milan: '', Genoa: '', Turin: '' }, intelSgx: tdx.root, awsNitro: '' };
});

const verify = (evidence: DstackEvidence) => verifyDstack(evidence, { now: NOW, roots });
const attest = (input?: DstackInput) => attestDstack(tdx, REPORT_DATA, input);

/** The outcome of a log that was changed after the quote was made. */
async function withLog(change: (events: DstackEvent[]) => unknown): Promise<string> {
  const events = [...(await syntheticEventLog())].map((event) => ({ ...event }));
  const changed = change(events) ?? events;
  return codeOf(verify({ ...(await attest()), eventLog: JSON.stringify(changed) }));
}

function named(events: readonly DstackEvent[], name: string): DstackEvent {
  const event = events.find((candidate) => candidate.event === name);
  if (event === undefined) throw new RangeError(`no event ${name}`);
  return event;
}

describe('runtimeEventDigest', () => {
  it('is what a recorded guest computed', async () => {
    // dstack's first event of every boot, of type 0x08000001 and without a payload.
    const digest = await runtimeEventDigest('system-preparing', new Uint8Array());
    expect(digest.slice(0, 16)).toBe('f9974020ef507068');
  });
});

describe('verifyDstack', () => {
  it('says what dstack measured', async () => {
    await expect(verify(await attest())).resolves.toMatchObject({
      type: 'dstack-tdx',
      composeHash: 'cc'.repeat(32),
      appId: 'ab'.repeat(20),
      osImageHash: '05'.repeat(32),
      keyProvider: null,
    });
  });

  it('ignores what containers write after the system was ready', async () => {
    const runtimeEvents = [...SYNTHETIC_BOOT_EVENTS, ['of-an-app', new Uint8Array(4)]] as const;
    await expect(verify(await attest({ runtimeEvents }))).resolves.toMatchObject({ composeHash: 'cc'.repeat(32) });
  });

  it('refuses a payload that was swapped with its digest kept', async () => {
    const change = (events: DstackEvent[]) => {
      named(events, 'compose-hash').event_payload = 'dd'.repeat(32);
    };
    expect(await withLog(change)).toBe(MISMATCH);
  });

  it('refuses a payload that was swapped with its digest', async () => {
    const digest = await runtimeEventDigest('compose-hash', new Uint8Array(32).fill(0xdd));
    const change = (events: DstackEvent[]) => {
      Object.assign(named(events, 'compose-hash'), { event_payload: 'dd'.repeat(32), digest });
    };
    expect(await withLog(change)).toBe(MISMATCH);
  });

  it('refuses events that were reordered, dropped, or moved to another register', async () => {
    expect(await withLog((events) => events.reverse())).toBe(MISMATCH);
    expect(await withLog((events) => events.slice(0, -1))).toBe(MISMATCH);
    expect(await withLog((events) => events.slice(1))).toBe(MISMATCH);
    const moved = (events: DstackEvent[]) => {
      named(events, 'app-id').imr = 2;
    };
    expect(await withLog(moved)).toBe(MISMATCH);
  });

  it('refuses an event that was added after the system was ready', async () => {
    const digest = await runtimeEventDigest('late', new Uint8Array());
    const late: DstackEvent = { imr: 3, event_type: 0x08000001, digest, event: 'late', event_payload: '' };
    expect(await withLog((events) => [...events, late])).toBe(MISMATCH);
  });

  it('refuses an event of RTMR3 that is not of dstack', async () => {
    const change = (events: DstackEvent[]) => {
      named(events, 'app-id').event_type = 0x80000001;
    };
    expect(await withLog(change)).toBe(MISMATCH);
  });

  it.each([
    ['twice', [...SYNTHETIC_BOOT_EVENTS.slice(0, 3), ...SYNTHETIC_BOOT_EVENTS.slice(2)]],
    ['again after the system was ready', [...SYNTHETIC_BOOT_EVENTS, ['compose-hash', new Uint8Array(32)]]],
    [
      'only after the system was ready',
      [
        ['system-ready', new Uint8Array()],
        ['compose-hash', new Uint8Array(32)],
      ],
    ],
    ['without the system ever being ready', SYNTHETIC_BOOT_EVENTS.slice(0, -1)],
  ] as const)('refuses a measured log that says %s what runs', async (_, runtimeEvents) => {
    const evidence = await attest({ runtimeEvents: runtimeEvents.map(([name, payload]) => [name, payload] as const) });
    expect(await codeOf(verify(evidence))).toBe(MISMATCH);
  });

  it.each([
    ['no JSON', () => '{'],
    ['no list', () => '{}'],
    ['a register that is not there', (text: string) => text.replace('"imr":3', '"imr":4')],
    ['a digest of another length', (text: string) => text.replace(/"digest":"../, '"digest":"')],
    ['a digest in upper case', (text: string) => text.replace(/"digest":"0/, '"digest":"A')],
    ['a member that is not known', (text: string) => text.replace('"imr":3', '"imr":3,"more":1')],
    ['too many characters', (text: string) => text + ' '.repeat(65_536)],
  ])('calls a log with %s malformed', async (_, change) => {
    const evidence = await attest();
    expect(await codeOf(verify({ ...evidence, eventLog: change(evidence.eventLog) }))).toBe(MALFORMED);
  });

  it('refuses what verifyTdx refuses', async () => {
    const { quote, eventLog } = await attest();
    expect(await codeOf(verify({ quote, eventLog }))).toBe('AttestationError collateral_missing');
  });
});
