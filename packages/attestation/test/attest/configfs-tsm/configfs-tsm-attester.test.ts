import { execFile } from 'node:child_process';
import { readdir, stat, unlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { concatBytes } from '@sotto/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ConfigfsTsmOptions,
  configfsTsmAttester,
} from '../../../src/attest/configfs-tsm/configfs-tsm-attester.ts';
import { nodeTsmFiles, type TsmFiles } from '../../../src/attest/configfs-tsm/tsm-files.ts';
import { readReportData } from '../../../src/evidence.ts';
import { parseSnpReport } from '../../../src/sev-snp/report.ts';
import { memoryTsmFiles } from '../../../src/testing/node/configfs-tsm/memory-tsm-files.ts';
import { type MountedTsmFolder, mountTsmFolder } from '../../../src/testing/node/configfs-tsm/mount-tsm-folder.ts';
import { type TsmFaults, TsmFolder } from '../../../src/testing/node/configfs-tsm/tsm-folder.ts';
import {
  sevGuestProfile,
  svsmProfile,
  type TsmProfile,
  tdxGuestProfile,
} from '../../../src/testing/node/configfs-tsm/tsm-profile.ts';
import { codeOf } from '../../expect-failure.ts';
import { attesterFailure, messageOf } from '../expect-attester-failure.ts';
import { abandoned, NEVER, REPORT_DATA, syntheticWorld } from '../synthetic-world.ts';
import { canMount, TSM_TRANSPORTS } from '../tsm-files.ts';

const world = await syntheticWorld();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe.each(TSM_TRANSPORTS)('configfsTsmAttester over a report folder $name', ({ open }) => {
  async function start(profile: TsmProfile, options: ConfigfsTsmOptions = {}) {
    const folder = new TsmFolder(profile);
    const { files, close } = await open(folder);
    closers.push(close);
    return { folder, files, attester: await configfsTsmAttester({ files, ...options }) };
  }
  /** What a good attester fails with once the fault is there. */
  async function failureWith(faults: TsmFaults, profile = sevGuestProfile(world)) {
    const { folder, attester } = await start(profile);
    folder.faults = faults;
    const failure = await attesterFailure(attester.attest(REPORT_DATA, NEVER));
    if (faults.removal === undefined) expect(folder.entries).toEqual([]);
    return failure;
  }

  it('gives the report of SEV-SNP with the certificates of the host, and leaves no entry behind', async () => {
    const { folder, attester } = await start(sevGuestProfile(world));
    expect(attester.type).toBe('sev-snp');
    const evidence = await attester.attest(REPORT_DATA, NEVER);
    expect(evidence).toMatchObject({ type: 'sev-snp', ask: world.sevSnp.ask.certificate });
    if (evidence.type !== 'sev-snp' || evidence.leaf === undefined) throw new RangeError('no certificate');
    expect(readReportData({ ...evidence, leaf: evidence.leaf })).toEqual(REPORT_DATA);
    expect(folder.entries).toEqual([]);
  });

  it('gives the bare report where the host has no certificates', async () => {
    const { attester } = await start(sevGuestProfile(world, 'none'));
    expect(Object.keys(await attester.attest(REPORT_DATA, NEVER))).toEqual(['type', 'report']);
  });

  it('takes the certificate of the key that signed: the VLEK where it is one', async () => {
    const { attester } = await start(sevGuestProfile(world, 'all', { signer: 'vlek' }));
    expect(await attester.attest(REPORT_DATA, NEVER)).toMatchObject({ ask: world.sevSnp.asvk.certificate });
  });

  it('gives the quote of TDX without the padding of the host', async () => {
    const { attester } = await start(tdxGuestProfile(world));
    expect(attester.type).toBe('tdx');
    const evidence = await attester.attest(REPORT_DATA, NEVER);
    if (evidence.type !== 'tdx') throw new RangeError('not TDX');
    expect(evidence.quote.length).toBeLessThan(8_000);
    expect(readReportData(evidence)).toEqual(REPORT_DATA);
  });

  it('raises the privilege level to the floor of an SVSM', async () => {
    const { attester } = await start(svsmProfile(world));
    const evidence = await attester.attest(REPORT_DATA, NEVER);
    expect(evidence.type === 'sev-snp' && parseSnpReport(evidence.report).vmpl).toBe(2);
  });

  it('answers many callers one at a time, each with a report of its own', async () => {
    const { attester } = await start(tdxGuestProfile(world));
    const asked = [1, 2, 3, 4, 5, 6].map((byte) => new Uint8Array(64).fill(byte));
    const evidence = await Promise.all(asked.map((reportData) => attester.attest(reportData, NEVER)));
    expect(evidence.map((one) => one.type === 'tdx' && readReportData(one))).toEqual(asked);
  });

  it.each([
    ['EROFS', 'entry', false, /as root/],
    ['EACCES', 'entry', false, /ProtectKernelTunables/],
    ['EPERM', 'entry', false, /as root/],
    ['ENXIO', 'entry', false, /confidential guest/],
  ])('tells the operator what %s of making an entry means', async (errno, operation, retryable, message) => {
    expect(await failureWith({ entry: errno })).toEqual({
      code: 'evidence_missing',
      step: `attest.configfs-tsm.${operation}`,
      retryable,
      message: messageOf(message),
    });
  });

  it.each([
    ['EINVAL', false, /privilege level/],
    ['EFAULT', false, /error of the attester/],
    ['EFBIG', false, /longer/],
    ['EBUSY', true, /try again/],
    ['EIO', true, /PCCS/],
    ['ETIMEDOUT', true, /PCCS/],
    ['ENOTTY', false, /restarted/],
    ['ENODATA', false, /ENODATA/],
  ])('tells the operator what %s of the report means', async (errno, retryable, message) => {
    expect(await failureWith({ outblob: errno })).toEqual({
      code: 'evidence_missing',
      step: 'attest.configfs-tsm.outblob',
      retryable,
      message: messageOf(message),
    });
  });

  it('takes an empty report for a failure', async () => {
    const empty: TsmFaults = { edit: (blobs) => ({ ...blobs, outblob: new Uint8Array() }) };
    expect(await failureWith(empty, tdxGuestProfile(world))).toMatchObject({
      code: 'evidence_missing',
      retryable: true,
      message: messageOf(/quote generation service/),
    });
  });

  it('refuses a report that is longer than any', async () => {
    const long: TsmFaults = { edit: (blobs) => ({ ...blobs, outblob: new Uint8Array(32_769) }) };
    expect(await failureWith(long)).toMatchObject({
      code: 'evidence_missing',
      message: messageOf(/longer/),
    });
  });

  it('notices that somebody else wrote to its entry', async () => {
    expect(await failureWith({ interference: true })).toMatchObject({
      code: 'evidence_missing',
      step: 'attest.configfs-tsm.generation',
    });
  });

  it('refuses a report of other report data than it asked for', async () => {
    expect(await failureWith({ reportData: new Uint8Array(64) })).toMatchObject({ code: 'binding_mismatch' });
  });

  it.each([
    ['a cut report', { edit: (blobs) => ({ ...blobs, outblob: blobs.outblob.slice(0, -1) }) }, sevGuestProfile(world)],
    ['a cut quote', { edit: (blobs) => ({ ...blobs, outblob: blobs.outblob.slice(0, 700) }) }, tdxGuestProfile(world)],
    [
      'something after the quote',
      { edit: (blobs) => ({ ...blobs, outblob: concatBytes(blobs.outblob.slice(0, -1), Uint8Array.of(1)) }) },
      tdxGuestProfile(world),
    ],
    [
      'a certificate table that points outside',
      { edit: (blobs) => ({ ...blobs, auxblob: blobs.auxblob?.slice(0, -1) ?? null }) },
      sevGuestProfile(world),
    ],
  ] satisfies [string, TsmFaults, TsmProfile][])('refuses %s', async (_, faults, profile) => {
    expect(await failureWith(faults, profile)).toMatchObject({ code: 'evidence_malformed' });
  });

  it('says so when its entry cannot be removed', async () => {
    expect(await failureWith({ removal: 'EBUSY' })).toMatchObject({ code: 'evidence_missing', retryable: true });
  });

  it.each(['arm_cca_guest', 'vtpm', ''])('refuses the driver %j', async (provider) => {
    const files = memoryTsmFiles(new TsmFolder({ ...sevGuestProfile(world), provider }));
    expect(await attesterFailure(configfsTsmAttester({ files }))).toMatchObject({ code: 'type_unsupported' });
  });

  it('gives up when its time is over, and asks the firmware again only after it has answered', async () => {
    const { folder, attester } = await start(tdxGuestProfile(world), { timeoutMs: 400 });
    let answer: () => void = () => undefined;
    folder.faults = { until: new Promise((resolve) => (answer = resolve)) };
    const first = attesterFailure(attester.attest(REPORT_DATA, NEVER));
    const second = attesterFailure(attester.attest(REPORT_DATA, NEVER));
    expect(await first).toMatchObject({
      code: 'evidence_missing',
      retryable: true,
      message: messageOf(/400 ms/),
    });
    expect(await second).toMatchObject({ code: 'evidence_missing', retryable: true });
    expect(folder.entries).toHaveLength(1);
    folder.faults = {};
    answer();
    await expect.poll(() => folder.entries).toEqual([]);
  });

  it('lets a caller give up', async () => {
    const { attester } = await start(tdxGuestProfile(world));
    await expect(attester.attest(REPORT_DATA, abandoned())).rejects.toMatchObject({ code: 'request_aborted' });
  });

  it('refuses report data of another length', async () => {
    const { attester } = await start(tdxGuestProfile(world));
    expect(await codeOf(attester.attest(new Uint8Array(63), NEVER))).toBe('ConfigurationError invalid_option');
  });
});

describe('configfsTsmAttester', () => {
  it('says what to do where the kernel has no such interface', async () => {
    const files = nodeTsmFiles('/nonexistent/tsm/report');
    expect(await attesterFailure(configfsTsmAttester({ files }))).toMatchObject({
      code: 'evidence_missing',
      message: messageOf(/6\.7 or later, mount configfs/),
    });
  });

  it('refuses a plain folder, which has no attributes', async () => {
    const plain: TsmFiles = { ...memoryTsmFiles(new TsmFolder(sevGuestProfile(world))), readAttribute: missing };
    expect(await attesterFailure(configfsTsmAttester({ files: plain }))).toMatchObject({ code: 'evidence_missing' });
  });

  it('refuses a generation that is no number', async () => {
    const files = memoryTsmFiles(new TsmFolder(sevGuestProfile(world)));
    const attester = await configfsTsmAttester({
      files: {
        ...files,
        readAttribute: async (entry, attribute, maxBytes) =>
          attribute === 'generation' ? new Uint8Array([0x2d]) : files.readAttribute(entry, attribute, maxBytes),
      },
    });
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({ code: 'evidence_missing' });
  });
});

describe.runIf(canMount)('a mounted report folder behaves as configfs does', () => {
  async function mount(): Promise<MountedTsmFolder> {
    const mounted = await mountTsmFolder(new TsmFolder(sevGuestProfile(world)));
    closers.push(mounted.unmount);
    await nodeTsmFiles(mounted.path).makeEntry('one');
    return mounted;
  }

  it('makes the attributes of an entry by itself, bytes of no size and text of a page', async () => {
    const { path } = await mount();
    expect((await readdir(`${path}/one`)).sort()).toEqual(
      ['auxblob', 'generation', 'inblob', 'outblob', 'privlevel', 'privlevel_floor', 'provider'].sort(),
    );
    expect((await stat(`${path}/one/outblob`)).size).toBe(0);
    expect((await stat(`${path}/one/provider`)).size).toBe(4_096);
  });

  it('lets nobody unlink or make an attribute: entries go by rmdir alone', async () => {
    const { path } = await mount();
    await expect(unlink(`${path}/one/inblob`)).rejects.toMatchObject({ code: 'EPERM' });
    await expect(promisify(execFile)('rm', ['-r', `${path}/one`])).rejects.toMatchObject({ code: 1 });
    await expect(writeFile(`${path}/one/other`, 'x')).rejects.toMatchObject({ code: 'EACCES' });
    await nodeTsmFiles(path).removeEntry('one');
    expect(await readdir(path)).toEqual([]);
  });

  it('loses the error of report data of another length, and gives no report then', async () => {
    const { path } = await mount();
    const files = nodeTsmFiles(path);
    await files.writeAttribute('one', 'inblob', new Uint8Array(63));
    await expect(files.readAttribute('one', 'outblob', 4_096)).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

async function missing(): Promise<never> {
  throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
}
