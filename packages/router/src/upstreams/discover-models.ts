import { z } from 'zod';
import { collectAnswer } from './collect-answer.ts';
import type { Upstream } from './upstream.ts';

const modelList = z.object({ data: z.array(z.object({ id: z.string().min(1).max(256) })) });
const MAX_LIST_BYTES = 4 * 1024 * 1024;
const DISCOVERY_TIMEOUT_MS = 5_000;

/** Asks an upstream's `/models` what it offers. @returns null where it does not say */
export async function discoverModels(upstream: Upstream): Promise<readonly string[] | null> {
  try {
    const answer = await collectAnswer(
      upstream,
      { method: 'GET', path: '/models', body: null, stream: false },
      { maxBytes: MAX_LIST_BYTES, timeoutMs: DISCOVERY_TIMEOUT_MS },
    );
    if (answer.status !== 200) return null;
    const parsed = modelList.safeParse(JSON.parse(answer.body.toString('utf8')));
    return parsed.success ? parsed.data.data.map(({ id }) => id) : null;
  } catch {
    return null;
  }
}
