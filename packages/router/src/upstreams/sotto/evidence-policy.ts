import { readFile } from 'node:fs/promises';
import { type AttestationPolicyInput, parsePolicy, tierPreset } from '@sotto/attestation';
import { ConfigurationError, type SecurityTier } from '@sotto/protocol';

/**
 * Checks a policy for the evidence of another router: that it can be read, and that it asks for what the tier asks for.
 * @throws ConfigurationError `invalid_option`, `policy_empty`
 */
export function checkEvidencePolicy(value: unknown, tier: SecurityTier): AttestationPolicyInput {
  assertPolicy(value);
  const { policy } = tierPreset(tier, value);
  const acceptsAnything = policy.platforms.some((platform) => platform.dangerouslyAcceptAnyMeasurement);
  if (policy.dangerouslyAllowSoftware || acceptsAnything) {
    // The answers of this upstream are said to come from an attested one.
    throw new ConfigurationError('what dangerously… members let pass proves nothing: pin the signer instead', {
      code: 'invalid_option',
    });
  }
  return value;
}

/**
 * The policy that a configuration names: itself, or by the path of a JSON file.
 * @param what names the configuration key in errors
 * @throws ConfigurationError `invalid_config`
 */
export async function evidencePolicy(
  configured: unknown,
  tier: SecurityTier,
  what: string,
): Promise<AttestationPolicyInput> {
  const where = typeof configured === 'string' ? `${what}.attestation: ${configured}` : `${what}.attestation`;
  try {
    const value: unknown = typeof configured === 'string' ? JSON.parse(await readFile(configured, 'utf8')) : configured;
    return checkEvidencePolicy(value, tier);
  } catch (error) {
    const reason = ConfigurationError.isInstance(error) ? error.message : 'it cannot be read as JSON';
    throw new ConfigurationError(`${where}: ${reason}`, { code: 'invalid_config', cause: error });
  }
}

function assertPolicy(value: unknown): asserts value is AttestationPolicyInput {
  parsePolicy(value);
}
