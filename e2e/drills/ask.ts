import { Agent, request } from 'undici';

/** How a chat request ended. */
export interface Ending {
  /** `answered`: whole; `error`: told so, by status or in the stream; `cut`: ended without a word; `refused`: no connection. */
  readonly kind: 'answered' | 'error' | 'cut' | 'refused';
  readonly status: number;
  /** Of an error. */
  readonly code: string | null;
  readonly ms: number;
  /** Whether anything of an answer had come. */
  readonly begun: boolean;
}

/** What to ask, of whom. */
export interface Question {
  readonly url: string;
  readonly model: string;
  readonly key?: string;
  readonly stream?: boolean;
  readonly dispatcher?: Agent;
}

const patient = new Agent({ headersTimeout: 60_000, bodyTimeout: 60_000, connections: 512 });

/** Sends one chat request in clear and says how it ended; never throws. */
export async function ask({ url, model, key, stream = false, dispatcher = patient }: Question): Promise<Ending> {
  const began = performance.now();
  let status = 0;
  let text = '';
  let isCut = false;
  try {
    const answer = await request(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'hello' }] }),
      dispatcher,
    });
    status = answer.statusCode;
    for await (const chunk of answer.body) text += String(chunk);
  } catch {
    isCut = true;
  }
  return endingOf({ status, text, stream, isCut, ms: performance.now() - began });
}

/** What came of a request, as far as it came. */
export interface Came {
  /** 0: nothing. */
  readonly status: number;
  readonly text: string;
  readonly stream: boolean;
  /** Whether its end never came. */
  readonly isCut: boolean;
  readonly ms: number;
}

/** Says how a request ended. What an error event says counts for more than how the connection went. */
export function endingOf({ status, text, stream, isCut, ms }: Came): Ending {
  const code = codeIn(text);
  const isWhole = status === 200 && !isCut && (stream ? text.trimEnd().endsWith('data: [DONE]') : text.endsWith('}'));
  const kind = status === 0 ? 'refused' : code !== null ? 'error' : isWhole ? 'answered' : 'cut';
  return { kind, status, code, ms, begun: status !== 0 };
}

function codeIn(text: string): string | null {
  return /"error":\{[^{}]*"code":"([a-z_]+)"/.exec(text)?.[1] ?? null;
}

/** The value below which this share of the numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** How many endings there are of each kind and code, in words. */
export function tally(endings: readonly Ending[]): string {
  const counts = new Map<string, number>();
  for (const { kind, code, status } of endings) {
    const name =
      kind === 'answered' ? kind : `${kind}${code === null ? '' : ` ${code}`}${status > 200 ? ` (${status})` : ''}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ');
}
