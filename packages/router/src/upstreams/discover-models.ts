import { z } from 'zod';
import { type Clock, systemClock } from './clock.ts';
import { collectAnswer, type UpstreamAnswer } from './collect-answer.ts';
import type { Upstream } from './upstream.ts';

const modelList = z.object({ data: z.array(z.object({ id: z.string().min(1).max(256) })) });
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** Models an upstream may list; more are left out, so that a broken one cannot fill the memory. */
const MAX_MODELS = 10_000;

/** Where an upstream lists what it offers. */
export const MODELS_PATH = '/models';

/** What an upstream says it offers. Who does not answer keeps the list of the last time. */
export class DiscoveredModels {
  readonly #upstream: Upstream;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #models: readonly string[] = [];
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<UpstreamAnswer> | null = null;

  constructor(upstream: Upstream, timeoutMs: number, clock: Clock = systemClock) {
    this.#upstream = upstream;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** The models of the last list; empty before the first. */
  get models(): readonly string[] {
    return this.#models;
  }

  /** Milliseconds since it was last asked, with or without an answer. */
  get ageMs(): number {
    return this.#clock.nowMs() - this.#askedAtMs;
  }

  /**
   * Asks for the list; who asks while an answer is awaited gets the same one.
   * @throws ServerError whatever {@link collectAnswer} throws
   */
  ask(): Promise<UpstreamAnswer> {
    this.#asking ??= this.#ask().finally(() => {
      this.#askedAtMs = this.#clock.nowMs();
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(): Promise<UpstreamAnswer> {
    const answer = await askUpstream(this.#upstream, MODELS_PATH, this.#timeoutMs);
    const models = answer.status === 200 ? readModels(answer.body) : null;
    if (models !== null) this.#models = models.slice(0, MAX_MODELS);
    return answer;
  }
}

/**
 * Sends an upstream a short question of the router's own.
 * @throws ServerError whatever {@link collectAnswer} throws
 */
export function askUpstream(upstream: Upstream, path: string, timeoutMs: number): Promise<UpstreamAnswer> {
  const request = { method: 'GET', path, body: null, stream: false } as const;
  return collectAnswer(upstream, request, { maxBytes: MAX_LIST_BYTES, timeoutMs });
}

function readModels(body: Uint8Array): readonly string[] | null {
  try {
    const parsed = modelList.safeParse(JSON.parse(new TextDecoder().decode(body)));
    return parsed.success ? parsed.data.data.map(({ id }) => id) : null;
  } catch {
    return null;
  }
}
