import { randomFillSync } from 'node:crypto';

const ID_BYTES = 12;
const POOL = Buffer.allocUnsafeSlow(ID_BYTES * 256);
let used = POOL.length;

/** A new id for a request: `req_` and 24 random hexadecimal digits, drawn from a pool filled 256 at a time. */
export function newRequestId(): string {
  if (used === POOL.length) {
    randomFillSync(POOL);
    used = 0;
  }
  used += ID_BYTES;
  return `req_${POOL.toString('hex', used - ID_BYTES, used)}`;
}
