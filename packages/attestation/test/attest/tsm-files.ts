import { nodeTsmFiles, type TsmFiles } from '../../src/attest/configfs-tsm/tsm-files.ts';
import { memoryTsmFiles } from '../../src/testing/node/configfs-tsm/memory-tsm-files.ts';
import { mountTsmFolder, whyNoFuse } from '../../src/testing/node/configfs-tsm/mount-tsm-folder.ts';
import type { TsmFolder } from '../../src/testing/node/configfs-tsm/tsm-folder.ts';

/** A way to reach a report folder. */
export interface TsmTransport {
  readonly name: string;
  open(folder: TsmFolder): Promise<{ readonly files: TsmFiles; close(): Promise<void> }>;
}

const inMemory: TsmTransport = {
  name: 'in memory',
  open: async (folder) => ({ files: memoryTsmFiles(folder), close: async () => undefined }),
};

const mounted: TsmTransport = {
  name: 'mounted',
  async open(folder) {
    const { path, unmount } = await mountTsmFolder(folder);
    return { files: nodeTsmFiles(path), close: unmount };
  },
};

const obstacle = await whyNoFuse();
if (obstacle !== null) process.stderr.write(`skipped: the mounted configfs-tsm emulator, as ${obstacle}\n`);

/** Every way that works in this place. */
export const TSM_TRANSPORTS: readonly TsmTransport[] = obstacle === null ? [inMemory, mounted] : [inMemory];

/** Whether a folder can be mounted here; said aloud where it cannot. */
export const canMount = obstacle === null;
