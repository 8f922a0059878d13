import { Buffer } from 'node:buffer';
import { ConfigurationError } from '@sotto/protocol';
import type { RouterConfig } from './config/schema.ts';
import type { Environment } from './config/secrets.ts';
import type { Replicas } from './open-replicas.ts';
import { loadIdentity, loadRsaPkcs8 } from './open-router-keys.ts';
import { generateSigningIdentity } from './pki/signing-identity.ts';
import { type Cluster, joinCluster } from './replicas/cluster.ts';
import type { StandingKeys } from './replicas/cluster-records.ts';
import { readClusterSeal } from './replicas/cluster-seal.ts';

/**
 * Joins the replicas that have the same secret, and takes over their keys; null where the configuration names no
 * cluster.
 * @throws ConfigurationError `invalid_config`, `invalid_key_file`
 */
export async function openCluster(
  config: RouterConfig,
  environment: Environment,
  replicas: Replicas | null,
): Promise<Cluster | null> {
  if (replicas === null || config.cluster === undefined) return null;
  const { name } = config.cluster;
  const seal = await readClusterSeal(config.cluster, environment);
  const periods = { rotationMs: config.ohttp.rotationSeconds * 1_000, overlapMs: config.ohttp.overlapSeconds * 1_000 };
  const cluster = await joinCluster({
    ...replicas.wires,
    name,
    seal,
    periods,
    makeStanding: () => makeStanding(config),
  });
  try {
    await checkOwnFiles(config, cluster.standing);
  } catch (error) {
    cluster.close();
    throw error;
  }
  return cluster;
}

/** Keys that last: of the configuration's files, else new. @throws ConfigurationError `invalid_key_file` */
export async function makeStanding(config: RouterConfig): Promise<StandingKeys> {
  const rsa = config.protocols.includes('nomyo-v1') ? await loadRsaPkcs8(config) : null;
  return {
    rsaPkcs8: rsa === null ? null : Buffer.from(rsa).toString('base64'),
    identityPem: await loadIdentity(config),
    receiptPem: generateSigningIdentity(),
  };
}

/** A replica with another key file than the others would answer for keys that they do not have. */
async function checkOwnFiles(config: RouterConfig, standing: StandingKeys): Promise<void> {
  const others = 'the other replicas of the cluster have another one: give all of them the same file, or none';
  if (config.identity.keyFile !== undefined && (await loadIdentity(config)).trim() !== standing.identityPem.trim()) {
    throw new ConfigurationError(`identity.keyFile: ${others}`, { code: 'invalid_config' });
  }
  if (!config.protocols.includes('nomyo-v1')) return;
  if (standing.rsaPkcs8 === null) {
    throw new ConfigurationError('protocols: the other replicas of the cluster do not serve nomyo-v1', {
      code: 'invalid_config',
    });
  }
  const { keyFile } = config.nomyoV1;
  if (keyFile !== undefined && Buffer.from(await loadRsaPkcs8(config)).toString('base64') !== standing.rsaPkcs8) {
    throw new ConfigurationError(`nomyoV1.keyFile: ${others}`, { code: 'invalid_config' });
  }
}

/** A cluster's keys, as a router takes those that several processes share. */
export function keysOf(cluster: Cluster | null) {
  if (cluster === null) return {};
  const { rsaPkcs8, identityPem, receiptPem } = cluster.standing;
  return {
    ...(rsaPkcs8 === null ? {} : { rsaPkcs8: new Uint8Array(Buffer.from(rsaPkcs8, 'base64')) }),
    identityPem,
    receiptPem,
    keySeeds: cluster,
  };
}
