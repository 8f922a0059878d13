import { createSecureFetch } from '@sotto/client';
import { parseErrorBody, SecurityError, SottoError } from '@sotto/protocol';
import { UsageError } from './arguments.ts';

/** Which router to ask, and how. */
export interface ModelSource {
  readonly router: string;
  readonly apiKey: string | undefined;
  readonly allowHttp: boolean;
  readonly pinnedSigners: readonly string[] | undefined;
}

/**
 * Asks a router which models it offers: sealed where the router has ohttp. One that has nomyo-v1 only is asked in
 * clear, over TLS: the request holds nothing but the API key, which that protocol sends the same way.
 * @throws SecurityError `insecure_transport`
 * @throws APIError where the router refuses
 */
export async function fetchModelNames(source: ModelSource): Promise<readonly string[]> {
  const response = await ask(source);
  const body = await response.text();
  if (!response.ok) {
    const headers = Object.fromEntries(response.headers);
    throw parseErrorBody({ status: response.status, headers, body, authenticated: false });
  }
  try {
    return modelIds(JSON.parse(body));
  } catch {
    throw new UsageError('the router lists its models in a form that is not known: name one with --model');
  }
}

async function ask({ router, apiKey, allowHttp, pinnedSigners }: ModelSource): Promise<Response> {
  const url = modelsUrl(router);
  const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    const sealed = createSecureFetch({ routerUrl: router, allowHttp, pinnedSigners });
    return await sealed(url, { headers });
  } catch (error) {
    const hasNoOhttp = SecurityError.isInstance(error) && error.code === 'downgrade_refused';
    if (!hasNoOhttp || pinnedSigners !== undefined) throw error;
  }
  try {
    return await fetch(url, { redirect: 'error', headers });
  } catch (error) {
    if (SottoError.isInstance(error)) throw error;
    throw new UsageError(`the router at ${url.origin} cannot be reached`);
  }
}

function modelsUrl(router: string): URL {
  try {
    return new URL(`${router.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/models`);
  } catch {
    throw new UsageError('--router takes a URL, such as https://router.example');
  }
}

function modelIds(list: unknown): readonly string[] {
  const data = typeof list === 'object' && list !== null && 'data' in list ? list.data : null;
  if (!Array.isArray(data)) return [];
  return data.flatMap((model: unknown) =>
    typeof model === 'object' && model !== null && 'id' in model && typeof model.id === 'string' ? [model.id] : [],
  );
}
