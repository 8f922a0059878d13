import type { CompletionMetadata } from './chat-completion.ts';
import type { Trust } from './ohttp/key-source.ts';
import type { ChannelResponse } from './ohttp/ohttp-channel.ts';
import { suiteName } from './ohttp/suite-name.ts';

/** What the client knows of an answer over ohttp. */
export function ohttpMetadata(payloadId: string, answer: ChannelResponse, trust: Trust): CompletionMetadata {
  const headers = new Map(answer.headers);
  const tier = headers.get('x-sotto-tier');
  const answeredMs = Date.parse(headers.get('date') ?? '');
  return {
    payload_id: payloadId,
    processed_at: Number.isNaN(answeredMs) ? null : Math.floor(answeredMs / 1000),
    is_encrypted: true,
    encryption_algorithm: suiteName(answer.suite),
    // Only whoever opened the request can have sealed this answer.
    response_authenticated: true,
    protocol: 'ohttp',
    key_trust: trust,
    ...(tier === undefined ? {} : { security_tier: tier }),
  };
}
