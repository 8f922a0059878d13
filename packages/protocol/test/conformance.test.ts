import { describe, test } from 'vitest';
import * as bhttp from '../src/bhttp/index.ts';
import * as ehbp from '../src/ehbp/index.ts';
import * as hpke from '../src/hpke/index.ts';
import * as root from '../src/index.ts';
import * as node from '../src/node/index.ts';
import * as nomyoV1 from '../src/nomyo-v1/index.ts';
import * as ohttp from '../src/ohttp/index.ts';
import { conformanceChecks } from './conformance/conformance-checks.ts';
import { readVectors } from './conformance/vector-files.ts';

const checks = conformanceChecks({ root, bhttp, ehbp, hpke, nomyoV1, ohttp, node }, readVectors());

describe('the sources conform', () => {
  for (const { name, run } of checks) test(name, run);
});
