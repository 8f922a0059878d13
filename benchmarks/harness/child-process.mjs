// Starts what is measured and what measures, each in a process of its own, and leaves none behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const running = new Set();
const STOP_GRACE_MS = 5_000;

/**
 * Starts a program, on these cores only where `cpus` is given. It is stopped at the latest when this process ends.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cpus?: string | null, stdio: import('node:child_process').StdioOptions, env?: NodeJS.ProcessEnv }} options
 */
export function start(command, args, { cpus = null, stdio, env = {} }) {
  const [program, ...rest] = cpus === null ? [command, ...args] : ['taskset', '-c', cpus, command, ...args];
  // Not detached: a session of its own would get a share of the CPU of its own (sched(7), autogrouping).
  const child = spawn(program, rest, { stdio, env: { ...process.env, ...env } });
  running.add(child);
  child.on('exit', () => running.delete(child));
  child.on('error', () => running.delete(child));
  return child;
}

/** Ends a program that {@link start} started, gently at first, and waits for its end. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => kill(child), STOP_GRACE_MS);
  await ended;
  clearTimeout(timer);
}

/** Ends a program at once. */
export function kill(child) {
  child.kill('SIGKILL');
}

/** Runs a program to its end. @returns {Promise<string>} its standard output @throws Error with its standard error */
export async function run(command, args, options = {}) {
  const child = start(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), exit(child)]);
  if (child.exitCode !== 0) throw new Error(`${command} failed (${child.exitCode}): ${errors.slice(-2_000)}`);
  return output;
}

async function text(stream) {
  let all = '';
  for await (const chunk of stream.setEncoding('utf8')) all += chunk;
  return all;
}

function exit(child) {
  return new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
}

process.on('exit', () => {
  for (const child of running) kill(child);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
