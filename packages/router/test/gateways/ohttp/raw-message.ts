/** A request as no well-behaved encoder writes it. */
export interface RawRequest {
  readonly method?: string;
  readonly scheme?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly content?: string;
}

/** A variable-length integer (RFC 9000 §16) in `bytes` bytes, the least that hold it by default. */
export function varint(value: number, bytes: 1 | 2 | 4 | 8 = leastBytes(value)): Buffer {
  const encoded = Buffer.alloc(8);
  encoded.writeBigUInt64BE(BigInt(value));
  const taken = encoded.subarray(8 - bytes);
  taken[0] = (taken[0] ?? 0) | (Math.log2(bytes) << 6);
  return taken;
}

/** Writes a request of known length (RFC 9292 §3.1) and checks nothing of it. */
export function rawRequest(request: RawRequest): Buffer {
  const { method = 'POST', scheme = 'https', authority = 'router.test', path = '/v1/chat/completions' } = request;
  const fields = Buffer.concat((request.fields ?? []).flat().map(text));
  const parts = [varint(0), ...[method, scheme, authority, path].map(text), varint(fields.length), fields];
  return Buffer.concat([...parts, text(request.content ?? ''), varint(0)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([varint(bytes.length), bytes]);
}

function leastBytes(value: number): 1 | 2 | 4 | 8 {
  if (value < 2 ** 6) return 1;
  if (value < 2 ** 14) return 2;
  return value < 2 ** 30 ? 4 : 8;
}
