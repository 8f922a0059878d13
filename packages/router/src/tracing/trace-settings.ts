/** A model server, as spans tell of it. */
export interface TracedUpstream {
  /** Semantic conventions for generative AI, `gen_ai.provider.name`: whose way of speaking it has. */
  readonly provider: string;
  /** Undefined in the router's own process. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** How spans are made. */
export interface TraceSettings {
  /** Where they go: OTLP over HTTP. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sampleRatio: number;
  /** Model servers are told the trace. */
  readonly propagate: boolean;
  /** Spans of sealed requests name models, key and tokens, too. */
  readonly sealedDetail: boolean;
  readonly version: string;
  /** Finds a model server by name. */
  readonly upstream: (name: string) => TracedUpstream | undefined;
}
