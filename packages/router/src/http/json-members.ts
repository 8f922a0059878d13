import { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
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
  const last = lastOfEach(members);
  const pieces = new Pieces(text);
  for (const member of members) {
    if (last !== null && last.get(member.name) !== member) continue;
    const edit = Object.hasOwn(edits, member.name) ? edits[member.name] : undefined;
    if (edit === undefined) pieces.keep(member.start, member.end);
    else if (edit !== null) pieces.add(written(member.name, edit));
  }
  for (const name of Object.keys(edits)) {
    const value = edits[name];
    if (typeof value === 'string' && !members.some((member) => member.name === name)) pieces.add(written(name, value));
  }
  return pieces.object();
}

/** The last member of each name, or null where no name is there twice. */
function lastOfEach(members: readonly Member[]): ReadonlyMap<string, Member> | null {
  for (let index = 1; index < members.length; index++) {
    const { name } = members[index] ?? {};
    for (let before = 0; before < index; before++) {
      // Many members are looked through once, and not each against each.
      if (members[before]?.name === name || index > MAX_COMPARED) {
        return new Map(members.map((member) => [member.name, member]));
      }
    }
  }
  return null;
}

const MAX_COMPARED = 32;

function written(name: string, value: string): string {
  return `${JSON.stringify(name)}:${value}`;
}

/** The members of an object to be, some of them places in another's text. */
class Pieces {
  readonly #text: Buffer;
  readonly #pieces: (string | readonly [start: number, end: number])[] = [];
  /** The braces, and behind each member a comma or the brace. */
  #bytes = 2;

  constructor(text: Buffer) {
    this.#text = text;
  }

  keep(start: number, end: number): void {
    this.#pieces.push([start, end]);
    this.#bytes += end - start + 1;
  }

  add(member: string): void {
    this.#pieces.push(member);
    this.#bytes += Buffer.byteLength(member) + 1;
  }

  object(): Buffer {
    const object = Buffer.allocUnsafe(this.#bytes);
    object[0] = OPEN_OBJECT;
    let at = 1;
    for (const piece of this.#pieces) {
      if (at > 1) object[at++] = COMMA;
      at += typeof piece === 'string' ? object.write(piece, at) : this.#text.copy(object, at, piece[0], piece[1]);
    }
    object[at++] = CLOSE_OBJECT;
    return at === object.length ? object : object.subarray(0, at);
  }
}

function membersOf(text: Buffer): readonly Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== CLOSE_OBJECT) {
    const start = text[at] === COMMA ? skipSpace(text, at + 1) : at;
    const nameEnd = stringEnd(text, start);
    const name = nameOf(text.toString('utf8', start, nameEnd));
    // Behind the colon.
    const end = valueEnd(text, skipSpace(text, skipSpace(text, nameEnd) + 1));
    members.push({ name, start, end });
    at = skipSpace(text, end);
  }
  return members;
}

function nameOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  const name: unknown = JSON.parse(quoted);
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
      default:
        if (depth === 0 && (text[at] ?? 0) <= SPACE) return at;
    }
  }
  return text.length;
}
