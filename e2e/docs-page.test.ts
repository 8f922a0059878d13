import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { describeInChromium, type RunningBrowser, startChromium } from './chromium.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const KEY = 'sotto_docs_page';
const WAIT = { timeout: 20_000 };
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;
let browser: RunningBrowser;
let page: Page;
/** Addresses that the page asked for. */
let asked: string[];
/** Errors and warnings of the console, a broken content policy among them, and what was thrown and not caught. */
let complaints: string[];

describeInChromium('/api/v1/docs in Chromium', () => {
  beforeAll(async () => {
    upstream = await startStandIn(['m']);
    const config = {
      listen: '127.0.0.1:0',
      nomyoV1: { keyFile: inject('routerKey') },
      keys: [{ name: 'page', key: KEY }],
      admin: { key: 'admin-key-of-a-good-length' },
      upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
    };
    [router, browser] = await Promise.all([startConfigured(join(folder, 'docs.json'), config), startChromium()]);
  });
  beforeEach(async () => {
    page = await browser.context.newPage();
    asked = [];
    complaints = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(`${router.url}/api/v1/docs`);
    await page.locator('.opblock').first().waitFor(WAIT);
  });
  afterEach(() => page.close());
  afterAll(async () => {
    await browser.close();
    await router.stop();
    await upstream.close();
  });

  test('shows every operation of the description, asks nobody but the router, and keeps to its policy', async () => {
    const document = (await (await fetch(`${router.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const operations = Object.values(document.paths).flatMap((methods) => Object.keys(methods));
    expect(await page.locator('.opblock').count()).toBe(operations.length);
    const text = (await page.locator('#viewer').textContent()) ?? '';
    for (const path of Object.keys(document.paths)) expect(text.replaceAll('\u200b', '')).toContain(path);
    // What the viewer draws from data is asked of nobody.
    const elsewhere = asked.filter((url) => !url.startsWith(`${router.url}/`) && !url.startsWith('data:'));
    expect(elsewhere).toEqual([]);
    expect(asked.length).toBeGreaterThan(4);
    expect(complaints).toEqual([]);
  });

  test('tries a route out: who gives their key sees the models', async () => {
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    const dialog = page.locator('.dialog-ux');
    await dialog.locator('input').first().fill(KEY);
    await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
    await dialog.getByRole('button', { name: 'Close' }).first().click();
    const operation = page.locator('#operations-models-get_v1_models');
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    const answer = operation.locator('.live-responses-table .response');
    await answer.waitFor(WAIT);
    expect(await answer.locator('.response-col_status').textContent()).toContain('200');
    expect(await answer.textContent()).toContain('"id": "m"');
    expect(complaints).toEqual([]);
  });

  test('shows the refusal of a request without a key', async () => {
    const operation = page.locator('#operations-models-get_v1_models');
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    const answer = operation.locator('.live-responses-table .response');
    await answer.waitFor(WAIT);
    expect(await answer.textContent()).toContain('missing_api_key');
  });
});
