import { readFile, stat } from 'node:fs/promises';
import { type AttestationPolicyInput, parsePolicy } from '@sotto/attestation';
import { UsageError } from '../arguments.ts';

const MAX_POLICY_BYTES = 1_048_576;

/**
 * Reads a policy, JSON as in docs/attestation.md.
 * @throws UsageError, ConfigurationError `invalid_option`, `policy_empty`
 */
export async function readPolicy(path: string): Promise<AttestationPolicyInput> {
  const bytes = await readBounded(path, MAX_POLICY_BYTES);
  let policy: AttestationPolicyInput;
  try {
    policy = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as AttestationPolicyInput;
  } catch {
    throw new UsageError(`${path} is not JSON`);
  }
  // This is what makes a policy of it; its defaults must not hide from a tier what the file leaves open.
  parsePolicy(policy);
  return policy;
}

/** Reads a file. @throws UsageError for one that is not there, or longer than it may be */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    if ((await stat(path)).size <= maxBytes) return await readFile(path);
  } catch {
    throw new UsageError(`${path} cannot be read`);
  }
  throw new UsageError(`${path} is longer than ${maxBytes} bytes`);
}
