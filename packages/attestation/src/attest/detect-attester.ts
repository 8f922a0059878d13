import { AttestationError } from '@sotto/protocol';
import type { Attester } from '../attester.ts';
import { attesterError } from './attester-error.ts';
import { type ConfigfsTsmOptions, configfsTsmAttester } from './configfs-tsm/configfs-tsm-attester.ts';
import { type DstackOptions, dstackAttester } from './dstack/dstack-attester.ts';

/** Options of {@link detectAttester}. */
export interface DetectOptions {
  readonly configfsTsm?: ConfigfsTsmOptions;
  readonly dstack?: DstackOptions;
}

/**
 * Finds what this machine attests by: the kernel's TSM reports, else dstack's guest agent. Programs and software are
 * never chosen unasked. Where neither answers, the error carries what each of them said.
 * @throws AttestationError `evidence_missing`
 * @throws ConfigurationError `invalid_config` where the environment names a simulator of dstack
 */
export async function detectAttester(options: DetectOptions = {}): Promise<Attester> {
  const tsm = await attempt(() => configfsTsmAttester(options.configfsTsm));
  if (!AttestationError.isInstance(tsm)) return tsm;
  const dstack = await attempt(() => dstackAttester(options.dstack));
  if (!AttestationError.isInstance(dstack)) return dstack;
  throw attesterError({
    step: 'attest.detect',
    message: `this machine offers no attestation. Of the kernel: ${tsm.message}. Of dstack: ${dstack.message}`,
    cause: new AggregateError([tsm, dstack]),
  });
}

/** An attester that is not there is an answer here; a wrong configuration is not. */
async function attempt(create: () => Promise<Attester>): Promise<Attester | AttestationError> {
  try {
    return await create();
  } catch (error) {
    if (AttestationError.isInstance(error)) return error;
    throw error;
  }
}
