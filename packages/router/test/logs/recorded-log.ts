import type { LogDestination } from '../../src/logs/log-destination.ts';

/** A line of the log, parsed. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string; readonly level: string };

/** A log that a test reads. */
export interface RecordedLog extends LogDestination {
  readonly text: string;
  readonly lines: readonly LogLine[];
  /** Lines of requests. */
  readonly requests: readonly LogLine[];
}

/** Keeps what is written to it. */
export function recordedLog(): RecordedLog {
  let text = '';
  const lines = (): readonly LogLine[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);
  return {
    write: (line) => {
      text += line;
    },
    dropped: 0,
    close: () => Promise.resolve(),
    get text() {
      return text;
    },
    get lines() {
      return lines();
    },
    get requests() {
      return lines().filter(({ event }) => event === 'request');
    },
  };
}
