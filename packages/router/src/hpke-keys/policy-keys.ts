import type { GatewayKey } from '@sotto/protocol/ohttp';
import type { KeySchedule } from './key-schedule.ts';

/**
 * The router's keys as long as it keeps to the policy of upstreams that clients were told with them. A request is
 * answered by the configuration that it began under, and whoever is on its way can hold its body back for as long as a
 * body may take: what is sealed to the keys of a later policy must not be opened under an earlier one.
 */
export class PolicyKeys {
  readonly #schedule: KeySchedule;
  #isOver = false;

  constructor(schedule: KeySchedule) {
    this.#schedule = schedule;
  }

  /** Opens nothing more: other keys come with the policy that follows. */
  end(): void {
    this.#isOver = true;
  }

  /** As {@link KeySchedule.find}. */
  find(keyId: number): GatewayKey | undefined {
    return this.#isOver ? undefined : this.#schedule.find(keyId);
  }

  /** As {@link KeySchedule.ehbpKeyPairs}. */
  get ehbpKeyPairs(): KeySchedule['ehbpKeyPairs'] {
    return this.#isOver ? [] : this.#schedule.ehbpKeyPairs;
  }

  /** As {@link KeySchedule.encodedConfigs}. */
  get encodedConfigs(): Uint8Array {
    return this.#schedule.encodedConfigs;
  }

  /** As {@link KeySchedule.maxAgeSeconds}. */
  get maxAgeSeconds(): number {
    return this.#schedule.maxAgeSeconds;
  }
}
