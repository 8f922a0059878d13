import type { BrowserContext, Locator, Page } from 'playwright-core';

export const WAIT = { timeout: 20_000 };

/** Has the page say of every breach of its own policy what was breached. */
const REPORT_VIOLATIONS = `addEventListener('securitypolicyviolation', (event) =>
  console.error('violation of ' + event.violatedDirective + ': ' + event.blockedURI));`;

/** The administration's page in a browser, and all that it asks for and complains of. */
export class AdminPage {
  readonly page: Page;
  /** Addresses that the page asked for. */
  readonly asked: string[] = [];
  /** Errors and warnings of the console, breaches of the policy among them, and what was thrown and not caught. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => this.asked.push(request.url()));
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
  }

  /** Opens the page of the router at `url`. */
  static async open(context: BrowserContext, url: string): Promise<AdminPage> {
    const page = await context.newPage();
    const admin = new AdminPage(page);
    await page.addInitScript(REPORT_VIOLATIONS);
    await page.goto(`${url}/admin/`);
    await admin.keyField.waitFor(WAIT);
    return admin;
  }

  get keyField(): Locator {
    return this.page.getByLabel('Admin key');
  }

  /** What the page says of a failure, wherever it says it. */
  get alert(): Locator {
    return this.page.getByRole('alert').filter({ hasText: /\S/ });
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** The row of a table that holds this text. */
  row(text: string): Locator {
    return this.page.getByRole('row').filter({ hasText: text });
  }

  /** Types a key and enters; does not wait for what comes of it. */
  async knock(key: string): Promise<void> {
    await this.keyField.fill(key);
    await this.keyField.press('Enter');
  }

  async signIn(key: string): Promise<void> {
    await this.knock(key);
    await this.page.getByRole('heading', { name: 'Keys' }).waitFor(WAIT);
    await this.loaded();
  }

  /** Goes to a section, and waits until it shows something. */
  async goTo(section: string): Promise<void> {
    await this.page.getByRole('link', { name: section, exact: true }).click();
    await this.page.getByRole('heading', { name: section, level: 1 }).waitFor(WAIT);
    await this.loaded();
  }

  /** Makes a key with nothing but a name. @returns the key, as the page shows it; its dialog is still open */
  async makeKey(name: string): Promise<string> {
    await this.button('Make a key').click();
    await this.dialog.getByLabel('Name').fill(name);
    await this.button('Make the key').click();
    const shown = this.dialog.getByLabel('Key', { exact: true });
    await shown.waitFor(WAIT);
    return shown.inputValue();
  }

  /** Everything that the page holds: its markup, and what its fields have. */
  async everything(): Promise<string> {
    const values = `JSON.stringify([...document.querySelectorAll('input, textarea')].map(({ value }) => value))`;
    const kept = `JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state])`;
    const [fields, storage] = await Promise.all([this.page.evaluate<string>(values), this.page.evaluate<string>(kept)]);
    return `${await this.page.content()}\n${fields}\n${storage}`;
  }

  close(): Promise<void> {
    return this.page.close();
  }

  private loaded(): Promise<void> {
    return this.page.getByText(/^Updated /).waitFor(WAIT);
  }
}
