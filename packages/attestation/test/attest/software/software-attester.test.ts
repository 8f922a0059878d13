import { describe, expect, it } from 'vitest';
import {
  SOFTWARE_ATTESTATION_NOTICE,
  type SoftwareOptions,
  softwareAttester,
} from '../../../src/attest/software/software-attester.ts';
import { SOFTWARE_WARNING, verifySoftware } from '../../../src/software/verify.ts';
import { codeOf } from '../../expect-failure.ts';
import { abandoned, NEVER, REPORT_DATA } from '../synthetic-world.ts';

const warnings: string[] = [];
const create = (options: Partial<SoftwareOptions> = {}) =>
  softwareAttester({ allowInsecure: true, warn: (message) => warnings.push(message), environment: {}, ...options });

describe('softwareAttester', () => {
  it('signs report data, and says inside of the evidence what it is worth', async () => {
    const evidence = await (await create()).attest(REPORT_DATA, NEVER);
    if (evidence.type !== 'software') throw new RangeError('not software');
    expect(evidence.warning).toBe(SOFTWARE_WARNING);
    await expect(verifySoftware({ ...evidence, reportData: REPORT_DATA })).resolves.toMatchObject({ type: 'software' });
  });

  it('warns each time it is made', async () => {
    warnings.length = 0;
    await create();
    await create();
    expect(warnings).toEqual([SOFTWARE_ATTESTATION_NOTICE, SOFTWARE_ATTESTATION_NOTICE]);
  });

  it('is refused without the first consent, whatever stands in for it', async () => {
    for (const allowInsecure of [false, 'true' as unknown as boolean, 1 as unknown as boolean]) {
      expect(await codeOf(create({ allowInsecure }))).toBe('ConfigurationError invalid_config');
    }
  });

  it('is refused in production without the second consent', async () => {
    const production = { NODE_ENV: 'production' };
    expect(await codeOf(create({ environment: production }))).toBe('ConfigurationError invalid_config');
    const unsure = { ...production, SOTTO_ALLOW_SOFTWARE_ATTESTATION: 'yes' };
    expect(await codeOf(create({ environment: unsure }))).toBe('ConfigurationError invalid_config');
    const environment = { ...production, SOTTO_ALLOW_SOFTWARE_ATTESTATION: '1' };
    await expect(create({ environment })).resolves.toMatchObject({ type: 'software' });
    expect(await codeOf(create({ environment, allowInsecure: false }))).toBe('ConfigurationError invalid_config');
  });

  it('lets a caller give up, and refuses report data of another length', async () => {
    const attester = await create();
    await expect(attester.attest(REPORT_DATA, abandoned())).rejects.toMatchObject({ code: 'request_aborted' });
    expect(await codeOf(attester.attest(new Uint8Array(65), NEVER))).toBe('ConfigurationError invalid_option');
  });
});
