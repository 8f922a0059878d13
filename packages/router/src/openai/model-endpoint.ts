import type { z } from 'zod';
import type { JsonObject } from '../http/json-object.ts';

/** One of the routes that a model server answers: what the router must know of its requests. */
export interface ModelEndpoint {
  /** Below `/v1`, and below an upstream's base URL. */
  readonly path: '/chat/completions' | '/completions' | '/embeddings';
  /** What the router itself needs of a request. Everything else passes through as it came. */
  readonly schema: z.ZodType<AskedModel>;
  /**
   * Whether a request is plainly one that {@link ModelEndpoint.schema} accepts. The schema takes longer and says what
   * is wrong; it is asked only where this says no.
   */
  isGood(body: JsonObject): body is JsonObject & AskedModel;
  readonly streams: boolean;
  /** Tokens that a request makes at most, as far as it says; several answers make several times as many. */
  maxAnswerTokens(body: JsonObject): number;
  /** Writes a good answer anew where it has not the form that the request asks for; null: as it is. */
  readonly rewrite?: (request: JsonObject, answer: JsonObject) => Uint8Array | null;
}

/** What every model request says. */
export interface AskedModel {
  readonly model: string;
  readonly stream?: boolean | null | undefined;
}

/** A member that is a whole number from 0 on, or the `fallback`. */
export function countMember(body: JsonObject, name: string, fallback: number): number {
  const value = body[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : fallback;
}
