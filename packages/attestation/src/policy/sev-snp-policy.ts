import type { VerificationFailure } from '@sotto/protocol';
import type { SnpFirmware } from '../sev-snp/report.ts';
import { componentsBelow } from '../sev-snp/tcb-version.ts';
import type { VerifiedSevSnp } from '../sev-snp/verify.ts';
import type { SevSnpPolicy } from './policy.ts';
import { PolicyCheck } from './policy-check.ts';

const ALIAS_CHECK_COMPLETE = 1n << 5n; // AMD 56860 §7.3, PLATFORM_INFO: DRAM was checked for aliases since reset

/** What of a verified SEV-SNP report a policy does not allow. Debugging and migration it never does. */
export function checkSevSnpPolicy(
  evidence: VerifiedSevSnp,
  policy: SevSnpPolicy,
  requireCrl: boolean,
  prefix: string,
): readonly VerificationFailure[] {
  const check = new PolicyCheck(prefix);
  const { product, tcb, firmware } = evidence;
  check.demand(!evidence.policy.debugAllowed, 'debug', 'debug_enabled', 'the guest may be debugged by its host');
  check.demand(!evidence.policy.migrationAllowed, 'migration', 'migration_enabled', 'the guest may be migrated');
  check.demand(policy.vmpl.includes(evidence.vmpl), 'vmpl', 'vmpl_not_allowed', `VMPL ${evidence.vmpl} is not listed`);
  check.demand(
    policy.products.includes(product),
    'products',
    'product_not_allowed',
    `product ${product} is not listed`,
  );
  check.demand(
    policy.allowVlek || evidence.signer === 'vcek',
    'allowVlek',
    'vlek_not_allowed',
    'a VLEK is not allowed',
  );
  if (!policy.dangerouslyAcceptAnyMeasurement) {
    const { measurements } = policy;
    check.demandListed(
      measurements,
      evidence.measurement,
      'measurements',
      'measurement_not_allowed',
      'the measurement',
    );
  }
  check.demandListed(policy.hostData, evidence.hostData, 'hostData', 'host_data_not_allowed', 'the host data');
  check.demandListed(policy.idKeyDigests, evidence.idKeyDigest, 'idKeyDigests', 'id_key_not_allowed', 'the id key');
  const { authorKeyDigests } = policy;
  check.demandListed(
    authorKeyDigests,
    evidence.authorKeyDigest,
    'authorKeyDigests',
    'author_key_not_allowed',
    'the author key',
  );
  checkChip(check, evidence, policy);

  for (const component of componentsBelow(tcb.reported, policy.minTcb?.[product] ?? {})) {
    check.demand(false, `minTcb.${component}`, 'tcb_below_minimum', `TCB component ${component} is below the minimum`);
  }
  const { minFirmware, minGuestSvn } = policy;
  const firmwareHolds = minFirmware === undefined || order(firmware.current) >= order(minFirmware);
  check.demand(firmwareHolds, 'minFirmware', 'firmware_below_minimum', 'the firmware is below the minimum');
  const svnHolds = minGuestSvn === undefined || evidence.guestSvn >= minGuestSvn;
  check.demand(svnHolds, 'minGuestSvn', 'guest_svn_below_minimum', 'the guest SVN is below the minimum');
  const committed =
    order(firmware.committed) >= order(firmware.current) && componentsBelow(tcb.committed, tcb.current).length === 0;
  const committedHolds = !policy.requireCommitted || committed;
  check.demand(committedHolds, 'requireCommitted', 'firmware_provisional', 'the firmware could be rolled back');
  const aliasHolds = !policy.requireAliasCheck || (evidence.platformInfo & ALIAS_CHECK_COMPLETE) !== 0n;
  check.demand(aliasHolds, 'requireAliasCheck', 'alias_check_incomplete', 'memory was not checked for aliases');
  check.demand(
    !requireCrl || evidence.crlChecked,
    'requireCrl',
    'crl_missing',
    'the revocation list of AMD is missing',
  );
  return check.failures;
}

function checkChip(check: PolicyCheck, evidence: VerifiedSevSnp, policy: SevSnpPolicy): void {
  // A VLEK is not a chip's; for a VCEK nothing would say then which chip the report is of.
  const masked = evidence.chipId === null && (evidence.signer === 'vcek' || policy.chipIds !== undefined);
  check.demand(!masked, 'chipIds', 'chip_id_masked', 'the report leaves the chip id out');
  if (!masked) check.demandListed(policy.chipIds, evidence.chipId, 'chipIds', 'chip_not_allowed', 'the chip');
}

function order({ major, minor, build }: SnpFirmware): number {
  return major * 65_536 + minor * 256 + build;
}
