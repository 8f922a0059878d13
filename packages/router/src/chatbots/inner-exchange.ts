import { CollectingSink } from '../http/collecting-sink.ts';
import type { Exchange, HeaderFields, ResponseSink } from '../http/exchange.ts';
import type { NamedTier } from './least-tier.ts';

/**
 * A request to the router's own chat completions, by whoever sent the outer one: with their credentials, and sealed
 * as theirs was.
 * @param body the router's own: the caller's part of it has been held to its bound
 */
export function innerExchange(
  { id, request, notes }: Exchange,
  { headers, sealedTier }: Omit<NamedTier, 'field'>,
  body: Uint8Array,
  sink: ResponseSink,
): Exchange {
  return {
    id,
    request: {
      method: 'POST',
      path: '/v1/chat/completions',
      query: '',
      headers: { ...headers, 'content-type': 'application/json' },
      sealedBy: request.sealedBy,
      sealedTier,
      body: () => Promise.resolve(body),
    },
    sink,
    ...(notes === undefined ? {} : { notes }),
  };
}

/** Keeps an inner answer for its outer request, whose reader's going away it tells. */
export class InnerAnswer extends CollectingSink {
  readonly #outer: ResponseSink;

  constructor(outer: ResponseSink) {
    super();
    this.#outer = outer;
    outer.onClose(() => this.close());
  }

  /** They hold for an error too, which is not answered here. */
  override preset(headers: HeaderFields): void {
    super.preset(headers);
    this.#outer.preset(headers);
  }
}

/** Header fields of an inner answer that are true of the outer one: all but those of its body. */
export function passedHeaders(headers: HeaderFields): HeaderFields {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-')));
}
