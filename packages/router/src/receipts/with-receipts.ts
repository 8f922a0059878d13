import { createHash } from 'node:crypto';
import { apiError } from '@sotto/protocol';
import type { StatementSigner } from '@sotto/protocol/key-statement';
import { RECEIPT_HEADER, signReceipt } from '@sotto/protocol/receipt';
import type { Exchange, ExchangeRequest } from '../http/exchange.ts';
import { readJsonObject } from '../http/json-object.ts';
import type { Route } from '../http/route-table.ts';
import { ReceiptSink, type ReceiptWriter } from './receipt-sink.ts';

/** What receipts are made with. */
export interface ReceiptOptions {
  /** The key that the claims name as `receiptKey`. */
  readonly signer: Pick<StatementSigner, 'sign'>;
  /** Names the router's keys of now, as the claims do. */
  readonly kid: () => string;
  /** Told of a receipt that could not be signed, with the request's id. */
  readonly onInternalError: (requestId: string, error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

const MAX_MODEL_CHARACTERS = 256;

/**
 * The same routes, which give a receipt to who asks for one with `X-Sotto-Receipt: 1`: of answers by upstreams to
 * requests that name their model. Other exchanges pass as they are.
 */
export function withReceipts(options: ReceiptOptions, routes: readonly Route[]): readonly Route[] {
  return routes.map((route) => ({
    ...route,
    handle: (exchange, parameters) =>
      route.handle(asksForReceipt(exchange.request) ? receiptedExchange(exchange, options) : exchange, parameters),
  }));
}

/**
 * A receipt says what was asked and answered to whoever guesses it: it travels in the same protection as both, and
 * where its field would be outside, none is given.
 */
function asksForReceipt({ headers, sealedBy }: ExchangeRequest): boolean {
  const value = headers[RECEIPT_HEADER];
  if (value === undefined) return false;
  const isInside = sealedBy === 'ohttp' || sealedBy === null;
  if (value === '1' && isInside) return true;
  const message = isInside ? 'X-Sotto-Receipt is 1 or absent' : 'receipts travel inside the ciphertext: use ohttp';
  throw apiError('invalid_request', message, { param: 'X-Sotto-Receipt' });
}

interface AskedRequest {
  readonly requestSha256: string;
  readonly model: string;
}

function receiptedExchange(exchange: Exchange, options: ReceiptOptions): Exchange {
  let asked: AskedRequest | null = null;
  const write: ReceiptWriter = async (facts) => {
    if (asked === null) return null;
    const time = Math.floor((options.now ?? Date.now)() / 1_000);
    try {
      return await signReceipt({ kid: options.kid(), time, ...asked, ...facts }, options.signer);
    } catch (error) {
      options.onInternalError(exchange.id, error);
      return null;
    }
  };
  const { request: outer } = exchange;
  // Member by member: a request may have its header fields from a getter, which a spread would leave behind.
  const { method, path, query, headers, sealedBy, sealedTier } = outer;
  const request: ExchangeRequest = {
    method,
    path,
    query,
    headers,
    sealedBy,
    sealedTier,
    body: async (maxBytes) => {
      const bytes = await outer.body(maxBytes);
      // At once, so that a long answer does not hold the whole request in memory.
      asked = readAsked(bytes);
      return bytes;
    },
  };
  return { ...exchange, request, sink: new ReceiptSink(exchange.sink, write) };
}

function readAsked(body: Uint8Array): AskedRequest | null {
  const model = readJsonObject(body)?.['model'];
  if (typeof model !== 'string' || model.length === 0 || model.length > MAX_MODEL_CHARACTERS) return null;
  return { requestSha256: createHash('sha256').update(body).digest('hex'), model };
}
