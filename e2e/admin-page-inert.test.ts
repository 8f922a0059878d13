import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { AdminPage, WAIT } from './admin-page.ts';
import { describeInChromium, type RunningBrowser, startChromium } from './chromium.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const ADMIN_KEY = 'admin-key-of-a-good-length';
/** What would run if any of it ever became markup. */
const SCRIPT = '<script>window.ran=1</script>';
const IMAGE = '<img/src=x/onerror=window.ran=1>';
const BREAKOUT = '"><svg/onload=window.ran=1>';
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;
let browser: RunningBrowser;

describeInChromium('what is stored', () => {
  beforeAll(async () => {
    upstream = await startStandIn([IMAGE]);
    const config = {
      listen: '127.0.0.1:0',
      protocols: ['clear'],
      keys: [{ name: 'operator', key: 'sotto_of_the_operator' }],
      admin: { key: ADMIN_KEY },
      upstreams: [{ name: 'gpu', baseUrl: upstream.baseUrl, models: [IMAGE] }],
    };
    [router, browser] = await Promise.all([startConfigured(join(folder, 'admin.json'), config), startChromium()]);
    const made = await ask('POST', '/admin/v1/keys', { name: SCRIPT, models: [IMAGE, BREAKOUT] });
    await ask('POST', '/admin/v1/keys', { name: IMAGE });
    await ask('POST', '/admin/v1/keys', { name: BREAKOUT });
    await ask('PUT', `/admin/v1/aliases/${encodeURIComponent(BREAKOUT)}`, { models: [IMAGE] });
    await ask('PUT', '/admin/v1/chatbots/bot', {
      name: IMAGE,
      description: SCRIPT,
      model: BREAKOUT,
      systemPrompt: `${SCRIPT}${IMAGE}`,
    });
    await ask('POST', '/v1/chat/completions', { model: IMAGE, messages: [{ role: 'user', content: 'x' }] }, made.key);
  });
  afterAll(async () => {
    await browser.close();
    await router.stop();
    await upstream.close();
  });

  test('as a name, a model, an alias or a prompt is shown as text, and runs nowhere', async () => {
    const admin = await AdminPage.open(browser.context, router.url);
    await admin.signIn(ADMIN_KEY);
    const text = async (): Promise<string> => (await admin.page.locator('body').textContent()) ?? '';
    for (const name of [SCRIPT, IMAGE, BREAKOUT]) expect(await text()).toContain(name);
    for (const button of ['Change', 'Revoke']) {
      await admin.row(SCRIPT).getByRole('button', { name: button }).click();
      expect(await admin.dialog.textContent()).toContain(SCRIPT);
      await admin.page.keyboard.press('Escape');
    }
    await admin.goTo('Usage');
    await admin.row(SCRIPT).waitFor(WAIT);
    expect(await text()).toContain(IMAGE);
    await admin.goTo('Aliases');
    for (const name of [BREAKOUT, IMAGE]) expect(await text()).toContain(name);
    await admin.goTo('Chatbots');
    for (const name of [BREAKOUT, IMAGE, SCRIPT]) expect(await text()).toContain(name);
    await admin.row(IMAGE).getByRole('button', { name: 'Delete' }).click();
    await admin.button('Delete it and its conversations').click();
    await admin.page.getByRole('status').filter({ hasText: IMAGE }).waitFor(WAIT);

    expect(await admin.page.evaluate('window.ran')).toBeUndefined();
    expect(
      await admin.page.evaluate('document.querySelectorAll("body script, img[onerror], svg[onload]").length'),
    ).toBe(0);
    expect(admin.asked.filter((url) => !url.startsWith(`${router.url}/admin/`))).toEqual([]);
    expect(admin.complaints).toEqual([]);
    await admin.close();
  });

  test('would not run either where the page had a flaw', async () => {
    const admin = await AdminPage.open(browser.context, router.url);
    const write = (how: string): Promise<string> =>
      admin.page.evaluate(`(() => { try { ${how}; return 'written'; } catch ({ name }) { return name; } })()`);
    const markup = JSON.stringify(IMAGE);
    expect(await write(`document.body.innerHTML = ${markup}`)).toBe('TypeError');
    expect(await write(`document.body.insertAdjacentHTML('beforeend', ${markup})`)).toBe('TypeError');
    expect(await write(`document.write(${markup})`)).toBe('TypeError');
    expect(await write(`trustedTypes.createPolicy('any', { createHTML: (text) => text })`)).toBe('TypeError');
    await admin.page.evaluate(
      `{ const script = document.createElement('script'); script.append('window.ran = 1'); document.body.append(script); }`,
    );
    expect(await admin.page.evaluate('window.ran')).toBeUndefined();
    expect(admin.complaints.some((text) => text.startsWith('violation of '))).toBe(true);
    await admin.close();
  });
});

async function ask(method: string, path: string, body: object, key = ADMIN_KEY): Promise<{ readonly key: string }> {
  const response = await fetch(router.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.ok).toBe(true);
  return (await response.json()) as { key: string };
}
