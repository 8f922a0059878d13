import { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const SPACE = 0x20;

/** A member of a JSON object, by its place in the text. */
interface Member {
  readonly name: string;
  /** Where its name's first quote stands. */
  readonly start: number;
  /** Behind its value's last byte. */
  readonly end: number;
}

/** What becomes of members: JSON text replaces the value or adds the member, null takes it out. */
export type MemberEdits = Readonly<Record<string, string | null>>;

/**
 * Changes members of a JSON object in its text. Everything else keeps its bytes, so that numbers longer than a double
 * and the order of members survive; white space between members does not. Of a member that is there twice only the
 * last is kept: it is the one that `JSON.parse` saw and the router checked, and another reader may take the first.
 * @param bytes the text of an object that `JSON.parse` has accepted
 */
export function editJsonObject(bytes: Uint8Array, edits: MemberEdits): Buffer {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const members = membersOf(text);
  const last = new Map(members.map((member) => [member.name, member]));
  const pieces: Buffer[] = [];
  const put = (piece: Buffer): void => void pieces.push(pieces.length === 0 ? OPEN : SEPARATOR, piece);
  for (const member of members) {
    if (last.get(member.name) !== member) continue;
    const edit = Object.hasOwn(edits, member.name) ? edits[member.name] : undefined;
    if (edit === undefined) put(text.subarray(member.start, member.end));
    else if (edit !== null) put(written(member.name, edit));
  }
  for (const [name, value] of Object.entries(edits)) {
    if (value !== null && !last.has(name)) put(written(name, value));
  }
  if (pieces.length === 0) pieces.push(OPEN);
  pieces.push(CLOSE);
  return Buffer.concat(pieces);
}

const OPEN = Buffer.from('{');
const SEPARATOR = Buffer.from(',');
const CLOSE = Buffer.from('}');

function written(name: string, value: string): Buffer {
  return Buffer.from(`${JSON.stringify(name)}:${value}`);
}

function membersOf(text: Buffer): readonly Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== CLOSE_OBJECT) {
    const start = text[at] === COMMA ? skipSpace(text, at + 1) : at;
    const nameEnd = stringEnd(text, start);
    const name = nameOf(text.subarray(start, nameEnd));
    // Behind the colon.
    const end = valueEnd(text, skipSpace(text, skipSpace(text, nameEnd) + 1));
    members.push({ name, start, end });
    at = skipSpace(text, end);
  }
  return members;
}

function nameOf(quoted: Buffer): string {
  if (!quoted.includes(BACKSLASH)) return quoted.toString('utf8', 1, quoted.length - 1);
  const name: unknown = JSON.parse(quoted.toString('utf8'));
  return String(name);
}

/** RFC 8259 §2: white space is space, tab, line feed and carriage return; nothing else below 0x21 stands outside strings. */
function skipSpace(text: Buffer, from: number): number {
  let at = from;
  while (at < text.length && (text[at] ?? SPACE) <= SPACE) at++;
  return at;
}

/** Behind the closing quote of the string that begins at `from`. */
function stringEnd(text: Buffer, from: number): number {
  for (let quote = text.indexOf(QUOTE, from + 1); quote >= 0; quote = text.indexOf(QUOTE, quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

function valueEnd(text: Buffer, from: number): number {
  const first = text[from];
  if (first === QUOTE) return stringEnd(text, from);
  const nested = first === OPEN_OBJECT || first === OPEN_LIST;
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    switch (text[at]) {
      case QUOTE:
        at = stringEnd(text, at) - 1;
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        depth++;
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        if (--depth < 0) return at;
        if (depth === 0 && nested) return at + 1;
        break;
      case COMMA:
        if (depth === 0) return at;
        break;
      case COLON:
        break;
      default:
        if (depth === 0 && (text[at] ?? 0) <= SPACE) return at;
    }
  }
  return text.length;
}
