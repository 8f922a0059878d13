import { apiError } from '@sotto/protocol';
import type { Candidate } from './candidates.ts';
import type { CountedUpstream } from './counted-upstream.ts';
import { discoverModels } from './discover-models.ts';

/** An upstream and the models it offers; null models are asked for at its `/models`. */
export interface DirectoryEntry {
  readonly upstream: CountedUpstream;
  readonly models: readonly string[] | null;
}

/** A model as `/v1/models` lists it. */
export interface ListedModel {
  readonly id: string;
  readonly ownedBy: string;
}

const REFRESH_MS = 60_000;
/** A model nobody knows makes the directory ask again, but not more often than this. */
const MISS_REFRESH_MS = 2_000;
/** Models an upstream may list; more are left out, so that a broken one cannot fill the memory. */
const MAX_MODELS_PER_UPSTREAM = 10_000;

/** Who offers which model: as configured, or as the upstreams themselves say. */
export class ModelDirectory {
  readonly #entries: readonly DirectoryEntry[];
  readonly #aliases: Readonly<Record<string, readonly string[]>>;
  readonly #discovered = new Map<string, readonly string[]>();
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | null = null;

  constructor(entries: readonly DirectoryEntry[], aliases: Readonly<Record<string, readonly string[]>>) {
    this.#entries = entries;
    this.#aliases = aliases;
  }

  /** Asks every upstream that has no configured models for its list. Never rejects: who does not answer keeps its old list. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#askAll().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** All models and aliases, in the order of the configuration, each once. */
  async list(): Promise<readonly ListedModel[]> {
    await this.#refreshIfOlderThan(REFRESH_MS);
    const models = new Map<string, ListedModel>();
    for (const id of Object.keys(this.#aliases)) models.set(id, { id, ownedBy: 'alias' });
    for (const { upstream, models: configured } of this.#entries) {
      for (const id of configured ?? this.#discovered.get(upstream.name) ?? []) {
        if (!models.has(id)) models.set(id, { id, ownedBy: upstream.name });
      }
    }
    return [...models.values()];
  }

  /**
   * Who can answer for a model, in the order to try: the targets of an alias in turn, else every upstream that
   * lists the model, the least loaded first, else the upstream whose name stands before the slash.
   * @throws NotFoundError `model_not_found`, with the names that there are
   */
  async candidates(model: string, allowed: (model: string) => boolean): Promise<readonly Candidate[]> {
    if (performance.now() - this.#refreshedAtMs > REFRESH_MS) void this.refresh();
    let found = this.#lookUp(model);
    if (found.length === 0 && this.#entries.some((entry) => entry.models === null)) {
      await this.#refreshIfOlderThan(MISS_REFRESH_MS);
      found = this.#lookUp(model);
    }
    if (found.length > 0) return found;
    const known = (await this.list()).map(({ id }) => id).filter(allowed);
    const shown = known.slice(0, 20).join(', ');
    throw apiError(
      'model_not_found',
      `there is no such model here; there is: ${shown}${known.length > 20 ? ', …' : ''}`,
      {
        param: 'model',
      },
    );
  }

  #lookUp(model: string): readonly Candidate[] {
    const targets = Object.hasOwn(this.#aliases, model) ? (this.#aliases[model] ?? []) : [model];
    return targets.flatMap((target) => this.#offering(target));
  }

  #offering(model: string): readonly Candidate[] {
    const listed = this.#entries.filter((entry) => this.#offers(entry, model));
    if (listed.length > 0) return byLoad(listed).map(({ upstream }) => ({ upstream, model }));
    const slash = model.indexOf('/');
    const rest = model.slice(slash + 1);
    const named = this.#entries.find(({ upstream }) => slash > 0 && upstream.name === model.slice(0, slash));
    return named !== undefined && this.#offers(named, rest) ? [{ upstream: named.upstream, model: rest }] : [];
  }

  #offers(entry: DirectoryEntry, model: string): boolean {
    return (entry.models ?? this.#discovered.get(entry.upstream.name))?.includes(model) ?? false;
  }

  async #refreshIfOlderThan(ageMs: number): Promise<void> {
    if (performance.now() - this.#refreshedAtMs > ageMs) await this.refresh();
  }

  async #askAll(): Promise<void> {
    const unknown = this.#entries.filter((entry) => entry.models === null);
    await Promise.all(
      unknown.map(async ({ upstream }) => {
        const models = await discoverModels(upstream);
        if (models !== null) this.#discovered.set(upstream.name, models.slice(0, MAX_MODELS_PER_UPSTREAM));
      }),
    );
    this.#refreshedAtMs = performance.now();
  }
}

/** The least loaded first, for its weight; the configuration's order among equals. */
function byLoad(entries: readonly DirectoryEntry[]): readonly DirectoryEntry[] {
  return entries.length === 1 ? entries : [...entries].sort((a, b) => a.upstream.load - b.upstream.load);
}
