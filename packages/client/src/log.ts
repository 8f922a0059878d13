import { ConfigurationError, isErrorCode, SottoError } from '@sotto/protocol';

/** What a log entry may say beside its message: numbers, flags and names of this project's own making. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Where log entries go; `console` fits, and so does a pino instance wrapped to take the message first. */
export interface Logger {
  debug(message: string, fields: LogFields): void;
  info(message: string, fields: LogFields): void;
  warn(message: string, fields: LogFields): void;
  error(message: string, fields: LogFields): void;
}

/** Levels, quietest first. */
export const LOG_LEVELS = ['off', 'error', 'warn', 'info', 'debug'] as const;

/** The lowest level of entries that are logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Reads a log level.
 * @throws ConfigurationError `invalid_option`
 */
export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level === undefined) {
    throw new ConfigurationError(`a log level is one of ${LOG_LEVELS.join(', ')}`, { code: 'invalid_option' });
  }
  return level;
}

/**
 * The client's log. No entry holds a body, key, token, prompt or answer, nor any text that a peer wrote: of an
 * answer only its status is logged, of an error only a code of this project's own.
 */
export class Log {
  readonly #logger: Logger | null;
  readonly #level: number;

  constructor(logger: Logger | null, level: LogLevel) {
    this.#logger = logger;
    this.#level = LOG_LEVELS.indexOf(level);
  }

  /** Whether entries of this level reach a logger. */
  enabled(level: Exclude<LogLevel, 'off'>): boolean {
    return this.#logger !== null && LOG_LEVELS.indexOf(level) <= this.#level;
  }

  debug(message: string, fields: LogFields = {}): void {
    if (this.enabled('debug')) this.#logger?.debug(message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    if (this.enabled('info')) this.#logger?.info(message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    if (this.enabled('warn')) this.#logger?.warn(message, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    if (this.enabled('error')) this.#logger?.error(message, fields);
  }
}

/** An error as a log entry may name it: its class and our own code; a peer's text stays out. */
export function errorFields(error: unknown): LogFields {
  if (!SottoError.isInstance(error)) return { error: 'Error', code: null };
  return { error: error.name, code: isErrorCode(error.code) ? error.code : null };
}
