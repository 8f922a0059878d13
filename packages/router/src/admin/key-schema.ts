import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import { displayName, modelPattern } from './names.ts';

const tier = z.enum(SECURITY_TIERS);
const count = z.int().min(1).max(1_000_000_000);

const limits = z.strictObject({
  requestsPerMinute: count.nullish(),
  requestsPerDay: count.nullish(),
  tokensPerMinute: count.nullish(),
});

const budget = z.strictObject({
  usd: z.number().min(0).max(1_000_000).describe('US dollars, to the billionth.'),
  period: z
    .enum(['day', 'month', 'total'])
    .describe('When it begins anew: with the day or the month in UTC, or never.'),
});

const rights = {
  models: z.array(modelPattern).min(1).max(256).nullish().describe('Any of them may end in `*`; null: all.'),
  tiers: z.array(tier).min(1).max(SECURITY_TIERS.length).nullish().describe('null: all.'),
  defaultTier: tier.nullish().describe('For requests that name no tier.'),
  limits: limits.nullish(),
  budget: budget.nullish(),
  expiresAt: z.iso.datetime({ offset: true }).nullish().describe('null: never.'),
};

/** A new key. */
export const newKeySchema = z.strictObject({ name: displayName, ...rights });

/** What is to change of a key: a member that is absent stays as it is, null lifts a limit. */
export const keyChangesSchema = z.strictObject({ name: displayName.optional(), ...rights });

const importedKey = z
  .strictObject({
    key: z
      .string()
      .regex(/^[\x21-\x7e]{16,512}$/, '16 to 512 printable characters of ASCII, none of them a space')
      .optional()
      .describe('The key in clear.'),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, '64 hexadecimal digits')
      .optional()
      .describe('SHA-256 of the whole key, prefix and all.'),
    ...newKeySchema.shape,
  })
  .refine(({ key, sha256 }) => (key === undefined) !== (sha256 === undefined), 'give key or sha256, one of them');

/** Keys that exist already, elsewhere. */
export const keyImportSchema = z.strictObject({ keys: z.array(importedKey).min(1).max(1_000) });

/** A key as it is shown: never with its hash. */
export const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  source: z.enum(['configuration', 'store']),
  hint: z.string().describe('Its first characters; empty where they are not known.'),
  state: z.enum(['active', 'expired', 'revoked']),
  models: z.array(z.string()).readonly().nullable(),
  tiers: z.array(tier).readonly().nullable(),
  defaultTier: tier.nullable(),
  limits: z.object({
    requestsPerMinute: z.int().nullable(),
    requestsPerDay: z.int().nullable(),
    tokensPerMinute: z.int().nullable(),
  }),
  budget: z.object(budget.shape).nullable(),
  createdAt: z.string().nullable(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
});

/** A key that was just made: the only time that it is shown. */
export const madeKeySchema = keySchema.extend({ key: z.string() });

/** Which page of the list. */
export const keyListQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('Keys of one page.'),
  after: z.string().max(128).optional().describe('The id of the last key of the page before.'),
});

/** One page of keys. */
export const keyListSchema = z.object({
  object: z.literal('list'),
  data: z.array(keySchema),
  hasMore: z.boolean().describe('Whether there is a page after this one.'),
});
