import type { ErrorCode } from './error-codes.ts';

/** Codes of this project, and whatever string an upstream put into its own error. */
export type AnyErrorCode = ErrorCode | (string & Record<never, never>);

/** What every error of this project carries beside its message. */
export interface SottoErrorOptions {
  /** The stable code to branch on. */
  readonly code: AnyErrorCode;
  /** The error underneath, kept for the debugger; its text is never shown to a peer. */
  readonly cause?: unknown;
}

const BRAND = Symbol.for('sotto.error');

type NamedClass = { errorName?: string };

function parentOf(type: NamedClass): NamedClass | null {
  return Object.getPrototypeOf(type) as NamedClass | null;
}

/**
 * The root of all errors of this project. Catch it to catch them all; branch on `code`.
 *
 * Messages hold no key, token, prompt, answer, or raw text of an upstream.
 */
export class SottoError extends Error {
  readonly code: AnyErrorCode;
  /** The class names from this one up to `SottoError`, so that two loaded copies of the package agree. */
  readonly [BRAND]: readonly string[];

  constructor(message: string, options: SottoErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    const lineage: string[] = [];
    for (let type: NamedClass | null = new.target; type !== null; type = parentOf(type)) {
      if (Object.hasOwn(type, 'errorName') && type.errorName !== undefined) lineage.push(type.errorName);
    }
    this[BRAND] = lineage;
    // Not `new.target.name`: a minifier changes that.
    this.name = lineage[0] ?? 'SottoError';
  }

  /** The class's name, written out because minifiers rename classes. */
  static readonly errorName: string = 'SottoError';

  /** Whether `value` is an error of this class or of one below it, from any loaded copy of the package. */
  static isInstance<T extends SottoError>(this: abstract new (...args: never[]) => T, value: unknown): value is T {
    if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
    const lineage: unknown = value[BRAND];
    return Array.isArray(lineage) && lineage.includes((this as unknown as { errorName: string }).errorName);
  }
}

/** What an error carries that came from, or is on its way into, an HTTP answer. */
export interface APIErrorOptions extends SottoErrorOptions {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** The request's field that is at fault, in OpenAI's notation: `messages[0].role`. */
  readonly param?: string | null;
  /** OpenAI's coarse class, such as `invalid_request_error`. */
  readonly type?: string | null;
  /** Header fields of the answer, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The router's id for the request, for support questions. */
  readonly requestId?: string | null;
  /** How long to wait before trying again, from `Retry-After`. */
  readonly retryAfterMs?: number | null;
  /** False when the answer did not come out of the ciphertext: anybody on the way may have written it. */
  readonly authenticated?: boolean;
}

/** The router, or the upstream behind it, answered with an error status. */
export class APIError extends SottoError {
  static override readonly errorName: string = 'APIError';
  /** HTTP status, 400 to 599. */
  readonly status: number;
  readonly param: string | null;
  readonly type: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string | null;
  readonly retryAfterMs: number | null;
  /** False when the answer did not come out of the ciphertext: anybody on the way may have written it. */
  readonly authenticated: boolean;

  constructor(message: string, options: APIErrorOptions) {
    super(message, options);
    this.status = options.status;
    this.param = options.param ?? null;
    this.type = options.type ?? null;
    this.headers = options.headers ?? {};
    this.requestId = options.requestId ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.authenticated = options.authenticated ?? false;
  }
}

/** 400: the request is wrong. Mend it; sending it again as it is will not help. */
export class InvalidRequestError extends APIError {
  static override readonly errorName: string = 'InvalidRequestError';
}

/** 401: the API key is missing or wrong. Mend your configuration. */
export class AuthenticationError extends APIError {
  static override readonly errorName: string = 'AuthenticationError';
}

/** 403: the key is good but does not allow this model or tier, or the tier asks for more than the request offers. */
export class ForbiddenError extends APIError {
  static override readonly errorName: string = 'ForbiddenError';
}

/** 404: no such path or model. */
export class NotFoundError extends APIError {
  static override readonly errorName: string = 'NotFoundError';
}

/** 413: the body is larger than the router takes. */
export class PayloadTooLargeError extends APIError {
  static override readonly errorName: string = 'PayloadTooLargeError';
}

/** 429: too many requests. Wait `retryAfterMs`, then try again. */
export class RateLimitError extends APIError {
  static override readonly errorName: string = 'RateLimitError';
}

/** 5xx: the router or the upstream failed. Trying again may help. */
export class ServerError extends APIError {
  static override readonly errorName: string = 'ServerError';
}

/** 503: nobody can take the request now. Wait `retryAfterMs`, then try again. */
export class ServiceUnavailableError extends ServerError {
  static override readonly errorName: string = 'ServiceUnavailableError';
}

/** No answer came: refused, reset, unresolvable. Trying again may help. */
export class APIConnectionError extends SottoError {
  static override readonly errorName: string = 'APIConnectionError';
}

/** No answer came in time. Trying again may help. */
export class APITimeoutError extends APIConnectionError {
  static override readonly errorName: string = 'APITimeoutError';
}

/** The caller's own `AbortSignal` ended the request. */
export class APIUserAbortError extends SottoError {
  static override readonly errorName: string = 'APIUserAbortError';
}

/**
 * A promise of the protocol was broken: tampering, the wrong key, a cut stream, plain HTTP. Stop; do not retry
 * over the same channel, and never fall back to an unencrypted one.
 */
export class SecurityError extends SottoError {
  static override readonly errorName: string = 'SecurityError';
}

/** Something the program itself passed is wrong: an option, a key file, a configuration. Mend it. */
export class ConfigurationError extends SottoError {
  static override readonly errorName: string = 'ConfigurationError';
}

/** One thing that the verification of a router's evidence found wrong. */
export interface VerificationFailure {
  /** Where it was found, from the outside in: `binding`, `crypto.chain`, `policy.measurement`. */
  readonly step: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What {@link AttestationError} and {@link PolicyError} carry; `code` and `step` are those of the first failure. */
export interface VerificationErrorOptions {
  readonly failures: readonly [VerificationFailure, ...VerificationFailure[]];
  readonly cause?: unknown;
  /** Whether evidence fetched anew may pass: it was only too old, or the router has rotated its key. */
  readonly retryable?: boolean;
}

/**
 * The router's evidence is bad: missing, malformed, forged, expired, or not about this router and this key. Stop;
 * where `retryable` is set, fetch new evidence once.
 */
export class AttestationError extends SecurityError {
  static override readonly errorName: string = 'AttestationError';
  readonly step: string;
  readonly failures: readonly VerificationFailure[];
  readonly retryable: boolean;

  constructor(message: string, options: VerificationErrorOptions) {
    super(message, { code: options.failures[0].code, cause: options.cause });
    this.step = options.failures[0].step;
    this.failures = options.failures;
    this.retryable = options.retryable ?? false;
  }
}

/** The router's evidence is good, and the policy does not allow what it says. Mend the policy or the router. */
export class PolicyError extends SecurityError {
  static override readonly errorName: string = 'PolicyError';
  readonly step: string;
  readonly failures: readonly VerificationFailure[];

  constructor(message: string, options: VerificationErrorOptions) {
    super(message, { code: options.failures[0].code, cause: options.cause });
    this.step = options.failures[0].step;
    this.failures = options.failures;
  }
}
