import { describe, expect, it } from 'vitest';
import { sliceObjectMember } from '../../src/attest/collateral/signed-member.ts';
import { parseCertificateTable } from '../../src/attest/configfs-tsm/certificate-table.ts';
import { trimTdxQuote } from '../../src/attest/trim-tdx-quote.ts';
import { CERTIFICATE_GUIDS, writeCertificateTable } from '../../src/testing/certificate-table.ts';
import { seeded } from '../seeded.ts';
import { REPORT_DATA, syntheticWorld } from './synthetic-world.ts';

const world = await syntheticWorld();
const ROUNDS = 400;

/** Copies of `bytes`, each with a few of them changed, some cut. */
function* mutations(bytes: Uint8Array): Generator<Uint8Array> {
  const random = seeded(7);
  const below = (limit: number) => random() % limit;
  for (let round = 0; round < ROUNDS; round++) {
    const copy = bytes.slice(0, below(3) === 0 ? below(bytes.length) : bytes.length);
    for (let change = 0; change < 3 && copy.length > 0; change++) copy[below(Math.min(copy.length, 200))] = below(256);
    yield copy;
  }
}

function outcome(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (error) {
    return error instanceof Error ? error.name : 'not an error';
  }
}

describe('what comes from a host or a service', () => {
  it('is a certificate table, or a RangeError', () => {
    const table = writeCertificateTable([
      [CERTIFICATE_GUIDS.ask, world.sevSnp.ask.certificate],
      [CERTIFICATE_GUIDS.ark, world.sevSnp.ark.certificate],
    ]);
    const outcomes = new Set([...mutations(table)].map((bytes) => outcome(() => parseCertificateTable(bytes))));
    expect([...outcomes].sort()).toEqual(['RangeError', 'read']);
  });

  it('is a quote, or an AttestationError', async () => {
    const { quote } = await world.tdx.attest(REPORT_DATA);
    const outcomes = new Set([...mutations(quote)].map((bytes) => outcome(() => trimTdxQuote(bytes, 'test'))));
    expect([...outcomes].sort()).toEqual(['AttestationError', 'read']);
  });

  it('is a document that JSON.parse reads the same, or an error', () => {
    const text = '{"a":[1,{"tcbInfo":{}}],"tcbInfo":{"b":"}\\\\\\"","c":[{}]},"signature":"00"}';
    const decoder = new TextDecoder();
    for (const bytes of mutations(new TextEncoder().encode(text))) {
      const mutated = decoder.decode(bytes);
      let sliced: string;
      try {
        sliced = sliceObjectMember(mutated, 'tcbInfo');
      } catch {
        continue;
      }
      expect(JSON.parse(sliced)).toEqual((JSON.parse(mutated) as { tcbInfo: unknown }).tcbInfo);
    }
  });
});
