/** What one connection may hold, and for how long. */
export interface ConnectionLimits {
  /** Longest model request. */
  readonly maxBodyBytes: number;
  /** Requests under way at once. */
  readonly maxUnderWay: number;
  /** How long a connection may stay without a key and without a sealed request. */
  readonly authDeadlineMs: number;
  /** How often the other end must show that it is there. */
  readonly heartbeatMs: number;
  /** How long a connection may have nothing to do. */
  readonly idleMs: number;
  /** Bytes on their way out from which writers wait. */
  readonly highWaterBytes: number;
  /** Bytes on their way out at which a connection is cut rather than given more. */
  readonly maxQueuedBytes: number;
  /** How long a reader may leave `highWaterBytes` unread. */
  readonly stallMs: number;
}

/** The limits of every router; only the longest body is the operator's to set. */
export const CONNECTION_LIMITS: Omit<ConnectionLimits, 'maxBodyBytes'> = {
  maxUnderWay: 32,
  authDeadlineMs: 10_000,
  heartbeatMs: 30_000,
  idleMs: 600_000,
  highWaterBytes: 1_048_576,
  maxQueuedBytes: 16_777_216,
  stallMs: 60_000,
};

/**
 * Longest message: a sealed request has at most an eighth and 128 KiB around its content (as the gateway takes it),
 * and base64 makes four bytes of three.
 */
export function maxMessageBytes(maxBodyBytes: number): number {
  return Math.ceil(((maxBodyBytes * 9) / 8 + 131_072) * (4 / 3)) + 1_024;
}
