import {
  type Attester,
  configfsTsmAttester,
  createEndorser,
  detectAttester,
  dstackAttester,
  type Endorser,
  type EndorserOptions,
  execAttester,
  softwareAttester,
} from '@sotto/attestation/attest';
import { ConfigurationError } from '@sotto/protocol';
import type { Environment } from '../config/secrets.ts';
import type { AttestationConfig } from './config.ts';
import type { EndorsedAttester } from './endorsed-attester.ts';

/**
 * Makes the attester that the configuration asks for, with whoever completes its evidence; null for none.
 * @throws ConfigurationError `invalid_config`
 * @throws AttestationError `evidence_missing`, `type_unsupported` where the machine does not offer what is asked for;
 * its message is for the operator
 */
export async function createAttester(
  config: AttestationConfig,
  environment: Environment,
): Promise<EndorsedAttester | null> {
  const attester = await platformAttester(config, environment);
  return attester === null ? null : endorsed(attester, createEndorser(endorserOptions(config)));
}

/** An attester whose evidence is completed before it is given out. */
export function endorsed(attester: Attester, endorser: Endorser): EndorsedAttester {
  return {
    type: attester.type,
    attest: async (reportData, signal, nonce) =>
      endorser.endorse(await attester.attest(reportData, signal, nonce), signal),
    forget: () => endorser.forget(),
  };
}

async function platformAttester(config: AttestationConfig, environment: Environment): Promise<Attester | null> {
  switch (config.attester) {
    case 'none':
      return null;
    case 'auto':
      return detectAttester({ dstack: { environment } });
    case 'configfs-tsm':
      return configfsTsmAttester();
    case 'dstack':
      return dstackAttester({ environment });
    case 'exec':
      return programAttester(config);
    case 'software':
      // The publisher says it, whoever made the attester.
      return softwareAttester({ allowInsecure: config.allowInsecure, warn: () => {}, environment });
  }
}

function programAttester({ command = [], evidence, timeoutSeconds }: AttestationConfig): Attester {
  const [program, ...programArguments] = command;
  if (program === undefined || evidence === undefined) {
    throw new ConfigurationError('attestation: exec needs command and evidence', { code: 'invalid_config' });
  }
  return execAttester({
    type: evidence,
    command: program,
    arguments: programArguments,
    timeoutMs: timeoutSeconds * 1_000,
  });
}

function endorserOptions({ collateral }: AttestationConfig): EndorserOptions {
  const { kdsUrl, pcsUrl, rootCrlUrl, sevProduct, skipAmdCrl } = collateral;
  return {
    skipAmdCrl,
    ...(sevProduct === undefined ? {} : { sevProduct }),
    ...(kdsUrl === undefined ? {} : { amdKdsUrl: kdsUrl }),
    ...(pcsUrl === undefined ? {} : { intelPcsUrl: pcsUrl }),
    ...(rootCrlUrl === undefined ? {} : { intelRootCrlUrl: rootCrlUrl }),
  };
}
