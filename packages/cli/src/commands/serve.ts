import {
  type AttestationEvent,
  checkConfig,
  createRouter,
  type LogDestination,
  loadConfig,
  type PreparedConfig,
  type RouterConfig,
  serve,
  serveWorkers,
} from '@sotto/router';
import { parseArguments, UsageError, wholeNumber } from '../arguments.ts';
import type { Command, CommandContext } from '../command.ts';
import { Reloads } from './serve-reload.ts';
import { spokenLog } from './spoken-log.ts';

const usage = `sotto serve: run a router

  sotto serve --config FILE             with a configuration (sotto init writes one)
  sotto serve --upstream URL            in front of one OpenAI-compatible server, open to this machine
  sotto serve --builtin [GGUF]          with a model in the router's own process
  sotto serve --check --config FILE     say whether the configuration is good, and end

Options
  --config FILE       YAML or JSON; SIGHUP has a running router read it again
  --check             read the configuration and all that it names, serve nothing
  --upstream URL      http://127.0.0.1:8000/v1, https://…, or unix:/path/to.sock
  --upstream-key-env NAME   the environment variable that holds the upstream's API key
  --builtin           serve the model at --model, or the tiny demonstration model
  --model GGUF        a GGUF file for --builtin
  --port N            listen on 127.0.0.1:N (default 12434)
  --listen ADDRESS    host:port, [v6]:port or unix:/path
  --api-key-env NAME  the environment variable that holds the API key callers must send
  --workers N         processes that share the port, the key and the limits (default 1)
  --json              one JSON object a line instead of words`;

const options = {
  config: { type: 'string' },
  check: { type: 'boolean' },
  upstream: { type: 'string' },
  'upstream-key-env': { type: 'string' },
  builtin: { type: 'boolean' },
  model: { type: 'string' },
  port: { type: 'string' },
  listen: { type: 'string' },
  'api-key-env': { type: 'string' },
  workers: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArguments<typeof options>>['values'];

/** After that long a person wants to know that something is going on. */
const SLOW_START_MS = 3_000;

/** `sotto serve` */
export const serveCommand: Command = { name: 'serve', summary: 'run a router', usage, run };

async function run(args: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  if (positionals.length > 0) throw new UsageError(`serve takes no argument ${positionals[0]}`);
  const workers = values.workers === undefined ? 1 : wholeNumber(values.workers, 'workers', 1, 256);
  const json = values.json === true;
  let log: LogDestination | null = null;
  const report: Report = (event, words) => {
    const line = JSON.stringify({ level: 'info', time: new Date().toISOString(), ...event });
    if (json) context.terminal.print(line);
    else {
      context.terminal.say(words);
      log?.write(`${line}\n`);
    }
  };
  const load = (): Promise<RouterConfig> =>
    loadConfig({
      file: values.config,
      environment: context.environment,
      flags: flagsOf(values, context),
      onWarning: (message) => report({ level: 'warn', event: 'config_warning', message }, `Warning: ${message}`),
    });
  const config = await load();
  if (values.check === true) {
    await checkConfig(config, context.environment);
    report({ event: 'config_valid', file: values.config ?? null }, 'The configuration is good.');
    return 0;
  }
  const reloads = new Reloads();
  context.onHangup(() => reloads.request());
  // A person at a terminal reads words; lines are for whoever collects them.
  const isSilent = config.logging.level === 'silent';
  const logs = !isSilent && (json || !context.terminal.interactive);
  if (logs) log = context.openLog();
  const told = json || isSilent ? log : spokenLog((words) => context.terminal.say(words), log);
  // Keys of RSA-4096, a model in memory, or a database that is waited for.
  const slowStart = setTimeout(() => {
    if (!json) context.terminal.say('Starting: keys, storage and models take a moment …');
  }, SLOW_START_MS);
  const starting = workers === 1 ? serveHere(config, context, report, told) : serveFrom(config, workers, report, logs);
  const server = await Promise.race([starting, context.insisted.then(() => null)]).finally(() =>
    clearTimeout(slowStart),
  );
  if (server === null) {
    report({ event: 'stopped', at_once: true }, 'Stopped at once, before it served.');
    return 1;
  }
  announce(server, config, workers, report);
  reloads.begin({ load, prepare: (next) => server.prepare(next), report });
  await context.interrupted;
  report({ event: 'shutting_down' }, 'Shutting down: finishing what is under way. Ask again to end at once.');
  const closed = reloads.end().then(() => server.close());
  const isOver = await Promise.race([closed.then(() => true), context.insisted.then(() => false)]);
  if (!isOver) server.terminate();
  // Its last word stands behind everybody else's.
  if (json) await log?.close();
  report({ event: 'stopped', at_once: !isOver }, isOver ? 'Stopped.' : 'Stopped at once: what was under way was cut.');
  await log?.close();
  return isOver ? 0 : 1;
}

/** The command line in the configuration's own shape. */
function flagsOf(values: Values, { environment }: CommandContext): Record<string, unknown> {
  const flags: Record<string, unknown> = {};
  if (values.port !== undefined) flags['listen'] = `127.0.0.1:${wholeNumber(values.port, 'port', 0, 65_535)}`;
  if (values.listen !== undefined) flags['listen'] = values.listen;
  const upstreams = upstreamFlags(values);
  if (upstreams.length > 0) flags['upstreams'] = upstreams;
  if (values['api-key-env'] !== undefined) flags['keys'] = [{ name: 'default', keyEnv: values['api-key-env'] }];
  else if (values.config === undefined && isPrivate(values, environment)) flags['auth'] = 'open';
  return flags;
}

/** Variables that say who may come. */
const WHO_MAY_COME = ['SOTTO_AUTH', 'SOTTO_KEYS', 'SOTTO_ADMIN_KEY', 'SOTTO_ADMIN_KEY_FILE', 'SOTTO_ADMIN_KEY_ENV'];
const THIS_MACHINE = /^(?:unix:|(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]):)/;

/**
 * Whether nobody has said who may come, and the router listens on this machine only, or where the command line says: it
 * then lets everybody in, and says so.
 */
function isPrivate({ port, listen }: Values, environment: CommandContext['environment']): boolean {
  if (WHO_MAY_COME.some((name) => environment[name] !== undefined)) return false;
  return port !== undefined || listen !== undefined || THIS_MACHINE.test(environment['SOTTO_LISTEN'] ?? 'localhost:');
}

function upstreamFlags(values: Values): Record<string, unknown>[] {
  const upstreams: Record<string, unknown>[] = [];
  const keyEnv = values['upstream-key-env'];
  if (values.upstream !== undefined) {
    upstreams.push({
      name: 'default',
      baseUrl: values.upstream,
      ...(keyEnv === undefined ? {} : { apiKeyEnv: keyEnv }),
    });
  }
  if (values.builtin === true) {
    upstreams.push({
      name: 'builtin',
      type: 'builtin',
      ...(values.model === undefined ? {} : { model: values.model }),
    });
  }
  return upstreams;
}

type Report = (event: Record<string, unknown>, words: string) => void;

interface Running {
  readonly url: string;
  readonly rsaFingerprint: string | null;
  readonly signerFingerprint: string;
  close(): Promise<void>;
  terminate(): void;
  prepare(config: RouterConfig): Promise<PreparedConfig>;
}

async function serveHere(
  config: RouterConfig,
  { environment }: CommandContext,
  report: Report,
  log: LogDestination | null,
): Promise<Running> {
  const router = await createRouter(config, {
    environment,
    log: log ?? undefined,
    onInternalError: (requestId, error) => {
      const name = error instanceof Error ? error.name : typeof error;
      report(
        { level: 'error', event: 'internal_error', request_id: requestId, name },
        `Internal error in ${requestId}: ${name}`,
      );
    },
    onAttestation: (event) => reportAttestation(event, report),
  });
  const server = await serve(router);
  return {
    url: server.url,
    rsaFingerprint: router.rsaFingerprint,
    signerFingerprint: router.signerFingerprint,
    close: () => server.close(),
    terminate: () => server.terminate(),
    prepare: (next) => server.prepare(next),
  };
}

function serveFrom(config: RouterConfig, workers: number, report: Report, logs: boolean): Promise<Running> {
  return serveWorkers(config, workers, {
    logs,
    onInternalError: (requestId, name) =>
      report(
        { level: 'error', event: 'internal_error', request_id: requestId, name },
        `Internal error in ${requestId}: ${name}`,
      ),
    onAttestation: (event) => reportAttestation(event, report),
    onCrashLoop: (deaths, delayMs) =>
      report(
        { level: 'warn', event: 'worker_crash_loop', deaths, delay_ms: delayMs },
        `${deaths} workers in a row died as soon as they started; the next one comes in ${delayMs} ms.`,
      ),
    onForkFailure: (code, delayMs) =>
      report(
        { level: 'warn', event: 'worker_not_started', code, delay_ms: delayMs },
        `No process can be made for a worker (${code}); the next attempt is in ${delayMs} ms.`,
      ),
    onRestart: (pid) =>
      report({ level: 'warn', event: 'worker_restarted', pid }, `Worker ${pid} died; another takes its place.`),
  });
}

/** Tells what becomes of the router's evidence; that it proves nothing, loudly. */
function reportAttestation(event: AttestationEvent, report: Report): void {
  const { kind, ...rest } = event;
  report(
    { level: kind === 'published' ? 'info' : 'warn', event: `attestation_${kind}`, ...rest },
    attestationWords(event),
  );
}

function attestationWords(event: AttestationEvent): string {
  switch (event.kind) {
    case 'insecure':
      return `\n  !!! INSECURE !!!  ${event.message}\n`;
    case 'published': {
      const measured = Object.entries(event.measurements).map(([name, value]) => `\n  ${name} ${value}`);
      const objections = event.objections.map((objection) => `\n  policies may refuse it: ${objection}`);
      return `Evidence published (${event.type})${measured.join('')}${objections.join('')}`;
    }
    case 'failed':
      return `No new evidence (${event.code}): ${event.message}${event.stillServing ? '; the last one is still served' : ''}`;
    default:
      return event satisfies never;
  }
}

function announce(server: Running, config: RouterConfig, workers: number, report: Report): void {
  const { url, rsaFingerprint, signerFingerprint } = server;
  const upstreams = config.upstreams.map(({ name, type, tier }) => ({ name, type, tier }));
  const lines = [
    `Sotto router on ${url}${workers > 1 ? ` (${workers} workers)` : ''}`,
    ...upstreams.map(({ name, type, tier }) => `  upstream ${name} (${type}), fit for tier ${tier}`),
    `  protocols ${config.protocols.join(', ')}`,
    ...(rsaFingerprint === null ? [] : [`  RSA key SHA-256 ${rsaFingerprint}`, '  (clients pin it with pinnedKeys)']),
    ...(config.protocols.includes('ohttp')
      ? [`  identity SHA-256 ${signerFingerprint}`, '  (clients pin it with pinnedSigners)']
      : []),
    ...(config.auth === 'open' ? ['  auth is open: whoever reaches this address may use it'] : []),
  ];
  report(
    {
      event: 'listening',
      url,
      workers,
      upstreams,
      protocols: config.protocols,
      rsa_fingerprint: rsaFingerprint,
      signer_fingerprint: signerFingerprint,
      auth: config.auth,
    },
    lines.join('\n'),
  );
}
