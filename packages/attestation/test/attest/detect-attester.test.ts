import { afterEach, describe, expect, it } from 'vitest';
import { nodeTsmFiles } from '../../src/attest/configfs-tsm/tsm-files.ts';
import { detectAttester } from '../../src/attest/detect-attester.ts';
import { memoryTsmFiles } from '../../src/testing/node/configfs-tsm/memory-tsm-files.ts';
import { TsmFolder } from '../../src/testing/node/configfs-tsm/tsm-folder.ts';
import { sevGuestProfile } from '../../src/testing/node/configfs-tsm/tsm-profile.ts';
import { startGuestAgent } from '../../src/testing/node/dstack-guest-agent.ts';
import { codeOf } from '../expect-failure.ts';
import { attesterFailure, messageOf } from './expect-attester-failure.ts';
import { syntheticWorld } from './synthetic-world.ts';

const world = await syntheticWorld();
const noKernel = { files: nodeTsmFiles('/nonexistent/tsm/report') };
const kernel = () => ({ files: memoryTsmFiles(new TsmFolder(sevGuestProfile(world))) });
const noDstack = { socketPath: '/nonexistent/dstack.sock', environment: {} };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function dstack() {
  const { socketPath, close } = await startGuestAgent(world.tdx);
  closers.push(close);
  return { socketPath, environment: {} };
}

describe('detectAttester', () => {
  it('takes the kernel before dstack', async () => {
    const options = { configfsTsm: kernel(), dstack: await dstack() };
    expect((await detectAttester(options)).type).toBe('sev-snp');
  });

  it('takes dstack where the kernel has nothing', async () => {
    const options = { configfsTsm: noKernel, dstack: await dstack() };
    expect((await detectAttester(options)).type).toBe('dstack-tdx');
  });

  it('finds nothing on an ordinary machine, says what each lacks, and never turns to software', async () => {
    expect(await attesterFailure(detectAttester({ configfsTsm: noKernel, dstack: noDstack }))).toEqual({
      code: 'evidence_missing',
      step: 'attest.detect',
      retryable: false,
      message: messageOf(/mount configfs.*dstack\.sock/),
    });
  });

  it('does not pass over a simulator in silence', async () => {
    const environment = { DSTACK_SIMULATOR_ENDPOINT: '/nonexistent/simulator.sock' };
    const options = { configfsTsm: noKernel, dstack: { environment } };
    expect(await codeOf(detectAttester(options))).toBe('ConfigurationError invalid_config');
  });
});
