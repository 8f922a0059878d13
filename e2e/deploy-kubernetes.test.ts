import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkConfig, loadConfig, parseConfig } from '@sotto/router';
import { describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { type KubernetesObject, kubernetesObjects, schemaFaults } from './kubernetes-objects.ts';
import { scratchFolder } from './scratch-folder.ts';

const folder = fileURLToPath(new URL('../deploy/kubernetes/', import.meta.url));
const all = kubernetesObjects();
const objects = all.filter(({ kind }) => kind !== 'Kustomization');

function only(kind: string): KubernetesObject {
  const [found, ...more] = objects.filter((each) => each.kind === kind);
  if (found === undefined || more.length > 0) throw new Error(`one ${kind} is expected`);
  return found;
}

/** The members of a parsed document, looked up by path. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((here, key) => (here as Readonly<Record<string | number, unknown>>)?.[key], value);
}

const pod = at(only('Deployment'), 'spec', 'template', 'spec');
const container = at(pod, 'containers', 0);

test.each(objects)('$kind in $file is one, with no member that its schema does not know', (object) => {
  expect(schemaFaults(object)).toEqual([]);
  if (object.kind !== 'Namespace') expect(object.metadata.namespace).toBe('sotto');
});

test('the check of the schemas sees a misspelt, a wrong and a missing member', () => {
  const spoilt = structuredClone(only('Deployment'));
  Object.assign(at(spoilt, 'spec', 'template', 'spec', 'securityContext') as object, { runAsNonroot: true });
  expect(schemaFaults(spoilt)).toEqual(['/spec/template/spec/securityContext/runAsNonroot']);
  Object.assign(at(spoilt, 'spec') as object, { minReadySeconds: 'five' });
  expect(schemaFaults(spoilt).join()).toContain('minReadySeconds');
  expect(schemaFaults({ ...only('Service'), spec: { ports: [{}] } }).join()).toContain('port');
});

describe('the kustomization', () => {
  const kustomization = all.find(({ kind }) => kind === 'Kustomization');

  test('names every object, and not the template of the secret', () => {
    const files = [...new Set(objects.map(({ file }) => file))].filter((name) => name !== 'secret.example.yaml');
    expect([...(at(kustomization, 'resources') as string[])].sort()).toEqual(files.sort());
  });

  test('makes the map of the configuration that the pods mount, of a file that the router accepts', async () => {
    const [generator] = at(kustomization, 'configMapGenerator') as { name: string; files: string[] }[];
    const [volume] = at(pod, 'volumes') as { configMap?: { name: string } }[];
    expect(generator?.name).toBe(volume?.configMap?.name);
    const [file = ''] = generator?.files ?? [];
    const args = at(container, 'args') as string[];
    expect(args[args.indexOf('--config') + 1]).toBe(`/etc/sotto/${file}`);
    await expect(loadConfig({ file: join(folder, file) })).resolves.toMatchObject({ auth: 'keys' });
  });
});

describe('the pods', () => {
  test('run as nobody in particular, on a read-only root, without a token, a capability or a way to more', () => {
    expect(at(pod, 'automountServiceAccountToken')).toBe(false);
    expect(at(only('ServiceAccount'), 'automountServiceAccountToken')).toBe(false);
    expect(at(pod, 'securityContext')).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(container, 'securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('are asked on the port that the router listens on', async () => {
    const { listen } = await loadConfig({ file: join(folder, 'sotto.config.yaml') });
    expect(listen).toBe(`0.0.0.0:${String(at(container, 'ports', 0, 'containerPort'))}`);
    for (const probe of ['startupProbe', 'livenessProbe']) {
      expect(at(container, probe, 'httpGet')).toEqual({ path: '/health/live', port: 'http' });
    }
    expect(at(container, 'readinessProbe', 'httpGet')).toEqual({ path: '/health/ready', port: 'http' });
    expect(at(only('Service'), 'spec', 'ports', 0, 'targetPort')).toBe('http');
    expect(at(only('NetworkPolicy'), 'spec', 'ingress', 0, 'ports', 0, 'port')).toBe('http');
  });

  test('are given longer to end than the router takes', async () => {
    const { drainDelaySeconds, shutdownGraceSeconds } = await loadConfig({ file: join(folder, 'sotto.config.yaml') });
    expect(at(pod, 'terminationGracePeriodSeconds')).toBeGreaterThan(drainDelaySeconds + shutdownGraceSeconds);
    const { periodSeconds, failureThreshold } = at(container, 'readinessProbe') as Readonly<Record<string, number>>;
    expect(drainDelaySeconds).toBeGreaterThan(Number(periodSeconds) * Number(failureThreshold));
  });

  test('are what the service, the budget, the policy and the spread select', () => {
    const labels = at(only('Deployment'), 'spec', 'template', 'metadata', 'labels');
    expect(at(only('Deployment'), 'spec', 'selector', 'matchLabels')).toEqual(labels);
    expect(at(only('Service'), 'spec', 'selector')).toEqual(labels);
    expect(at(only('PodDisruptionBudget'), 'spec', 'selector', 'matchLabels')).toEqual(labels);
    expect(at(only('NetworkPolicy'), 'spec', 'podSelector', 'matchLabels')).toEqual(labels);
    for (const spread of at(pod, 'topologySpreadConstraints') as object[]) {
      expect(at(spread, 'labelSelector', 'matchLabels')).toEqual(labels);
    }
  });

  test('are two at least, one of which stays through a disruption', () => {
    expect(at(only('HorizontalPodAutoscaler'), 'spec', 'minReplicas')).toBe(2);
    expect(at(only('HorizontalPodAutoscaler'), 'spec', 'scaleTargetRef', 'name')).toBe(
      only('Deployment').metadata.name,
    );
    expect(at(only('PodDisruptionBudget'), 'spec', 'maxUnavailable')).toBe(1);
  });
});

describe('the template of the secret', () => {
  const values = at(only('Secret'), 'stringData') as Readonly<Record<string, string>>;
  const scratch = scratchFolder();
  const text = readFileSync(join(folder, 'sotto.config.yaml'), 'utf8');
  const good: Readonly<Record<string, string>> = {
    'storage-key': randomBytes(32).toString('base64'),
    'cluster-secret': randomBytes(32).toString('base64'),
    'admin-key': randomBytes(32).toString('base64'),
    'postgres-password': 'the password of the role',
    'identity.pem': generateKeyPairSync('ed25519', {
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey,
    'nomyo-v1.pem': readFileSync(inject('routerKey'), 'utf8'),
    'upstream-key': 'a key of the model server',
  };

  /** Reads what a start reads, with these secrets in the place of the mounted ones. */
  async function check(secrets: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(secrets)) writeFileSync(join(scratch, name), value);
    await checkConfig(parseConfig(parse(text.replaceAll('/run/secrets/sotto', scratch))), {});
  }

  test('has every file that the configuration reads, where the pods mount it', () => {
    const named = [...text.matchAll(/\/run\/secrets\/sotto\/([\w.-]+)/g)].map(([, name = '']) => name);
    expect(named.sort()).toEqual(Object.keys(values).sort());
    expect(at(pod, 'volumes', 1, 'secret', 'secretName')).toBe(only('Secret').metadata.name);
    expect(at(container, 'volumeMounts', 1, 'mountPath')).toBe('/run/secrets/sotto');
  });

  test('is nothing that a router starts with: each value by itself is refused', async () => {
    await expect(check(good)).resolves.toBeUndefined();
    for (const [name, placeholder] of Object.entries(values)) {
      const code = name.endsWith('.pem') ? 'invalid_key_file' : 'invalid_config';
      await expect(check({ ...good, [name]: placeholder }), name).rejects.toMatchObject({ code });
    }
  });
});
