import * as root from '@sotto/protocol';
import * as bhttp from '@sotto/protocol/bhttp';
import * as ehbp from '@sotto/protocol/ehbp';
import * as hpke from '@sotto/protocol/hpke';
import * as nomyoV1 from '@sotto/protocol/nomyo-v1';
import * as ohttp from '@sotto/protocol/ohttp';
import type { Check } from '../../packages/protocol/test/conformance/check.ts';
import { conformanceChecks } from '../../packages/protocol/test/conformance/conformance-checks.ts';
import type { Vectors } from '../../packages/protocol/test/conformance/vectors.ts';

/** What the page offers to the test that drives it. */
export interface ConformancePage {
  /** Makes the checks of these vectors. @returns their names */
  load(vectors: Vectors): readonly string[];
  /** Runs one. @returns null where it holds, else what failed */
  run(index: number): Promise<string | null>;
}

let checks: readonly Check[] = [];

const page: ConformancePage = {
  load(vectors) {
    checks = conformanceChecks({ root, bhttp, ehbp, hpke, nomyoV1, ohttp, node: null }, vectors);
    return checks.map(({ name }) => name);
  },
  async run(index) {
    const check = checks[index];
    if (check === undefined) return 'there is no such check';
    try {
      await check.run();
      return null;
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}` : 'something that is no error was thrown';
    }
  },
};

Object.assign(globalThis, { conformance: page });
