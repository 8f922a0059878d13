import type { RouterConfig } from '../config/schema.ts';
import { type Environment, readSecret } from '../config/secrets.ts';

/**
 * The password of the storage's database: what `storagePassword` names, or else, where the URL holds none, PGPASSWORD,
 * as all of PostgreSQL's own programs take it.
 * @returns null: as the URL says
 * @throws ConfigurationError `invalid_config`
 */
export async function readStoragePassword(
  { storage, storagePassword }: Pick<RouterConfig, 'storage' | 'storagePassword'>,
  environment: Environment,
): Promise<string | null> {
  const { key, keyFile, keyEnv } = storagePassword ?? {};
  const configured = await readSecret({ value: key, file: keyFile, env: keyEnv }, environment, 'storagePassword');
  if (configured !== null) return configured;
  return holdsPassword(storage) ? null : (environment['PGPASSWORD'] ?? null);
}

/** Whether a storage URL holds a password. */
export function holdsPassword(storage: string): boolean {
  return URL.canParse(storage) && new URL(storage).password !== '';
}
