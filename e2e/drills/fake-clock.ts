import { existsSync, writeFileSync } from 'node:fs';

/** Where Debian's libfaketime puts it; its folder carries the machine's architecture. */
const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`);

/** The system clock of one process, moved from outside. */
export interface FakeClock {
  /** What the process is started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** From now on its clock is off by this much. */
  jump(seconds: number): void;
}

/** Makes a clock whose offset is kept in `file`. @returns null where libfaketime is not there */
export function fakeClock(file: string): FakeClock | null {
  const library = LIBRARIES.find((path) => existsSync(path));
  if (library === undefined) return null;
  const jump = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  jump(0);
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      // A jump moves the wall clock only; what has been waited for goes on.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    jump,
  };
}
