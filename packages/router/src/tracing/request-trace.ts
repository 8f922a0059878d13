import {
  type Attributes,
  type Context,
  isValidSpanId,
  isValidTraceId,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Answered, ModelWork, RequestNotes } from '../http/request-notes.ts';
import type { TraceSettings } from './trace-settings.ts';

/** W3C Trace Context §3.2.2: version, trace id, parent id, flags. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
/** Semantic conventions for generative AI, `gen_ai.operation.name`. */
const OPERATIONS: Readonly<Record<string, string>> = {
  '/chat/completions': 'chat',
  '/completions': 'text_completion',
  '/embeddings': 'embeddings',
};

/** The spans of one request: its own, and that of the model's work. Attributes hold no content, no path and no credential. */
export class RequestTrace {
  readonly #tracer: Tracer;
  readonly #settings: TraceSettings;
  readonly #requestId: string;
  readonly #notes: RequestNotes;
  #request: Span | null = null;
  #model: Span | null = null;

  constructor(tracer: Tracer, settings: TraceSettings, requestId: string, notes: RequestNotes) {
    this.#tracer = tracer;
    this.#settings = settings;
    this.#requestId = requestId;
    this.#notes = notes;
  }

  /**
   * A model is about to work.
   * @returns what to tell the model server of the trace; undefined where it is to be told nothing
   */
  modelBegins(work: ModelWork): string | undefined {
    const within = trace.setSpan(ROOT_CONTEXT, this.#requestSpan());
    this.#model = this.#tracer.startSpan(
      operationOf(work),
      { kind: SpanKind.CLIENT, startTime: epochMs(work.beganMs) },
      within,
    );
    if (!this.#settings.propagate) return undefined;
    const { traceId, spanId, traceFlags } = this.#model.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  /** The request is over. */
  ends(answered: Answered): void {
    const { route, door, status, code, method } = answered;
    const span = this.#requestSpan();
    const names = door === 'clear' || this.#settings.sealedDetail;
    const { work, keyId } = this.#notes;
    if (work !== null && this.#model !== null) this.#endModel(this.#model, work, code, names);
    span.updateName(`${method} ${route}`);
    span.setAttributes({
      'http.request.method': method,
      'http.route': route,
      'http.response.status_code': status,
      'sotto.request.id': this.#requestId,
      'sotto.door': door,
      ...(code === '' ? {} : { 'error.type': code }),
      ...(names && keyId !== null ? { 'sotto.key.id': keyId } : {}),
    });
    // Semantic conventions for HTTP spans, status: what the caller got wrong is no error of a server.
    if (status >= 500 || (status === 200 && code !== '')) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }

  #endModel(span: Span, work: ModelWork, code: string, names: boolean): void {
    const server = work.upstream === null ? undefined : this.#settings.upstream(work.upstream);
    const failed = work.outcome !== 'answered';
    span.setAttributes({
      'gen_ai.operation.name': operationOf(work),
      'gen_ai.request.stream': work.stream,
      'sotto.tier': work.tier,
      ...(server === undefined ? {} : { 'gen_ai.provider.name': server.provider }),
      ...(server?.address === undefined ? {} : { 'server.address': server.address }),
      ...(server?.port === undefined ? {} : { 'server.port': server.port }),
      ...(work.upstream === null
        ? {}
        : { 'sotto.upstream.name': work.upstream, 'sotto.upstream.class': work.upstreamClass ?? '' }),
      ...(failed ? { 'error.type': code === '' ? '_OTHER' : code } : {}),
      ...this.#firstChunk(work),
      ...(names ? namesAndCounts(work) : {}),
    });
    if (names) span.updateName(`${operationOf(work)} ${work.model}`);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(epochMs(work.endedMs));
  }

  #firstChunk({ beganMs }: ModelWork): Attributes {
    const { firstTokenMs } = this.#notes;
    return firstTokenMs === null ? {} : { 'gen_ai.response.time_to_first_chunk': (firstTokenMs - beganMs) / 1_000 };
  }

  #requestSpan(): Span {
    this.#request ??= this.#tracer.startSpan(
      'request',
      { kind: SpanKind.SERVER, startTime: epochMs(this.#notes.beganMs) },
      parentContext(this.#notes.traceparent),
    );
    return this.#request;
  }
}

function namesAndCounts({ model, upstreamModel, promptTokens, completionTokens }: ModelWork): Attributes {
  return {
    'gen_ai.request.model': model,
    ...(upstreamModel === null ? {} : { 'gen_ai.response.model': upstreamModel }),
    'gen_ai.usage.input_tokens': promptTokens,
    'gen_ai.usage.output_tokens': completionTokens,
  };
}

function operationOf({ path }: ModelWork): string {
  return OPERATIONS[path] ?? 'chat';
}

/** W3C Trace Context §4.3: what cannot be read begins a trace of its own. */
function parentContext(traceparent: string | undefined): Context {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (!isValidTraceId(traceId) || !isValidSpanId(spanId)) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** From milliseconds of `performance.now()`. */
function epochMs(nowMs: number): number {
  return performance.timeOrigin + nowMs;
}
