import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { AdminPage, WAIT } from './admin-page.ts';
import { describeInChromium, type RunningBrowser, startChromium } from './chromium.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const ADMIN_KEY = 'admin-key-of-a-good-length';
const SECTIONS = ['Usage', 'Model servers', 'Aliases', 'Chatbots', 'Keys'];
/** Controls that nothing tells the name of. */
const NAMELESS = `[...document.querySelectorAll('input, select, textarea, button, a')].filter((control) =>
  !(control.labels?.length > 0 || control.getAttribute('aria-label') || control.textContent.trim())).length`;
const folder = scratchFolder();
let router: RunningRouter;
let browser: RunningBrowser;
let admin: AdminPage;

describeInChromium('the admin page', () => {
  beforeAll(async () => {
    const config = {
      listen: '127.0.0.1:0',
      protocols: ['clear'],
      keys: [{ name: 'operator', key: 'sotto_of_the_operator' }],
      admin: { key: ADMIN_KEY },
      upstreams: [{ name: 'nobody', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }],
    };
    [router, browser] = await Promise.all([startConfigured(join(folder, 'admin.json'), config), startChromium()]);
  });
  beforeEach(async () => {
    admin = await AdminPage.open(browser.context, router.url);
  });
  afterEach(() => admin.close());
  afterAll(async () => {
    await browser.close();
    await router.stop();
  });

  test('is used by keyboard alone: sign in, make a key, and be back where one was', async () => {
    const { keyboard } = admin.page;
    const focused = (what: string): Promise<string> => admin.page.evaluate<string>(`document.activeElement.${what}`);
    // The field has the focus from the start.
    await keyboard.type(ADMIN_KEY);
    await keyboard.press('Enter');
    await admin.page.getByRole('heading', { name: 'Keys' }).waitFor(WAIT);
    expect(await focused('textContent')).toBe('Keys');
    await admin.row('operator').waitFor(WAIT);
    for (let presses = 0; (await focused('textContent')) !== 'Make a key'; presses++) {
      expect(presses).toBeLessThan(5);
      await keyboard.press('Tab');
    }
    await keyboard.press('Enter');
    await admin.dialog.waitFor(WAIT);
    expect(await focused('name')).toBe('name');
    await keyboard.type('typed');
    await keyboard.press('Escape');
    await admin.dialog.waitFor({ state: 'detached' });
    expect(await focused('textContent')).toBe('Make a key');
    await keyboard.press('Enter');
    await keyboard.type('typed');
    await keyboard.press('Enter');
    await admin.dialog.getByLabel('Key', { exact: true }).waitFor(WAIT);
  });

  test('names every control, and says where one is', async () => {
    expect(await admin.page.evaluate(NAMELESS)).toBe(0);
    await admin.signIn(ADMIN_KEY);
    await admin.button('Make a key').click();
    expect(await admin.page.evaluate(NAMELESS)).toBe(0);
    await admin.page.keyboard.press('Escape');
    for (const section of SECTIONS) {
      await admin.goTo(section);
      expect(await admin.page.evaluate(NAMELESS)).toBe(0);
      expect(await admin.page.locator('[aria-current="page"]').textContent()).toBe(section);
      expect(await admin.page.title()).toContain(section);
      expect(await admin.page.locator('h1').count()).toBe(1);
    }
  });

  test('fits a narrow screen', async () => {
    await admin.page.setViewportSize({ width: 360, height: 720 });
    await admin.signIn(ADMIN_KEY);
    for (const section of SECTIONS) {
      await admin.goTo(section);
      expect(await admin.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    }
  });

  test('tells that the router is gone, and goes on when it is back', async () => {
    await admin.signIn(ADMIN_KEY);
    await admin.page.route('**/admin/v1/**', (route) => route.abort());
    await admin.page.getByRole('link', { name: 'Model servers' }).click();
    await admin.alert.getByText('network_error').waitFor(WAIT);
    await admin.page.unroute('**/admin/v1/**');
    await admin.page.getByText('nobody', { exact: true }).waitFor(WAIT);
    expect(await admin.alert.count()).toBe(0);
  });

  test('asks for nothing while nobody sees it, and at once when somebody does', async () => {
    const { page } = admin;
    const turn = (hidden: boolean): Promise<unknown> =>
      page.evaluate(`{
        Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }`);
    await page.clock.install();
    await admin.signIn(ADMIN_KEY);
    await admin.goTo('Model servers');
    const inSight = page.waitForRequest('**/upstreams');
    await page.clock.runFor(3_000);
    await (await inSight).response();
    await turn(true);
    const before = admin.asked.length;
    await page.clock.runFor(120_000);
    expect(admin.asked.length).toBe(before);
    const back = page.waitForRequest('**/upstreams');
    await turn(false);
    await back;
  });
});
