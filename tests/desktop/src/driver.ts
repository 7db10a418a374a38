/** The window by WebDriver (W3C): what a person does with it, and what its page says. */

import { createServer, type AddressInfo } from 'node:net';
import { Machine, until } from './machine';

const DRIVER = 'WebKitWebDriver';
/** Only ends a story that would fail anyway. */
export const DEADLINE_MS = 30_000;
/** W3C WebDriver, section 12: the key under which an element is named. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

interface Answer {
  value: unknown;
}

export class Driver {
  private constructor(private readonly session: string) {}

  /** Starts a program with a window under a driver of its own. */
  static async open(machine: Machine, binary: string, args: readonly string[]): Promise<Driver> {
    const port = await freePort();
    // The window lets itself be driven when it is told so.
    machine.env['TAURI_AUTOMATION'] = 'true';
    machine.env['TAURI_WEBVIEW_AUTOMATION'] = 'true';
    machine.spawn(DRIVER, [`--port=${port}`, '--host=127.0.0.1']);
    const base = `http://127.0.0.1:${port}`;
    await until('driver', () => fetch(`${base}/status`).then(() => true, () => false));
    const options = { binary, args };
    const wish = { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } };
    const { sessionId } = (await call('POST', `${base}/session`, wish)) as { sessionId: string };
    const driver = new Driver(`${base}/session/${sessionId}`);
    await driver.post('timeouts', { script: 4 * DEADLINE_MS, implicit: 0 });
    return driver;
  }

  /** Runs a function in the page; its promise is waited for. */
  async run<T, A extends unknown[]>(script: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
    const text = `
      const done = arguments[arguments.length - 1];
      const args = Array.prototype.slice.call(arguments, 0, -1);
      Promise.resolve().then(() => (${script.toString()})(...args))
        .then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const said = (await this.post('execute/async', { script: text, args })) as { value?: T; error?: string };
    if (said.error !== undefined) throw new Error(said.error);
    return said.value as T;
  }

  /** Runs a script of the driver's own, which the page's policy does not concern. */
  async inject(script: string): Promise<void> {
    await this.post('execute/sync', { script, args: [] });
  }

  /** Waits until a control with this name can be pressed, and presses it. */
  async press(name: string | RegExp): Promise<void> {
    await until(`control ${String(name)}`, () => this.run(pressIt, ...pattern(name)), DEADLINE_MS);
  }

  /** Waits for a link with this text, and clicks it as a person does: only then a page may open another one. */
  async click(text: string): Promise<void> {
    const find = { using: 'link text', value: text };
    const found = (): Promise<string | null> =>
      this.post('element', find).then((element) => (element as Record<string, string>)[ELEMENT] ?? null, () => null);
    await until(`link ${text}`, async () => (await found()) !== null, DEADLINE_MS);
    await this.post(`element/${(await found()) ?? ''}/click`, {});
  }

  /** Whether there is a control with this name now. */
  has(name: string | RegExp): Promise<boolean> {
    return this.run(hasIt, ...pattern(name));
  }

  async waitFor(name: string | RegExp): Promise<void> {
    await until(`control ${String(name)}`, () => this.has(name), DEADLINE_MS);
  }

  /** Waits until the page says this somewhere. */
  async reads(text: string, deadlineMs = DEADLINE_MS): Promise<void> {
    const look = (): Promise<boolean> =>
      this.run((text: string) => document.body.innerText.replace(/\s+/gu, ' ').includes(text), text);
    await until(`text "${text}"`, look, deadlineMs);
  }

  /** Types into the field with this label, as a person does. */
  async type(label: string, words: string): Promise<void> {
    await until(`field ${label}`, () => this.run(focusField, label), DEADLINE_MS);
    const active = (await this.get('element/active')) as Record<string, string>;
    const id = active[ELEMENT] ?? '';
    await this.post(`element/${id}/value`, { text: words });
  }

  /** Gives files of this machine to the page's chooser. */
  async choose(path: string): Promise<void> {
    const find = { using: 'css selector', value: 'input[type=file]' };
    await until('chooser', () => this.run(() => document.querySelector('input[type=file]') !== null), DEADLINE_MS);
    const element = (await this.post('element', find)) as Record<string, string>;
    await this.post(`element/${element[ELEMENT] ?? ''}/value`, { text: path });
  }

  async close(): Promise<void> {
    await call('DELETE', this.session, undefined).catch(() => undefined);
  }

  private post(path: string, body: unknown): Promise<unknown> {
    return call('POST', `${this.session}/${path}`, body);
  }

  private get(path: string): Promise<unknown> {
    return call('GET', `${this.session}/${path}`, undefined);
  }
}

async function call(method: string, url: string, body: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(8 * DEADLINE_MS),
  });
  const { value } = (await answer.json()) as Answer;
  if (!answer.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`);
  return value;
}

/** A name as what the page can compare with: source and flags, or the exact text. */
function pattern(name: string | RegExp): [string, boolean] {
  return typeof name === 'string' ? [name, false] : [name.source, true];
}

/** Runs in the page. */
function pressIt(name: string, isPattern: boolean): boolean {
  const matches = (said: string): boolean => (isPattern ? new RegExp(name, 'u').test(said) : said === name);
  // A dialog that is open has the word.
  const scope = [...document.querySelectorAll('[role="dialog"], [role="menu"]')].pop() ?? document;
  const controls = [...scope.querySelectorAll<HTMLElement>('button, a[href], [role="menuitem"], [role="switch"]')];
  const found = controls.find((control) => {
    const said = (control.getAttribute('aria-label') ?? control.innerText).replace(/\s+/gu, ' ').trim();
    const off = control.getAttribute('aria-disabled') === 'true' || (control as HTMLButtonElement).disabled;
    return matches(said) && !off && control.getClientRects().length > 0;
  });
  found?.click();
  return found !== undefined;
}

/** Runs in the page. */
function hasIt(name: string, isPattern: boolean): boolean {
  const matches = (said: string): boolean => (isPattern ? new RegExp(name, 'u').test(said) : said === name);
  const controls = [...document.querySelectorAll<HTMLElement>('button, a[href], [role="menuitem"], [role="switch"]')];
  return controls.some((control) => {
    const said = (control.getAttribute('aria-label') ?? control.innerText).replace(/\s+/gu, ' ').trim();
    return matches(said) && control.getClientRects().length > 0;
  });
}

/** Runs in the page. */
function focusField(label: string): boolean {
  const labels = [...document.querySelectorAll('label')];
  const found = labels.find(({ innerText }) => innerText.trim() === label);
  const field =
    found?.control ?? document.querySelector<HTMLElement>(`input[aria-label="${label}"], textarea[aria-label="${label}"]`);
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = '';
  field?.focus();
  return field !== null && document.activeElement === field;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
