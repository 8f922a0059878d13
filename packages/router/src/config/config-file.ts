import { type FileHandle, open } from 'node:fs/promises';
import { ConfigurationError } from '@sotto/protocol';
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

/** A configuration file that has been read. */
export interface ConfigFile {
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Whether others than its owner may read it. */
  readonly isShared: boolean;
  /** The line of a key, or of the nearest thing around it that the file has; null where it has nothing of it. */
  lineOf(path: readonly PropertyKey[]): number | null;
}

/** Longer than any that a person writes: one that is not a configuration at all must not fill the memory. */
const MAX_BYTES = 8 * 1024 * 1024;
const READ_BY_OTHERS = 0o044;

/**
 * Reads a YAML or JSON file.
 * @throws ConfigurationError `invalid_config`; never with what the file holds, for that may be a key
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const { text, mode } = await readText(path);
  const lines = new LineCounter();
  // JSON is YAML 1.2. Aliases are off: a few lines could otherwise grow to gigabytes.
  const document = parseDocument(text, { prettyErrors: true, lineCounter: lines });
  const [fault] = document.errors;
  if (fault !== undefined) {
    throw invalid(`the configuration ${path} is not valid YAML or JSON at line ${fault.linePos?.[0].line ?? 0}`);
  }
  return {
    path,
    value: mapping(document, path),
    isShared: (mode & READ_BY_OTHERS) !== 0,
    lineOf: (keys) => lineOf(document, lines, keys),
  };
}

async function readText(path: string): Promise<{ readonly text: string; readonly mode: number }> {
  let file: FileHandle | null = null;
  try {
    // One handle for both: the mode is that of the very file that is read.
    file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (size > MAX_BYTES) throw invalid(`the configuration ${path} is longer than ${MAX_BYTES} bytes`);
    return { text: await file.readFile('utf8'), mode };
  } catch (error) {
    if (ConfigurationError.isInstance(error)) throw error;
    const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw invalid(`the configuration ${path} cannot be read${reason}`, error);
  } finally {
    await file?.close();
  }
}

function mapping(document: Document.Parsed, path: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw invalid(`the configuration ${path} uses YAML aliases: write the values out`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`the configuration ${path} must be a mapping of keys`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function lineOf(document: Document.Parsed, lines: LineCounter, keys: readonly PropertyKey[]): number | null {
  let node: unknown = document.contents;
  let found: Node | null = null;
  for (const key of keys) {
    const step = stepInto(node, key);
    if (step === null) break;
    found = step.at;
    node = step.value;
  }
  const offset = found?.range?.[0];
  return offset === undefined ? null : lines.linePos(offset).line;
}

/** The value of a key, and the node that stands where the key does. */
function stepInto(node: unknown, key: PropertyKey): { readonly at: Node | null; readonly value: unknown } | null {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
    return pair === undefined ? null : { at: isScalar(pair.key) ? pair.key : null, value: pair.value };
  }
  if (!isSeq(node) || typeof key !== 'number') return null;
  const item = node.items[key] as Node | undefined;
  return item === undefined ? null : { at: item, value: item };
}

function invalid(message: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_config', cause });
}
