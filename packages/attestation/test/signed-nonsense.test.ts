import fc from 'fast-check';
import { beforeAll, describe, it } from 'vitest';
import { encodeBundle } from '../src/bundle-encoding.ts';
import { replayEventLog } from '../src/dstack/event-log.ts';
import type { Evidence } from '../src/evidence-schema.ts';
import type { CborValue } from '../src/nitro/cbor-reader.ts';
import { createSyntheticBundle, type SyntheticPlatforms } from '../src/testing/synthetic-router.ts';
import type { JsonObject } from '../src/testing/tdx-collateral.ts';
import { endsWell, hostileWorld, ROUTER, verifyIn } from './hostile-world.ts';

let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await hostileWorld();
}, 60_000);

const verify = (received: string | Uint8Array) => verifyIn(platforms, received);

describe('evidence that a vendor signed, whatever it says', () => {
  const bound = (attest: (reportData: Uint8Array) => Promise<Evidence>, type: Evidence['type']) =>
    createSyntheticBundle({ platforms, type, ...ROUTER, attest });

  it('ends in a result or a typed error: fields of a report', async () => {
    const edits = fc.array(fc.tuple(fc.nat({ max: 0x29f }), fc.nat({ max: 255 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const edit = (report: Uint8Array) => {
          for (const [offset, value] of changes) report.set([value], offset);
        };
        const attest = async (reportData: Uint8Array): Promise<Evidence> => ({
          type: 'sev-snp',
          ...(await platforms.sevSnp.attest(reportData, { edit })),
        });
        await endsWell(async () => verify(encodeBundle(await bound(attest, 'sev-snp'))));
      }),
      { numRuns: 60 },
    );
  });

  it('ends in a result or a typed error: documents of Intel', async () => {
    const members = fc.dictionary(
      fc.constantFrom('id', 'issueDate', 'fmspc', 'tcbLevels', 'tdxModule', 'tdxModuleIdentities', 'mrsigner', 'more'),
      fc.jsonValue(),
    );
    await fc.assert(
      fc.asyncProperty(members, fc.boolean(), async (json, ofPlatform) => {
        const change = (document: JsonObject) => Object.assign(document, json);
        const input = ofPlatform ? { editTcbInfo: change } : { editQeIdentity: change };
        const attest = async (reportData: Uint8Array): Promise<Evidence> => ({
          type: 'tdx',
          ...(await platforms.tdx.attest(reportData, input)),
        });
        await endsWell(async () => verify(encodeBundle(await bound(attest, 'tdx'))));
      }),
      { numRuns: 80 },
    );
  });

  it('ends in a result or a typed error: fields of a Nitro document', async () => {
    const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.integer({ min: -1_000, max: Number.MAX_SAFE_INTEGER }),
        fc.string(),
        fc.uint8Array({ maxLength: 64 }),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc
          .array(fc.tuple(fc.oneof(fc.nat(), fc.string()), tie('value')), { maxLength: 4 })
          .map((entries) => new Map(entries)),
      ),
    }));
    const names = ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle', 'public_key', 'nonce', 'x'];
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1 }), async (fields) => {
        const attest = async (reportData: Uint8Array): Promise<Evidence> => ({
          type: 'aws-nitro',
          ...(await platforms.nitro.attest(reportData, { fields })),
        });
        await endsWell(async () => verify(encodeBundle(await bound(attest, 'aws-nitro'))));
      }),
      { numRuns: 100 },
    );
  });

  it('ends in a result or a typed error: claims', async () => {
    const names = ['v', 'kid', 'keyConfig', 'aud', 'epoch', 'iat', 'exp', 'software', 'ehbpKey', 'rsaKeySha256', 'x'];
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), fc.jsonValue(), { minKeys: 1 }), async (claims) => {
        const input = { platforms, type: 'tdx', ...ROUTER, claims } as const;
        await endsWell(async () => verify(encodeBundle(await createSyntheticBundle(input))));
      }),
      { numRuns: 60 },
    );
  });

  it('ends in an identity or a typed error: event logs', async () => {
    const event = fc.record({
      imr: fc.oneof(fc.nat({ max: 4 }), fc.jsonValue()),
      event_type: fc.oneof(fc.constant(0x08000001), fc.jsonValue()),
      digest: fc.oneof(fc.constant('00'.repeat(48)), fc.jsonValue()),
      event: fc.oneof(fc.constant('system-ready'), fc.jsonValue()),
      event_payload: fc.oneof(fc.constant(''), fc.jsonValue()),
    });
    const text = fc.oneof(
      fc.json(),
      fc.array(event).map((events) => JSON.stringify(events)),
    );
    await fc.assert(
      fc.asyncProperty(text, (log) => endsWell(() => replayEventLog(log, ['', '', '', '']))),
      { numRuns: 150 },
    );
  });
});
