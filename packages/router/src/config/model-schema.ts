import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import { MAX_PRICE_USD, MAX_REQUEST_PRICE_USD } from '../usage/price.ts';
import { usdSchema } from './usd-schema.ts';

/** What the configuration says of a model. */
export const modelSchema = z.strictObject({
  defaultTier: z.enum(SECURITY_TIERS).optional(),
  /** Prompt and answer together: chatbots trim their conversations to it. */
  contextTokens: z.int().min(1).optional(),
  /** In US dollars. */
  price: z
    .strictObject({
      inputPerMillion: usdSchema(MAX_PRICE_USD),
      cachedInputPerMillion: usdSchema(MAX_PRICE_USD).optional(),
      outputPerMillion: usdSchema(MAX_PRICE_USD),
      requestUsd: usdSchema(MAX_REQUEST_PRICE_USD).optional(),
    })
    .optional(),
});
