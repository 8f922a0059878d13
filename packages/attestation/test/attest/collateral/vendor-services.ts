import type { CollateralClock } from '../../../src/attest/collateral/collateral-clock.ts';
import type { CollateralOptions } from '../../../src/attest/collateral/collateral-options.ts';
import {
  type CollateralAnswer,
  type CollateralServer,
  startCollateralServer,
} from '../../../src/testing/node/collateral-server.ts';
import { INTEL_ROOT_CRL_PATH, kdsAnswers, pcsAnswers } from '../../../src/testing/node/vendor-answers.ts';
import type { SyntheticPlatforms } from '../../../src/testing/synthetic-router.ts';
import { NOW } from '../synthetic-world.ts';

/** A clock that stands still unless moved, and on which nobody waits. */
export interface TestClock extends CollateralClock {
  /** The pauses that were asked for, in milliseconds. */
  readonly pauses: number[];
  /** Moves it, in milliseconds. */
  advance(milliseconds: number): void;
}

export function testClock(start: Date = NOW): TestClock {
  let now = start.getTime();
  const pauses: number[] = [];
  return {
    pauses,
    now: () => now,
    advance: (milliseconds) => {
      now += milliseconds;
    },
    delay: async (milliseconds) => {
      pauses.push(milliseconds);
    },
  };
}

/** Services of both vendors on the loopback, and the options that lead to them. */
export interface VendorServices {
  readonly server: CollateralServer;
  readonly clock: TestClock;
  readonly options: CollateralOptions;
}

/** Starts both vendors' services for a synthetic world. */
export async function startVendorServices(world: SyntheticPlatforms): Promise<VendorServices> {
  const { collateral } = await world.tdx.attest(new Uint8Array(64));
  return startServices([...(await kdsAnswers(world.sevSnp)), ...pcsAnswers(collateral)]);
}

/** Starts services with these answers. */
export async function startServices(
  answers: Iterable<readonly [string, CollateralAnswer]>,
  now?: Date,
): Promise<VendorServices> {
  const server = await startCollateralServer(answers);
  const clock = testClock(now);
  const intelRootCrlUrl = `${server.url}${INTEL_ROOT_CRL_PATH}`;
  return { server, clock, options: { amdKdsUrl: server.url, intelPcsUrl: server.url, intelRootCrlUrl, clock } };
}
