import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import * as root from '@sotto/protocol';
import * as bhttp from '@sotto/protocol/bhttp';
import * as ehbp from '@sotto/protocol/ehbp';
import * as hpke from '@sotto/protocol/hpke';
import * as nomyoV1 from '@sotto/protocol/nomyo-v1';
import * as ohttp from '@sotto/protocol/ohttp';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conformanceChecks } from '../../packages/protocol/test/conformance/conformance-checks.ts';
import { readVectors } from '../../packages/protocol/test/conformance/vector-files.ts';
import { describeInChromium, type RunningBrowser, startChromium } from '../chromium.ts';
import type { ConformancePage } from './browser-page.ts';

declare global {
  /** What browser-page.ts puts there, in the browser. */
  var conformance: ConformancePage;
}

const vectors = readVectors();
// Only their names are used here: the checks themselves run in the browser.
const names = conformanceChecks({ root, bhttp, ehbp, hpke, nomyoV1, ohttp, node: null }, vectors).map(
  ({ name }) => name,
);

describeInChromium('the built package conforms in Chromium', () => {
  let browser: RunningBrowser;
  let server: Server;
  let page: Page;
  let inputs: readonly string[];

  beforeAll(async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [fileURLToPath(new URL('browser-page.ts', import.meta.url))],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'browser',
      format: 'esm',
      target: 'es2022',
      logLevel: 'error',
    });
    inputs = Object.keys(metafile.inputs);
    const script = outputFiles[0]?.text ?? '';
    server = createServer((request, response) => {
      const isScript = request.url === '/page.js';
      response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
      response.end(
        isScript ? script : '<!doctype html><title>Conformance</title><script type="module" src="page.js"></script>',
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await startChromium();
    page = await browser.context.newPage();
    // Loopback is a secure context, without which there is no WebCrypto.
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });

  afterAll(async () => {
    await browser.close();
    server.close();
  });

  test('bundled from what the build made, without a module of Node', () => {
    const own = inputs.filter((path) => path.includes('packages/protocol/') && !path.includes('/test/'));
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter((path) => !path.includes('packages/protocol/dist/'))).toEqual([]);
    expect(inputs.filter((path) => path.startsWith('node:') || path.includes('dist/node/'))).toEqual([]);
  });

  test(`with all ${names.length} checks`, async () => {
    expect(await page.evaluate((given) => globalThis.conformance.load(given), vectors)).toEqual(names);
  });

  names.forEach((name, index) => {
    test(name, async () => {
      expect((await page.evaluate((at) => globalThis.conformance.run(at), index)) ?? 'holds').toBe('holds');
    });
  });
});
