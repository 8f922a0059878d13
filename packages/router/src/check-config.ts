import { readTlsSpkiSha256 } from './attestation/tls-spki.ts';
import type { RouterConfig } from './config/schema.ts';
import { type Environment, readSecret } from './config/secrets.ts';
import { readConfiguredKeys } from './create-key-ring.ts';
import { readAdminKey } from './open-records.ts';
import { readRsaPkcs8File } from './pki/rsa-identity.ts';
import { openSigningIdentity, readIdentityFile } from './pki/signing-identity.ts';
import { readClusterSeal } from './replicas/cluster-seal.ts';
import { isLasting } from './storage/open-store.ts';
import { readStorageKey } from './storage/storage-key.ts';
import { readStoragePassword } from './storage/storage-password.ts';
import { readTlsContext } from './tls-context.ts';
import { readTracingHeaders } from './tracing/open-tracing.ts';
import { KeyHash } from './virtual-keys/key-hash.ts';

/**
 * Reads all that a start with a configuration would read of files and of the environment, and keeps nothing. It listens
 * nowhere, opens no database, and asks no model server.
 * @throws ConfigurationError `invalid_config`, `invalid_key_file` for the first thing that is not there or no good
 */
export async function checkConfig(config: RouterConfig, environment: Environment): Promise<void> {
  await readAdminKey(config, environment);
  const storageKey = await readStorageKey(config.storageKey, environment, isLasting(config.storage));
  await readStoragePassword(config, environment);
  if (config.cluster !== undefined) await readClusterSeal(config.cluster, environment);
  await readConfiguredKeys(config, environment, new KeyHash(storageKey));
  for (const upstream of config.upstreams) {
    if (upstream.type === 'builtin') continue;
    const source = { env: upstream.apiKeyEnv, file: upstream.apiKeyFile };
    await readSecret(source, environment, `upstreams.${upstream.name}`);
  }
  if (config.tracing.otlpUrl !== undefined) await readTracingHeaders(config.tracing, environment);
  if (config.tls !== undefined) {
    await readTlsContext(config.tls);
    await readTlsSpkiSha256(config.tls.certFile);
  }
  if (config.identity.keyFile !== undefined) openSigningIdentity(await readIdentityFile(config.identity.keyFile));
  const { keyFile } = config.nomyoV1;
  if (keyFile !== undefined && config.protocols.includes('nomyo-v1')) await readRsaPkcs8File(keyFile);
}
