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

function wanted(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  return issue.keys.map((key) => `there is no key ${key}`).join('; ');
}

function where(issue: z.core.$ZodIssue): string {
  return issue.path.length === 0 ? '(top level)' : issue.path.join('.');
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_config' });
}
