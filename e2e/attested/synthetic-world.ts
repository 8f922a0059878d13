import type { EndorserOptions } from '@sotto/attestation/attest';
import { createSyntheticPlatforms, type SyntheticPlatforms } from '@sotto/attestation/testing';
import {
  type CollateralServer,
  INTEL_ROOT_CRL_PATH,
  kdsAnswers,
  pcsAnswers,
  startCollateralServer,
} from '@sotto/attestation/testing/node';

/** Vendors of a synthetic world, and their services on the loopback. */
export interface SyntheticWorld {
  readonly platforms: SyntheticPlatforms;
  readonly server: CollateralServer;
  /** Where an endorser finds the services. */
  readonly services: EndorserOptions;
  close(): Promise<void>;
}

/** Makes the vendors and starts their services. */
export async function startSyntheticWorld(): Promise<SyntheticWorld> {
  const platforms = await createSyntheticPlatforms(new Date());
  const { collateral } = await platforms.tdx.attest(new Uint8Array(64));
  const server = await startCollateralServer([...(await kdsAnswers(platforms.sevSnp)), ...pcsAnswers(collateral)]);
  const services = {
    amdKdsUrl: server.url,
    intelPcsUrl: server.url,
    intelRootCrlUrl: `${server.url}${INTEL_ROOT_CRL_PATH}`,
  };
  return { platforms, server, services, close: () => server.close() };
}
