export { CERTIFICATE_GUIDS, writeCertificateTable } from './certificate-table.ts';
export {
  attestDstack,
  type DstackInput,
  SYNTHETIC_APP_ID,
  SYNTHETIC_COMPOSE_HASH,
} from './dstack-emulator.ts';
export { type EmulatedAttesterOptions, emulatedAttester, withoutEndorsements } from './emulated-attester.ts';
export { createNitroEmulator, type NitroDocumentInput, type NitroEmulator, SYNTHETIC_PCRS } from './nitro-emulator.ts';
export {
  createSevSnpEmulator,
  type SevSnpEmulator,
  type SevSnpReportInput,
  SYNTHETIC_SNP_MEASUREMENT,
} from './sev-snp-emulator.ts';
export {
  createSyntheticBundle,
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticBundleInput,
  type SyntheticPlatforms,
} from './synthetic-router.ts';
export {
  createTdxEmulator,
  SYNTHETIC_MR_TD,
  SYNTHETIC_RTMR,
  type TdxEmulator,
  type TdxQuoteInput,
} from './tdx-emulator.ts';
