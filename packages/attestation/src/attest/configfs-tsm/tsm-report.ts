import { decodeUtf8, encodeHex, encodeUtf8 } from '@sotto/protocol';
import { attesterError } from '../attester-error.ts';
import { emptyReport, errnoOf, TSM_STEP, type TsmOperation, tsmFailure } from './tsm-failure.ts';
import type { TsmAttribute, TsmFiles } from './tsm-files.ts';

/** The kernel's own limit of a report (drivers/virt/coco, TSM_REPORT_OUTBLOB_MAX before it grew): quotes have 5 KiB. */
const MAX_REPORT_BYTES = 32_768;
const MAX_TEXT_BYTES = 4_096; // of a configfs text attribute: one page
const ENTRY_PREFIX = 'sotto-';
const ENTRY_RANDOM_BYTES = 8;

/** What the kernel's driver gave for one request. */
export interface TsmReport {
  /** Names the driver: `sev_guest`, `tdx_guest`. */
  readonly provider: string;
  readonly outblob: Uint8Array;
  /** What the host added, which nothing vouches for; null where the driver has none. */
  readonly auxblob: Uint8Array | null;
}

/**
 * Asks the kernel for one report, over an entry of its own that is always removed.
 * @throws AttestationError `evidence_missing`
 */
export function readTsmReport(files: TsmFiles, reportData: Uint8Array): Promise<TsmReport> {
  return withEntry(files, async (entry) => {
    const before = await generation(files, entry);
    const privlevelWrites = await raisePrivlevel(files, entry);
    await step('inblob', () => files.writeAttribute(entry, 'inblob', reportData));
    const provider = await text(files, entry, 'provider');
    const outblob = await step('outblob', () => files.readAttribute(entry, 'outblob', MAX_REPORT_BYTES));
    if (outblob.length === 0) throw emptyReport();
    const auxblob = await optional(() => files.readAttribute(entry, 'auxblob', MAX_REPORT_BYTES));
    // The kernel counts the writes: one more than ours, and the report may answer somebody else's request.
    if ((await generation(files, entry)) !== before + privlevelWrites + 1) {
      throw attesterError({
        step: `${TSM_STEP}.generation`,
        message: 'another process wrote to the entry of this request: find out which, then try again',
        retryable: true,
      });
    }
    return { provider, outblob, auxblob: auxblob === null || auxblob.length === 0 ? null : auxblob };
  });
}

/** Which driver answers; asks nothing of the firmware. */
export function readTsmProvider(files: TsmFiles): Promise<string> {
  return withEntry(files, (entry) => text(files, entry, 'provider'));
}

async function withEntry<T>(files: TsmFiles, use: (entry: string) => Promise<T>): Promise<T> {
  const entry = `${ENTRY_PREFIX}${encodeHex(crypto.getRandomValues(new Uint8Array(ENTRY_RANDOM_BYTES)))}`;
  await step('entry', () => files.makeEntry(entry));
  let result: T;
  try {
    result = await use(entry);
  } catch (error) {
    // The first error tells more than one of tidying up after it.
    await files.removeEntry(entry).catch(() => undefined);
    throw error;
  }
  await step('entry', () => files.removeEntry(entry));
  return result;
}

/** Under an SVSM the kernel refuses a request below its floor. @returns how many writes that took */
async function raisePrivlevel(files: TsmFiles, entry: string): Promise<0 | 1> {
  const floor = await optional(() => files.readAttribute(entry, 'privlevel_floor', MAX_TEXT_BYTES));
  if (floor === null) return 0;
  const level = wholeNumber(floor);
  if (level === 0) return 0;
  await step('privlevel', () => files.writeAttribute(entry, 'privlevel', encodeUtf8(String(level))));
  return 1;
}

async function generation(files: TsmFiles, entry: string): Promise<number> {
  return wholeNumber(await step('read', () => files.readAttribute(entry, 'generation', MAX_TEXT_BYTES)));
}

async function text(files: TsmFiles, entry: string, attribute: TsmAttribute): Promise<string> {
  const bytes = await step('read', () => files.readAttribute(entry, attribute, MAX_TEXT_BYTES));
  return decodeUtf8(bytes)?.trim() ?? '';
}

function wholeNumber(bytes: Uint8Array): number {
  const digits = decodeUtf8(bytes)?.trim() ?? '';
  if (/^\d{1,10}$/.test(digits)) return Number(digits);
  throw attesterError({
    step: `${TSM_STEP}.read`,
    message: 'the TSM report interface gave a number that is none: what is mounted there is not configfs',
  });
}

/** Attributes that a driver may not have. */
async function optional(read: () => Promise<Uint8Array>): Promise<Uint8Array | null> {
  try {
    return await read();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw tsmFailure('read', error);
  }
}

async function step<T>(operation: TsmOperation, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw tsmFailure(operation, error);
  }
}
