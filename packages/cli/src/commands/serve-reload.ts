import { SottoError } from '@sotto/protocol';
import { InvalidConfigError, type PreparedConfig, type RouterConfig } from '@sotto/router';

/** What a reload needs of the command. */
export interface ReloadOptions {
  /** Reads file, environment and command line anew. */
  readonly load: () => Promise<RouterConfig>;
  readonly prepare: (config: RouterConfig) => Promise<PreparedConfig>;
  readonly report: (event: Record<string, unknown>, words: string) => void;
}

/** Reloads one after another; one that is asked for while another runs comes after it, and more of them are one. */
export class Reloads {
  #options: ReloadOptions | null = null;
  #isWanted = false;
  #running: Promise<void> | null = null;

  /** Asks for one. Before the router has started it is kept until then. */
  request(): void {
    this.#isWanted = true;
    this.#run();
  }

  /** From now on reloads are done. */
  begin(options: ReloadOptions): void {
    this.#options = options;
    this.#run();
  }

  /** Does no more of them. Settles when the one that runs is over. */
  async end(): Promise<void> {
    this.#options = null;
    await this.#running;
  }

  #run(): void {
    if (this.#options === null || !this.#isWanted || this.#running !== null) return;
    this.#isWanted = false;
    this.#running = reload(this.#options).finally(() => {
      this.#running = null;
      this.#run();
    });
  }
}

async function reload({ load, prepare, report }: ReloadOptions): Promise<void> {
  try {
    const prepared = await prepare(await load());
    prepared.commit();
    const { changed } = prepared;
    const what = changed.length === 0 ? 'nothing changed but, perhaps, what files hold' : changed.join(', ');
    report({ event: 'config_reloaded', changed }, `Configuration taken over: ${what}`);
  } catch (error) {
    const { code, message } = SottoError.isInstance(error)
      ? error
      : { code: 'internal_error', message: 'an unexpected failure of sotto itself' };
    const faults = error instanceof InvalidConfigError ? { faults: error.faults } : {};
    const event = { level: 'warn', event: 'config_rejected', code, message, ...faults };
    report(event, `Reload rejected, the old one goes on: ${message}`);
  }
}
