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

function assertPolicy(value: unknown): asserts value is AttestationPolicyInput {
  parsePolicy(value);
}
