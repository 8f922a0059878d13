import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { completion, json, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { AdminPage, WAIT } from './admin-page.ts';
import { describeInChromium, type RunningBrowser, startChromium } from './chromium.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const ADMIN_KEY = 'admin-key-of-a-good-length';
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;
let browser: RunningBrowser;
let admin: AdminPage;

/** Asks the API, beside the page. */
async function ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${router.url}/admin/v1/${path}`, {
    method,
    headers: { 'x-admin-key': ADMIN_KEY, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.ok).toBe(true);
  return (await response.json()) as Record<string, unknown>;
}

/** Has the model asked with a key. @returns the status, and the code where there is one */
async function chat(key: string): Promise<readonly [number, unknown]> {
  const response = await fetch(`${router.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] }),
  });
  const answer = (await response.json()) as { error?: { code: unknown } };
  return [response.status, answer.error?.code];
}

describeInChromium('the admin page in Chromium', () => {
  beforeAll(async () => {
    upstream = await startStandIn(['m']);
    const config = {
      listen: '127.0.0.1:0',
      protocols: ['clear'],
      keys: [{ name: 'operator', key: 'sotto_of_the_operator' }],
      admin: { key: ADMIN_KEY },
      upstreams: [{ name: 'gpu', baseUrl: upstream.baseUrl, models: ['m'] }],
    };
    [router, browser] = await Promise.all([startConfigured(join(folder, 'admin.json'), config), startChromium()]);
  });
  beforeEach(async () => {
    admin = await AdminPage.open(browser.context, router.url);
  });
  afterEach(async () => {
    // Whatever a test did: nothing was asked of anybody else, and nothing was tried that the policy forbids.
    const elsewhere = admin.asked.filter((url) => !url.startsWith(`${router.url}/admin/`) && !url.startsWith('blob:'));
    const complaints = admin.complaints.filter((text) => !text.startsWith('Failed to load resource'));
    await admin.close();
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await router.stop();
    await upstream.close();
  });

  test('makes a key, shows it once, watches what it uses, and revokes it', async () => {
    await admin.signIn(ADMIN_KEY);
    const key = await admin.makeKey('web shop');
    expect(key).toMatch(/^sotto_/);
    await admin.button('I have stored it').click();
    await admin.row('web shop').waitFor(WAIT);
    expect(await admin.everything()).not.toContain(key);

    await admin.goTo('Usage');
    const requests = admin.page.locator('.total', { hasText: 'Requests' }).locator('.total-value');
    const before = Number(await requests.textContent());
    expect(await chat(key)).toEqual([200, undefined]);
    // The page asks by itself.
    await requests.and(admin.page.getByText(String(before + 1), { exact: true })).waitFor(WAIT);
    expect(await admin.row('web shop').textContent()).toContain('m');

    await admin.goTo('Keys');
    await admin.row('web shop').getByRole('button', { name: 'Revoke' }).click();
    expect(await chat(key)).toEqual([200, undefined]);
    await admin.button('Revoke for good').click();
    await admin.row('web shop').getByText('revoked').waitFor(WAIT);
    expect(await chat(key)).toEqual([401, 'api_key_revoked']);
    expect(admin.complaints).toEqual([]);
  });

  test('leaves a key as it is where the revocation is not confirmed', async () => {
    await ask('POST', 'keys', { name: 'spared' });
    await admin.signIn(ADMIN_KEY);
    await admin.row('spared').getByRole('button', { name: 'Revoke' }).click();
    await admin.page.keyboard.press('Escape');
    await admin.dialog.waitFor({ state: 'detached' });
    const { data } = await ask('GET', 'keys');
    expect(data).toContainEqual(expect.objectContaining({ name: 'spared', state: 'active' }));
  });

  test('copies a new key', async () => {
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: router.url });
    await admin.signIn(ADMIN_KEY);
    const key = await admin.makeKey('copied');
    await admin.button('Copy').click();
    await admin.page.getByText(/^Copied/).waitFor(WAIT);
    expect(await admin.page.evaluate<string>('navigator.clipboard.readText()')).toBe(key);
  });

  test('changes a key’s terms, and only those that were changed', async () => {
    const expiresAt = '2999-01-01T10:00:33.000Z';
    const made = await ask('POST', 'keys', { name: 'limited', expiresAt, limits: { requestsPerDay: 7 } });
    await admin.signIn(ADMIN_KEY);
    await admin.row('limited').getByRole('button', { name: 'Change' }).click();
    await admin.dialog.getByLabel('Requests a minute').fill('60');
    await admin.dialog.getByLabel('Models').fill('gpt-*\nm');
    await admin.dialog.getByLabel('standard').check();
    await admin.dialog.getByLabel('Budget in US dollars').fill('2.5');
    await admin.button('Save').click();
    await admin.row('limited').getByText('60 requests/min').waitFor(WAIT);
    expect(await ask('GET', `keys/${String(made['id'])}`)).toMatchObject({
      models: ['gpt-*', 'm'],
      tiers: ['standard'],
      limits: { requestsPerMinute: 60, requestsPerDay: 7, tokensPerMinute: null },
      budget: { usd: 2.5, period: 'month' },
      expiresAt,
    });
  });

  test('tells what the router refuses, in words and with the code, at the field', async () => {
    await admin.signIn(ADMIN_KEY);
    await admin.button('Make a key').click();
    await admin.dialog.getByLabel('Name').fill('operator');
    await admin.button('Make the key').click();
    expect(await admin.alert.textContent()).toContain('already_exists');
    expect(await admin.dialog.getByLabel('Name').getAttribute('aria-invalid')).toBe('true');
  });

  test('imports keys, and tells which of them is at fault', async () => {
    await admin.signIn(ADMIN_KEY);
    await admin.button('Import').click();
    const field = admin.dialog.getByLabel('Keys as JSON');
    await field.fill('{ not JSON');
    await admin.dialog.getByRole('button', { name: 'Import' }).click();
    expect(await admin.alert.textContent()).toContain('invalid_json');
    await field.fill(
      JSON.stringify([
        { name: 'brought', key: 'condt_a_key_from_elsewhere' },
        { name: 'operator', key: 'condt_another_one_of_them' },
      ]),
    );
    await admin.dialog.getByRole('button', { name: 'Import' }).click();
    await admin.alert.getByText('already_exists').waitFor(WAIT);
    expect(await admin.alert.textContent()).toContain('keys[1].name');
    await field.fill(JSON.stringify({ keys: [{ name: 'brought', key: 'condt_a_key_from_elsewhere' }] }));
    await admin.dialog.getByRole('button', { name: 'Import' }).click();
    await admin.row('brought').waitFor(WAIT);
    expect(await chat('condt_a_key_from_elsewhere')).toEqual([200, undefined]);
  });

  test('makes, changes and deletes aliases and chatbots', async () => {
    await admin.signIn(ADMIN_KEY);
    await admin.goTo('Aliases');
    await admin.button('Make an alias').click();
    await admin.dialog.getByLabel('Alias').fill('org/fast');
    await admin.dialog.getByLabel('Models').fill('m');
    await admin.button('Save').click();
    await admin.row('org/fast').waitFor(WAIT);
    expect(await ask('GET', 'aliases')).toMatchObject({ data: [{ alias: 'org/fast', models: ['m'] }] });
    await admin.row('org/fast').getByRole('button', { name: 'Delete' }).click();
    await admin.dialog.getByRole('button', { name: 'Delete' }).click();
    await admin.page.getByText('No aliases yet').waitFor(WAIT);

    await admin.goTo('Chatbots');
    await admin.button('Make a chatbot').click();
    await admin.dialog.getByLabel('Id').fill('helper');
    await admin.dialog.getByLabel('Name').fill('Helper');
    await admin.dialog.getByLabel('Model').fill('m');
    await admin.dialog.getByLabel('Parameters as JSON').fill('{ "temperature": 0.5 }');
    await admin.button('Save').click();
    await admin.row('Helper').getByRole('button', { name: 'Change' }).click();
    await admin.dialog.getByLabel('System prompt').fill('Be brief.');
    await admin.button('Save').click();
    await admin.row('Helper').getByText('Be brief.').waitFor(WAIT);
    expect(await ask('GET', 'chatbots')).toMatchObject({
      data: [{ id: 'helper', model: 'm', systemPrompt: 'Be brief.', parameters: { temperature: 0.5 } }],
    });
    await admin.row('Helper').getByRole('button', { name: 'Delete' }).click();
    await admin.button('Delete it and its conversations').click();
    await admin.page.getByText('No chatbots yet').waitFor(WAIT);
  });

  test('shows how a model server fares, as that changes', async () => {
    await admin.signIn(ADMIN_KEY);
    await admin.goTo('Model servers');
    await admin.page.getByText('healthy', { exact: true }).waitFor(WAIT);
    upstream.behave(json({ error: {} }, 500));
    try {
      for (let count = 0; count < 3; count++) await chat('sotto_of_the_operator');
      await admin.page.getByText(/^(shaky|resting|on trial)$/).waitFor(WAIT);
    } finally {
      upstream.behave(json(completion('back')));
    }
  });

  test('saves the usage as a file', async () => {
    await chat('sotto_of_the_operator');
    await admin.signIn(ADMIN_KEY);
    await admin.goTo('Usage');
    const downloading = admin.page.waitForEvent('download');
    await admin.button('Save as CSV').click();
    const file = await downloading;
    expect(file.suggestedFilename()).toBe('usage.csv');
    const path = join(folder, 'usage.csv');
    await file.saveAs(path);
    const [head, ...rows] = readFileSync(path, 'utf8').trim().split('\r\n');
    expect(head).toMatch(/^day,key,keyName,model,requests,/);
    expect(rows.some((row) => row.includes(',operator,m,'))).toBe(true);
  });

  describe('the admin key', () => {
    test('is refused where it is wrong', async () => {
      await admin.knock('another-key-of-a-good-length');
      await admin.alert.getByText('invalid_api_key').waitFor(WAIT);
      await admin.knock('schlüssel');
      await admin.alert.getByText('invalid_api_key').waitFor(WAIT);
      expect(await admin.page.getByRole('navigation').count()).toBe(0);
    });

    test('is to be waited for after many wrong ones, and the page says how long', async () => {
      const guess = (): Promise<unknown> =>
        fetch(`${router.url}/admin/v1/keys`, { headers: { 'x-admin-key': 'a-guess' } });
      // The wait is a second long: the guesses go on until the page has knocked into it.
      let over = false;
      const guessing = (async () => {
        while (!over) await Promise.all(Array.from({ length: 12 }, guess));
      })();
      try {
        await admin.knock('another-key-of-a-good-length');
        await admin.alert.getByText('rate_limit_exceeded').waitFor(WAIT);
        expect(await admin.alert.textContent()).toMatch(/Try again in \d+ seconds?\./);
      } finally {
        over = true;
        await guessing;
      }
      await admin.signIn(ADMIN_KEY);
    });

    test('is in no storage, address or field, and is gone after a reload and a sign-out', async () => {
      await admin.signIn(ADMIN_KEY);
      expect(await admin.everything()).not.toContain(ADMIN_KEY);
      expect(JSON.stringify(await browser.context.storageState())).not.toContain(ADMIN_KEY);
      for (const url of admin.asked) expect(url).not.toContain(ADMIN_KEY);
      await admin.page.reload();
      await admin.keyField.waitFor(WAIT);
      await admin.signIn(ADMIN_KEY);
      await admin.button('Sign out').click();
      await admin.keyField.waitFor(WAIT);
      expect(await admin.everything()).not.toContain('operator');
      await admin.page.goto('about:blank');
      await admin.page.goBack();
      await admin.keyField.waitFor(WAIT);
    });
  });
});
