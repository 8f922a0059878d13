import { describe, expect, it } from 'vitest';
import { verifyDstack } from '../../src/dstack/verify.ts';
import { verifyNitro } from '../../src/nitro/verify.ts';
import { verifySevSnp } from '../../src/sev-snp/verify.ts';
import { verifyTdx } from '../../src/tdx/verify.ts';
import { seeded } from '../seeded.ts';
import { acceptedFlips } from './bit-flips.ts';
import { hasSharedEvidence } from './evidence-files.ts';
import { dstackFiles, nitroFiles, sevSnpFiles, tdxFiles } from './flippable-files.ts';

const SAMPLES = 48;
/** Files of which every byte is flipped: the smallest of their kinds. */
const WHOLE_FILES = ['snp/routex-turin-v5.report.bin', 'snp/routex-turin-v5.leaf.der'];

/** One bit of every byte of the small files, and of a seeded sample of the others. */
function* someFlips(file: string, length: number): Generator<readonly [offset: number, bit: number]> {
  const random = seeded(length);
  if (WHOLE_FILES.includes(file)) for (let offset = 0; offset < length; offset++) yield [offset, random() % 8];
  else for (let count = 0; count < SAMPLES; count++) yield [random() % length, random() % 8];
}

describe.runIf(hasSharedEvidence)('a recorded file with one bit flipped', () => {
  it.each([...sevSnpFiles(verifySevSnp), ...tdxFiles(verifyTdx), ...nitroFiles(verifyNitro)])(
    'is never accepted: $file',
    async (file) => {
      await expect(file.verify(file.bytes)).resolves.toBeDefined();
      expect(await acceptedFlips(file, someFlips(file.file, file.bytes.length))).toEqual([]);
    },
    60_000,
  );

  it.each(dstackFiles(verifyDstack))('is never accepted as another identity: $file', async (file) => {
    const genuine = await file.verify(file.bytes);
    const verify = async (bytes: Uint8Array) => {
      const verified = await file.verify(bytes);
      expect(verified).toEqual(genuine);
    };
    // Types, names and payloads of RTMR0 to RTMR2, and whatever the guest agent adds around quote and log, are not covered
    // by a signature and not read: a flip there changes nothing in the result.
    await acceptedFlips({ ...file, verify }, someFlips(file.file, file.bytes.length));
  });
});
