import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@sotto/protocol';
import { type Document, parseDocument } from 'yaml';
import { parseConfig } from './parse.ts';
import type { RouterConfig } from './schema.ts';
import type { Environment } from './secrets.ts';

/** Where a configuration comes from; what stands later outranks what stands earlier. */
export interface ConfigSources {
  /** A YAML or JSON file. */
  readonly file?: string | undefined;
  /** `SOTTO_LISTEN`, `SOTTO_PUBLIC_URL`, `SOTTO_AUTH`, `SOTTO_UPSTREAM_URL`. */
  readonly environment?: Environment | undefined;
  /** What the command line says, in the configuration's own shape. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Reads the configuration: file, then environment, then flags.
 * @throws ConfigurationError `invalid_config`
 */
export async function loadConfig(sources: ConfigSources): Promise<RouterConfig> {
  const fromFile = sources.file === undefined ? {} : await readConfigFile(sources.file);
  return parseConfig({ ...fromFile, ...fromEnvironment(sources.environment ?? {}), ...sources.flags });
}

async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`the configuration ${path} cannot be read`, { code: 'invalid_config', cause: error });
  }
  // JSON is YAML 1.2. Aliases are off: a few lines could otherwise grow to gigabytes.
  const document = parseDocument(text, { prettyErrors: true });
  const [fault] = document.errors;
  if (fault !== undefined) {
    const line = fault.linePos?.[0].line ?? 0;
    throw new ConfigurationError(`the configuration ${path} is not valid YAML or JSON at line ${line}`, {
      code: 'invalid_config',
    });
  }
  const value = plainValue(document, path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigurationError(`the configuration ${path} must be a mapping of keys`, { code: 'invalid_config' });
  }
  return value as Record<string, unknown>;
}

function plainValue(document: Document.Parsed, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw new ConfigurationError(`the configuration ${path} uses YAML aliases: write the values out`, {
      code: 'invalid_config',
      cause: error,
    });
  }
}

function fromEnvironment(environment: Environment): Record<string, unknown> {
  const { SOTTO_LISTEN: listen, SOTTO_PUBLIC_URL: publicUrl, SOTTO_AUTH: auth, SOTTO_UPSTREAM_URL: url } = environment;
  return {
    ...(listen === undefined ? {} : { listen }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(auth === undefined ? {} : { auth }),
    ...(url === undefined ? {} : { upstreams: [{ name: 'default', baseUrl: url }] }),
  };
}
