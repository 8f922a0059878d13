import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../packages/router/test/self-signed.ts';
import { startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { buildContext, copyFromContext, imageDockerfile, imageInstructions } from './dockerfile.ts';
import { scratchFolder } from './scratch-folder.ts';
import { runNode } from './sotto.ts';
import { withProgram } from './with-program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const instructions = imageInstructions();
const last = Math.max(...instructions.map(({ stage }) => stage));

function of(keyword: string, stage = last): readonly string[] {
  return instructions.filter((each) => each.keyword === keyword && each.stage === stage).map(({ text }) => text);
}

describe('the Dockerfile', () => {
  test('has nothing that a linter objects to', () => {
    expect(validate(imageDockerfile())).toEqual([]);
  });

  test('starts from exact versions of a Node that the packages support', () => {
    const bases = instructions.filter(({ keyword }) => keyword === 'FROM').map(({ text }) => text.split(' ')[0] ?? '');
    expect(bases.length).toBe(2);
    for (const base of bases) expect(base).toMatch(/^node:24\.\d+\.\d+-bookworm-slim$/);
  });

  test('makes an image that is not root, starts no shell and is told to end by SIGTERM', () => {
    expect(of('USER')).toEqual(['1000:1000']);
    expect(of('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(JSON.parse(of('ENTRYPOINT')[0] ?? '')).toEqual(['node', '/opt/sotto/dist/main.js']);
    expect(JSON.parse(of('CMD')[0] ?? '')).toEqual(['serve', '--config', '/etc/sotto/sotto.config.yaml']);
    expect(JSON.parse(of('HEALTHCHECK')[0]?.replace(/^.*?CMD /, '') ?? '')).toEqual([
      'node',
      '/opt/sotto/healthcheck.mjs',
    ]);
    expect(of('RUN')).toEqual([]);
  });

  test('asks a router with a certificate of its own for its health too', async () => {
    const certificate = selfSigned();
    if (certificate === null) return void process.stdout.write('skipped: there is no openssl on this machine\n');
    const { certPem, keyPem } = certificate;
    const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
      response.writeHead(request.url === '/health/live' ? 200 : 503).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const check = async (host: string, path: string): Promise<number | null> =>
      (await runNode([join(root, 'deploy/docker/healthcheck.mjs'), `https://${host}:${port}${path}`])).code;
    expect(await check('127.0.0.1', '/health/live')).toBe(0);
    expect(await check('127.0.0.1', '/health/ready')).toBe(1);
    // Nobody else is trusted without a good certificate.
    expect(await check('localhost', '/health/live')).toBe(1);
    server.close();
  });

  test('lets no key, database, test or earlier build into the image', () => {
    const context = buildContext();
    expect(context).toContain('packages/router/src/app.ts');
    const unwanted = /(^|\/)(\.git|node_modules|dist|test|docs|client_keys|e2e)\/|\.(pem|db|key)$|(^|\/)\.env/;
    expect(context.filter((path) => unwanted.test(path))).toEqual([]);
  });
});

/** What is left out here, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'corepack enable': 'it would change the pnpm of this machine; the one that runs the tests takes its place',
  // It takes a minute, and is what `npm test` has just run over the same files: its results are copied.
  'pnpm run build': 'done by npm test before the tests',
};

/** What is done in part. The whole takes a minute too, and was done by `npm test`; that the lockfile fits is seen. */
const IN_PART: Readonly<Record<string, string>> = {
  'pnpm install --frozen-lockfile': 'pnpm install --frozen-lockfile --lockfile-only',
};

withProgram(['pnpm', '--version'], 'what the Dockerfile builds', () => {
  const folder = scratchFolder();
  const build = join(folder, 'build');
  const image = join(build, 'app');
  const ran: string[] = [];

  function runStage(): void {
    const context = buildContext();
    for (const { keyword, text } of instructions.filter(({ stage }) => stage === 0)) {
      if (keyword === 'COPY') copyFromContext({ keyword, text, stage: 0 }, context, build);
      if (keyword !== 'RUN') continue;
      if (text === 'pnpm run build') copyDist();
      if (NOT_RUN[text] !== undefined) continue;
      const { status, stdout, stderr } = runHere(IN_PART[text] ?? text);
      if (status !== 0) throw new Error(`${text}: ${stdout}${stderr}`);
      ran.push(text);
    }
  }

  function copyDist(): void {
    for (const name of readdirSync(join(build, 'packages'))) {
      const dist = join(root, 'packages', name, 'dist');
      if (existsSync(dist)) cpSync(dist, join(build, 'packages', name, 'dist'), { recursive: true });
    }
  }

  function runHere(command: string): { status: number | null; stdout: string; stderr: string } {
    const offline = { npm_config_prefer_offline: 'true', CI: 'true' };
    return spawnSync('/bin/sh', ['-c', command], { cwd: build, encoding: 'utf8', env: { ...process.env, ...offline } });
  }

  beforeAll(() => {
    mkdirSync(build);
    runStage();
  }, 120_000);

  test('is built by all commands but those that are said to be left out', () => {
    const all = of('RUN', 0);
    expect(all.filter((command) => !ran.includes(command))).toEqual(Object.keys(NOT_RUN));
    expect(ran.length).toBeGreaterThan(3);
  });

  test('is healthy and answers a request, with nothing in its environment and nothing of this checkout', async () => {
    const upstream = await startStandIn(['m']);
    const config = join(folder, 'sotto.config.yaml');
    const plain = { auth: 'open', listen: '127.0.0.1:0', upstreams: [{ name: 'u', baseUrl: upstream.baseUrl }] };
    writeFileSync(config, JSON.stringify(plain));
    const state = join(build, 'state');
    const [, entry = ''] = JSON.parse(of('ENTRYPOINT')[0] ?? '') as string[];
    const program = entry.replace('/opt/sotto', image);
    // Node by its path: an empty environment has no PATH.
    const child = spawn(process.execPath, [program, 'serve', '--config', config, '--json'], { cwd: state, env: {} });
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
    try {
      const url = await new Promise<string>((resolve, reject) => {
        createInterface({ input: child.stdout }).on('line', (line) => {
          const event = JSON.parse(line) as { event: string; url?: string };
          if (event.event === 'listening') resolve(event.url ?? '');
        });
        void exit.then((code) => reject(new Error(`ended with ${code}`)));
      });
      const check = join(root, 'deploy/docker/healthcheck.mjs');
      execFileSync(process.execPath, [check, `${url}/health/live`], { env: {} });
      expect(spawnSync(process.execPath, [check, `${url}/health/nothing`], { env: {} }).status).toBe(1);
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] }),
      });
      expect(JSON.stringify(await answer.json())).toContain('echo: hello');
    } finally {
      child.kill('SIGTERM');
      await upstream.close();
    }
    expect(await exit).toBe(0);
  });

  test('holds no development dependency and nothing that differs from one build to the next', () => {
    const installed = readdirSync(join(image, 'node_modules/.pnpm'));
    expect(installed.some((name) => name.startsWith('undici@'))).toBe(true);
    expect(installed.filter((name) => /^(vitest|tsup|esbuild|openai|eslint)@/.test(name))).toEqual([]);
    const first = fingerprint(image);
    expect(first.size).toBeGreaterThan(500);
    execFileSync('mv', [image, join(folder, 'first')]);
    for (const command of of('RUN', 0).filter((each) => / app(\/|$)/.test(each))) runHere(command);
    expect(fingerprint(image)).toEqual(first);
  });
});

/** Path and content of all files below: what a measurement of the image depends on. */
function fingerprint(folder: string, below = '', found = new Map<string, string>()): ReadonlyMap<string, string> {
  for (const name of readdirSync(join(folder, below)).sort()) {
    const path = join(below, name);
    const stat = lstatSync(join(folder, path));
    if (stat.isDirectory()) fingerprint(folder, path, found);
    else if (stat.isSymbolicLink()) found.set(path, readlinkSync(join(folder, path)));
    else
      found.set(
        path,
        createHash('sha256')
          .update(readFileSync(join(folder, path)))
          .digest('hex'),
      );
  }
  return found;
}
