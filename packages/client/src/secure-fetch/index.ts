import { webRuntime } from '../web-runtime.ts';
import { secureFetchFactory } from './create-secure-fetch.ts';

/**
 * Makes a `fetch` whose requests only the router can read: end-to-end encrypted, post-quantum where the router has a
 * hybrid key. It speaks ohttp and never falls back to anything else.
 *
 * @example
 * const openai = new OpenAI({ baseURL: `${router}/v1`, apiKey, fetch: createSecureFetch({ routerUrl: router }) });
 */
export const createSecureFetch = /* @__PURE__ */ secureFetchFactory(webRuntime);
