import { holdsPassword } from '../storage/storage-password.ts';
import { type ConfigFault, InvalidConfigError } from './config-fault.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { type EnvironmentSetting, type EnvironmentSettings, readEnvironment } from './from-environment.ts';
import { type ConfigPlaces, parseConfig } from './parse.ts';
import type { RouterConfig } from './schema.ts';
import type { Environment } from './secrets.ts';

/** Where a configuration comes from; what stands later outranks what stands earlier. */
export interface ConfigSources {
  /** A YAML or JSON file. */
  readonly file?: string | undefined;
  /** `SOTTO_LISTEN`, `SOTTO_LIMITS_BODY_BYTES`, …: docs/configuration.md says how they are called. */
  readonly environment?: Environment | undefined;
  /** What the command line says, in the configuration's own shape. Never a secret: other users see it. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined;
  /** Told of what is allowed and yet most likely a mistake. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Members of which a mapping has one: where a secret is. */
const SECRET_SOURCES = new Set(['key', 'keyFile', 'keyEnv']);

/**
 * Reads the configuration: file, then environment, then flags.
 * @throws ConfigurationError `invalid_config`
 */
export async function loadConfig(sources: ConfigSources): Promise<RouterConfig> {
  const { flags = {}, onWarning } = sources;
  const file = sources.file === undefined ? null : await readConfigFile(sources.file);
  const environment = readEnvironment(sources.environment ?? {});
  let merged: Record<string, unknown> = { ...file?.value };
  for (const setting of environment.settings) merged = withSetting(merged, setting.path, setting.value);
  const unknown = unknownVariables(environment, merged);
  const config = parseConfig({ ...merged, ...flags }, placesOf(file, environment, flags));
  if (onWarning !== undefined) for (const warning of warnings(file, unknown)) onWarning(warning);
  return config;
}

/** A copy with one key set, however deep. What is set of a secret's sources takes the place of the others. */
function withSetting(value: unknown, [name, ...rest]: readonly string[], setting: unknown): Record<string, unknown> {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  const members: Record<string, unknown> = isMapping ? { ...value } : {};
  if (name === undefined) return members;
  if (rest.length > 0) return { ...members, [name]: withSetting(members[name], rest, setting) };
  if (SECRET_SOURCES.has(name)) for (const source of SECRET_SOURCES) delete members[source];
  return { ...members, [name]: setting };
}

function placesOf(
  file: ConfigFile | null,
  { settings }: EnvironmentSettings,
  flags: Readonly<Record<string, unknown>>,
): ConfigPlaces {
  return (path) => {
    if (Object.hasOwn(flags, String(path[0]))) return { source: 'the command line', line: null };
    const setting = settings.find((each) => isAbout(each, path));
    if (setting !== undefined) return { source: setting.variable, line: null };
    return file === null ? { source: null, line: null } : { source: file.path, line: file.lineOf(path) };
  };
}

/** Whether a fault at this path is in what a variable set, or about the mapping that it is in. */
function isAbout({ path: set }: EnvironmentSetting, path: readonly PropertyKey[]): boolean {
  const shared = Math.min(set.length, path.length);
  return shared > 0 && set.slice(0, shared).every((name, index) => name === String(path[index]));
}

/**
 * Variables that set nothing, though they are called as if they did.
 * @throws ConfigurationError `invalid_config` for one that looks misspelt: a limit that is not set is no limit
 */
function unknownVariables({ unknown }: EnvironmentSettings, merged: unknown): readonly string[] {
  const named = new Set(secretVariables(merged));
  const others = unknown.filter(({ variable }) => !named.has(variable));
  const faults = others.flatMap(({ variable, near }): readonly ConfigFault[] =>
    near === null ? [] : [{ key: variable, source: null, line: null, message: `no such variable; ${near} is one` }],
  );
  if (faults.length > 0) throw new InvalidConfigError(faults);
  return others.map(({ variable }) => variable);
}

function warnings(file: ConfigFile | null, unknown: readonly string[]): readonly string[] {
  return [
    ...(file?.isShared === true && holdsSecret(file.value)
      ? [
          `${file.path} holds a key or a password, and others than its owner may read it: chmod 600 it, or name files or variables`,
        ]
      : []),
    ...unknown.map((variable) => `the environment variable ${variable} sets no key of the configuration`),
  ];
}

function holdsSecret(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([name, member]) =>
      (typeof member === 'string' && (name === 'key' || holdsPassword(member))) || holdsSecret(member),
  );
}

/** Variables that the configuration names as the place of a secret: they may be called anything. */
function secretVariables(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'string' && name.endsWith('Env') ? [member] : secretVariables(member),
  );
}
