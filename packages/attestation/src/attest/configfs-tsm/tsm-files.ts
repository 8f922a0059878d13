import { constants } from 'node:fs';
import { mkdir, open, rmdir } from 'node:fs/promises';

/** Where the kernel has its TSM report interface (Documentation/ABI/testing/configfs-tsm-report). */
export const TSM_REPORT_PATH = '/sys/kernel/config/tsm/report';

/** The attributes of a report entry that are read or written here. */
export type TsmAttribute =
  | 'inblob'
  | 'outblob'
  | 'auxblob'
  | 'provider'
  | 'generation'
  | 'privlevel'
  | 'privlevel_floor';

/** The few file operations that the interface takes. They reject with the system's error, `code` being its errno. */
export interface TsmFiles {
  /** Makes the directory of an entry; the kernel fills it with attributes. */
  makeEntry(entry: string): Promise<void>;
  /** Removes an entry: by rmdir alone, as its attributes cannot be unlinked. */
  removeEntry(entry: string): Promise<void>;
  /** Reads an attribute to its end; rejects with `RangeError` when it is longer than `maxBytes`. */
  readAttribute(entry: string, attribute: TsmAttribute, maxBytes: number): Promise<Uint8Array>;
  /** Writes an attribute at once and closes it: a binary attribute takes effect when it is closed. */
  writeAttribute(entry: string, attribute: TsmAttribute, value: Uint8Array): Promise<void>;
}

/** The interface of the running kernel, or of what is mounted at `reportPath`. */
export function nodeTsmFiles(reportPath: string = TSM_REPORT_PATH): TsmFiles {
  const pathOf = (entry: string, attribute: TsmAttribute) => `${reportPath}/${entry}/${attribute}`;
  return {
    makeEntry: (entry) => mkdir(`${reportPath}/${entry}`),
    removeEntry: (entry) => rmdir(`${reportPath}/${entry}`),
    readAttribute: (entry, attribute, maxBytes) => readWhole(pathOf(entry, attribute), maxBytes),
    writeAttribute: (entry, attribute, value) => writeOnce(pathOf(entry, attribute), value),
  };
}

async function readWhole(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY);
  try {
    // Attributes have no true size: 4,096 for text, 0 for bytes. Only the end of the file tells.
    const buffer = new Uint8Array(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.slice(0, length);
      length += bytesRead;
      if (length > maxBytes) throw new RangeError('attribute is too long');
    }
  } finally {
    await file.close();
  }
}

async function writeOnce(path: string, value: Uint8Array): Promise<void> {
  // No O_CREAT, no O_TRUNC: the attribute is there already.
  const file = await open(path, constants.O_WRONLY);
  try {
    const { bytesWritten } = await file.write(value);
    if (bytesWritten !== value.length) throw new RangeError('attribute took only a part');
  } finally {
    await file.close();
  }
}
