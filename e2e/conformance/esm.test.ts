import * as root from '@sotto/protocol';
import * as bhttp from '@sotto/protocol/bhttp';
import * as ehbp from '@sotto/protocol/ehbp';
import * as hpke from '@sotto/protocol/hpke';
import * as node from '@sotto/protocol/node';
import * as nomyoV1 from '@sotto/protocol/nomyo-v1';
import * as ohttp from '@sotto/protocol/ohttp';
import { describe, expect, test } from 'vitest';
import { conformanceChecks } from '../../packages/protocol/test/conformance/conformance-checks.ts';
import { readVectors } from '../../packages/protocol/test/conformance/vector-files.ts';

const checks = conformanceChecks({ root, bhttp, ehbp, hpke, nomyoV1, ohttp, node }, readVectors());

describe('the built ES modules conform', () => {
  test('and are what the build made', () => {
    expect(import.meta.resolve('@sotto/protocol/ohttp')).toMatch(/\/dist\/ohttp\/index\.js$/);
  });

  for (const { name, run } of checks) test(name, run);
});
