import { ConfigurationError } from '@sotto/protocol';
import type { z } from 'zod';
import { parseListenAddress } from './address.ts';
import { configSchema, type RouterConfig } from './schema.ts';

/**
 * Checks a configuration and fills in its defaults.
 * @throws ConfigurationError `invalid_config`, naming each key that is wrong and what it wanted
 */
export function parseConfig(input: unknown): RouterConfig {
  const result = configSchema.safeParse(input);
  if (!result.success) {
    const lines = result.error.issues.map((issue) => `  ${where(issue)}: ${wanted(issue)}`);
    throw invalid(`the configuration is not valid:\n${lines.join('\n')}`);
  }
  if (parseListenAddress(result.data.listen) === null) {
    throw invalid('the configuration is not valid:\n  listen: give host:port, [v6]:port or unix:/path');
  }
  return result.data;
}

/** Keys of the configuration that later versions bring, so that the message can say so. */
const LATER_KEYS = new Set(['redis', 'chatbots', 'budget', 'tokensPerMinute']);

function wanted(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  return issue.keys
    .map((key) =>
      LATER_KEYS.has(key) ? `${key} is not supported by this version of the router` : `there is no key ${key}`,
    )
    .join('; ');
}

function where(issue: z.core.$ZodIssue): string {
  return issue.path.length === 0 ? '(top level)' : issue.path.join('.');
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_config' });
}

/**
 * Names the keys of a configuration that are taken but do nothing in this version: none of them could be missed as a
 * guard, and an operator should still be told. Keys that guard something are refused instead.
 */
export function keysWithoutEffect(config: RouterConfig): readonly string[] {
  const models = Object.values(config.models);
  return [
    ...(config.storage === 'memory:' ? [] : ['storage']),
    ...(config.admin === undefined ? [] : ['admin']),
    ...(models.some(({ contextTokens }) => contextTokens !== undefined) ? ['models.*.contextTokens'] : []),
    ...(models.some(({ price }) => price !== undefined) ? ['models.*.price'] : []),
  ];
}
