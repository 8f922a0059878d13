import type { z } from 'zod';
import { parseListenAddress } from './address.ts';
import { type ConfigFault, InvalidConfigError } from './config-fault.ts';
import { type SchemaNode, schemaTree } from './environment-keys.ts';
import { nearestWord } from './nearest-word.ts';
import { configSchema, type RouterConfig } from './schema.ts';

/** Where a key of a configuration was written. */
export type ConfigPlaces = (path: readonly PropertyKey[]) => Pick<ConfigFault, 'source' | 'line'>;

const NOWHERE: ConfigPlaces = () => ({ source: null, line: null });

/**
 * Checks a configuration and fills in its defaults.
 * @param placeOf says where each key was written
 * @throws ConfigurationError `invalid_config`, naming each key that is wrong, where it is, and what it wanted
 */
export function parseConfig(input: unknown, placeOf: ConfigPlaces = NOWHERE): RouterConfig {
  const result = configSchema.safeParse(input);
  const faults = result.success ? listenFaults(result.data, placeOf) : result.error.issues.flatMap(faultsOf(placeOf));
  if (!result.success || faults.length > 0) throw new InvalidConfigError(faults);
  return result.data;
}

function listenFaults({ listen }: RouterConfig, placeOf: ConfigPlaces): readonly ConfigFault[] {
  if (parseListenAddress(listen) !== null) return [];
  return [{ key: 'listen', ...placeOf(['listen']), message: 'give host:port, [v6]:port or unix:/path' }];
}

function faultsOf(placeOf: ConfigPlaces): (issue: z.core.$ZodIssue) => readonly ConfigFault[] {
  return (issue) => {
    const key = issue.path.length === 0 ? '(top level)' : issue.path.join('.');
    if (issue.code !== 'unrecognized_keys') return [{ key, ...placeOf(issue.path), message: wanted(issue) }];
    const known = membersAt(issue.path);
    return issue.keys.map((name) => {
      const near = nearestWord(name, known);
      const message = `there is no key ${name}${near === null ? '' : `; ${near} is one`}`;
      return { key, ...placeOf([...issue.path, name]), message };
    });
  };
}

function wanted(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith('received undefined')
    ? `it is missing; ${issue.expected} is wanted`
    : issue.message;
}

/** The keys that the schema knows at a path, of whatever kind the thing there is. */
function membersAt(path: readonly PropertyKey[]): readonly string[] {
  let nodes = branches([schemaTree()]);
  for (const step of path) nodes = branches(nodes.flatMap((node) => below(node, step)));
  return nodes.flatMap(({ properties = {} }) => Object.keys(properties));
}

function below({ properties, items, additionalProperties }: SchemaNode, step: PropertyKey): readonly SchemaNode[] {
  if (typeof step === 'number') return items === undefined ? [] : [items];
  const member = properties?.[String(step)];
  if (member !== undefined) return [member];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
}

function branches(nodes: readonly SchemaNode[]): readonly SchemaNode[] {
  return nodes.flatMap((node) => {
    const { anyOf = [], oneOf = [] } = node;
    return anyOf.length + oneOf.length === 0 ? [node] : branches([...anyOf, ...oneOf]);
  });
}
