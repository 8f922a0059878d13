import type { LlamaModel, Token } from 'node-llama-cpp';

/** How many tokens before a text decide how it begins: whether a space belongs there. */
const RECENT_TOKENS = 8;
/** A character has at most four bytes (RFC 3629 §3); bytes that make none for this many tokens are given up on. */
const MAX_PENDING_TOKENS = 16;
/** What the engine writes for bytes that are not, or not yet, a character. */
const UNFINISHED = /\uFFFD+$/;

/** Turns tokens into text one by one, whole characters only: a token may end in the middle of one. */
export class TokenDecoder {
  readonly #model: Pick<LlamaModel, 'detokenize'>;
  #recent: readonly Token[];
  #pending: Token[] = [];
  /** How much of the pending tokens' text has been given out. */
  #given = 0;

  /** @param before the tokens that the text follows */
  constructor(model: Pick<LlamaModel, 'detokenize'>, before: readonly Token[]) {
    this.#model = model;
    this.#recent = before.slice(-RECENT_TOKENS);
  }

  /** @returns the text that this token completes; empty while a character lacks bytes */
  push(token: Token): string {
    this.#pending.push(token);
    const text = this.#model.detokenize(this.#pending, false, this.#recent);
    const whole = this.#pending.length < MAX_PENDING_TOKENS ? text.replace(UNFINISHED, '') : text;
    const fresh = whole.slice(this.#given);
    if (whole.length === text.length) this.#settle();
    else this.#given = Math.max(this.#given, whole.length);
    return fresh;
  }

  /** @returns what is left at the end, with U+FFFD for a character that never became whole */
  flush(): string {
    if (this.#pending.length === 0) return '';
    const rest = this.#model.detokenize(this.#pending, false, this.#recent).slice(this.#given);
    this.#settle();
    return rest;
  }

  #settle(): void {
    this.#recent = [...this.#recent, ...this.#pending].slice(-RECENT_TOKENS);
    this.#pending = [];
    this.#given = 0;
  }
}
