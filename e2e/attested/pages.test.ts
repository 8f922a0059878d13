import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SYNTHETIC_PCRS } from '@sotto/attestation/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatPage, type Settings } from '../chat-page.ts';
import { describeInChromium, type RunningBrowser, startChromium } from '../chromium.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { API_KEY } from '../sealed-router.ts';
import { type ServedPage, servePage } from '../served-page.ts';
import { startSottoProxy } from '../sotto-proxy.ts';
import { type AttestedRouter, startAttestedRouter } from './attested-router.ts';
import { builtProgram, removeBuiltPrograms } from './built-program.ts';
import { startProgramGuest } from './guests.ts';
import { type SyntheticWorld, startSyntheticWorld } from './synthetic-world.ts';

const QUESTION = 'what only the enclave reads';
const [PCR0 = new Uint8Array()] = SYNTHETIC_PCRS;
const policyOf = (pcr0: string) => ({ platforms: [{ type: 'aws-nitro', pcrs: { 0: [pcr0] } }] });
const GOOD = policyOf(Buffer.from(PCR0).toString('hex'));
const OTHER = policyOf('00'.repeat(48));
const folder = scratchFolder();

let world: SyntheticWorld;
let router: AttestedRouter;
let browser: RunningBrowser;
let served: ServedPage;
let sottoProgram: string;
let closeGuest: () => Promise<void>;

removeBuiltPrograms();

describeInChromium('a person in Chromium', () => {
  beforeAll(async () => {
    const [made, program, sotto] = await Promise.all([
      startSyntheticWorld(),
      builtProgram('router-process'),
      builtProgram('sotto-with-roots'),
    ]);
    [world, sottoProgram] = [made, sotto];
    const guest = await startProgramGuest('aws-nitro', (reportData, nonce) =>
      world.platforms.attest('aws-nitro', reportData, nonce),
    );
    closeGuest = guest.close;
    const { roots } = world.platforms;
    [router, served, browser] = await Promise.all([
      startAttestedRouter({ program, guest, roots, services: {} }),
      servePage(),
      startChromium(),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    served.stop();
    await router.close();
    await closeGuest();
    await world.close();
  });

  /** Asks on the example's page. The synthetic roots are typed along, as nobody would who has a real router. */
  async function ask(policy: object, state: 'whole' | 'failed'): Promise<ChatPage> {
    const chat = await ChatPage.open(browser.context, served.url);
    const settings: Settings = {
      router: router.url,
      model: 'm',
      apiKey: API_KEY,
      policy: JSON.stringify({ ...policy, roots: world.platforms.roots }),
    };
    await chat.ask(QUESTION, settings);
    await chat.answerIn(state);
    return chat;
  }

  test('sees on the chat page, step by step, that the router has proved what it is, and gets the answer', async () => {
    const chat = await ask(GOOD, 'whole');
    expect(await chat.answer(`echo: ${QUESTION}`)).toBe('whole');
    const steps = await chat.steps();
    expect(steps.map(([status]) => status)).toEqual(Array.from({ length: 8 }, () => 'passed'));
    expect(steps.map(([, words]) => words?.split(':', 1)[0])).toEqual([
      ...['Evidence', 'Form', 'Kind', 'Keys', 'Signatures', 'Policy', 'Router and time', 'History'],
    ]);
    for (const [, words] of steps) expect(words).toMatch(/^[A-Z][a-z ]+: passed, .{10,}\.$/);
    expect(await chat.channel('trust')).toMatch(/^The router has proved what it is/);
    expect(await chat.alert()).toBe('');
    expect(chat.complaints).toEqual([]);
    await chat.close();
  });

  test('sees on the chat page which step failed, and that nothing was sent', async () => {
    const before = router.middle.seen.length;
    const chat = await ask(OTHER, 'failed');
    const steps = await chat.steps();
    expect(steps.map(([status]) => status)).toEqual([
      ...Array.from({ length: 5 }, () => 'passed'),
      ...['failed', 'skipped', 'skipped'],
    ]);
    expect(steps[5]?.[1]).toMatch(/^Policy: failed, .*PCR0/);
    expect(await chat.alert()).toMatch(/PCR0/);
    expect(chat.sent.join('\n')).not.toContain(QUESTION);
    expect(router.middle.seen.length).toBe(before);
    await chat.close();
  });

  /** The status page of a proxy with this policy, once it has asked the router. */
  async function statusOf(policy: object, look: (page: Page, url: string) => Promise<void>): Promise<void> {
    const path = join(folder, 'policy.json');
    writeFileSync(path, JSON.stringify(policy));
    const roots = JSON.stringify(world.platforms.roots);
    const args = ['--router', router.url, '--policy', path, '--tier', 'high'];
    const proxy = await startSottoProxy(args, { SYNTHETIC_ROOTS: roots }, sottoProgram);
    const page = await browser.context.newPage();
    await page.goto(proxy.url);
    await look(page, proxy.url);
    await page.close();
    await proxy.stop();
  }

  const row = async (page: Page, name: string): Promise<string | null> =>
    page
      .getByRole('row')
      .filter({ has: page.getByRole('rowheader', { name, exact: true }) })
      .getByRole('cell')
      .textContent();

  test("sees the same on the proxy's status page, for evidence that holds", async () => {
    await statusOf(GOOD, async (page) => {
      expect(await row(page, 'State')).toBe('connected');
      expect(await row(page, 'Trust')).toMatch(/evidence commits to the key/);
      for (const name of ['fetch', 'schema', 'type', 'binding', 'crypto', 'policy', 'claims', 'history']) {
        expect(await row(page, `Evidence: ${name}`)).toMatch(/^passed: .{10,}/);
      }
      expect(await row(page, 'Measured: pcr0')).toBe(Buffer.from(PCR0).toString('hex'));
      expect(Date.parse((await row(page, 'Evidence holds until')) ?? '')).toBeGreaterThan(Date.now());
    });
  });

  test('and for evidence that the policy refuses: the step, the code, and no request that is carried', async () => {
    const before = router.middle.seen.length;
    await statusOf(OTHER, async (page, url) => {
      expect(await row(page, 'State')).toMatch(/^measurement_not_allowed: /);
      expect(await row(page, 'Evidence: crypto')).toMatch(/^passed: /);
      expect(await row(page, 'Evidence: policy')).toMatch(/^failed: .*\(measurement_not_allowed\)$/);
      const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: QUESTION }] });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: { code: 'measurement_not_allowed' } });
    });
    expect(router.middle.seen.length).toBe(before);
  });
});
