import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeInChromium, type RunningBrowser, startChromium } from './chromium.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const ADMIN_KEY = 'admin-key-of-a-good-length';
const folder = scratchFolder();
let router: RunningRouter;
let browser: RunningBrowser;
/** Serves nothing but an empty page, as somebody who means harm. */
let other: Server;
let page: Page;

/** How many keys there are: no page of another site may change that. */
async function countKeys(): Promise<number> {
  const response = await fetch(`${router.url}/admin/v1/keys`, { headers: { 'x-admin-key': ADMIN_KEY } });
  const { data } = (await response.json()) as { data: unknown[] };
  return data.length;
}

/** Sends a request from the other page. @returns what the page can tell of the answer */
function fetchFromPage(path: string, init: object): Promise<string> {
  const call = `fetch(${JSON.stringify(router.url + path)}, ${JSON.stringify(init)})`;
  return page.evaluate<string>(`${call}.then(({ type, status }) => type + ' ' + status, ({ name }) => name)`);
}

describeInChromium('a page of another site', () => {
  beforeAll(async () => {
    other = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Other</title>');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const config = {
      listen: '127.0.0.1:0',
      protocols: ['clear'],
      keys: [{ name: 'operator', key: 'sotto_of_the_operator' }],
      cors: { origins: ['*'] },
      admin: { key: ADMIN_KEY },
      upstreams: [{ name: 'nobody', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }],
    };
    [router, browser] = await Promise.all([startConfigured(join(folder, 'admin.json'), config), startChromium()]);
  });
  beforeEach(async () => {
    page = await browser.context.newPage();
  });
  afterEach(async () => {
    await page.close();
    expect(await countKeys()).toBe(1);
  });
  afterAll(async () => {
    await browser.close();
    await router.stop();
    await new Promise((resolve) => other.close(resolve));
  });

  // Another port is another origin of the same site; another name is another site.
  describe.each(['127.0.0.1', 'localhost'])('at %s', (host) => {
    beforeEach(async () => {
      await page.goto(`http://${host}:${(other.address() as AddressInfo).port}/`);
    });

    test.each([
      ['reads with the key', 'GET', { authorization: `Bearer ${ADMIN_KEY}` }, undefined],
      [
        'makes a key with the key',
        'POST',
        { 'x-admin-key': ADMIN_KEY, 'content-type': 'application/json' },
        '{"name":"x"}',
      ],
    ])('never %s: its preflight is not answered', async (_what, method, headers, body) => {
      expect(await fetchFromPage('/admin/v1/keys', { method, headers, body })).toBe('TypeError');
    });

    test('sends no simple request that does anything', async () => {
      const init = { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: '{"name":"x"}' };
      expect(await fetchFromPage('/admin/v1/keys', init)).toBe('TypeError');
    });

    test.each(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])(
      'posts no form of type %s',
      async (type) => {
        const shown = page.waitForURL(`${router.url}/admin/v1/keys`);
        await page.evaluate(`{
          const form = document.createElement('form');
          Object.assign(form, { method: 'post', enctype: ${JSON.stringify(type)}, action: ${JSON.stringify(`${router.url}/admin/v1/keys`)} });
          const field = document.createElement('input');
          Object.assign(field, { name: '{"name":"x","ignored":"', value: '"}' });
          form.append(field);
          document.body.append(form);
          form.submit();
        }`);
        await shown;
        // It was sent: what came of it is on the screen.
        expect(await page.locator('body').textContent()).toContain('origin_not_allowed');
      },
    );

    test('frames neither the page nor the API', async () => {
      for (const path of ['/admin/', '/admin/v1/keys']) {
        await page.evaluate(`{
          const frame = document.createElement('iframe');
          frame.src = ${JSON.stringify(router.url + path)};
          window.framed = new Promise((resolve) => frame.addEventListener('load', resolve));
          document.body.append(frame);
        }`);
        await page.evaluate('window.framed.then(() => 0)');
        const frame = page.frames().at(-1);
        expect(await frame?.locator('form').count()).toBe(0);
        expect(await frame?.content()).not.toContain('Sotto administration');
      }
    });

    test('loads no part of the page, and no answer of the API, as its own', async () => {
      for (const path of ['/admin/assets/app.js', '/admin/v1/keys']) {
        const outcome = await page.evaluate<string>(`new Promise((resolve) => {
          const script = document.createElement('script');
          script.onload = () => resolve('loaded');
          script.onerror = () => resolve('refused');
          script.src = ${JSON.stringify(router.url + path)};
          document.body.append(script);
        })`);
        expect(outcome).toBe('refused');
      }
    });

    test('opens the page without a handle on it', async () => {
      const opening = browser.context.waitForEvent('page');
      await page.evaluate(`void (window.opened = window.open(${JSON.stringify(`${router.url}/admin/`)}))`);
      const opened = await opening;
      await opened.getByLabel('Admin key').waitFor();
      expect(await page.evaluate('window.opened.closed')).toBe(true);
      expect(await opened.evaluate('window.opener')).toBeNull();
      await opened.close();
    });
  });

  test('gets no field of CORS in answer to a preflight', async () => {
    const answer = await fetch(`${router.url}/admin/v1/keys`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://elsewhere.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-admin-key',
      },
    });
    expect(answer.status).toBe(405);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});
