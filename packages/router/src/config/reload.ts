import { isDeepStrictEqual } from 'node:util';
import { type ConfigFault, InvalidConfigError } from './config-fault.ts';
import type { RouterConfig } from './schema.ts';

/**
 * Keys that a running router takes over; what is below one of them is too. Any other needs a restart: a key that is new
 * to the schema is safe before somebody has thought about it.
 */
export const RELOADABLE_KEYS = [
  'admin',
  'aliases',
  'chatbots',
  'cors.origins',
  'drainDelaySeconds',
  'keys',
  'limits.answerBytes',
  'limits.bodyBytes',
  'limits.openStreams',
  'metrics',
  'models',
  'nomyoV1.keepAliveSeconds',
  'ohttp.coalesceMs',
  'shutdownGraceSeconds',
  'tls.certFile',
  'tls.keyFile',
  'upstreams',
] as const;

/** The keys in which two configurations differ: `listen`, `limits.bodyBytes`, `models.gpt-4`; a list as one. */
export function changedKeys(before: RouterConfig, after: RouterConfig): readonly string[] {
  return differences(before, after, '', 0).sort();
}

/**
 * Refuses a change that needs a restart.
 * @throws ConfigurationError `invalid_config`, naming every key that cannot change
 */
export function refuseRestartKeys(changed: readonly string[]): void {
  const faults = changed
    .filter((key) => !RELOADABLE_KEYS.some((each) => key === each || key.startsWith(`${each}.`)))
    .map((key): ConfigFault => ({ key, source: null, line: null, message: 'a change of it needs a restart' }));
  if (faults.length > 0) throw new InvalidConfigError(faults);
}

/** Sections are one level deep. */
const DEPTH = 2;

function differences(before: unknown, after: unknown, path: string, depth: number): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (depth === DEPTH || !isMapping(before) || !isMapping(after)) return [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) =>
    differences(before[name], after[name], path === '' ? name : `${path}.${name}`, depth + 1),
  );
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
