import { z } from 'zod';

/** Versions of the Messages API that are spoken here (API reference, "Versions"); the older takes sampling parameters. */
const API_VERSIONS = ['2023-06-01', '2026-10-21'] as const;

const fieldValue = /^[\x21-\x7e]+$/;

/** What the configuration of an upstream at the Messages API has beside what every upstream over HTTP has. */
export const anthropicFields = {
  type: z.literal('anthropic'),
  /** The limit of answers to requests that name none: the API wants one. */
  defaultMaxTokens: z.int().min(1).max(10_000_000).default(4_096),
  /** `anthropic-version`. */
  version: z.enum(API_VERSIONS).default('2023-06-01'),
  /** Names for `anthropic-beta`. */
  beta: z
    .array(
      z
        .string()
        .max(128)
        .regex(fieldValue, 'a name without spaces')
        .refine((name) => !name.includes(','), 'one name each'),
    )
    .max(32)
    .default([]),
};
