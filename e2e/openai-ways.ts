import { createSecureFetch } from '@sotto/client';
import OpenAI from 'openai';

/** How the official SDK can reach a router: both must be the same to it. */
export const WAYS = ['in clear', 'sealed'] as const;

/** One of {@link WAYS}. */
export type Way = (typeof WAYS)[number];

/** Which router the SDK speaks to, and as whom. */
export interface SdkOptions {
  readonly apiKey: string;
  /** Base path below the router's address. */
  readonly basePath?: string;
}

/** The official SDK before the router at `routerUrl`, with retries off: a test sees each answer. */
export function openaiBy(way: Way, routerUrl: string, { apiKey, basePath = '/v1' }: SdkOptions): OpenAI {
  return new OpenAI({
    baseURL: `${routerUrl}${basePath}`,
    apiKey,
    maxRetries: 0,
    ...(way === 'sealed'
      ? { fetch: createSecureFetch({ routerUrl, allowHttp: true, onSecurityError: 'response' }) }
      : {}),
  });
}
