import { z } from 'zod';
import { configSchema } from './schema.ts';

/** How a variable's text is read. */
export type EnvironmentValue = 'text' | 'number' | 'boolean' | 'list' | 'json';

/** A key of the configuration, and the environment variable that sets it. */
export interface EnvironmentKey {
  /** `SOTTO_LIMITS_BODY_BYTES` */
  readonly variable: string;
  /** `['limits', 'bodyBytes']` */
  readonly path: readonly string[];
  readonly value: EnvironmentValue;
}

/** What JSON Schema says of a value, as far as this walk and the search for misspelt keys look. */
export interface SchemaNode {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

let known: { readonly schema: SchemaNode; readonly keys: readonly EnvironmentKey[] } | null = null;

/** The configuration's schema as a tree. */
export function schemaTree(): SchemaNode {
  return walked().schema;
}

/**
 * Every key that a variable sets: the path in capitals, its words joined by `_`, a word that follows itself written
 * once (`storageKey.keyFile` is `SOTTO_STORAGE_KEY_FILE`). What is in a list has no variable of its own; the list has.
 */
export function environmentKeys(): readonly EnvironmentKey[] {
  return walked().keys;
}

function walked(): NonNullable<typeof known> {
  if (known !== null) return known;
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  known = { schema, keys: keysBelow(schema, []) };
  return known;
}

function keysBelow({ properties = {} }: SchemaNode, path: readonly string[]): readonly EnvironmentKey[] {
  return Object.entries(properties).flatMap(([name, node]) => {
    const here = [...path, name];
    if (node.properties !== undefined) return keysBelow(node, here);
    return [{ variable: variableOf(here), path: here, value: kindOf(node) }];
  });
}

function variableOf(path: readonly string[]): string {
  const words = path.flatMap((name) => name.split(/(?=[A-Z])/)).map((word) => word.toUpperCase());
  return ['SOTTO', ...words.filter((word, index) => word !== words[index - 1])].join('_');
}

function kindOf({ type, items }: SchemaNode): EnvironmentValue {
  if (type === 'string') return 'text';
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'boolean') return 'boolean';
  return type === 'array' && items?.type === 'string' ? 'list' : 'json';
}
