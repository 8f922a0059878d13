import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@sotto/router';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { shellBlocks } from './shell-blocks.ts';
import { withProgram } from './with-program.ts';

interface Service {
  readonly image: string;
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly healthcheck?: object;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly stop_grace_period?: string;
  readonly deploy: { readonly resources: { readonly limits: { readonly cpus: string; readonly memory: string } } };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const folder = fileURLToPath(new URL('../deploy/compose/', import.meta.url));
const compose = parse(readFileSync(join(folder, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const routers = services.filter(([name]) => name.startsWith('router-'));
const configFile = join(folder, 'sotto.config.yaml');

function filesOf(service: Service): readonly string[] {
  return (service.volumes ?? []).map((each) => each.split(':')[0] ?? '').filter((path) => path.startsWith('.'));
}

withProgram(['docker-compose', 'version'], 'the compose file', () => {
  test('is one by the schema of the specification', () => {
    const args = ['-f', join(folder, 'compose.yaml'), 'config', '--quiet'];
    const { status, stderr } = spawnSync('docker-compose', args, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  });
});

test.each(services)('%s is of an exact version, contained, limited and watched', (name, service) => {
  expect(service.image).toMatch(/:\d+\.\d+(\.\d+)?(-\w+)?$/);
  expect(service).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  });
  const { cpus, memory } = service.deploy.resources.limits;
  expect(`${cpus} ${memory}`).toMatch(/^\d+ \d+[MG]$/);
  // Routers have the image's own, and the balancer has nobody behind it who waits for it.
  const isWatched = service.healthcheck !== undefined || service.image.startsWith('sotto:') || name === 'balancer';
  expect(isWatched).toBe(true);
  for (const path of filesOf(service)) expect(existsSync(join(folder, path)), path).toBe(true);
});

test('only the balancer is reachable from outside, and only from this machine', () => {
  const published = services.filter(([, { ports }]) => ports !== undefined);
  expect(published.map(([name, { ports }]) => [name, ports])).toEqual([['balancer', ['127.0.0.1:12434:12434']]]);
  for (const [name, { networks }] of services) {
    const open = networks.filter((each) => compose.networks[each]?.internal !== true);
    expect(open, name).toEqual(name === 'balancer' ? ['outside'] : []);
  }
});

describe('the configuration of the routers', () => {
  const text = readFileSync(configFile, 'utf8');

  test('is one, and names only services that there are', async () => {
    const config = await loadConfig({ file: configFile });
    const models = [...text.matchAll(/^ +baseUrl: (.+)$/gm)].map(([, url = '']) => url);
    expect(models.length).toBe(config.upstreams.length);
    const urls = [config.storage, config.redis ?? '', ...models];
    for (const url of urls) expect(Object.keys(compose.services)).toContain(new URL(url).hostname);
    expect(routers.length).toBe(2);
  });

  test('reads the secrets that the routers are given, each made by the commands of the documentation', () => {
    const read = [...text.matchAll(/^[^#\n]*\/run\/secrets\/([\w.-]+)/gm)].map(([, name = '']) => name).sort();
    for (const [name, { secrets }] of routers) expect([...(secrets ?? [])].sort(), name).toEqual(read);
    expect(Object.keys(compose.secrets).sort()).toEqual(read);
    const page = readFileSync(new URL('../docs/deployment.md', import.meta.url), 'utf8');
    const making = shellBlocks(page).find(({ commands }) => commands.includes('mkdir -m 0700 deploy/compose/secrets'));
    for (const name of read) expect(making?.commands).toContain(name);
    for (const [name, { file }] of Object.entries(compose.secrets)) expect(file).toBe(`./secrets/${name}`);
  });

  test('listens where the balancer looks, and ends before the containers are killed', async () => {
    const { listen, drainDelaySeconds, shutdownGraceSeconds } = await loadConfig({ file: configFile });
    const balancer = readFileSync(join(folder, 'haproxy.cfg'), 'utf8');
    const [, port] = listen.split(':');
    for (const [name, service] of routers) {
      expect(balancer).toContain(`server ${name} ${name}:${port}`);
      expect(Number.parseInt(service.stop_grace_period ?? '', 10)).toBeGreaterThan(
        drainDelaySeconds + shutdownGraceSeconds,
      );
    }
  });
});
