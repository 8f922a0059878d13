import cluster from 'node:cluster';
import { type Logger, pino } from 'pino';
import type { RouterConfig } from '../config/schema.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Answered, RequestNotes } from '../http/request-notes.ts';
import type { LogDestination } from './log-destination.ts';
import { requestLevel, requestLine } from './request-line.ts';

/** Fields of an event's line. Never a word of a request, a header field, an address or a secret. */
export type EventFields = Readonly<Record<string, string | number | boolean | null>>;

/** One JSON object a line: requests, and what happens to the router. */
export class RouterLog {
  readonly #logger: Logger;
  readonly #settings: RouterConfig['logging'];

  constructor(settings: RouterConfig['logging'], destination: Pick<LogDestination, 'write'>) {
    this.#settings = settings;
    const options = {
      level: settings.level,
      base: cluster.isWorker ? { worker: process.pid } : null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    this.#logger = pino(options, destination);
  }

  /** Tells of a request that is over. */
  request(answered: Answered, exchange: Exchange, notes: RequestNotes): void {
    if (!this.#settings.requests) return;
    const level = requestLevel(answered);
    if (!this.#logger.isLevelEnabled(level)) return;
    const names = answered.door === 'clear' || this.#settings.sealedDetail;
    this.#logger[level](requestLine(answered, exchange, notes, names));
  }

  /** Tells of something that happened to the router. */
  event(level: 'info' | 'warn' | 'error', event: string, fields: EventFields): void {
    this.#logger[level]({ event, ...fields });
  }
}
