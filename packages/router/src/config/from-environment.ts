import { parse } from 'yaml';
import { type ConfigFault, InvalidConfigError } from './config-fault.ts';
import { type EnvironmentKey, environmentKeys } from './environment-keys.ts';
import { editDistance, nearestWord } from './nearest-word.ts';
import type { Environment } from './secrets.ts';

/** One key that the environment sets. */
export interface EnvironmentSetting {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** What the environment says. */
export interface EnvironmentSettings {
  readonly settings: readonly EnvironmentSetting[];
  /** Variables that are called as ours are, and are none. */
  readonly unknown: readonly UnknownVariable[];
}

/** A variable that sets no key. */
export interface UnknownVariable {
  readonly variable: string;
  /** The one that it was most likely meant to be; null where none is near. */
  readonly near: string | null;
}

/** One model server, without a file: its address, and where its API key is. */
const UPSTREAM = {
  url: 'SOTTO_UPSTREAM_URL',
  key: 'SOTTO_UPSTREAM_API_KEY',
  keyFile: 'SOTTO_UPSTREAM_API_KEY_FILE',
} as const;
/** Variables of the commands and the client, which configure no router. */
const OF_OTHERS = new Set([
  ...Object.values(UPSTREAM),
  'SOTTO_ALLOW_SOFTWARE_ATTESTATION',
  'SOTTO_API_KEY',
  'SOTTO_BASE_URL',
  'SOTTO_DEBUG',
  'SOTTO_KEY_PASSWORD',
  'SOTTO_LOG',
  'SOTTO_MODEL',
]);
/** What Kubernetes and Docker tell every container of a service that is called sotto. */
const SERVICE_LINK = /^SOTTO_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_[A-Z_]+)?)$/;
/** Letters by which a variable may be off and still be taken for a misspelt one. */
const MISSPELT = 2;

/**
 * Reads the variables that set keys of the configuration.
 * @throws ConfigurationError `invalid_config` for a value that is not of the key's kind
 */
export function readEnvironment(environment: Environment): EnvironmentSettings {
  const faults: ConfigFault[] = [];
  const settings = environmentKeys().flatMap((key): readonly EnvironmentSetting[] => {
    const text = environment[key.variable];
    if (text === undefined) return [];
    const read = readValue(key, text);
    if ('value' in read) return [{ variable: key.variable, path: key.path, value: read.value }];
    faults.push({ key: key.path.join('.'), source: key.variable, line: null, message: read.wanted });
    return [];
  });
  if (faults.length > 0) throw new InvalidConfigError(faults);
  return { settings: [...upstreamOf(environment), ...settings], unknown: unknownVariables(environment) };
}

function readValue({ value }: EnvironmentKey, text: string): { readonly value: unknown } | { readonly wanted: string } {
  switch (value) {
    case 'text':
      return { value: text };
    case 'number':
      // `Number` takes the empty text for 0.
      return text.trim() === '' || Number.isNaN(Number(text))
        ? { wanted: 'a number is wanted' }
        : { value: Number(text) };
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : { wanted: 'true or false is wanted' };
    case 'list':
      return { value: text.split(',').map((each) => each.trim()) };
    case 'json':
      return readJson(text);
    default:
      return value satisfies never;
  }
}

/** JSON or, as that holds it, YAML on one line. Its faults are not told in words of the text: it may hold a key. */
function readJson(text: string): { readonly value: unknown } | { readonly wanted: string } {
  try {
    return { value: parse(text, { maxAliasCount: 0 }) as unknown };
  } catch {
    return { wanted: 'JSON is wanted' };
  }
}

function upstreamOf(environment: Environment): readonly EnvironmentSetting[] {
  const baseUrl = environment[UPSTREAM.url];
  if (baseUrl === undefined) return [];
  const file = environment[UPSTREAM.keyFile];
  const value = {
    name: 'default',
    baseUrl,
    ...(environment[UPSTREAM.key] === undefined ? {} : { apiKeyEnv: UPSTREAM.key }),
    ...(file === undefined ? {} : { apiKeyFile: file }),
  };
  return [{ variable: UPSTREAM.url, path: ['upstreams'], value: [value] }];
}

function unknownVariables(environment: Environment): readonly UnknownVariable[] {
  const known = new Set(environmentKeys().map(({ variable }) => variable));
  return Object.keys(environment)
    .filter((name) => name.startsWith('SOTTO_') && !known.has(name) && !OF_OTHERS.has(name) && !SERVICE_LINK.test(name))
    .map((variable) => {
      const near = nearestWord(variable, known);
      return { variable, near: near !== null && editDistance(variable, near) <= MISSPELT ? near : null };
    });
}
