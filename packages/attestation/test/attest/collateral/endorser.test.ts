import { afterEach, describe, expect, it } from 'vitest';
import { createEndorser } from '../../../src/attest/collateral/endorser.ts';
import type { Evidence, UnendorsedEvidence } from '../../../src/evidence-schema.ts';
import { verifySevSnp } from '../../../src/sev-snp/verify.ts';
import { verifyTdx } from '../../../src/tdx/verify.ts';
import { withoutEndorsements } from '../../../src/testing/emulated-attester.ts';
import { kdsAnswers } from '../../../src/testing/node/vendor-answers.ts';
import { leafExtensions, type SevSnpReportInput } from '../../../src/testing/sev-snp-emulator.ts';
import { createSyntheticPlatforms } from '../../../src/testing/synthetic-router.ts';
import { codeOf } from '../../expect-failure.ts';
import { attesterFailure, messageOf } from '../expect-attester-failure.ts';
import { abandoned, NEVER, NOW, REPORT_DATA, syntheticWorld } from '../synthetic-world.ts';
import { startServices, startVendorServices } from './vendor-services.ts';

type SevSnp = Extract<UnendorsedEvidence, { type: 'sev-snp' }>;

const world = await syntheticWorld();
const OPTIONS = { now: NOW, roots: world.roots };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function start() {
  const services = await startVendorServices(world);
  closers.push(services.server.close);
  return { ...services, endorser: createEndorser(services.options) };
}
async function sevSnp(input: SevSnpReportInput = {}): Promise<Extract<Evidence, { type: 'sev-snp' }>> {
  return { type: 'sev-snp', ...(await world.sevSnp.attest(REPORT_DATA, input)) };
}
async function bare(input?: SevSnpReportInput): Promise<SevSnp> {
  return { type: 'sev-snp', report: (await sevSnp(input)).report };
}

describe('createEndorser, of SEV-SNP', () => {
  it('fetches what a bare report needs, and what it gives verifies', async () => {
    const { endorser, server } = await start();
    const evidence = await endorser.endorse(await bare(), NEVER);
    if (evidence.type !== 'sev-snp') throw new RangeError('not SEV-SNP');
    await expect(verifySevSnp(evidence, OPTIONS)).resolves.toMatchObject({ product: 'Genoa', crlChecked: true });
    expect(server.asked).toHaveLength(3);
    await endorser.endorse(await bare(), NEVER);
    expect(server.asked).toHaveLength(3);
  });

  it('takes the certificates of the host first, and asks for the revocation list alone', async () => {
    const { endorser, server } = await start();
    const { crl: _, ...given } = await sevSnp();
    const evidence = await endorser.endorse(given, NEVER);
    expect(evidence).toEqual({ ...given, crl: world.sevSnp.crl });
    expect(server.asked).toEqual(['/vcek/v1/Genoa/crl']);
  });

  it('asks nobody where the host gave everything and the revocation list is there, or left out', async () => {
    const { endorser, options, server } = await start();
    const given = await sevSnp();
    expect(await endorser.endorse(given, NEVER)).toEqual(given);
    const { crl: _, ...withoutCrl } = given;
    expect(await createEndorser({ ...options, skipAmdCrl: true }).endorse(withoutCrl, NEVER)).toEqual(withoutCrl);
    expect(server.asked).toEqual([]);
  });

  it('replaces the certificate of a TCB version that is no longer the one of the report', async () => {
    const { endorser, server } = await start();
    const { tcb, chipId } = world.sevSnp;
    const stale = await sevSnp({
      leaf: { extensions: leafExtensions('Genoa', { ...tcb, ucode: tcb.ucode - 1 }, chipId) },
    });
    const evidence = await endorser.endorse(stale, NEVER);
    if (evidence.type !== 'sev-snp') throw new RangeError('not SEV-SNP');
    await expect(verifySevSnp(evidence, OPTIONS)).resolves.toBeDefined();
    expect(server.asked[0]).toMatch(/^\/vcek\/v1\/Genoa\/c1c1/);
  });

  it('replaces a certificate of another chip, of another processor, and one that cannot be read', async () => {
    const { endorser } = await start();
    const milan = await createSyntheticPlatforms(NOW, 'Milan');
    const { leaf: otherProduct } = await milan.sevSnp.attest(REPORT_DATA);
    const extensions = leafExtensions('Genoa', world.sevSnp.tcb, new Uint8Array(64));
    const { leaf: otherChip } = await sevSnp({ leaf: { extensions } });
    for (const leaf of [otherChip, otherProduct, Uint8Array.of(0x30, 0)]) {
      const evidence = await endorser.endorse({ ...(await sevSnp()), leaf }, NEVER);
      if (evidence.type !== 'sev-snp') throw new RangeError('not SEV-SNP');
      await expect(verifySevSnp(evidence, OPTIONS)).resolves.toBeDefined();
    }
  });

  it('replaces a chain that is not the one of the certificate, or half of it', async () => {
    const { endorser } = await start();
    const { ark, ...halved } = await sevSnp();
    for (const given of [
      halved,
      { ...halved, ark, ask: world.sevSnp.asvk.certificate },
      { ...halved, ark: Uint8Array.of(0x30) },
    ]) {
      const evidence = await endorser.endorse(given, NEVER);
      if (evidence.type !== 'sev-snp') throw new RangeError('not SEV-SNP');
      await expect(verifySevSnp(evidence, OPTIONS)).resolves.toBeDefined();
    }
  });

  it('completes a VLEK of the host with its own chain, and cannot fetch one', async () => {
    const { endorser } = await start();
    const { report, leaf } = await sevSnp({ signer: 'vlek' });
    const evidence = await endorser.endorse({ type: 'sev-snp', report, leaf }, NEVER);
    if (evidence.type !== 'sev-snp') throw new RangeError('not SEV-SNP');
    await expect(verifySevSnp(evidence, OPTIONS)).resolves.toMatchObject({ signer: 'vlek' });
    expect(await attesterFailure(endorser.endorse({ type: 'sev-snp', report }, NEVER))).toMatchObject({
      code: 'collateral_missing',
      message: messageOf(/VLEK/),
    });
  });

  it('says so where the firmware masks the chip', async () => {
    const { endorser } = await start();
    const masked = await bare({ edit: (report) => report.fill(0, 0x1a0, 0x1e0) });
    expect(await attesterFailure(endorser.endorse(masked, NEVER))).toMatchObject({ code: 'collateral_missing' });
  });

  it('needs to be told the processor of a report of version 2 without a certificate', async () => {
    const { endorser, options } = await start();
    const old = await bare({ version: 2 });
    expect(await codeOf(endorser.endorse(old, NEVER))).toBe('ConfigurationError invalid_config');
    const told = createEndorser({ ...options, sevProduct: 'Genoa' });
    await expect(told.endorse(old, NEVER)).resolves.toMatchObject({ type: 'sev-snp' });
    await expect(endorser.endorse(await sevSnp({ version: 2 }), NEVER)).resolves.toMatchObject({ type: 'sev-snp' });
  });

  it('asks for a chip of Turin as AMD wants it', async () => {
    const turin = await createSyntheticPlatforms(NOW, 'Turin');
    const services = await startServices(await kdsAnswers(turin.sevSnp));
    closers.push(services.server.close);
    const { report } = await turin.sevSnp.attest(REPORT_DATA);
    const evidence = await createEndorser(services.options).endorse({ type: 'sev-snp', report }, NEVER);
    if (evidence.type !== 'sev-snp') throw new RangeError('not SEV-SNP');
    await expect(verifySevSnp(evidence, { now: NOW, roots: turin.roots })).resolves.toMatchObject({ product: 'Turin' });
  });

  it('refuses a report that cannot be read', async () => {
    const { endorser } = await start();
    const cut = { type: 'sev-snp', report: new Uint8Array(1_183) } as const;
    expect(await attesterFailure(endorser.endorse(cut, NEVER))).toMatchObject({ code: 'evidence_malformed' });
  });
});

describe('createEndorser, of TDX', () => {
  it.each(['tdx', 'dstack-tdx'] as const)('fetches the collateral of %s, and what it gives verifies', async (type) => {
    const { endorser, server } = await start();
    const evidence = await endorser.endorse(withoutEndorsements(await world.attest(type, REPORT_DATA)), NEVER);
    if (evidence.type !== 'tdx' && evidence.type !== 'dstack-tdx') throw new RangeError('not TDX');
    await expect(verifyTdx(evidence, OPTIONS)).resolves.toMatchObject({ type: 'tdx' });
    expect(server.asked).toHaveLength(4);
  });

  it('leaves collateral that is there already', async () => {
    const { endorser, server } = await start();
    const evidence = await world.attest('tdx', REPORT_DATA);
    expect(await endorser.endorse(evidence, NEVER)).toBe(evidence);
    expect(server.asked).toEqual([]);
  });

  it('gives nothing where one part of it is missing', async () => {
    const { endorser, server } = await start();
    server.answers.delete('/tdx/certification/v4/qe/identity');
    const evidence = withoutEndorsements(await world.attest('tdx', REPORT_DATA));
    expect(await attesterFailure(endorser.endorse(evidence, NEVER))).toMatchObject({ code: 'fetch_failed' });
  });

  it('refuses a quote that cannot be read', async () => {
    const { endorser } = await start();
    const cut = { type: 'tdx', quote: new Uint8Array(48) } as const;
    expect(await attesterFailure(endorser.endorse(cut, NEVER))).toMatchObject({ code: 'evidence_malformed' });
  });
});

describe('createEndorser', () => {
  it.each(['aws-nitro', 'software'] as const)('asks nothing about %s', async (type) => {
    const { endorser, server } = await start();
    const evidence = await world.attest(type, REPORT_DATA);
    expect(await endorser.endorse(evidence, NEVER)).toBe(evidence);
    expect(server.asked).toEqual([]);
  });

  it('lets a caller give up', async () => {
    const { endorser } = await start();
    await expect(endorser.endorse(await bare(), abandoned())).rejects.toMatchObject({ code: 'request_aborted' });
  });

  it('asks everything anew when told to forget', async () => {
    const { endorser, server } = await start();
    await endorser.endorse(await bare(), NEVER);
    endorser.forget();
    await endorser.endorse(await bare(), NEVER);
    expect(server.asked).toHaveLength(6);
  });
});
