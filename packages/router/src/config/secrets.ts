import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@sotto/protocol';

/** The process's environment, or a test's. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a secret is written, as the configuration says. */
export interface SecretSource {
  readonly value?: string | undefined;
  readonly file?: string | undefined;
  readonly env?: string | undefined;
}

/**
 * Reads a secret from where the configuration says it is.
 * @param what names the configuration key in errors
 * @returns null where no source is given
 * @throws ConfigurationError `invalid_config`
 */
export async function readSecret(source: SecretSource, environment: Environment, what: string): Promise<string | null> {
  if (source.value !== undefined) return source.value;
  if (source.env !== undefined) {
    const value = environment[source.env];
    if (value === undefined || value === '')
      throw missing(`${what}: the environment variable ${source.env} is not set`);
    return value;
  }
  if (source.file === undefined) return null;
  let text: string;
  try {
    text = await readFile(source.file, 'utf8');
  } catch (error) {
    throw missing(`${what}: the file ${source.file} cannot be read`, error);
  }
  const value = text.trim();
  if (value === '') throw missing(`${what}: the file ${source.file} is empty`);
  return value;
}

function missing(message: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_config', cause });
}
