import { encodeBase64Url } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { type ExecOptions, execAttester } from '../../../src/attest/exec/exec-attester.ts';
import { withoutEndorsements } from '../../../src/testing/emulated-attester.ts';
import { codeOf } from '../../expect-failure.ts';
import { attesterFailure, messageOf } from '../expect-attester-failure.ts';
import { abandoned, NEVER, REPORT_DATA, syntheticWorld } from '../synthetic-world.ts';

const world = await syntheticWorld();
const NONCE = new Uint8Array(32).fill(0xab);
const HEX = Buffer.from(REPORT_DATA).toString('hex');

/** An attester whose program is a line of JavaScript; its arguments begin at `process.argv[1]`. */
function program(script: string, options: Partial<ExecOptions> = {}) {
  return execAttester({
    type: 'aws-nitro',
    command: process.execPath,
    arguments: ['-e', script, '--', '{reportDataHex}', 'nonce={nonceHex}'],
    ...options,
  });
}
const print = (text: string) => `process.stdout.write(${JSON.stringify(text)})`;
const evidenceText = async (type: 'aws-nitro' | 'sev-snp', reportData = REPORT_DATA) =>
  evidenceJson(withoutEndorsements(await world.attest(type, reportData)));
/** Evidence as a bundle writes it. */
const evidenceJson = (evidence: object) =>
  JSON.stringify(evidence, (_, value: unknown) => (value instanceof Uint8Array ? encodeBase64Url(value) : value));

describe('execAttester', () => {
  it('gives the evidence that the program writes, and hands it report data and challenge', async () => {
    const check = `if (process.argv[1] !== '${HEX}' || process.argv[2] !== 'nonce=${'ab'.repeat(32)}') process.exit(1);`;
    const attester = program(check + print(await evidenceText('aws-nitro')));
    expect(attester.type).toBe('aws-nitro');
    expect(await attester.attest(REPORT_DATA, NEVER, NONCE)).toMatchObject({ type: 'aws-nitro' });
  });

  it('takes a report of SEV-SNP without certificates', async () => {
    const attester = program(print(await evidenceText('sev-snp')), { type: 'sev-snp' });
    expect(Object.keys(await attester.attest(REPORT_DATA, NEVER))).toEqual(['type', 'report']);
  });

  it('runs no shell, and hands over no environment but what it is told', async () => {
    const marker = '$(exit 3); `exit 3` && exit 3';
    const script = `
      if (process.argv[3] !== ${JSON.stringify(marker)}) process.exit(1);
      if (process.env.ATTESTER !== 'told' || process.env.NODE_ENV !== undefined) process.exit(2);
      ${print(await evidenceText('aws-nitro'))}`;
    const attester = program(script, {
      arguments: ['-e', script, '--', '{reportDataHex}', '', marker],
      environment: { ATTESTER: 'told' },
    });
    expect(await attester.attest(REPORT_DATA, NEVER)).toMatchObject({ type: 'aws-nitro' });
  });

  it.each([
    ['ends with another status than 0', 'process.exit(3)', 'evidence_missing'],
    ['is killed', "process.kill(process.pid, 'SIGKILL')", 'evidence_missing'],
    ['writes nothing', '', 'evidence_malformed'],
    ['writes no JSON', print('evidence'), 'evidence_malformed'],
    ['writes another kind of evidence', print('{"type":"software"}'), 'evidence_malformed'],
    ['writes without end', 'setInterval(() => process.stdout.write("a".repeat(65536)), 0)', 'evidence_malformed'],
    ['writes more than a bundle holds', `process.stdout.write('a'.repeat(262145))`, 'evidence_malformed'],
  ])('refuses a program that %s', async (_, script, code) => {
    expect(await attesterFailure(program(script).attest(REPORT_DATA, NEVER))).toMatchObject({ code });
  });

  it('refuses evidence of another kind than configured, and members that are not known', async () => {
    const other = program(print(await evidenceText('sev-snp')));
    expect(await attesterFailure(other.attest(REPORT_DATA, NEVER))).toMatchObject({ code: 'evidence_malformed' });
    const extended = { ...(await world.attest('aws-nitro', REPORT_DATA)), comment: 'x' };
    const attester = program(print(evidenceJson(extended)));
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({ code: 'evidence_malformed' });
  });

  it('refuses software evidence, even from a caller without types', async () => {
    const software = evidenceJson(await world.attest('software', REPORT_DATA));
    const attester = program(print(software), { type: 'software' as 'tdx' });
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({ code: 'evidence_malformed' });
  });

  it('refuses evidence of other report data', async () => {
    const attester = program(print(await evidenceText('aws-nitro', new Uint8Array(64))));
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({ code: 'binding_mismatch' });
  });

  it('shows nothing of what the program wrote', async () => {
    const attester = program(`process.stderr.write('secret'); process.stdout.write('secret'); process.exit(1)`);
    expect((await attesterFailure(attester.attest(REPORT_DATA, NEVER))).message).not.toContain('secret');
  });

  it('says so where the program cannot be started', async () => {
    const attester = program('', { command: '/nonexistent/program' });
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({
      code: 'evidence_missing',
      message: messageOf(/cannot be started/),
    });
  });

  it('stops a program that does not end, and one whose child holds its output', async () => {
    const spawnChild = `require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 2000)'], { stdio: 'inherit' }); process.exit(0)`;
    for (const script of ['setInterval(() => {}, 1000)', spawnChild]) {
      const attester = program(script, { timeoutMs: 300 });
      expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({
        code: 'evidence_missing',
        retryable: true,
        message: messageOf(/300 ms/),
      });
    }
  });

  it('lets a caller give up', async () => {
    await expect(program('').attest(REPORT_DATA, abandoned())).rejects.toMatchObject({ code: 'request_aborted' });
    const caller = new AbortController();
    const attestation = program('setInterval(() => {}, 1000)').attest(REPORT_DATA, caller.signal);
    caller.abort();
    await expect(attestation).rejects.toMatchObject({ code: 'request_aborted' });
  });

  it('refuses arguments without room for the report data, and report data of another length', async () => {
    expect(await codeOf(() => program('', { arguments: ['--attest'] }))).toBe('ConfigurationError invalid_config');
    expect(await codeOf(program('').attest(new Uint8Array(), NEVER))).toBe('ConfigurationError invalid_option');
  });
});
