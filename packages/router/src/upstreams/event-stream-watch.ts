import { Buffer } from 'node:buffer';
import { readTokenUsage, type TokenUsage } from './token-usage.ts';

// A quote behind the colon, and none that is escaped before it: neither null nor a model's own words look like that.
const FINISH = Buffer.from('"finish_reason":"');
const FINISH_SPACED = Buffer.from('"finish_reason": "');
const USAGE = Buffer.from('"usage"');
const DONE = Buffer.from('data: [DONE]');
const DONE_TIGHT = Buffer.from('data:[DONE]');
/** `[DONE]` is a stream's last event: only blank lines and comments may come behind it. */
const DONE_WITHIN_BYTES = 256;
const EVENT_END = Buffer.from('\n\n');
const EVENT_END_CRLF = Buffer.from('\r\n\r\n');
const LINE_FEED = 0x0a;

/**
 * Reads along in a stream of server-sent events: whether it was whole, and what it used. Events are looked at only
 * when they are complete, and parsed only where they tell the usage.
 */
export class EventStreamWatch {
  /** Whether `data: [DONE]` has passed. */
  done = false;
  /** Whether a `finish_reason` other than null has passed. */
  finished = false;
  /** What the stream said last of its tokens. */
  usage: TokenUsage | null = null;
  /** Events that have passed: about as many as tokens. */
  events = 0;
  readonly #hidesUsage: boolean;

  /** @param hidesUsage takes the event that tells nothing but the usage out: its reader has not asked for it */
  constructor(hidesUsage: boolean) {
    this.#hidesUsage = hidesUsage;
  }

  /**
   * Looks at complete events.
   * @returns what of them is to be passed on
   */
  see(events: Buffer): Buffer {
    this.events += countEnds(events);
    if (!this.finished) this.finished = events.includes(FINISH) || events.includes(FINISH_SPACED);
    if (!this.done) this.done = endsStream(events);
    return this.finished && events.includes(USAGE) ? this.#readUsage(events) : events;
  }

  #readUsage(events: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (const event of splitEvents(events)) {
      const told = event.includes(USAGE) ? parseData(event) : null;
      const usage = told === null ? null : readTokenUsage(told['usage']);
      if (usage !== null) this.usage = usage;
      const tellsNothingElse = Array.isArray(told?.['choices']) && told['choices'].length === 0;
      if (!(this.#hidesUsage && usage !== null && tellsNothingElse)) kept.push(event);
    }
    return Buffer.concat(kept);
  }
}

/** Where the last complete event ends: 0 where there is none. */
export function completeLength(text: Buffer): number {
  if (text.at(-1) === LINE_FEED && text.at(-2) === LINE_FEED) return text.length;
  const tight = text.lastIndexOf(EVENT_END);
  const crlf = text.lastIndexOf(EVENT_END_CRLF);
  return Math.max(tight < 0 ? 0 : tight + EVENT_END.length, crlf < 0 ? 0 : crlf + EVENT_END_CRLF.length);
}

function countEnds(events: Buffer): number {
  const end = events.includes(EVENT_END) ? EVENT_END : EVENT_END_CRLF;
  let count = 0;
  for (let at = events.indexOf(end); at >= 0; at = events.indexOf(end, at + end.length)) count++;
  return count;
}

/**
 * Whether events end with `data: [DONE]`, at a line's start: inside a model's words it would stand within a JSON
 * string, which holds no bare line feed.
 */
export function endsStream(events: Buffer): boolean {
  const tail = events.length > DONE_WITHIN_BYTES ? events.subarray(-DONE_WITHIN_BYTES) : events;
  for (const mark of [DONE, DONE_TIGHT]) {
    const at = tail.indexOf(mark);
    if (at > 0 ? tail[at - 1] === LINE_FEED : at === 0 && tail === events) return true;
  }
  return false;
}

function* splitEvents(events: Buffer): Generator<Buffer> {
  let from = 0;
  while (from < events.length) {
    const tight = events.indexOf(EVENT_END, from);
    const crlf = events.indexOf(EVENT_END_CRLF, from);
    const ends = [
      tight < 0 ? events.length : tight + EVENT_END.length,
      crlf < 0 ? events.length : crlf + EVENT_END_CRLF.length,
    ];
    const end = Math.min(...ends, events.length);
    yield events.subarray(from, end);
    from = end;
  }
}

/** The JSON object that an event's data is, or null. */
function parseData(event: Buffer): Readonly<Record<string, unknown>> | null {
  const data = event
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart())
    .join('\n');
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}
