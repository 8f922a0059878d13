import { z } from 'zod';
import { isExactPrice } from '../usage/price.ts';

/** A million dollars: beyond that a budget limits nothing. */
export const MAX_BUDGET_USD = 1_000_000;

/** An amount in US dollars that can be counted exactly. */
export function usdSchema(maxUsd: number) {
  return z.number().min(0).max(maxUsd).refine(isExactPrice, 'at most six decimals');
}
