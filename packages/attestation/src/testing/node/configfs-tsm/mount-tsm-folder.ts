import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, type FileHandle, mkdtemp, open, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../../../attest/configfs-tsm/tsm-failure.ts';
import { MAX_FUSE_REQUEST_BYTES, parseFuseRequest } from './fuse-messages.ts';
import { TsmFileSystem } from './tsm-file-system.ts';
import { TsmFolder } from './tsm-folder.ts';
import type { TsmProfile } from './tsm-profile.ts';

const FUSE_DEVICE = '/dev/fuse';
/** fuse(4): the descriptor to serve, the root's type in octal, and who may use it. */
const MOUNT_OPTIONS = 'fd=3,rootmode=40000,user_id=0,group_id=0';

/** A report folder that is mounted. */
export interface MountedTsmFolder {
  /** Where, for `nodeTsmFiles`. */
  readonly path: string;
  unmount(): Promise<void>;
}

/** Why a folder cannot be mounted in this place: found by mounting one. @returns null where it can */
export async function whyNoFuse(): Promise<string | null> {
  if (process.platform !== 'linux') return 'FUSE is of Linux';
  // Mounting by the setuid helper hands the descriptor over a unix socket, which this runtime cannot receive.
  if (process.getuid?.() !== 0) return 'mounting needs root';
  const isThere = await access(FUSE_DEVICE, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isThere) return `${FUSE_DEVICE} is not there, or not for us`;
  try {
    await (await mountTsmFolder(new TsmFolder(NO_GUEST))).unmount();
    return null;
  } catch {
    return 'mounting is not allowed here';
  }
}

const NO_GUEST: TsmProfile = {
  provider: '',
  privlevelFloor: null,
  hasAuxblob: false,
  report: async () => ({ outblob: new Uint8Array(), auxblob: null }),
};

/**
 * Mounts a report folder as a file system that this process serves: the attester under test then goes through the
 * kernel, as on hardware. In this process the folder may be used by asynchronous calls alone, which run in threads; a
 * synchronous one would wait for itself.
 */
export async function mountTsmFolder(folder: TsmFolder): Promise<MountedTsmFolder> {
  const device = await open(FUSE_DEVICE, 'r+');
  const path = await mkdtemp(join(tmpdir(), 'tsm-report-'));
  try {
    await run('mount', ['-i', '-t', 'fuse', '-o', MOUNT_OPTIONS, 'tsm', path], device.fd);
  } catch (error) {
    await device.close();
    await rmdir(path);
    throw error;
  }
  const serving = serve(device, new TsmFileSystem(folder));
  return {
    path,
    async unmount() {
      await run('umount', [path], null);
      await serving;
      await device.close();
      await rmdir(path);
    },
  };
}

/** Answers until the folder is unmounted, when reading fails with ENODEV. */
async function serve(device: FileHandle, fileSystem: TsmFileSystem): Promise<void> {
  const replying = new Set<Promise<void>>();
  const reply = async (bytes: Uint8Array) => {
    const answer = await fileSystem.answer(parseFuseRequest(bytes));
    // ENOENT: the kernel no longer waits for this answer.
    if (answer !== null) await device.write(answer).catch(() => undefined);
  };
  for (;;) {
    const buffer = new Uint8Array(MAX_FUSE_REQUEST_BYTES);
    const bytesRead = await device.read(buffer, 0, buffer.length, null).then(
      ({ bytesRead: length }) => length,
      // fuse(4): ENODEV says that it is unmounted; after ENOENT and EINTR the next request may come.
      (error: unknown) => (['ENOENT', 'EINTR', 'EAGAIN'].includes(errnoOf(error) ?? '') ? 0 : null),
    );
    if (bytesRead === null) break;
    if (bytesRead === 0) continue;
    // Not one after the other: a report may take its time, and other requests go on.
    const pending: Promise<void> = reply(buffer.slice(0, bytesRead)).finally(() => replying.delete(pending));
    replying.add(pending);
  }
  await Promise.all(replying);
}

function run(command: string, args: readonly string[], descriptor: number | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'ignore', ...(descriptor === null ? [] : [descriptor])],
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${command} ended with status ${status}`));
    });
  });
}
