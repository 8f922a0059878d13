import { type APIError, type Awaitable, apiError } from '@sotto/protocol';

/**
 * What became of an id that was to be remembered: `seen` where it was there already, `full` where nothing more can be
 * remembered, `unavailable` where those who share the memory cannot be asked.
 */
export type ReplayOutcome = 'added' | 'seen' | 'full' | 'unavailable';

/** Where the gateway remembers what it has opened: this process's memory, or one that several processes share. */
export interface ReplayMemory {
  has(id: string): Awaitable<boolean>;
  /** Remembers an id. */
  add(id: string): Awaitable<ReplayOutcome>;
  /** Forgets an id whose request ended in an error that invites to send the same bytes again. */
  forget(id: string): Awaitable<void>;
}

/** Why a request is not answered that could not be remembered as the first of its kind. */
export function replayRefusal(outcome: Exclude<ReplayOutcome, 'added'>): APIError {
  switch (outcome) {
    case 'seen':
      return apiError('replayed_request', 'this very request has been answered before: seal each request anew');
    case 'full':
      return apiError('overloaded', 'too many requests in a short time: try again later', { retryAfterMs: 10_000 });
    case 'unavailable':
      return apiError('store_unavailable', 'whether this request was seen before cannot be asked now: try again later');
  }
}
