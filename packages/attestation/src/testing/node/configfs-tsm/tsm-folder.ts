import { decodeUtf8, encodeUtf8 } from '@sotto/protocol';
import type { TsmBlobs, TsmProfile } from './tsm-profile.ts';

/** An error of the kernel: `code` is its errno. */
export class ErrnoError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Ways to fail, each as a kernel or host does. */
export interface TsmFaults {
  /** Errno of making an entry. */
  readonly entry?: string;
  /** Errno of removing one. */
  readonly removal?: string;
  /** Errno of reading the report. */
  readonly outblob?: string;
  /** Changes what the firmware gave. */
  readonly edit?: (blobs: TsmBlobs) => TsmBlobs;
  /** The firmware is asked about other report data than was written. */
  readonly reportData?: Uint8Array;
  /** Somebody else writes to every entry. */
  readonly interference?: boolean;
  /** The report comes when this settles. */
  readonly until?: Promise<void>;
}

const BLOB_BYTES = 64; // Documentation/ABI/testing/configfs-tsm-report: inblob is up to 64 bytes

interface TsmEntry {
  inblob: Uint8Array | null;
  privlevel: number;
  generation: number;
  /** Made once a generation: reading twice asks the firmware once. */
  blobs: Promise<TsmBlobs> | null;
}

/** The report folder of the kernel's TSM interface, with its semantics: attributes, generations, errno. */
export class TsmFolder {
  readonly profile: TsmProfile;
  /** May be changed at any time. */
  faults: TsmFaults = {};
  readonly #entries = new Map<string, TsmEntry>();

  constructor(profile: TsmProfile) {
    this.profile = profile;
  }

  get entries(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Names of an entry's attributes, which depend on the driver. */
  get attributes(): readonly string[] {
    const { privlevelFloor, hasAuxblob } = this.profile;
    return [
      ...['inblob', 'outblob', 'provider', 'generation'],
      ...(hasAuxblob ? ['auxblob'] : []),
      ...(privlevelFloor === null ? [] : ['privlevel', 'privlevel_floor']),
    ];
  }

  make(name: string): void {
    if (this.faults.entry !== undefined) throw new ErrnoError(this.faults.entry);
    if (this.#entries.has(name)) throw new ErrnoError('EEXIST');
    this.#entries.set(name, { inblob: null, privlevel: 0, generation: 0, blobs: null });
  }

  remove(name: string): void {
    if (this.faults.removal !== undefined) throw new ErrnoError(this.faults.removal);
    if (!this.#entries.delete(name)) throw new ErrnoError('ENOENT');
  }

  async read(name: string, attribute: string): Promise<Uint8Array> {
    const entry = this.#entry(name, attribute);
    switch (attribute) {
      case 'provider':
        return encodeUtf8(`${this.profile.provider}\n`);
      case 'generation':
        return encodeUtf8(`${entry.generation}\n`);
      case 'privlevel_floor':
        return encodeUtf8(`${this.profile.privlevelFloor ?? 0}\n`);
      case 'outblob':
        return (await this.#blobs(entry)).outblob;
      case 'auxblob':
        return (await this.#blobs(entry)).auxblob ?? new Uint8Array();
      default:
        throw new ErrnoError('EACCES');
    }
  }

  /** What a write and a close do. Nobody hears of the errors of a binary attribute: the report does not come then. */
  write(name: string, attribute: string, value: Uint8Array): void {
    const entry = this.#entry(name, attribute);
    if (attribute === 'inblob') {
      entry.inblob = value.length === BLOB_BYTES ? value.slice() : null;
    } else if (attribute === 'privlevel') {
      const level = Number(decodeUtf8(value)?.trim());
      if (!Number.isInteger(level) || level < (this.profile.privlevelFloor ?? 0)) throw new ErrnoError('EINVAL');
      entry.privlevel = level;
    } else throw new ErrnoError('EACCES');
    entry.generation += this.faults.interference === true ? 2 : 1;
    entry.blobs = null;
  }

  #entry(name: string, attribute: string): TsmEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined || !this.attributes.includes(attribute)) throw new ErrnoError('ENOENT');
    return entry;
  }

  #blobs(entry: TsmEntry): Promise<TsmBlobs> {
    entry.blobs ??= this.#callFirmware(entry);
    return entry.blobs;
  }

  async #callFirmware({ inblob, privlevel }: TsmEntry): Promise<TsmBlobs> {
    const { outblob, edit, reportData, until } = this.faults;
    await until;
    if (outblob !== undefined) throw new ErrnoError(outblob);
    if (inblob === null || privlevel < (this.profile.privlevelFloor ?? 0)) throw new ErrnoError('EINVAL');
    const blobs = await this.profile.report(reportData ?? inblob, privlevel);
    return edit?.(blobs) ?? blobs;
  }
}
