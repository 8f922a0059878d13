import type { RouterConfig } from '../config/schema.ts';
import type { PreparedConfig } from '../present-serving.ts';
import { Crew, refuseSeparateStores, type WorkerEvents } from './crew.ts';
import { openCrewKeys } from './crew-keys.ts';

export type { WorkerEvents } from './crew.ts';

/** A router that serves from several processes. */
export interface WorkerServer {
  readonly url: string;
  readonly rsaFingerprint: string | null;
  readonly signerFingerprint: string;
  /** Shuts every worker down as `RouterServer.close` does, and waits for all of them. */
  close(): Promise<void>;
  /** Ends every worker at once, whatever is under way. */
  terminate(): void;
  /**
   * Has every worker read another configuration. Nothing changes before it is committed, and then in all of them.
   * @throws ConfigurationError `invalid_config`, `invalid_key_file` where one of them cannot take it over: none does
   */
  prepare(config: RouterConfig): Promise<PreparedConfig>;
}

/**
 * Serves from `count` processes that share the port, the keys, the memory against replays and the rate limits. A
 * worker that dies is replaced, and takes nothing with it but its own requests.
 * @throws ConfigurationError where a worker cannot start
 */
export async function serveWorkers(
  config: RouterConfig,
  count: number,
  events: WorkerEvents = {},
): Promise<WorkerServer> {
  refuseSeparateStores(config);
  const crew = new Crew(config, await openCrewKeys(config, process.env), events);
  try {
    const { url, rsaFingerprint, signerFingerprint } = await crew.start(count);
    return {
      url,
      rsaFingerprint,
      signerFingerprint,
      close: () => crew.shutDown(),
      terminate: () => crew.terminate(),
      prepare: (next) => crew.prepare(next),
    };
  } catch (error) {
    await crew.shutDown();
    throw error;
  }
}
