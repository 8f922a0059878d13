import type { LogDestination } from '@sotto/router';

/** Requests are for whoever collects lines: there are too many of them for a person. */
const REQUEST = '"event":"request"';

/** Says what happens to the router in words, and hands every line on to `log`, where there is one. */
export function spokenLog(say: (words: string) => void, log: LogDestination | null): LogDestination {
  return {
    write: (line) => {
      log?.write(line);
      if (line.includes(REQUEST)) return;
      const words = wordsOf(JSON.parse(line));
      if (words !== null) say(words);
    },
    get dropped() {
      return log?.dropped ?? 0;
    },
    close: () => log?.close() ?? Promise.resolve(),
  };
}

function wordsOf(line: unknown): string | null {
  if (typeof line !== 'object' || line === null) return null;
  const fields = new Map<string, unknown>(Object.entries(line));
  const upstream = String(fields.get('upstream'));
  switch (fields.get('event')) {
    case 'upstream_down':
      return `Model server ${upstream} does not answer; others are asked first.`;
    case 'upstream_up':
      return `Model server ${upstream} answers again.`;
    case 'breaker_opened':
      return `Model server ${upstream} is left alone for a while: its last failure was ${String(fields.get('last_failure'))}.`;
    case 'breaker_closed':
      return `Model server ${upstream} is asked again.`;
    case 'store_away':
      return `The database is away (${String(fields.get('fault'))}); the router goes on from memory.`;
    case 'store_back':
      return 'The database is back.';
    case 'redis_away':
      return 'Redis is away; until it is back, limits are counted and replays refused by each router for itself.';
    case 'redis_back':
      return 'Redis is back.';
    default:
      return null;
  }
}
