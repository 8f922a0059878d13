import { afterEach, describe, expect, it } from 'vitest';
import { createEndorser } from '../../src/attest/collateral/endorser.ts';
import { configfsTsmAttester } from '../../src/attest/configfs-tsm/configfs-tsm-attester.ts';
import { dstackAttester } from '../../src/attest/dstack/dstack-attester.ts';
import { execAttester } from '../../src/attest/exec/exec-attester.ts';
import { softwareAttester } from '../../src/attest/software/software-attester.ts';
import type { Attester } from '../../src/attester.ts';
import { EVIDENCE_TYPES } from '../../src/bundle.ts';
import type { AttestationPolicyInput } from '../../src/policy/policy.ts';
import { emulatedAttester } from '../../src/testing/emulated-attester.ts';
import { TsmFolder } from '../../src/testing/node/configfs-tsm/tsm-folder.ts';
import {
  sevGuestProfile,
  svsmProfile,
  type TsmProfile,
  tdxGuestProfile,
} from '../../src/testing/node/configfs-tsm/tsm-profile.ts';
import { startGuestAgent } from '../../src/testing/node/dstack-guest-agent.ts';
import { createSyntheticBundleText } from '../../src/testing/synthetic-router.ts';
import { verifyBundle } from '../../src/verify-bundle.ts';
import { startVendorServices } from './collateral/vendor-services.ts';
import { nitroProgram } from './nitro-program.ts';
import { NEVER, NOW, syntheticWorld } from './synthetic-world.ts';
import { TSM_TRANSPORTS } from './tsm-files.ts';

const world = await syntheticWorld();
const ORIGIN = 'https://router.example';
const KEY_CONFIG = new Uint8Array(41).fill(7);
const NONCE = new Uint8Array(32).fill(0xab);
const POLICY: AttestationPolicyInput = {
  platforms: [
    { type: 'sev-snp', measurements: ['5a'.repeat(48)], vmpl: [0, 2], requireAliasCheck: true },
    { type: 'tdx', mrTd: ['7d'.repeat(48)], rtmr: { 1: ['a1'.repeat(48)], 2: ['a2'.repeat(48)] } },
    { type: 'dstack-tdx', dangerouslyAcceptAnyMeasurement: true, composeHashes: ['cc'.repeat(32)] },
    { type: 'aws-nitro', pcrs: { 0: ['e0'.repeat(48)] } },
  ],
  requireCrl: true,
  dangerouslyAllowSoftware: true,
};
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** What a router does with an attester, and a client with what comes of it. */
async function attestAndVerify(attester: Attester, nonce?: Uint8Array) {
  const services = await startVendorServices(world);
  closers.push(services.server.close);
  const endorser = createEndorser(services.options);
  const text = await createSyntheticBundleText({
    platforms: world,
    type: attester.type,
    keyConfig: KEY_CONFIG,
    origin: ORIGIN,
    now: NOW,
    ...(nonce === undefined ? {} : { nonce }),
    attest: async (reportData) => endorser.endorse(await attester.attest(reportData, NEVER, nonce), NEVER),
  });
  return verifyBundle(text, POLICY, {
    expectedOrigin: ORIGIN,
    now: NOW,
    roots: world.roots,
    ...(nonce === undefined ? {} : { nonce }),
  });
}

const CHALLENGES = [
  ['static', undefined],
  ['of a challenge', NONCE],
] as const;

describe.each(CHALLENGES)(
  'evidence that is %s goes from the attester through the endorser to the client',
  (_, nonce) => {
    const expectVerified = async (attester: Attester) => {
      const result = await attestAndVerify(attester, nonce);
      expect(result.type).toBe(attester.type);
    };

    const profiles: readonly (readonly [string, TsmProfile])[] = [
      ['SEV-SNP', sevGuestProfile(world)],
      ['SEV-SNP without certificates of the host', sevGuestProfile(world, 'none')],
      ['SEV-SNP under an SVSM', svsmProfile(world)],
      ['TDX', tdxGuestProfile(world)],
    ];
    describe.each(TSM_TRANSPORTS)('by a report folder $name', ({ open }) => {
      it.each(profiles)('of %s', async (__, profile) => {
        const { files, close } = await open(new TsmFolder(profile));
        closers.push(close);
        await expectVerified(await configfsTsmAttester({ files }));
      });
    });

    it('by the guest agent of dstack', async () => {
      const { socketPath, close } = await startGuestAgent(world.tdx);
      closers.push(close);
      await expectVerified(await dstackAttester({ socketPath, environment: {} }));
    });

    it('by a program, of AWS Nitro', async () => {
      const { options, close } = await nitroProgram(world.nitro);
      closers.push(close);
      await expectVerified(execAttester(options));
    });

    it('by software, where the policy allows it', async () => {
      await expectVerified(await softwareAttester({ allowInsecure: true, warn: () => undefined, environment: {} }));
    });

    it.each(EVIDENCE_TYPES)('by an emulated attester of %s, bare as hardware', async (type) => {
      await expectVerified(emulatedAttester(type, { platforms: world, unendorsed: true }));
    });
  },
);

describe('software evidence', () => {
  it('is refused by a policy that does not ask for it', async () => {
    const attester = await softwareAttester({ allowInsecure: true, warn: () => undefined, environment: {} });
    const text = await createSyntheticBundleText({
      platforms: world,
      type: 'software',
      keyConfig: KEY_CONFIG,
      origin: ORIGIN,
      now: NOW,
      attest: async (reportData) => createEndorser().endorse(await attester.attest(reportData, NEVER), NEVER),
    });
    const { dangerouslyAllowSoftware: _, ...policy } = POLICY;
    const verification = verifyBundle(text, policy, { expectedOrigin: ORIGIN, now: NOW, roots: world.roots });
    await expect(verification).rejects.toMatchObject({ code: 'software_refused' });
  });
});

describe('emulatedAttester', () => {
  it('fails as it is told to', async () => {
    const failure = new RangeError('told to');
    const attester = emulatedAttester('tdx', {
      platforms: world,
      onAttest: () => {
        throw failure;
      },
    });
    await expect(attester.attest(new Uint8Array(64), NEVER)).rejects.toBe(failure);
  });
});
