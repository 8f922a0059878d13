import { createRequire } from 'node:module';
import { SottoError } from '@sotto/protocol';
import { describe, expect, test } from 'vitest';
import { conformanceChecks } from '../../packages/protocol/test/conformance/conformance-checks.ts';
import type { Subject } from '../../packages/protocol/test/conformance/subject.ts';
import { readVectors } from '../../packages/protocol/test/conformance/vector-files.ts';

const require = createRequire(import.meta.url);
const subject: Subject = {
  root: require('@sotto/protocol') as Subject['root'],
  bhttp: require('@sotto/protocol/bhttp') as Subject['bhttp'],
  ehbp: require('@sotto/protocol/ehbp') as Subject['ehbp'],
  hpke: require('@sotto/protocol/hpke') as Subject['hpke'],
  nomyoV1: require('@sotto/protocol/nomyo-v1') as Subject['nomyoV1'],
  ohttp: require('@sotto/protocol/ohttp') as Subject['ohttp'],
  node: require('@sotto/protocol/node') as Subject['node'],
};

describe('the built CommonJS conforms', () => {
  test('and is what the build made, a copy of its own', () => {
    expect(require.resolve('@sotto/protocol/ohttp')).toMatch(/\/dist\/ohttp\/index\.cjs$/);
    expect(subject.root.SottoError).not.toBe(SottoError);
  });

  for (const { name, run } of conformanceChecks(subject, readVectors())) test(name, run);
});
