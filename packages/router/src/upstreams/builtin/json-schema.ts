import { apiError } from '@sotto/protocol';
import type { GbnfJsonSchema } from 'node-llama-cpp';
import { z } from 'zod';

/**
 * How large the grammar of a schema may be: every node, every alternative, every repetition and every 16 characters
 * of a name cost one. It comes from the caller and is compiled in the router's own process.
 */
export const SCHEMA_BUDGET = 2_000;
/** References are written out in place, so this also ends a schema that refers to itself. */
const MAX_DEPTH = 32;

/**
 * The engine refuses to repeat a rule some 2,000 times, and then writes the whole grammar, made of the caller's words,
 * to standard error. So does it for U+0000, where its own strings end.
 */
const MAX_REPETITIONS = 1_000;

const count = z.int().min(0).max(MAX_REPETITIONS).optional();
const text = z.string().refine((value) => !value.includes('\0'));
const literal = z.union([text, z.number(), z.boolean(), z.null()]);
const typeName = z.enum(['string', 'number', 'integer', 'boolean', 'null', 'object', 'array']);

/** Strict: a keyword that is not enforced is refused, not passed over. Annotations say nothing about the text. */
const schemaNode = z.strictObject({
  type: z.union([typeName, z.array(typeName).min(1)]).optional(),
  enum: z.array(literal).min(1).optional(),
  const: literal.optional(),
  anyOf: z.array(z.unknown()).min(1).optional(),
  oneOf: z.array(z.unknown()).min(1).optional(),
  properties: z.record(text, z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  minItems: count,
  maxItems: count,
  minLength: count,
  maxLength: count,
  format: z.enum(['date', 'time', 'date-time']).optional(),
  $ref: z.string().optional(),
  $defs: z.record(z.string(), z.unknown()).optional(),
  definitions: z.record(z.string(), z.unknown()).optional(),
  $schema: z.unknown().optional(),
  $id: z.unknown().optional(),
  title: z.unknown().optional(),
  description: z.unknown().optional(),
  default: z.unknown().optional(),
  examples: z.unknown().optional(),
});
type SchemaNode = z.output<typeof schemaNode>;

/**
 * Translates a caller's JSON Schema into the subset that grammars are made from: types, enum, const, anyOf, objects,
 * arrays, lengths and references into `$defs`. Every property is asked for, also one that is not `required`.
 * @throws InvalidRequestError `invalid_request` for any other keyword, and for a schema that is too large
 */
export function translateJsonSchema(schema: unknown, param: string): GbnfJsonSchema {
  const translation = new Translation(param);
  return translation.translate(schema, 0);
}

class Translation {
  readonly #param: string;
  readonly #definitions = new Map<string, unknown>();
  #budget = SCHEMA_BUDGET;

  constructor(param: string) {
    this.#param = param;
  }

  translate(value: unknown, depth: number): GbnfJsonSchema {
    this.#spend(1);
    if (depth > MAX_DEPTH) throw this.#refusal('is nested too deep, or refers to itself');
    const node = this.#read(value);
    if (depth === 0) this.#define(node);
    if (node.$ref !== undefined) return this.translate(this.#lookUp(node.$ref), depth + 1);
    if (node.const !== undefined) return { const: this.#literal(node.const) };
    if (node.enum !== undefined) return { enum: node.enum.map((item) => this.#literal(item)) };
    const alternatives = node.anyOf ?? node.oneOf;
    if (alternatives !== undefined) return { oneOf: alternatives.map((item) => this.translate(item, depth + 1)) };
    const types = this.#typesOf(node);
    const [first] = types;
    if (types.length === 1 && first !== undefined) return this.#typed(first, node, depth);
    return { oneOf: types.map((type) => this.#typed(type, node, depth)) };
  }

  #typed(type: z.output<typeof typeName>, node: SchemaNode, depth: number): GbnfJsonSchema {
    switch (type) {
      case 'object':
        return this.#object(node, depth);
      case 'array':
        return {
          type,
          ...this.#range(node, 'minItems', 'maxItems'),
          ...(node.items === undefined ? {} : { items: this.translate(node.items, depth + 1) }),
        };
      case 'string':
        if (node.format !== undefined) return { type, format: node.format };
        return { type, ...this.#range(node, 'minLength', 'maxLength') };
      default:
        return { type };
    }
  }

  #object(node: SchemaNode, depth: number): GbnfJsonSchema {
    const properties: [string, GbnfJsonSchema][] = Object.entries(node.properties ?? {}).map(([name, value]) => {
      this.#spend(1 + name.length / 16);
      return [name, this.translate(value, depth + 1)];
    });
    const missing = (node.required ?? []).find((name) => !Object.hasOwn(node.properties ?? {}, name));
    if (missing !== undefined) throw this.#refusal('requires a property that it does not describe');
    const rest = node.additionalProperties;
    return {
      type: 'object',
      properties: Object.fromEntries(properties),
      // Left out, JSON Schema allows any: an object of nothing but those would else always be empty.
      additionalProperties:
        typeof rest === 'boolean' || rest === undefined
          ? (rest ?? properties.length === 0)
          : this.translate(rest, depth + 1),
    };
  }

  #range<Least extends 'minItems' | 'minLength', Most extends 'maxItems' | 'maxLength'>(
    node: SchemaNode,
    least: Least,
    most: Most,
  ): { readonly [Key in Least | Most]?: number } {
    const [low, high] = [node[least] ?? 0, node[most]];
    if (high !== undefined && high < low) throw this.#refusal(`has a ${most} below its ${least}`);
    this.#spend(high ?? low);
    const range: { [Key in Least | Most]?: number } = {};
    return Object.assign(range, { [least]: low }, high === undefined ? {} : { [most]: high });
  }

  #typesOf(node: SchemaNode): readonly z.output<typeof typeName>[] {
    if (node.type !== undefined) return typeof node.type === 'string' ? [node.type] : node.type;
    if (node.properties !== undefined) return ['object'];
    if (node.items !== undefined) return ['array'];
    throw this.#refusal('has a part without a type');
  }

  #literal<Value extends string | number | boolean | null>(value: Value): Value {
    this.#spend(typeof value === 'string' ? 1 + value.length / 16 : 1);
    return value;
  }

  #read(value: unknown): SchemaNode {
    const parsed = schemaNode.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const keyword = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0];
    throw this.#refusal(
      keyword === undefined ? 'has a part that is no object' : `uses ${String(keyword)} in an unsupported way`,
    );
  }

  #define(node: SchemaNode): void {
    for (const [name, value] of Object.entries(node.$defs ?? {})) this.#definitions.set(`#/$defs/${name}`, value);
    for (const [name, value] of Object.entries(node.definitions ?? {}))
      this.#definitions.set(`#/definitions/${name}`, value);
  }

  #lookUp(reference: string): unknown {
    if (this.#definitions.has(reference)) return this.#definitions.get(reference);
    throw this.#refusal('refers to something outside its $defs');
  }

  #spend(cost: number): void {
    this.#budget -= cost;
    if (this.#budget < 0) throw this.#refusal('is too large');
  }

  #refusal(what: string): Error {
    return apiError('invalid_request', `the schema ${what}`, { param: this.#param });
  }
}
