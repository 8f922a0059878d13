import type { ErrorCode, VerificationFailure } from '@sotto/protocol';

/** Collects what of verified evidence a policy does not allow. */
export class PolicyCheck {
  readonly failures: VerificationFailure[] = [];
  readonly #prefix: string;

  /** @param prefix names the part of the policy that is checked */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Notes a failure where `holds` is false. */
  demand(holds: boolean, step: string, code: ErrorCode, message: string): void {
    if (!holds) this.failures.push({ step: `${this.#prefix}.${step}`, code, message });
  }

  /** Demands that a value is listed, where there is a list. */
  demandListed(
    list: readonly string[] | undefined,
    value: string | null,
    step: string,
    code: ErrorCode,
    what: string,
  ): void {
    this.demand(list === undefined || (value !== null && list.includes(value)), step, code, `${what} is not listed`);
  }
}
