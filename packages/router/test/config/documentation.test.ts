import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { RELOADABLE_KEYS } from '../../src/config/reload.ts';
import { configSchema } from '../../src/config/schema.ts';

const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');

/** What JSON Schema says of a value, as far as this walk looks. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** The paths of all keys that hold a value of their own: `listen`, `keys[].limits.requestsPerDay`, `aliases.*`. */
function keyPaths(schema: Schema, path = ''): readonly string[] {
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (branches.length > 0) return branches.flatMap((branch) => keyPaths(branch, path));
  const members = Object.entries(schema.properties ?? {});
  if (members.length > 0) {
    return members.flatMap(([name, member]) => keyPaths(member, path === '' ? name : `${path}.${name}`));
  }
  const { items, additionalProperties } = schema;
  if (items?.properties !== undefined || items?.anyOf !== undefined || items?.oneOf !== undefined) {
    return keyPaths(items, `${path}[]`);
  }
  // A mapping of anything to anything has no keys to document.
  if (typeof additionalProperties === 'object' && Object.keys(additionalProperties).length > 0) {
    return keyPaths(additionalProperties, `${path}.*`);
  }
  return [path];
}

const known = [...new Set(keyPaths(z.toJSONSchema(configSchema, { io: 'output', unrepresentable: 'any' }) as Schema))];
/** What stands in backquotes in the first cell of a row. */
const documented = page
  .replace(/^\| key \| variable \|\n(?:\|.*\n)*/m, '')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, path = '']) => path));

test('the walk over the schema finds keys at every depth', () => {
  expect(known).toEqual(
    expect.arrayContaining([
      'listen',
      'tls.keyFile',
      'keys[].limits.requestsPerDay',
      'upstreams[].threads',
      'aliases.*',
    ]),
  );
});

test('docs/configuration.md describes each key once, and no key that there is not', () => {
  expect([...documented].sort()).toEqual([...known].sort());
});

test('docs/operations.md names each key that a reload takes over, and no other', () => {
  const operations = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');
  const table = /^\| reloaded \|[\s\S]*?\n\n/m.exec(operations)?.[0] ?? '';
  const named = table.split('\n').flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)]);
  expect(named.map(([, key]) => key).sort()).toEqual([...RELOADABLE_KEYS].sort());
});
