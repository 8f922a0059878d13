import { SottoError } from '@sotto/protocol';
import { parseArguments, UsageError, wholeNumber } from '../arguments.ts';
import type { Command, CommandContext } from '../command.ts';
import { isLoopbackUrl } from '../loopback-url.ts';
import { type Activity, activityBetween } from '../top/activity.ts';
import { openFullScreen } from '../top/full-screen.ts';
import { fetchLive, type Live, type LiveSource } from '../top/live.ts';
import { COLOURS, drawActivity, NO_COLOURS, type Paint } from '../top/screen.ts';

const usage = `sotto top: watch what a router is doing

  sotto top --router URL                requests, tokens, latencies, model servers; q ends it
  sotto top --router URL --once         the same, once: what happened in the next second
  sotto top --router URL --json         one JSON object a line, until it is ended

Options
  --router URL          or the environment variable SOTTO_BASE_URL
  --admin-key-env NAME  the environment variable that holds the admin key (default SOTTO_ADMIN_KEY)
  --interval N          seconds between two looks (default 1)
  --once                one look; so it is anyway where no terminal is
  --json                one JSON object a look
  --allow-http          plain HTTP to another machine than this one

It shows counts and names of model servers: no prompt, no answer, no model, no key.`;

const options = {
  router: { type: 'string' },
  'admin-key-env': { type: 'string' },
  interval: { type: 'string' },
  once: { type: 'boolean' },
  json: { type: 'boolean' },
  'allow-http': { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArguments<typeof options>>['values'];

/** `sotto top` */
export const topCommand: Command = { name: 'top', summary: 'watch what a router is doing', usage, run };

async function run(args: readonly string[], context: CommandContext): Promise<number> {
  const { values, positionals } = parseArguments(args, options);
  if (positionals.length > 0) throw new UsageError(`top takes no argument ${positionals[0]}`);
  const source = sourceOf(values, context);
  const intervalMs = 1_000 * (values.interval === undefined ? 1 : wholeNumber(values.interval, 'interval', 1, 3_600));
  const { terminal, environment } = context;
  const isScreen = terminal.interactive && values.once !== true && values.json !== true;
  if (isScreen) return watch(source, intervalMs, context, environment['NO_COLOR'] === undefined ? COLOURS : NO_COLOURS);
  const show = (activity: Activity): void => {
    if (values.json === true) terminal.print(JSON.stringify(activity));
    else terminal.print(drawActivity(source.url.origin, activity, NO_COLOURS).join('\n'));
  };
  let before = await fetchLive(source);
  while (await wait(intervalMs, context.interrupted)) {
    const now = await fetchLive(source);
    show(activityBetween(before, now));
    if (values.once === true || values.json !== true) break;
    before = now;
  }
  return 0;
}

function sourceOf(values: Values, { environment }: CommandContext): LiveSource {
  const router = values.router ?? environment['SOTTO_BASE_URL'];
  if (router === undefined) throw new UsageError('give --router URL');
  const keyName = values['admin-key-env'] ?? 'SOTTO_ADMIN_KEY';
  const adminKey = environment[keyName];
  if (adminKey === undefined || adminKey === '') throw new UsageError(`the environment variable ${keyName} is not set`);
  const address = `${router.replace(/\/+$/, '').replace(/\/v1$/, '')}/admin/v1/live`;
  if (!URL.canParse(address) || !/^https?:/.test(address)) {
    throw new UsageError('--router takes a URL, such as https://router.example');
  }
  if (address.startsWith('http:') && !isLoopbackUrl(address) && values['allow-http'] !== true) {
    throw new UsageError('the admin key would go to another machine in clear: use https, or say --allow-http');
  }
  return { url: new URL(address), adminKey };
}

/** Redraws until somebody has seen enough. A router that is away is waited for. */
async function watch(source: LiveSource, intervalMs: number, context: CommandContext, paint: Paint): Promise<number> {
  let before: Live | null = await fetchLive(source);
  const screen = openFullScreen(process.stdin, process.stdout);
  try {
    screen.draw([source.url.origin, '', 'Looking …']);
    const enough = Promise.race([screen.quit, context.interrupted]);
    while (await wait(intervalMs, enough)) {
      try {
        const now: Live = await fetchLive(source);
        if (before !== null) screen.draw(drawActivity(source.url.origin, activityBetween(before, now), paint));
        before = now;
      } catch (error) {
        if (!(error instanceof UsageError) && !SottoError.isInstance(error)) throw error;
        screen.draw([source.url.origin, '', paint.bad(error.message)]);
        before = null;
      }
    }
  } finally {
    screen.close();
  }
  return 0;
}

/** @returns false where somebody has seen enough before the time is over */
async function wait(ms: number, enough: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  const goOn = await Promise.race([over, enough.then(() => false)]);
  clearTimeout(timer);
  return goOn;
}
