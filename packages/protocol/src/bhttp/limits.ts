/** How much of a message a decoder keeps before it refuses. */
export interface BhttpLimits {
  /** Bytes of control data and all header sections together, and again of the trailer section. */
  readonly headerBytes: number;
  /** Field lines in one section. */
  readonly fields: number;
  /** Bytes of one field's name and value. */
  readonly fieldBytes: number;
  /** Informational responses before the final one. */
  readonly informational: number;
  /** Bytes of content. */
  readonly contentBytes: number;
}

/** Room for what SDKs and browsers send, many times over. */
export const DEFAULT_BHTTP_LIMITS: BhttpLimits = {
  headerBytes: 65_536,
  fields: 256,
  fieldBytes: 16_384,
  informational: 16,
  contentBytes: Number.MAX_SAFE_INTEGER,
};
