import { ApiFailure } from './api-failure.ts';
import { asMembers, orNull, textAt } from './json-shape.ts';

const TIMEOUT_MS = 20_000;
/** What a header field can carry. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** A request to the administration. */
export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** The administration's API, for who typed its key. The key is here and nowhere else, and goes with the page. */
export class AdminApi {
  readonly #key: string;
  readonly #onRefused: (failure: ApiFailure) => void;

  /** @param onRefused called when the router does not take the key */
  constructor(key: string, onRefused: (failure: ApiFailure) => void = () => {}) {
    this.#key = key;
    this.#onRefused = onRefused;
  }

  /**
   * Asks for JSON below the page's own address.
   * @throws ApiFailure
   */
  async json(path: string, request: ApiRequest = {}): Promise<unknown> {
    const response = await this.#send(path, request);
    try {
      return await response.json();
    } catch {
      throw new ApiFailure('the router’s answer broke off', { status: 0, code: 'network_error' });
    }
  }

  /** Asks for a file. @throws ApiFailure */
  async file(path: string): Promise<Blob> {
    return (await this.#send(path, {})).blob();
  }

  async #send(path: string, { method = 'GET', body, signal }: ApiRequest): Promise<Response> {
    if (!SENDABLE.test(this.#key)) {
      throw new ApiFailure('this is not the admin key', { status: 401, code: 'invalid_api_key' });
    }
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
    }).catch(() => {
      throw new ApiFailure('the router does not answer', { status: 0, code: 'network_error' });
    });
    if (response.ok) return response;
    const failure = await failureOf(response);
    if (response.status === 401) this.#onRefused(failure);
    throw failure;
  }
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const { status, headers } = response;
  const retryAfterMs = waitOf(headers);
  try {
    const error = asMembers(asMembers(await response.json())['error']);
    const param = orNull(textAt, error, 'param');
    return new ApiFailure(textAt(error, 'message'), { status, code: textAt(error, 'code'), param, retryAfterMs });
  } catch {
    // Something on the way answered in the router's place.
    return new ApiFailure(`the answer has status ${status}`, { status, code: 'unexpected_answer', retryAfterMs });
  }
}

function waitOf(headers: Headers): number | null {
  const text = headers.get('retry-after-ms');
  const wait = text === null ? Number.NaN : Number(text);
  return Number.isFinite(wait) && wait > 0 ? wait : null;
}
