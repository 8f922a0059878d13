import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import { MAX_BUDGET_USD, usdSchema } from './usd-schema.ts';

const tier = z.enum(SECURITY_TIERS);

const keyLimits = z.strictObject({
  requestsPerMinute: z.int().min(1).optional(),
  requestsPerDay: z.int().min(1).optional(),
  tokensPerMinute: z.int().min(1).optional(),
});

/** An API key in the configuration. */
export const keySchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, dashes and underscores, 64 at most'),
    key: z.string().min(8).max(512).optional(),
    keyFile: z.string().optional(),
    keyEnv: z.string().optional(),
    /** Model ids, any of which may end in `*`. */
    models: z.array(z.string().min(1).max(256)).min(1).optional(),
    tiers: z.array(tier).min(1).optional(),
    /** For requests that name no tier. */
    defaultTier: tier.optional(),
    limits: keyLimits.optional(),
    budget: z
      .strictObject({ usd: usdSchema(MAX_BUDGET_USD), period: z.enum(['day', 'month', 'total']).default('month') })
      .optional(),
    /** ISO 8601 with its offset from UTC; from then on the key is refused. */
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  })
  .refine((key) => [key.key, key.keyFile, key.keyEnv].filter((source) => source !== undefined).length === 1, {
    error: 'give exactly one of key, keyFile and keyEnv',
  });
