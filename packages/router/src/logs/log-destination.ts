import { destination } from 'pino';

/** Where lines of the log go. */
export interface LogDestination {
  /** Takes one line, newline and all. Never waits and never throws. */
  write(line: string): void;
  /** Lines that were thrown away because nobody took them. */
  readonly dropped: number;
  /** Writes what is not written yet. Lines that come later are lost. */
  close(): Promise<void>;
}

/** A line waits for others this long, or until there are so many bytes of them. */
const FLUSH_MS = 200;
const MIN_BYTES = 2_048;
/** POSIX, write(): up to PIPE_BUF bytes go into a pipe as one, so that no two workers' lines mix. */
const MAX_WRITE_BYTES = 4_096;
/** A reader that stands still costs no more memory than this: then lines are thrown away, and counted. */
const MAX_WAITING_BYTES = 1_048_576;
/** Longest wait for a reader at the end. */
const CLOSE_MS = 1_000;

/** Writes lines to a file descriptor, off the path of the requests. Closing it closes the descriptor, but for 1 and 2. */
export function openLog(fd: number): LogDestination {
  const stream = destination({
    dest: fd,
    sync: false,
    minLength: MIN_BYTES,
    maxWrite: MAX_WRITE_BYTES,
    maxLength: MAX_WAITING_BYTES,
    periodicFlush: FLUSH_MS,
  });
  let dropped = 0;
  stream.on('drop', () => dropped++);
  // A descriptor that is gone (a full disk, a closed file) must not end the router; the lines are lost.
  stream.on('error', () => dropped++);
  let closing: Promise<void> | null = null;
  return {
    write: (line) => {
      if (closing === null) stream.write(line);
    },
    get dropped() {
      return dropped;
    },
    close: () =>
      (closing ??= new Promise((resolve) => {
        // Nobody may take the rest: then it is lost.
        const timer = setTimeout(resolve, CLOSE_MS);
        stream.on('close', () => {
          clearTimeout(timer);
          resolve();
        });
        stream.end();
      })),
  };
}
