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
  // A group of its own: what the program forks ends with it.
  const child = spawn(program, rest, { stdio, env: { ...process.env, ...env }, detached: true });
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

/** Ends a program and all that it forked, at once. */
export function kill(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
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
