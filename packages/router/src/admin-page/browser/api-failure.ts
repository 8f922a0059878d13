import { UnexpectedAnswer } from './json-shape.ts';

/** What came of a request that did not succeed. */
export interface FailureDetail {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly param?: string | null;
  readonly retryAfterMs?: number | null;
}

/** A request that did not succeed: what the router said of it, or that it said nothing. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly status: number;
  readonly code: string;
  /** The member of the request that is at fault, where the router names one. */
  readonly param: string | null;
  readonly retryAfterMs: number | null;

  constructor(message: string, { status, code, param = null, retryAfterMs = null }: FailureDetail) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A failure in words, and its code. */
export interface Explanation {
  readonly words: string;
  readonly code: string;
}

/** Says what failed, for people. */
export function explain(error: unknown): Explanation {
  if (error instanceof ApiFailure) return { words: sentence(error.message), code: error.code };
  if (error instanceof UnexpectedAnswer) return { words: sentence(error.message), code: 'unexpected_answer' };
  const words = error instanceof Error ? error.message : 'Something failed in this page';
  return { words: sentence(words), code: 'page_error' };
}

function sentence(text: string): string {
  // A message that begins with a member's name keeps it as it is written.
  const begun = /^\p{Ll}+ /u.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
