/** What the guest's owner asked of the firmware at launch (AMD 56860 §4.3, table 9). */
export interface SnpGuestPolicy {
  readonly raw: bigint;
  readonly abiMajor: number;
  readonly abiMinor: number;
  readonly smtAllowed: boolean;
  readonly migrationAllowed: boolean;
  readonly debugAllowed: boolean;
  readonly singleSocket: boolean;
}

const MUST_BE_ONE = 1n << 17n;
const RESERVED_FROM_BIT = 26n; // 21 to 25 are features that only narrow what the host may do

/** Reads a guest policy. Throws `RangeError` where a reserved bit is not what the specification says. */
export function parseSnpGuestPolicy(raw: bigint): SnpGuestPolicy {
  const bit = (index: bigint) => (raw & (1n << index)) !== 0n;
  if ((raw & MUST_BE_ONE) === 0n || raw >> RESERVED_FROM_BIT !== 0n) throw new RangeError('guest policy is malformed');
  return {
    raw,
    abiMinor: Number(raw & 0xffn),
    abiMajor: Number((raw >> 8n) & 0xffn),
    smtAllowed: bit(16n),
    migrationAllowed: bit(18n),
    debugAllowed: bit(19n),
    singleSocket: bit(20n),
  };
}
