import { parseErrorBody } from '@sotto/protocol';
import { UsageError } from '../arguments.ts';

/** A histogram of seconds since the router's start. */
export interface LiveHistogram {
  readonly boundsSeconds: readonly number[];
  /** One for each bound, and one for what is greater. */
  readonly counts: readonly number[];
}

/** What a router says at `GET /admin/v1/live`. */
export interface Live {
  readonly atMs: number;
  readonly startedAtMs: number;
  readonly workers: number;
  readonly requests: {
    readonly underWay: number;
    readonly limit: number;
    readonly byDoor: Readonly<Record<string, number>>;
    readonly byCode: Readonly<Record<string, number>>;
    readonly byTier: Readonly<Record<string, number>>;
    readonly failed: number;
  };
  readonly tokens: { readonly prompt: number; readonly completion: number };
  readonly latency: LiveHistogram;
  readonly firstToken: LiveHistogram;
  readonly upstreams: readonly LiveUpstream[];
}

/** A model server. */
export interface LiveUpstream {
  readonly name: string;
  readonly tier: string;
  readonly class: string;
  readonly healthy: boolean;
  readonly breaker: string;
  readonly underWay: number;
  readonly waiting: number;
  readonly served: number;
  readonly failed: number;
}

/** Whom to ask, and with which key. */
export interface LiveSource {
  readonly url: URL;
  readonly adminKey: string;
}

/** Longest wait for the router's answer. */
const TIMEOUT_MS = 5_000;
/** A terminal obeys these characters: a router must not write with them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * Asks a router what it is doing.
 * @throws APIError where it refuses
 * @throws UsageError where it cannot be reached, or answers something else
 */
export async function fetchLive({ url, adminKey }: LiveSource): Promise<Live> {
  let response: Response;
  let body: string;
  try {
    const headers = { authorization: `Bearer ${adminKey}` };
    response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await response.text();
  } catch {
    throw new UsageError(`the router at ${url.origin} cannot be reached`);
  }
  if (!response.ok) {
    const headers = Object.fromEntries(response.headers);
    throw parseErrorBody({ status: response.status, headers, body, authenticated: false });
  }
  const live = parse(body);
  if (live === null) throw new UsageError(`what answers at ${url.origin} is no router that tells what it is doing`);
  return live;
}

function parse(body: string): Live | null {
  try {
    const value: unknown = JSON.parse(body, (_name, member: unknown) =>
      typeof member === 'string' ? member.replaceAll(UNPRINTABLE, '�') : member,
    );
    return isLive(value) ? value : null;
  } catch {
    return null;
  }
}

function isLive(value: unknown): value is Live {
  if (!isObject(value) || value['object'] !== 'live') return false;
  const { requests, tokens, upstreams, latency, firstToken } = value;
  return (
    [value['atMs'], value['startedAtMs'], value['workers']].every(isNumber) &&
    isObject(requests) &&
    [requests['underWay'], requests['limit'], requests['failed']].every(isNumber) &&
    [requests['byDoor'], requests['byCode'], requests['byTier']].every(isCounts) &&
    isObject(tokens) &&
    [tokens['prompt'], tokens['completion']].every(isNumber) &&
    [latency, firstToken].every(isHistogram) &&
    Array.isArray(upstreams) &&
    upstreams.every(isUpstream)
  );
}

function isUpstream(value: unknown): boolean {
  if (!isObject(value)) return false;
  const words = [value['name'], value['tier'], value['class'], value['breaker']];
  const counts = [value['underWay'], value['waiting'], value['served'], value['failed']];
  return (
    words.every((word) => typeof word === 'string') && counts.every(isNumber) && typeof value['healthy'] === 'boolean'
  );
}

function isHistogram(value: unknown): boolean {
  return isObject(value) && isNumbers(value['boundsSeconds']) && isNumbers(value['counts']);
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.every(isNumber);
}

function isCounts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isNumber);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
