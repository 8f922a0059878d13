import type { APIError } from '@sotto/protocol';
import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import type { HeaderFields } from '../../http/exchange.ts';
import { readJsonObject } from '../../http/json-object.ts';
import { BoundedBody } from '../bounded-body.ts';
import type { UpstreamCall, UpstreamListener } from '../upstream.ts';
import { translateError } from './error-answer.ts';
import { ReportedCall } from './reported-call.ts';

/** Anthropic's API reference, "List Models": the longest page there is. */
const PAGE_LIMIT = 1_000;
/** Pages that are asked for; the models of more are left out. */
const MAX_PAGES = 10;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const modelPage = z.object({
  data: z.array(z.object({ id: z.string(), created_at: z.string().nullish() })),
  has_more: z.boolean().nullish(),
  last_id: z.string().nullish(),
});

/** A model as OpenAI's list has it. */
interface ListedModel {
  readonly id: string;
  readonly object: 'model';
  /** Unix time, seconds. */
  readonly created: number;
  readonly owned_by: 'anthropic';
}

/** Asks for the models page after page, and tells of them in one list of OpenAI's form. */
export class ModelListCall extends ReportedCall {
  readonly #startPage: (path: string, listener: UpstreamListener) => UpstreamCall;
  readonly #models: ListedModel[] = [];
  #pages = 0;
  #call: UpstreamCall;

  /** @param startPage begins the request for one page; reports never before it returns */
  constructor(listener: UpstreamListener, startPage: (path: string, listener: UpstreamListener) => UpstreamCall) {
    super(listener);
    this.#startPage = startPage;
    this.#call = this.#ask(null);
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  override cancel(): void {
    super.cancel();
    this.#call.cancel();
  }

  #ask(afterId: string | null): UpstreamCall {
    const after = afterId === null ? '' : `&after_id=${encodeURIComponent(afterId)}`;
    const body = new BoundedBody(MAX_PAGE_BYTES);
    let status = 0;
    let headers: HeaderFields = {};
    return this.#startPage(`/models?limit=${PAGE_LIMIT}${after}`, {
      onHead: (answered, fields) => {
        status = answered;
        headers = fields;
      },
      onData: (chunk) => {
        if (!body.push(chunk)) this.#break('the model server listed its models at too great length');
      },
      onEnd: () => this.#read(status, headers, body.bytes()),
      onError: (error: APIError) => this.fail(error),
    });
  }

  #read(status: number, headers: HeaderFields, body: Uint8Array): void {
    if (status !== 200) {
      const error = translateError(status, headers, body);
      this.answerJson(error.status, error.body, error.headers);
      return;
    }
    const page = modelPage.safeParse(readJsonObject(body));
    if (!page.success) {
      this.#break('the model server answered with something that is not a list of models');
      return;
    }
    const { data, has_more: hasMore, last_id: lastId } = page.data;
    this.#models.push(...data.map(listed));
    this.#pages++;
    if (hasMore === true && typeof lastId === 'string' && data.length > 0 && this.#pages < MAX_PAGES) {
      this.#call = this.#ask(lastId);
    } else this.answerJson(200, { object: 'list', data: this.#models });
  }

  #break(message: string): void {
    this.#call.cancel();
    this.fail(apiError('upstream_invalid_response', message));
  }
}

function listed({ id, created_at }: z.output<typeof modelPage>['data'][number]): ListedModel {
  const createdMs = Date.parse(created_at ?? '');
  return {
    id,
    object: 'model',
    created: Number.isNaN(createdMs) ? 0 : Math.floor(createdMs / 1_000),
    owned_by: 'anthropic',
  };
}
