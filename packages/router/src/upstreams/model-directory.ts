import { apiError } from '@sotto/protocol';
import type { Candidate } from './candidates.ts';
import { DiscoveredModels } from './discover-models.ts';
import type { GuardedUpstream } from './guarded-upstream.ts';
import type { UpstreamState } from './upstream-state.ts';

/** An upstream and the models it offers: as configured, or as it says itself. */
export interface DirectoryEntry {
  readonly upstream: GuardedUpstream;
  readonly models: readonly string[] | DiscoveredModels;
}

/** Alias → models in the order to try. */
export type Aliases = Readonly<Record<string, readonly string[]>>;

/** A model as `/v1/models` lists it. */
export interface ListedModel {
  readonly id: string;
  readonly ownedBy: string;
}

const REFRESH_MS = 60_000;
/** A model nobody knows makes the directory ask again, but not more often than this. */
const MISS_REFRESH_MS = 2_000;

/** Who offers which model, and in which order to ask. */
export class ModelDirectory {
  readonly #entries: readonly DirectoryEntry[];
  readonly #aliases: () => Aliases;
  readonly #discovered: readonly DiscoveredModels[];

  /** @param aliases those of now: asked at every request */
  constructor(entries: readonly DirectoryEntry[], aliases: () => Aliases) {
    this.#entries = entries;
    this.#aliases = aliases;
    this.#discovered = entries.flatMap(({ models }) => (models instanceof DiscoveredModels ? [models] : []));
  }

  /** Asks for the lists that are not configured. Never rejects: who does not answer keeps its old list. */
  refresh(): Promise<void> {
    return this.#refreshOlderThan(0);
  }

  /** How every upstream fares now, in the order of the configuration. */
  states(): readonly UpstreamState[] {
    return this.#entries.map(({ upstream }) => upstream.state);
  }

  /** Whether at least one upstream is healthy and takes calls. */
  isReady(): boolean {
    return this.#entries.some(({ upstream }) => upstream.healthy && upstream.closedForMs === 0);
  }

  /** All models and aliases, in the order of the configuration, each once; but aliases of what nobody offers. */
  async list(): Promise<readonly ListedModel[]> {
    await this.#refreshOlderThan(REFRESH_MS);
    const models = new Map<string, ListedModel>();
    for (const id of Object.keys(this.#aliases())) {
      if (this.#lookUp(id).length > 0) models.set(id, { id, ownedBy: 'alias' });
    }
    for (const entry of this.#entries) {
      for (const id of modelsOf(entry)) {
        if (!models.has(id)) models.set(id, { id, ownedBy: entry.upstream.name });
      }
    }
    return [...models.values()];
  }

  /**
   * Who can answer for a model, in the order to try: the targets of an alias in turn, else every upstream that
   * lists the model, else the upstream whose name stands before the slash. Of the upstreams of one model the healthy
   * come before the unhealthy, those with a free place before those where a call would wait, and then the least
   * loaded for its weight. Unhealthy ones are asked last rather than never: a probe may be wrong, and the caller would
   * get nothing else. Those that take no calls are among them, for whoever picks a tier must know that they exist.
   * @throws NotFoundError `model_not_found`, with the names that there are
   */
  async candidates(model: string, allowed: (model: string) => boolean): Promise<readonly Candidate[]> {
    if (this.#discovered.length > 0) void this.#refreshOlderThan(REFRESH_MS);
    let found = this.#lookUp(model);
    if (found.length === 0 && this.#discovered.length > 0) {
      await this.#refreshOlderThan(MISS_REFRESH_MS);
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
    const aliases = this.#aliases();
    const targets = Object.hasOwn(aliases, model) ? (aliases[model] ?? []) : [model];
    return targets.flatMap((target) => this.#offering(target));
  }

  #offering(model: string): readonly Candidate[] {
    const listed = this.#entries.filter((entry) => modelsOf(entry).includes(model));
    if (listed.length > 0) return inOrderToTry(listed).map(({ upstream }) => candidate(upstream, model));
    const slash = model.indexOf('/');
    const rest = model.slice(slash + 1);
    const named = this.#entries.find(({ upstream }) => slash > 0 && upstream.name === model.slice(0, slash));
    return named !== undefined && modelsOf(named).includes(rest) ? [candidate(named.upstream, rest)] : [];
  }

  async #refreshOlderThan(ageMs: number): Promise<void> {
    const old = this.#discovered.filter((models) => models.ageMs > ageMs);
    await Promise.all(old.map((models) => models.ask().catch(() => null)));
  }
}

function modelsOf({ models }: DirectoryEntry): readonly string[] {
  return models instanceof DiscoveredModels ? models.models : models;
}

function candidate(upstream: GuardedUpstream, model: string): Candidate {
  return { upstream, model, closedForMs: upstream.closedForMs };
}

/** The configuration's order among equals. */
function inOrderToTry(entries: readonly DirectoryEntry[]): readonly DirectoryEntry[] {
  if (entries.length === 1) return entries;
  return [...entries].sort(({ upstream: a }, { upstream: b }) => hindrance(a) - hindrance(b) || a.load - b.load);
}

function hindrance(upstream: GuardedUpstream): number {
  return (upstream.healthy ? 0 : 2) + (upstream.isFull ? 1 : 0);
}
