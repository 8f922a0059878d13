import { type ChildProcess, fork } from 'node:child_process';
import type { TrustRoots } from '@sotto/attestation';
import type { EndorserOptions } from '@sotto/attestation/attest';
import type { AttestationEvent, RouterConfigInput } from '@sotto/router';
import { type StandInUpstream, startStandIn } from '../../packages/router/test/stand-in-upstream.ts';
import { type ManInTheMiddle, type MiddleOptions, startManInTheMiddle } from '../man-in-the-middle.ts';
import { API_KEY } from '../sealed-router.ts';
import type { Guest } from './guests.ts';
import type { RouterTask } from './router-process.ts';

/** A router in a process of its own, the model server behind it, and whoever carries the bytes before it. */
export interface AttestedRouter {
  /** What its evidence names as its origin, and clients know it by: the address of the one in the middle. */
  readonly url: string;
  /** Its own address, which nobody is told. */
  readonly directUrl: () => string;
  readonly middle: ManInTheMiddle;
  readonly upstream: StandInUpstream;
  readonly events: readonly AttestationEvent[];
  /** Has it take new keys. */
  rotate(): Promise<void>;
  /** Ends its process and starts another: its keys are gone. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** How one is started. */
export interface AttestedRouterOptions extends MiddleOptions {
  /** The built program. */
  readonly program: string;
  readonly guest: Guest;
  readonly roots: TrustRoots;
  readonly services: EndorserOptions;
  readonly config?: Partial<RouterConfigInput>;
}

/** Starts one; model `m` is inside the same TEE, and the key of {@link API_KEY} is let in. */
export async function startAttestedRouter(options: AttestedRouterOptions): Promise<AttestedRouter> {
  const { program, guest, roots, services, config, tls } = options;
  let directUrl = '';
  const [middle, upstream] = await Promise.all([startManInTheMiddle(() => directUrl, { tls }), startStandIn(['m'])]);
  const task: RouterTask = {
    config: {
      listen: '127.0.0.1:0',
      publicUrl: middle.url,
      protocols: ['ohttp'],
      keys: [{ name: 'e2e', key: API_KEY }],
      upstreams: [
        { name: 'model', baseUrl: upstream.baseUrl, models: ['m'], tier: 'maximum', sameTee: true, probe: false },
      ],
      shutdownGraceSeconds: 1,
      attestation: guest.attestation,
      ...config,
    },
    roots,
    guest: guest.at,
    services,
  };
  const events: AttestationEvent[] = [];
  const startChild = async (): Promise<ChildProcess> => {
    const started = fork(program, [JSON.stringify(task)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Of the router behind it, where there is one.
      env: { PATH: process.env['PATH'], E2E_INNER_KEY: API_KEY },
    });
    started.on('message', (message: { readonly attestation?: AttestationEvent }) => {
      if (message.attestation !== undefined) events.push(message.attestation);
    });
    directUrl = String((await told(started, 'url'))['url']);
    return started;
  };
  let child = await startChild();
  return {
    url: middle.url,
    directUrl: () => directUrl,
    middle,
    upstream,
    events,
    rotate: async () => {
      const rotated = told(child, 'rotated');
      child.send('rotate');
      await rotated;
    },
    restart: async () => {
      await end(child);
      child = await startChild();
    },
    close: async () => {
      await upstream.close();
      await end(child);
      await middle.close();
    },
  };
}

/** Tells it to shut down by letting go of it, and waits. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  await exit;
}

/** Settles with the next message that has this member. */
function told(child: ChildProcess, member: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the router's process ended with code ${code}`));
    const listener = (message: unknown): void => {
      const members = message as Record<string, unknown>;
      if (!(member in members)) return;
      child.off('message', listener);
      child.off('exit', ended);
      resolve(members);
    };
    child.once('exit', ended);
    child.on('message', listener);
  });
}
