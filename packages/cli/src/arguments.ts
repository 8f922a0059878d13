import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The command line was wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Options a command knows, in `node:util`'s notation. */
export type Options = NonNullable<ParseArgsConfig['options']>;

/** What was given, by option. */
export interface ParsedArguments<T extends Options> {
  readonly values: ReturnType<typeof parseArgs<{ options: T; allowPositionals: true; strict: true }>>['values'];
  readonly positionals: readonly string[];
}

/** Parses a command's arguments. @throws UsageError */
export function parseArguments<T extends Options>(args: readonly string[], options: T): ParsedArguments<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the arguments cannot be read');
  }
}

/** Reads a whole number from an option. @throws UsageError */
export function wholeNumber(value: string, option: string, least: number, most: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new UsageError(`--${option} takes a whole number from ${least} to ${most}`);
  }
  return number;
}

/** Takes the one positional argument that a command wants. @throws UsageError */
export function onePositional(positionals: readonly string[], what: string): string {
  const [only] = positionals;
  if (only === undefined || positionals.length > 1) throw new UsageError(`give ${what}`);
  return only;
}
