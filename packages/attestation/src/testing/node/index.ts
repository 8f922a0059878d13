export {
  type CollateralAnswer,
  type CollateralFault,
  type CollateralServer,
  startCollateralServer,
} from './collateral-server.ts';
export { memoryTsmFiles } from './configfs-tsm/memory-tsm-files.ts';
export { type MountedTsmFolder, mountTsmFolder, whyNoFuse } from './configfs-tsm/mount-tsm-folder.ts';
export { ErrnoError, type TsmFaults, TsmFolder } from './configfs-tsm/tsm-folder.ts';
export {
  type HostCertificates,
  sevGuestProfile,
  svsmProfile,
  type TsmBlobs,
  type TsmProfile,
  tdxGuestProfile,
} from './configfs-tsm/tsm-profile.ts';
export { type GuestAgent, type GuestAgentFault, startGuestAgent } from './dstack-guest-agent.ts';
export { INTEL_ROOT_CRL_PATH, kdsAnswers, pcsAnswers } from './vendor-answers.ts';
