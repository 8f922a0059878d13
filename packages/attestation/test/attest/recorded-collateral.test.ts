import { encodeHex } from '@sotto/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createEndorser } from '../../src/attest/collateral/endorser.ts';
import { parseSnpReport } from '../../src/sev-snp/report.ts';
import { parseSnpTcb } from '../../src/sev-snp/tcb-version.ts';
import { parseTdxQuote } from '../../src/tdx/quote.ts';
import { verifyTdx } from '../../src/tdx/verify.ts';
import type { CollateralAnswer } from '../../src/testing/node/collateral-server.ts';
import { pcsAnswers } from '../../src/testing/node/vendor-answers.ts';
import { commonName, parseCertificate } from '../../src/x509/certificate.ts';
import {
  amdChainFile,
  EXPECTED,
  hasSharedEvidence,
  readCollateral,
  recorded,
  recordedText,
} from '../recorded/evidence-files.ts';
import { startServices } from './collateral/vendor-services.ts';
import { attesterFailure } from './expect-attester-failure.ts';
import { NEVER } from './synthetic-world.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function endorserAt(answers: Iterable<readonly [string, CollateralAnswer]>, at: Date) {
  const services = await startServices(answers, at);
  closers.push(services.server.close);
  return { endorser: createEndorser(services.options), asked: services.server.asked };
}

// Recordings of cloud keys have no chip to ask AMD about, and those of version 2 do not name their processor.
const chips = EXPECTED.snp.filter(({ signer, version }) => signer === 'vcek' && version > 2);
const quotes = EXPECTED.tdx.filter(({ crypto }) => crypto === 'valid');

describe.runIf(hasSharedEvidence)('the endorser, on recordings of real hardware', () => {
  it.each(chips)('asks AMD for the certificates of $name, in AMD\u2019s own files', async (entry) => {
    const report = recorded(entry.report);
    const { tcb, chipId } = parseSnpReport(report);
    const { fmc, bl, tee, snp, ucode } = parseSnpTcb(tcb.reported, entry.product);
    const two = (svn: number) => String(svn).padStart(2, '0');
    const levels = `blSPL=${two(bl)}&teeSPL=${two(tee)}&snpSPL=${two(snp)}&ucodeSPL=${two(ucode)}`;
    const chip = encodeHex(chipId.subarray(0, entry.product === 'Turin' ? 8 : 64));
    const leafPath = `/vcek/v1/${entry.product}/${chip}?${fmc === undefined ? '' : `fmcSPL=${two(fmc)}&`}${levels}`;
    const { endorser, asked } = await endorserAt(
      [
        [leafPath, { body: recorded(entry.leaf), contentType: 'application/pkix-cert' }],
        [
          `/vcek/v1/${entry.product}/cert_chain`,
          { body: recordedText(amdChainFile(entry)), contentType: 'text/plain' },
        ],
      ],
      entry.at,
    );
    // No revocation list of AMD's is recorded: that it is asked for, and missed, is the last step here.
    const evidence = { type: 'sev-snp', report } as const;
    expect(await attesterFailure(endorser.endorse(evidence, NEVER))).toMatchObject({ code: 'fetch_failed' });
    expect(asked).toEqual([leafPath, `/vcek/v1/${entry.product}/cert_chain`, `/vcek/v1/${entry.product}/crl`]);
  });

  it.each(quotes)('reads Intel\u2019s answers about $name, and they verify', async (entry) => {
    const quote = recorded(entry.quote);
    const [pck] = parseTdxQuote(quote).pckChain;
    const isProcessor = pck !== undefined && commonName(parseCertificate(pck).issuer).includes('Processor');
    const collateral = readCollateral(recordedText(entry.collateral));
    const answers = pcsAnswers(collateral, entry.fmspc?.toUpperCase(), isProcessor ? 'processor' : 'platform');
    const { endorser } = await endorserAt(answers, entry.at);
    const evidence = await endorser.endorse({ type: 'tdx', quote }, NEVER);
    if (evidence.type !== 'tdx') throw new RangeError('not TDX');
    expect(evidence.collateral).toEqual(collateral);
    await expect(verifyTdx(evidence, { now: entry.at })).resolves.toMatchObject({ fmspc: entry.fmspc });
  });

  it('finds recordings of both vendors', () => {
    expect(chips.length).toBeGreaterThan(0);
    expect(quotes.length).toBeGreaterThan(0);
  });
});
