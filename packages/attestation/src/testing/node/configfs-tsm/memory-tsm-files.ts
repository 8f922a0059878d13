import type { TsmFiles } from '../../../attest/configfs-tsm/tsm-files.ts';
import type { TsmFolder } from './tsm-folder.ts';

/** The kernel's interface without a file system, for where none can be mounted. */
export function memoryTsmFiles(folder: TsmFolder): TsmFiles {
  return {
    makeEntry: async (entry) => folder.make(entry),
    removeEntry: async (entry) => folder.remove(entry),
    async readAttribute(entry, attribute, maxBytes) {
      const value = await folder.read(entry, attribute);
      if (value.length > maxBytes) throw new RangeError('attribute is too long');
      return value;
    },
    writeAttribute: async (entry, attribute, value) => folder.write(entry, attribute, value),
  };
}
