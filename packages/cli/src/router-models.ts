import { parseErrorBody, SecurityError } from '@sotto/protocol';
import { UsageError } from './arguments.ts';

/**
 * Asks a router which models it offers. The request goes in clear over TLS: it holds nothing but the API key, which
 * nomyo-v1 sends the same way.
 * @throws SecurityError `insecure_transport`
 * @throws APIError where the router refuses
 */
export async function fetchModelNames(
  router: string,
  apiKey: string | undefined,
  allowHttp: boolean,
): Promise<readonly string[]> {
  const url = modelsUrl(router);
  if (url.protocol !== 'https:' && !allowHttp) {
    throw new SecurityError('the router must be reached over HTTPS; --allow-http allows plain HTTP', {
      code: 'insecure_transport',
    });
  }
  let response: Response;
  try {
    response = await fetch(url, {
      redirect: 'error',
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    });
  } catch {
    throw new UsageError(`the router at ${url.origin} cannot be reached`);
  }
  const body = await response.text();
  if (!response.ok) {
    throw parseErrorBody({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body,
      authenticated: false,
    });
  }
  return modelIds(JSON.parse(body));
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
