import { isSecurityTier, type SecurityTier } from '@sotto/protocol';
import type { z } from 'zod';
import type { HeaderFields } from '../http/exchange.ts';
import type { Conversation } from './conversations.ts';
import type { messageAnswerSchema } from './schemas.ts';

/** What a message is answered with once its turn is kept. */
export type MessageAnswer = z.output<typeof messageAnswerSchema>;

/** An answer that is whole. */
export interface WholeAnswer {
  readonly text: string;
  /** Those of the chat completion. */
  readonly headers: HeaderFields;
  /** As the model server told it; null where it did not. */
  readonly usage: object | null;
}

/** Keeps a turn and tells of it. */
export type KeepTurn = (answer: WholeAnswer) => Promise<MessageAnswer>;

/** The tier that an answer was given at. One that does not say is taken for the highest: nothing may become quieter. */
export function answeredTier(headers: HeaderFields): SecurityTier {
  const tier = headers['x-sotto-tier'];
  return isSecurityTier(tier) ? tier : 'maximum';
}

/** Tells of a turn that was kept. */
export function messageAnswer(
  { id, history }: Conversation,
  { text, usage }: WholeAnswer,
  nowMs: number,
): MessageAnswer {
  return {
    conversation_id: id,
    response: text,
    sources: [],
    timestamp: new Date(nowMs).toISOString(),
    message_count: history.turns.length * 2,
    usage: usage === null ? null : { ...usage },
  };
}
