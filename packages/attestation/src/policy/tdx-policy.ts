import type { VerificationFailure } from '@sotto/protocol';
import type { VerifiedDstack } from '../dstack/verify.ts';
import { decodeHex } from '../hex.ts';
import type { VerifiedTdx } from '../tdx/verify.ts';
import type { DstackPolicy, TdxPolicy } from './policy.ts';
import { PolicyCheck } from './policy-check.ts';

const NO_SERVICE_TD = '0'.repeat(96);

/** What of a verified quote a policy does not allow. Debugging it never does. */
export function checkTdxPolicy(
  evidence: VerifiedTdx,
  policy: TdxPolicy,
  prefix: string,
): readonly VerificationFailure[] {
  const check = new PolicyCheck(prefix);
  checkTrustDomain(check, evidence, policy);
  return check.failures;
}

/** {@link checkTdxPolicy}, and what dstack measured. */
export function checkDstackPolicy(
  evidence: VerifiedDstack,
  policy: DstackPolicy,
  prefix: string,
): readonly VerificationFailure[] {
  const check = new PolicyCheck(prefix);
  checkTrustDomain(check, evidence, policy);
  const { composeHashes, appIds, osImageHashes } = policy;
  check.demandListed(
    composeHashes,
    evidence.composeHash,
    'composeHashes',
    'compose_hash_not_allowed',
    'the compose hash',
  );
  check.demandListed(appIds, evidence.appId, 'appIds', 'app_id_not_allowed', 'the app id');
  check.demandListed(osImageHashes, evidence.osImageHash, 'osImageHashes', 'os_image_not_allowed', 'the OS image');
  return check.failures;
}

function checkTrustDomain(
  check: PolicyCheck,
  evidence: Omit<VerifiedTdx, 'type'>,
  policy: Omit<TdxPolicy, 'type'>,
): void {
  const { attributes } = evidence;
  check.demand(!attributes.debug, 'debug', 'debug_enabled', 'the trust domain may be debugged by its host');
  const septHolds = policy.allowSeptVeOff || attributes.septVeDisable;
  check.demand(
    septHolds,
    'allowSeptVeOff',
    'sept_ve_enabled',
    'the host can inject exceptions (SEPT_VE_DISABLE is off)',
  );
  if (!policy.dangerouslyAcceptAnyMeasurement) {
    check.demandListed(policy.mrTd, evidence.mrTd, 'mrTd', 'measurement_not_allowed', 'MRTD');
  }
  for (const index of [0, 1, 2, 3] as const) {
    const code = 'measurement_not_allowed';
    check.demandListed(policy.rtmr[index], evidence.rtmr[index], `rtmr.${index}`, code, `RTMR${index}`);
  }
  check.demandListed(policy.mrConfigId, evidence.mrConfigId, 'mrConfigId', 'config_id_not_allowed', 'MRCONFIGID');
  check.demandListed(policy.mrSeam, evidence.mrSeam, 'mrSeam', 'module_not_allowed', 'the TDX module');
  check.demandListed(policy.xfam, evidence.xfam, 'xfam', 'xfam_not_allowed', 'XFAM');
  // Quotes of version 4 do not say which service TD may do it, so a list of them has to be there, and to hold.
  const mayMigrate = policy.mrServiceTd !== undefined && evidence.mrServiceTd !== null;
  const migrationHolds = mayMigrate || !attributes.migratable;
  check.demand(migrationHolds, 'migration', 'migration_enabled', 'the trust domain may be migrated');
  // A service TD can migrate the domain elsewhere: none, unless it is listed.
  const serviceTds = policy.mrServiceTd ?? [NO_SERVICE_TD];
  const serviceTd = evidence.mrServiceTd ?? NO_SERVICE_TD;
  check.demandListed(serviceTds, serviceTd, 'mrServiceTd', 'service_td_not_allowed', 'the service TD');
  checkTcb(check, evidence, policy);
}

function checkTcb(
  check: PolicyCheck,
  { tcb, teeTcbSvn }: Omit<VerifiedTdx, 'type'>,
  policy: Omit<TdxPolicy, 'type'>,
): void {
  const statusHolds = policy.tcbStatus.some((status) => status === tcb.status);
  check.demand(statusHolds, 'tcbStatus', 'tcb_status_not_allowed', `TCB status ${tcb.status} is not listed`);
  for (const advisory of tcb.advisories.filter((id) => policy.advisoriesDenied.includes(id))) {
    check.demand(false, 'advisoriesDenied', 'advisory_denied', `advisory ${advisory} is not fixed`);
  }
  const least = policy.minTcbEvaluationDataNumber ?? 0;
  const numberHolds = tcb.evaluationDataNumber >= least;
  const numberStep = 'minTcbEvaluationDataNumber';
  check.demand(numberHolds, numberStep, 'evaluation_number_below_minimum', 'the collateral is older than allowed');
  const svn = decodeHex(teeTcbSvn) ?? new Uint8Array();
  const floor = decodeHex(policy.minTeeTcbSvn ?? '') ?? new Uint8Array();
  const svnHolds = floor.every((component, index) => (svn[index] ?? -1) >= component);
  check.demand(svnHolds, 'minTeeTcbSvn', 'tcb_below_minimum', 'the TEE TCB SVN is below the minimum');
}
