/** How an answer's text is cut. */
export interface AnswerTextOptions {
  /** Texts that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** Drop blanks before the first word: templates and tokenizers put one there that the answer does not mean. */
  readonly trimStart: boolean;
  /** Drop white space at the end: grammars let a model pad its JSON. */
  readonly trimEnd: boolean;
}

/** The answer's text as it may be shown so far: up to a stop text, and never a part of what may become one. */
export class AnswerText {
  readonly #options: AnswerTextOptions;
  #held = '';
  #begun: boolean;
  #stopped = false;

  constructor(options: AnswerTextOptions) {
    this.#options = options;
    this.#begun = !options.trimStart;
  }

  /** Whether a stop text was met; what is pushed after it is ignored. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  /** @returns what may be shown now */
  push(piece: string): string {
    if (this.#stopped) return '';
    const text = this.#begun ? piece : piece.replace(/^[ \t]+/, '');
    if (text !== '') this.#begun = true;
    const whole = this.#held + text;
    const end = earliest(whole, this.#options.stop);
    if (end !== null) {
      this.#stopped = true;
      this.#held = '';
      return this.#trimmed(whole.slice(0, end));
    }
    const safe = this.#safeLength(whole);
    this.#held = whole.slice(safe);
    return whole.slice(0, safe);
  }

  /** @returns what was held back and turned out not to begin a stop text */
  finish(): string {
    const rest = this.#trimmed(this.#held);
    this.#held = '';
    return rest;
  }

  #safeLength(text: string): number {
    const safe = text.length - longestBeginning(text, this.#options.stop);
    return this.#options.trimEnd ? text.slice(0, safe).trimEnd().length : safe;
  }

  #trimmed(text: string): string {
    return this.#options.trimEnd ? text.trimEnd() : text;
  }
}

/**
 * Where the stop text begins that is complete first: it ends the answer whatever would have come behind it, however
 * many characters a piece has. Of two that are complete at once, the longer.
 */
function earliest(text: string, stop: readonly string[]): number | null {
  let start: number | null = null;
  let end = Number.POSITIVE_INFINITY;
  for (const word of stop) {
    const at = text.indexOf(word);
    if (at < 0 || at + word.length > end || (at + word.length === end && start !== null && at > start)) continue;
    start = at;
    end = at + word.length;
  }
  return start;
}

/** Length of the longest end of `text` with which a stop text begins. */
function longestBeginning(text: string, stop: readonly string[]): number {
  let longest = 0;
  for (const word of stop) {
    for (let length = Math.min(word.length - 1, text.length); length > longest; length--) {
      if (word.startsWith(text.slice(text.length - length))) longest = length;
    }
  }
  return longest;
}
