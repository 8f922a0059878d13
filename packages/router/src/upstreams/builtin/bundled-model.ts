import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '@sotto/protocol';

/** Public name of the model that comes with the router: tiny, for trying things out and for tests. */
export const DEFAULT_BUILTIN_MODEL = 'sotto-tiny';

const PACKAGE_NAME = '@sotto/router';
const MODEL_FILE = 'models/tiny.gguf';

/**
 * Absolute path of the model that comes with the router. It is found from the package's root and not by a fixed
 * number of `..`, because this code runs from `src/upstreams/builtin/` in tests and from any chunk of `dist/` when built.
 * @param from the directory to search upward from
 * @throws ConfigurationError `invalid_config` where the package or the file is not to be found, as in a bundle
 */
export function bundledModelPath(from: string = dirname(fileURLToPath(import.meta.url))): string {
  for (let directory = from; ; directory = dirname(directory)) {
    const path = join(directory, MODEL_FILE);
    if (isPackageRoot(directory) && existsSync(path)) return path;
    if (dirname(directory) === directory) break;
  }
  throw new ConfigurationError(
    `the tiny model that comes with ${PACKAGE_NAME} is not beside its code; set the upstream's model to the path of a GGUF file`,
    { code: 'invalid_config' },
  );
}

function isPackageRoot(directory: string): boolean {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return false;
  const description: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return (
    typeof description === 'object' &&
    description !== null &&
    'name' in description &&
    description.name === PACKAGE_NAME
  );
}
