import type { ByteQueue } from '../byte-queue.ts';
import { headersTooLarge, type MessageKind, malformedMessage } from '../message-errors.ts';
import { varintLength } from '../varint.ts';
import { fieldFault, type Section } from './fields.ts';
import type { BhttpLimits } from './limits.ts';
import type { Field } from './message.ts';

/** What is left of the bytes that a header or trailer section, with its control data, may take. */
export class HeaderBudget {
  #left: number;
  readonly #kind: MessageKind;

  constructor(kind: MessageKind, bytes: number) {
    this.#kind = kind;
    this.#left = bytes;
  }

  /** @throws `headers_too_large` (requests), `invalid_response` (responses) */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw headersTooLarge(this.#kind);
  }
}

/** Reads one length-prefixed string after another; each one's length is checked before its bytes are awaited. */
export class StringReader {
  readonly #kind: MessageKind;
  readonly #budget: HeaderBudget;
  readonly #maxBytes: number;
  #length: number | null = null;

  /** @param maxBytes the longest string taken */
  constructor(kind: MessageKind, budget: HeaderBudget, maxBytes: number) {
    this.#kind = kind;
    this.#budget = budget;
    this.#maxBytes = maxBytes;
  }

  /** Whether a length has been read whose string has not. */
  get started(): boolean {
    return this.#length !== null;
  }

  /** Bytes of that string. */
  get missing(): number {
    return this.#length ?? 0;
  }

  /** @returns the string, a byte a character, or null while bytes are missing */
  read(queue: ByteQueue): string | null {
    if (this.#length === null) {
      const first = queue.peek();
      const length = queue.takeVarint();
      if (first === null || length === null) return null;
      if (length > this.#maxBytes) throw headersTooLarge(this.#kind);
      this.#budget.spend(varintLength(first) + length);
      this.#length = length;
    }
    if (queue.length < this.#length) return null;
    const bytes = queue.take(this.#length);
    this.#length = null;
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  }
}

/** Reads the field lines of one section (RFC 9292 §3.6), a line at a time, as their bytes come. */
export class FieldSectionDecoder {
  readonly #kind: MessageKind;
  readonly #section: Section;
  readonly #knownLength: boolean;
  readonly #limits: BhttpLimits;
  readonly #strings: StringReader;
  readonly #fields: Field[] = [];
  #name: string | null = null;
  /** Bytes the section has left, once its length has been read (RFC 9292 §3.1). */
  #left: number | null = null;

  constructor(kind: MessageKind, section: Section, knownLength: boolean, limits: BhttpLimits, budget: HeaderBudget) {
    this.#kind = kind;
    this.#section = section;
    this.#knownLength = knownLength;
    this.#limits = limits;
    this.#strings = new StringReader(kind, budget, limits.fieldBytes);
  }

  /** Whether nothing of the section has come: only then may the message end here (RFC 9292 §3.8). */
  get untouched(): boolean {
    return this.#left === null && this.#fields.length === 0 && this.#name === null && !this.#strings.started;
  }

  /** @returns the section's fields, or null while bytes are missing */
  read(queue: ByteQueue): readonly Field[] | null {
    if (this.#knownLength && this.#left === null) {
      const length = queue.takeVarint();
      if (length === null) return null;
      if (length > this.#limits.headerBytes) throw headersTooLarge(this.#kind);
      this.#left = length;
    }
    for (;;) {
      if (this.#left === 0 && this.#name === null && !this.#strings.started) return this.#fields;
      const before = queue.length;
      const text = this.#strings.read(queue);
      if (this.#left !== null) {
        this.#left -= before - queue.length;
        if (this.#left < this.#strings.missing) {
          throw malformedMessage(this.#kind, 'has a field line that crosses the end of its section');
        }
      }
      if (text === null) return null;
      // RFC 9292 §3.2: a zero in the place of a name's length ends a section of indeterminate length.
      if (text === '' && this.#name === null && !this.#knownLength) return this.#fields;
      this.#accept(text);
    }
  }

  #accept(text: string): void {
    if (this.#name === null) {
      if (text === '') throw malformedMessage(this.#kind, 'has a field without a name');
      this.#name = text.toLowerCase();
      return;
    }
    const field: Field = [this.#name, text];
    if (this.#fields.length >= this.#limits.fields) throw headersTooLarge(this.#kind);
    const fault = fieldFault(field, this.#section, this.#fields.at(-1)?.[0] ?? null);
    if (fault !== null) throw malformedMessage(this.#kind, fault);
    this.#fields.push(field);
    this.#name = null;
  }
}
