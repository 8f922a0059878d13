import { AttestationError, ConfigurationError, encodeUtf8 } from '@sotto/protocol';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseBundle } from '../src/bundle.ts';
import { encodeBundle } from '../src/bundle-encoding.ts';
import { EVIDENCE_TYPES, type Evidence } from '../src/evidence-schema.ts';
import { parseNitroDocument } from '../src/nitro/attestation-document.ts';
import { readCbor } from '../src/nitro/cbor-reader.ts';
import { parsePolicy } from '../src/policy/policy.ts';
import { parseSnpReport } from '../src/sev-snp/report.ts';
import { parseTdxQuote } from '../src/tdx/quote.ts';
import { createSyntheticBundle, type SyntheticPlatforms } from '../src/testing/synthetic-router.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { parseCrl } from '../src/x509/crl.ts';
import { decodePemChain } from '../src/x509/pem.ts';
import { endsWell, hostileWorld, ROUTER, verifyIn } from './hostile-world.ts';

let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await hostileWorld();
}, 60_000);

const verify = (received: string | Uint8Array) => verifyIn(platforms, received);

/** Places and values to change, and where to cut or repeat: what hostile bytes look like that nearly are the right ones. */
const garbling = fc.record({
  edits: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
  cut: fc.option(fc.nat(), { freq: 4 }),
  repeat: fc.option(fc.tuple(fc.nat(), fc.nat({ max: 64 })), { freq: 4 }),
});
type Garbling = typeof garbling extends fc.Arbitrary<infer T> ? T : never;

function garbled(bytes: Uint8Array, { edits, cut, repeat }: Garbling): Uint8Array {
  const changed = bytes.slice();
  for (const [offset, value] of edits) if (changed.length > 0) changed[offset % changed.length] = value;
  const kept = cut === null ? changed : changed.subarray(0, cut % (changed.length + 1));
  if (repeat === null) return kept;
  const [at, length] = [repeat[0] % (kept.length + 1), repeat[1]];
  return Uint8Array.of(...kept.subarray(0, at + length), ...kept.subarray(at));
}

describe('bytes from anywhere', () => {
  const readers = {
    report: parseSnpReport,
    quote: parseTdxQuote,
    document: parseNitroDocument,
    cbor: readCbor,
    certificate: parseCertificate,
    list: parseCrl,
    pem: (bytes: Uint8Array) => decodePemChain(new TextDecoder().decode(bytes)),
  };

  it.each(Object.entries(readers))('are read as a %s, or refused with a RangeError', (_, read) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_048 }), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are a bundle, or an AttestationError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), (received) => {
        try {
          parseBundle(received);
        } catch (error) {
          expect(AttestationError.isInstance(error)).toBe(true);
        }
      }),
    );
  });

  it('are a policy, or a ConfigurationError', () => {
    const entry = fc
      .record({ type: fc.constantFrom('sev-snp', 'tdx', 'dstack-tdx', 'aws-nitro') })
      .chain((known) =>
        fc
          .dictionary(
            fc.constantFrom('measurements', 'minTcb', 'vmpl', 'rtmr', 'mrTd', 'pcrs', 'tcbStatus', 'x'),
            fc.anything(),
          )
          .map((more) => ({ ...more, ...known })),
      );
    const policy = fc.oneof(fc.anything(), fc.record({ platforms: fc.array(entry) }));
    fc.assert(
      fc.property(policy, (input) => {
        try {
          parsePolicy(input);
        } catch (error) {
          expect(ConfigurationError.isInstance(error)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('evidence that nearly is right', () => {
  it.each(EVIDENCE_TYPES)(
    'ends in a result or a typed error, whichever of its members is garbled: %s',
    async (type) => {
      const bundle = await createSyntheticBundle({ platforms, type, ...ROUTER });
      const members = byteMembers(bundle.evidence);
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...members), garbling, async (member, change) => {
          await endsWell(() => verify(encodeBundle({ ...bundle, evidence: member(bundle.evidence, change) })));
        }),
        { numRuns: 150 },
      );
    },
  );

  it.each(EVIDENCE_TYPES)('ends in a result or a typed error, wherever its JSON is garbled: %s', async (type) => {
    const bundle = await createSyntheticBundle({ platforms, type, ...ROUTER });
    const text = encodeUtf8(encodeBundle(bundle));
    await fc.assert(
      fc.asyncProperty(garbling, (change) => endsWell(() => verify(garbled(text, change)))),
      { numRuns: 60 },
    );
  });
});

/** Ways to garble one member of evidence, each with all the others left as they are. */
function byteMembers(evidence: Evidence): readonly ((evidence: Evidence, change: Garbling) => Evidence)[] {
  const paths = Object.entries(evidence).flatMap(([name, value]: [string, unknown]) =>
    name === 'collateral' && typeof value === 'object' && value !== null
      ? Object.keys(value).map((inner) => [name, inner])
      : name === 'type'
        ? []
        : [[name]],
  );
  return paths.map((path) => (genuine, change) => replaced(genuine, path, change) as Evidence);
}

function replaced(value: unknown, [name, ...rest]: readonly string[], change: Garbling): unknown {
  if (name !== undefined && typeof value === 'object' && value !== null) {
    const record: Record<string, unknown> = { ...value };
    return { ...record, [name]: replaced(record[name], rest, change) };
  }
  if (value instanceof Uint8Array) return garbled(value, change);
  // Text keeps to one byte a character here, so that it stays text.
  return typeof value === 'string' ? new TextDecoder('latin1').decode(garbled(encodeUtf8(value), change)) : value;
}
