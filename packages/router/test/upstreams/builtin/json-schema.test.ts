import { APIError } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { SCHEMA_BUDGET, translateJsonSchema } from '../../../src/upstreams/builtin/json-schema.ts';

const translate = (schema: unknown) => translateJsonSchema(schema, 'schema');

describe('translating a JSON Schema', () => {
  it('keeps types, lengths, enums and nesting, and drops annotations', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Trip',
      type: 'object',
      properties: {
        city: { type: 'string', maxLength: 20, description: 'where' },
        days: { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 7 },
        when: { type: 'string', format: 'date' },
        by: { enum: ['foot', 'train', null] },
        kind: { const: 'trip' },
      },
      required: ['city'],
      additionalProperties: false,
    };
    expect(translate(schema)).toEqual({
      type: 'object',
      properties: {
        city: { type: 'string', minLength: 0, maxLength: 20 },
        days: { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 7 },
        when: { type: 'string', format: 'date' },
        by: { enum: ['foot', 'train', null] },
        kind: { const: 'trip' },
      },
      additionalProperties: false,
    });
  });

  it('writes unions, anyOf and references out', () => {
    const schema = {
      $defs: { name: { type: ['string', 'null'] } },
      definitions: { age: { type: 'integer' } },
      anyOf: [{ $ref: '#/$defs/name' }, { $ref: '#/definitions/age' }],
    };
    const name = { oneOf: [{ type: 'string', minLength: 0 }, { type: 'null' }] };
    expect(translate(schema)).toEqual({ oneOf: [name, { type: 'integer' }] });
  });

  it('lets an object without described properties have any', () => {
    expect(translate({ type: 'object' })).toEqual({ type: 'object', properties: {}, additionalProperties: true });
  });

  const refused: [string, unknown][] = [
    ['what is no object', 'string'],
    ['a part without a type', {}],
    ['a keyword that is not enforced', { type: 'string', pattern: 'a+' }],
    ['a reference to elsewhere', { $ref: 'https://example.com/schema' }],
    [
      'a schema that refers to itself',
      { $defs: { a: { type: 'array', items: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' },
    ],
    ['a required property that is not described', { type: 'object', properties: {}, required: ['a'] }],
    ['a range the wrong way round', { type: 'string', minLength: 2, maxLength: 1 }],
    ['many repetitions', { type: 'array', items: { type: 'integer' }, maxItems: 1_001 }],
    ['U+0000 in a name', { type: 'object', properties: { 'a\0b': { type: 'string' } } }],
    ['U+0000 in a value', { const: 'a\0b' }],
    ['too many alternatives', { enum: Array.from({ length: SCHEMA_BUDGET }, (_, index) => index) }],
    ['references that multiply', doubling(12)],
  ];
  it.each(refused)('refuses %s', (_, schema) => {
    const refusal = () => translate(schema);
    expect(refusal).toThrow(APIError);
    expect(refusal).toThrow(expect.objectContaining({ code: 'invalid_request', param: 'schema' }));
  });
});

/** Each definition uses the one before it twice. */
function doubling(levels: number): object {
  const $defs: Record<string, object> = { d0: { type: 'integer' } };
  for (let level = 1; level <= levels; level++) {
    const before = { $ref: `#/$defs/d${level - 1}` };
    $defs[`d${level}`] = { anyOf: [before, before] };
  }
  return { $defs, $ref: `#/$defs/d${levels}` };
}
