import type { Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { RequestNotes } from '../http/request-notes.ts';
import { RequestTrace } from './request-trace.ts';
import type { TraceSettings } from './trace-settings.ts';

/** Spans that wait to be sent; further ones are thrown away while the collector is slow or gone. */
const MAX_WAITING_SPANS = 2_048;
const BATCH_SPANS = 512;
const SEND_EVERY_MS = 2_000;
const SEND_TIMEOUT_MS = 5_000;
/** Longest wait for the collector when the router ends. */
const CLOSE_MS = 2_000;

/** Makes the spans of requests and sends them to a collector, in batches and off the path of the requests. */
export class OtlpTracing {
  /** Spans by what became of them. */
  readonly spans = { sent: 0, lost: 0 };
  readonly #settings: TraceSettings;
  readonly #provider: BasicTracerProvider;
  readonly #tracer: Tracer;

  constructor(settings: TraceSettings) {
    this.#settings = settings;
    const { url, headers, sampleRatio, version } = settings;
    const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: SEND_TIMEOUT_MS });
    const byRatio = new TraceIdRatioBasedSampler(sampleRatio);
    this.#provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'sotto-router', 'service.version': version }),
      // A caller who says that its trace is kept does not decide how many of ours are; one that says no is heard.
      sampler: new ParentBasedSampler({
        root: byRatio,
        remoteParentSampled: byRatio,
        remoteParentNotSampled: new AlwaysOffSampler(),
      }),
      spanProcessors: [
        new BatchSpanProcessor(counted(exporter, this.spans), {
          maxQueueSize: MAX_WAITING_SPANS,
          maxExportBatchSize: BATCH_SPANS,
          scheduledDelayMillis: SEND_EVERY_MS,
          exportTimeoutMillis: SEND_TIMEOUT_MS,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer('sotto-router', version);
  }

  /** The spans of one request. */
  trace(requestId: string, notes: RequestNotes): RequestTrace {
    return new RequestTrace(this.#tracer, this.#settings, requestId, notes);
  }

  /** Sends what waits, for a while. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#provider.shutdown().catch(() => {}), patience]);
    clearTimeout(timer);
  }
}

function counted(exporter: SpanExporter, spans: OtlpTracing['spans']): SpanExporter {
  return {
    export: (batch: ReadableSpan[], done) =>
      exporter.export(batch, (result) => {
        // 0 is the library's ExportResultCode.SUCCESS.
        if (result.code === 0) spans.sent += batch.length;
        else spans.lost += batch.length;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
