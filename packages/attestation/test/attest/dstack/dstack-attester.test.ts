import { afterEach, describe, expect, it } from 'vitest';
import { type DstackOptions, dstackAttester } from '../../../src/attest/dstack/dstack-attester.ts';
import { readReportData } from '../../../src/evidence.ts';
import { type GuestAgentFault, startGuestAgent } from '../../../src/testing/node/dstack-guest-agent.ts';
import { codeOf } from '../../expect-failure.ts';
import { attesterFailure, messageOf } from '../expect-attester-failure.ts';
import { abandoned, NEVER, REPORT_DATA, syntheticWorld } from '../synthetic-world.ts';

const world = await syntheticWorld();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: DstackOptions = {}) {
  const agent = await startGuestAgent(world.tdx);
  closers.push(agent.close);
  return { agent, attester: await dstackAttester({ socketPath: agent.socketPath, environment: {}, ...options }) };
}

describe('dstackAttester', () => {
  it('gives the quote, the event log and the configuration of the guest agent', async () => {
    const { attester } = await start();
    expect(attester.type).toBe('dstack-tdx');
    const evidence = await attester.attest(REPORT_DATA, NEVER);
    if (evidence.type !== 'dstack-tdx') throw new RangeError('not dstack');
    expect(readReportData(evidence)).toEqual(REPORT_DATA);
    expect(JSON.parse(evidence.eventLog)).toHaveLength(10);
    expect(evidence).toMatchObject({ vmConfig: '{"cpu_count":2}' });
    expect(evidence.collateral).toBeUndefined();
  });

  it.each([
    ['an answer of status 500', { type: 'status', status: 500 }, 'evidence_missing'],
    ['an error in an answer of status 200', { type: 'error-answer' }, 'evidence_missing'],
    ['an answer that is not JSON', { type: 'not-json' }, 'evidence_missing'],
    ['an answer without end', { type: 'oversized' }, 'evidence_missing'],
    ['a quote of other report data, whatever is said beside it', { type: 'other-report-data' }, 'binding_mismatch'],
    ['a quote that is not hexadecimal', { type: 'odd-quote', quote: 'xyz' }, 'evidence_malformed'],
    ['a quote of no bytes', { type: 'odd-quote', quote: '' }, 'evidence_malformed'],
  ] satisfies [string, GuestAgentFault, string][])('refuses %s', async (_, fault, code) => {
    const { agent, attester } = await start();
    agent.fault = fault;
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({ code });
  });

  it('shows nothing of what the guest agent said', async () => {
    const { agent, attester } = await start();
    agent.fault = { type: 'error-answer' };
    const { message } = await attesterFailure(attester.attest(REPORT_DATA, NEVER));
    expect(message).not.toContain('failed to get quote');
  });

  it('gives up when its time is over', async () => {
    const { agent, attester } = await start({ timeoutMs: 30 });
    agent.fault = { type: 'hang' };
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({
      code: 'evidence_missing',
      retryable: true,
      message: messageOf(/30 ms/),
    });
  });

  it('lets a caller give up, before and while it waits', async () => {
    const { agent, attester } = await start();
    await expect(attester.attest(REPORT_DATA, abandoned())).rejects.toMatchObject({ code: 'request_aborted' });
    agent.fault = { type: 'hang' };
    const caller = new AbortController();
    const attestation = attester.attest(REPORT_DATA, caller.signal);
    caller.abort();
    await expect(attestation).rejects.toMatchObject({ code: 'request_aborted' });
  });

  it('says that the guest agent went away', async () => {
    const { agent, attester } = await start();
    await agent.close();
    closers.length = 0;
    expect(await attesterFailure(attester.attest(REPORT_DATA, NEVER))).toMatchObject({
      code: 'evidence_missing',
      retryable: true,
    });
  });

  it('says so where there is no socket', async () => {
    const options = { socketPath: '/nonexistent/dstack.sock', environment: {} };
    expect(await attesterFailure(dstackAttester(options))).toMatchObject({ code: 'evidence_missing' });
  });

  it('refuses a simulator, and takes it only where that is allowed', async () => {
    const { agent } = await start();
    const environment = { DSTACK_SIMULATOR_ENDPOINT: agent.socketPath };
    expect(await codeOf(dstackAttester({ environment }))).toBe('ConfigurationError invalid_config');
    const attester = await dstackAttester({ environment, allowSimulator: true });
    expect(await attester.attest(REPORT_DATA, NEVER)).toMatchObject({ type: 'dstack-tdx' });
    const elsewhere = { DSTACK_SIMULATOR_ENDPOINT: 'https://simulator.example' };
    expect(await codeOf(dstackAttester({ environment: elsewhere, allowSimulator: true }))).toBe(
      'ConfigurationError invalid_config',
    );
  });

  it('refuses report data of another length', async () => {
    const { attester } = await start();
    expect(await codeOf(attester.attest(new Uint8Array(32), NEVER))).toBe('ConfigurationError invalid_option');
  });
});
