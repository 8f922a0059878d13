import type { BrowserContext, CDPSession, Page } from 'playwright-core';

/** What is filled in before a question is asked. */
export interface Settings {
  readonly router: string;
  readonly model: string;
  readonly apiKey: string;
  readonly identity?: string;
  /** JSON, as it is typed. */
  readonly policy?: string;
}

/** The example's page in a browser, and all that it sends and says on the side. */
export class ChatPage {
  readonly page: Page;
  /** Everything that left the browser, preflights included: addresses, header fields and bodies, as latin1 text. */
  readonly sent: string[] = [];
  /** What the console holds of errors and warnings, and what was thrown and not caught. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => this.sent.push(request.postDataBuffer()?.toString('latin1') ?? ''));
  }

  /** Opens the page at `url`. */
  static async open(context: BrowserContext, url: string): Promise<ChatPage> {
    const page = await context.newPage();
    const chat = new ChatPage(page);
    const devtools: CDPSession = await context.newCDPSession(page);
    // Preflights are the browser's own: only here do they show, with the header fields that it adds.
    devtools.on('Network.requestWillBeSent', ({ request }) => chat.sent.push(JSON.stringify(request)));
    devtools.on('Network.requestWillBeSentExtraInfo', ({ headers }) => chat.sent.push(JSON.stringify(headers)));
    await devtools.send('Network.enable');
    await page.goto(url);
    return chat;
  }

  /** Asks a question, and does not wait for what comes of it. */
  async ask(question: string, { router, model, apiKey, identity = '', policy = '' }: Settings): Promise<void> {
    await this.page.getByLabel('Address').fill(router);
    await this.page.getByLabel('Model').fill(model);
    await this.page.getByLabel('API key').fill(apiKey);
    await this.page.getByLabel('Identity').fill(identity);
    await this.page.getByLabel('Attestation policy').fill(policy);
    await this.page.getByLabel('Question').fill(question);
    await this.page.getByRole('button', { name: 'Send' }).click();
  }

  stop(): Promise<void> {
    return this.page.getByRole('button', { name: 'Stop' }).click();
  }

  /** Waits until the answer has exactly this text, in whatever state it is. @returns that state */
  async answer(text: string): Promise<string | null> {
    const answer = this.page.locator('li[data-role="assistant"]').last();
    await answer.and(this.page.getByText(text, { exact: true })).waitFor({ timeout: WAIT_MS });
    return answer.getAttribute('data-state');
  }

  /** Waits until the last answer is in this state. @returns its text */
  async answerIn(state: 'whole' | 'stopped' | 'failed'): Promise<string> {
    const answer = this.page.locator(`li[data-role="assistant"][data-state="${state}"]`).last();
    await answer.waitFor({ state: 'attached', timeout: WAIT_MS });
    return (await answer.textContent()) ?? '';
  }

  /** What the alert says. */
  async alert(): Promise<string> {
    return (await this.page.getByRole('alert').textContent()) ?? '';
  }

  /** What the page says of the channel. */
  async channel(what: 'protocol' | 'suite' | 'fingerprint' | 'trust'): Promise<string> {
    return (await this.page.locator(`#${what}`).textContent()) ?? '';
  }

  /** The verification of the router's evidence as the page tells it: each step, and how it ended. */
  async steps(): Promise<readonly (readonly [status: string | null, words: string | null])[]> {
    const items = await this.page.getByRole('list', { name: 'Verification' }).getByRole('listitem').all();
    return Promise.all(items.map(async (item) => [await item.getAttribute('data-status'), await item.textContent()]));
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

const WAIT_MS = 15_000;
