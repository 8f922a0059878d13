import { z } from 'zod';

const milliseconds = z.int().min(1).max(3_600_000);

/** Requests over `maxConcurrent`. */
const queue = z.strictObject({
  /** That many may wait; further ones are refused at once. */
  max: z.int().min(0).max(10_000).default(256),
  /** Longest wait for a place. */
  deadlineMs: milliseconds.default(10_000),
});

/** When a failing server is left alone. */
const breaker = z
  .strictObject({
    /** Failures one after another. */
    failures: z.int().min(1).max(1_000).default(5),
    /** Or this share of failures among the last `window` requests. */
    ratio: z.number().min(0.01).max(1).default(0.5),
    window: z.int().min(2).max(1_000).default(20),
    /** For this long, and twice as long after each trial that fails. */
    openMs: milliseconds.default(10_000),
    maxOpenMs: milliseconds.default(120_000),
  })
  .refine(({ openMs, maxOpenMs }) => openMs <= maxOpenMs, {
    path: ['maxOpenMs'],
    error: 'at least as long as openMs',
  });

/** Whether a server is asked, beside the requests, if it is there. */
const probe = z.strictObject({
  /** Below the base URL. Any answer but 5xx will do, and 501 too. */
  path: z
    .string()
    .max(256)
    .regex(/^(\/[A-Za-z0-9._~-]+)+\/?$/, 'a path without query, such as /models')
    .default('/models'),
  intervalMs: z.int().min(100).max(3_600_000).default(15_000),
  timeoutMs: milliseconds.default(5_000),
});

/** What guards a model server that is reached over HTTP: keys for its part of the configuration. */
export const upstreamResilience = {
  queue: queue.prefault({}),
  breaker: breaker.prefault({}),
  probe: z
    .union(
      [z.literal(false), probe],
      'false, or a mapping of path (without query), intervalMs (100 or more) and timeoutMs',
    )
    .prefault({}),
};
