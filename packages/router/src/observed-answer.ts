import { errorBody, errorBodyWithDetail } from '@sotto/protocol';
import { SECURE_COMPLETION_PATH } from './gateways/nomyo-v1/gateway.ts';
import { asApiError, sendError } from './http/answer.ts';
import type { Exchange, Handler } from './http/exchange.ts';
import { type Answered, type ModelWork, type OnTokenGap, RequestNotes } from './http/request-notes.ts';

/** The spans of one request. */
export interface AnswerTrace {
  /** @returns what the model's server is told of the trace */
  modelBegins(work: ModelWork): string | undefined;
  ends(answered: Answered): void;
}

/** Who is told of requests. */
export interface AnswerObservers {
  readonly onTokenGap: OnTokenGap;
  /** Makes the spans of a request; null where nothing is traced. */
  readonly trace: ((requestId: string, notes: RequestNotes) => AnswerTrace) | null;
  /** Told once of each request, when all of it is over. */
  readonly onAnswered: (answered: Answered, exchange: Exchange, notes: RequestNotes) => void;
  /** Told of the router's own failures, with the request's id. */
  readonly report: (requestId: string, error: unknown) => void;
}

/** Has requests answered, whatever comes of it, and tells of each once. */
export interface ObservedAnswer {
  /** A request as it came in from outside. */
  readonly outer: (exchange: Exchange, handler: Handler) => Promise<void>;
  /** The request that a door has opened. */
  readonly inner: (exchange: Exchange, handler: Handler) => Promise<void>;
}

/** Stands for a caller who went away; clients know the code too. */
const GONE = 'request_aborted';
/** Callers may write any word for a method. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Joins the handlers with those who watch them. */
export function observedAnswer({ onTokenGap, onAnswered, trace, report }: AnswerObservers): ObservedAnswer {
  const answer = async (exchange: Exchange, handler: Handler, notes: RequestNotes): Promise<Answered> => {
    let failure = '';
    try {
      await handler(exchange);
    } catch (error) {
      const told = asApiError(error);
      failure = told.code;
      if (told.code === 'internal_error') report(exchange.id, error);
      const isNomyo = exchange.request.path === SECURE_COMPLETION_PATH;
      sendError(exchange.sink, told, isNomyo ? errorBodyWithDetail : errorBody);
    }
    return {
      method: METHODS.has(exchange.request.method) ? exchange.request.method : 'other',
      route: exchange.route ?? 'none',
      door: exchange.request.sealedBy ?? 'clear',
      status: exchange.sink.status ?? 0,
      code: failure === '' ? brokenOff(notes) : failure,
    };
  };

  return {
    outer: async (exchange, handler) => {
      const notes = new RequestNotes(onTokenGap);
      exchange.notes = notes;
      notes.traceparent = exchange.request.headers['traceparent'];
      const spans = trace?.(exchange.id, notes);
      if (spans !== undefined) notes.modelBegins = (work) => spans.modelBegins(work);
      const answered = settled(await answer(exchange, handler, notes), notes);
      onAnswered(answered, exchange, notes);
      spans?.ends(answered);
    },
    inner: async (exchange, handler) => {
      const notes = exchange.notes ?? new RequestNotes(onTokenGap);
      // What nomyo-v1 leaves outside is in clear there, and is all there is.
      if (exchange.request.sealedBy !== 'nomyo-v1') notes.traceparent = exchange.request.headers['traceparent'];
      notes.inner = await answer({ ...exchange, notes }, handler, notes);
    },
  };
}

/** What was opened tells more than the door it came through; but where the door failed, that is the answer. */
function settled(outer: Answered, { inner, code }: RequestNotes): Answered {
  const failed = outer.code === '' ? (code ?? '') : outer.code;
  if (inner === null) return { ...outer, code: failed };
  return failed === '' || inner.code !== '' ? inner : { ...inner, status: outer.status, code: failed };
}

/** The code of an answer that began well: its upstream broke off, or its caller went away. */
function brokenOff({ work, code }: RequestNotes): string {
  if (code !== null) return code;
  return work?.outcome === 'cancelled' ? GONE : '';
}
