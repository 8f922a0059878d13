import { z } from 'zod';

/** Where spans go, and what they say. Without an address there are none. */
export const tracingSchema = z
  .strictObject({
    /** A collector's address for OTLP over HTTP, path and all: `http://127.0.0.1:4318/v1/traces`. */
    otlpUrl: z.url({ protocol: /^https?$/ }).optional(),
    /** The share of traces that is kept, by their ids. */
    sampleRatio: z.number().min(0).max(1).default(1),
    /** Header fields for the collector, `name=value,name=value`; they hold its credential. */
    headersEnv: z.string().optional(),
    headersFile: z.string().optional(),
    /** Model servers are told the trace, too. */
    propagate: z.boolean().default(false),
    /** Spans of sealed requests name models, key and tokens, too. */
    sealedDetail: z.boolean().default(false),
  })
  .refine(({ headersEnv, headersFile }) => headersEnv === undefined || headersFile === undefined, {
    error: 'give one of headersEnv and headersFile',
    path: ['headersFile'],
  });
