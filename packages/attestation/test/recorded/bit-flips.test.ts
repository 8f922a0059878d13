import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyDstack } from '../../src/dstack/verify.ts';
import { verifyNitro } from '../../src/nitro/verify.ts';
import { verifySevSnp } from '../../src/sev-snp/verify.ts';
import { verifyTdx } from '../../src/tdx/verify.ts';
import { seeded } from '../seeded.ts';
import { everyBit, type Flip, type FlipOutcome, type FlippableFile, tryFlips, withFlip } from './bit-flips.ts';
import { changedMembers } from './changed-members.ts';
import { hasSharedEvidence } from './evidence-files.ts';
import { dstackFiles, nitroFiles, rootFiles, sevSnpFiles, tdxFiles, unusedIntermediates } from './flippable-files.ts';
import { rememberSignatures } from './remembered-signatures.ts';

/**
 * `SOTTO_EVERY_BIT=.` flips every bit of every file, and says what came of it, which takes half an hour; another
 * pattern, of the files whose names match.
 */
const EVERY_BIT_OF = process.env['SOTTO_EVERY_BIT'] ?? null;
const EVERY_BIT = EVERY_BIT_OF !== null;
const named = (files: readonly FlippableFile[]) =>
  files.filter(({ file }) => new RegExp(EVERY_BIT_OF ?? '.').test(file));
const TIMEOUT_MS = EVERY_BIT ? 7_200_000 : 60_000;
const SAMPLES = 48;
/** Files of which every byte is flipped in any case: the smallest of their kinds. */
const WHOLE_FILES = ['snp/routex-turin-v5.report.bin', 'snp/routex-turin-v5.leaf.der'];

const SIGNED_FILES = [
  ...sevSnpFiles(verifySevSnp),
  ...tdxFiles(verifyTdx),
  ...nitroFiles(verifyNitro),
  ...rootFiles(),
  ...unusedIntermediates(),
];

/** One bit of every byte of the small files, and of a seeded sample of the others. */
function* someFlips(file: string, length: number): Generator<Flip> {
  const random = seeded(length);
  if (WHOLE_FILES.includes(file)) for (let offset = 0; offset < length; offset++) yield [offset, random() % 8];
  else for (let count = 0; count < SAMPLES; count++) yield [random() % length, random() % 8];
}

async function flipsOf(file: FlippableFile): Promise<FlipOutcome> {
  const { length } = file.bytes;
  const outcome = await tryFlips(file, EVERY_BIT ? everyBit(length) : someFlips(file.file, length));
  if (EVERY_BIT) {
    const { flips, unreadable, accepted } = outcome;
    process.stderr.write(`${file.file}: ${flips} flips, ${unreadable} unreadable, ${accepted.length} accepted\n`);
  }
  return outcome;
}

describe.runIf(hasSharedEvidence)('a recorded file with one bit flipped', () => {
  let restore = () => {};
  beforeAll(() => {
    restore = rememberSignatures();
  });
  afterAll(() => restore());

  it.for(named(SIGNED_FILES))('is never accepted: $file', { timeout: TIMEOUT_MS }, async (file) => {
    await expect(file.verify(file.bytes)).resolves.toBeDefined();
    const { flips, accepted } = await flipsOf(file);
    expect(accepted).toEqual([]);
    expect(flips).toBe(
      EVERY_BIT ? file.bytes.length * 8 : WHOLE_FILES.includes(file.file) ? file.bytes.length : SAMPLES,
    );
  });

  it.for(named(dstackFiles(verifyDstack)))(
    'is accepted only where the bit is of what nobody signs and nobody reads: $file',
    { timeout: TIMEOUT_MS },
    async (file) => {
      const genuine = await file.verify(file.bytes);
      const verify = async (bytes: Uint8Array) => {
        expect(await file.verify(bytes)).toEqual(genuine);
      };
      const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
      const { accepted } = await flipsOf({ ...file, verify });
      const members = new Map<string, number>();
      for (const flip of accepted) {
        for (const member of changedMembers(parsed(file.bytes), parsed(withFlip(file.bytes, flip)))) {
          const kind = member.replace(/\[\d+\]/, '[]').replace(/^vm_config\..*/, 'vm_config');
          members.set(kind, (members.get(kind) ?? 0) + 1);
          // Of RTMR3 everything is covered.
          const index = /^event_log\[(\d+)\]/.exec(member)?.[1];
          if (index !== undefined) expect(registerOf(parsed(file.bytes), Number(index))).not.toBe(3);
        }
      }
      if (EVERY_BIT) process.stderr.write(`${JSON.stringify(Object.fromEntries(members))}\n`);
      const uncovered = ['event_log[].event', 'event_log[].event_payload', 'event_log[].event_type'];
      expect(
        [...members.keys()].filter((member) => ![...uncovered, 'report_data', 'vm_config'].includes(member)),
      ).toEqual([]);
    },
  );
});

/** The register that an event of the recorded log is of. */
function registerOf(report: unknown, index: number): unknown {
  const { event_log: text } = report as { event_log: string };
  return (JSON.parse(text) as { imr: unknown }[])[index]?.imr;
}
