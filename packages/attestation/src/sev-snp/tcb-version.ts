import { ByteReader } from '../byte-reader.ts';
import type { SevProduct } from '../roots.ts';

/** Security version numbers of a processor's firmware (AMD 56860 §2.2). */
export interface SnpTcb {
  /** Turin and later only. */
  readonly fmc?: number;
  /** Boot loader. */
  readonly bl: number;
  /** Secure processor's operating system. */
  readonly tee: number;
  readonly snp: number;
  readonly ucode: number;
}

/** Reads a TCB_VERSION of 8 bytes, whose layout is the product's (AMD 56860 §2.2). Throws `RangeError`. */
export function parseSnpTcb(bytes: Uint8Array, product: SevProduct): SnpTcb {
  const reader = new ByteReader(bytes);
  if (product === 'Turin') {
    const [fmc, bl, tee, snp] = [reader.uint8(), reader.uint8(), reader.uint8(), reader.uint8()];
    reader.reserved(3);
    return { fmc, bl, tee, snp, ucode: reader.uint8() };
  }
  const [bl, tee] = [reader.uint8(), reader.uint8()];
  reader.reserved(4);
  return { bl, tee, snp: reader.uint8(), ucode: reader.uint8() };
}

/** The components of a TCB version. */
export const SNP_TCB_COMPONENTS = ['fmc', 'bl', 'tee', 'snp', 'ucode'] as const satisfies readonly (keyof SnpTcb)[];

/** The least version of some components. */
export type SnpTcbFloor = { readonly [Name in keyof SnpTcb]?: number | undefined };

/** Which components of `tcb` are below those of `floor`; a component that `tcb` lacks is below any. */
export function componentsBelow(tcb: SnpTcb, floor: SnpTcbFloor): readonly (keyof SnpTcb)[] {
  return SNP_TCB_COMPONENTS.filter((name) => {
    const least = floor[name];
    return least !== undefined && (tcb[name] ?? -1) < least;
  });
}
