/**
 * Somebody in Firefox: Debian's own, driven by WebDriver BiDi (W3C), which it speaks itself. Playwright drives
 * Firefoxes of its own making only.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { noteWhatIsPlayed } from './ears';

const FIREFOX = process.env['FIREFOX'] ?? '/usr/bin/firefox-esr';
/** Only ends a story that would fail anyway. */
const START_DEADLINE_MS = 60_000;
const DEADLINE_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** Made-up devices that nobody is asked for, and nothing that calls home. */
const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'ui.prefersReducedMotion': 1,
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.dns.disablePrefetch': true,
  'network.prefetch-next': false,
  'services.settings.server': 'data:,none',
  'toolkit.telemetry.enabled': false,
};

/** A speaker that leads nowhere: without any Firefox's clock of sound stands still. */
const SOUND_CARD = (socket: string): string[] => [
  ...['-n', '--daemonize=no', '--exit-idle-time=-1', '--disable-shm=yes'],
  ...['-L', `module-native-protocol-unix auth-anonymous=1 socket=${socket}`],
  ...['-L', 'module-null-sink'],
];

/** Whether there is one on this machine. */
export const firefoxIsThere = existsSync(FIREFOX);

/**
 * Settings of a server that Firefox gets media from: it makes no connection over loopback. The kernel delivers
 * what is for an address of its own machine without a network.
 */
export function serverForFirefox(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  return own === undefined ? [] : [`udp_bind=${own}`, `advertised_addresses=["${own}"]`];
}

type Answer = { type: 'success'; id: number; result: unknown } | { type: 'error'; id: number; message: string };
type Told = { type: 'event'; method: string; params: unknown };
/** What a script came to (WebDriver BiDi, section 7.6.1.9). */
type ScriptResult =
  | { type: 'success'; result: { type: string; value?: unknown } }
  | { type: 'exception'; exceptionDetails: { text: string } };

export class Firefox {
  /** Addresses outside of the server that were asked for; a story ends with none. */
  readonly strayed: string[] = [];
  /** What the page complained about. */
  readonly complaints: string[] = [];
  private readonly waiting = new Map<number, { done: (result: unknown) => void; failed: (why: Error) => void }>();
  private lastId = 0;
  private tab = '';

  private constructor(
    readonly name: string,
    private readonly children: readonly ChildProcess[],
    private readonly profile: string,
    private readonly socket: WebSocket,
  ) {
    socket.on('message', (data) => this.take(JSON.parse(String(data)) as Answer | Told));
    socket.on('close', () => {
      for (const { failed } of this.waiting.values()) failed(new Error('Firefox has gone'));
    });
  }

  static async open(name: string): Promise<Firefox> {
    const profile = await mkdtemp(join(tmpdir(), 'conclave-firefox-'));
    const lines = Object.entries(PREFERENCES).map(([key, value]) => `user_pref(${JSON.stringify([key, value]).slice(1, -1)});`);
    await writeFile(join(profile, 'user.js'), lines.join('\n'));
    const args = ['--headless', '--no-remote', '--remote-debugging-port', '0', '--profile', profile];
    const env = { ...process.env, HOME: profile, XDG_RUNTIME_DIR: profile, PULSE_SERVER: `unix:${join(profile, 'sound')}` };
    const sound = spawn('pulseaudio', SOUND_CARD(join(profile, 'sound')), { env, stdio: 'ignore' });
    const child = spawn(FIREFOX, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const children = [child, sound];
    try {
      const socket = await dial(`${await addressOf(child)}/session`);
      const firefox = new Firefox(name, children, profile, socket);
      await firefox.begin();
      return firefox;
    } catch (error) {
      for (const each of children) each.kill('SIGKILL');
      throw error;
    }
  }

  async goto(url: string): Promise<void> {
    await this.ask('browsingContext.navigate', { context: this.tab, url, wait: 'complete' });
  }

  /** Runs a function in the page. What it is given and gives back travels as JSON. */
  async evaluate<Given, Result>(what: (given: Given) => Result | Promise<Result>, given: Given): Promise<Result> {
    const answer = (await this.ask('script.callFunction', {
      functionDeclaration: `async (given) => JSON.stringify((await (${what.toString()})(JSON.parse(given))) ?? null)`,
      arguments: [{ type: 'string', value: JSON.stringify(given ?? null) }],
      target: { context: this.tab },
      awaitPromise: true,
      userActivation: true,
    })) as ScriptResult;
    if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text);
    return JSON.parse(String(answer.result.value)) as Result;
  }

  /** Clicks, as a mouse does, on what has this role and name for a screen reader. */
  async click(role: string, name: string): Promise<void> {
    const element = await this.find(role, name);
    const pointer = { type: 'pointer', id: 'mouse', parameters: { pointerType: 'mouse' } };
    const actions = [
      { type: 'pointerMove', x: 0, y: 0, origin: { type: 'element', element } },
      { type: 'pointerDown', button: 0 },
      { type: 'pointerUp', button: 0 },
    ];
    await this.ask('input.performActions', { context: this.tab, actions: [{ ...pointer, actions }] });
  }

  /** Types into what has this role and name, in place of what stood there; `\uE007` is Enter (WebDriver, section 17.4.2). */
  async type(role: string, name: string, words: string): Promise<void> {
    await this.click(role, name);
    await this.evaluate(() => (document.activeElement as HTMLInputElement | HTMLTextAreaElement).select(), null);
    const actions = [...words].flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.ask('input.performActions', { context: this.tab, actions: [{ type: 'key', id: 'keys', actions }] });
  }

  /** Waits until something has this role and name. */
  async find(role: string, name: string): Promise<unknown> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const { nodes } = (await this.ask('browsingContext.locateNodes', {
        context: this.tab,
        locator: { type: 'accessibility', value: { role, name } },
      })) as { nodes: unknown[] };
      if (nodes[0] !== undefined) return nodes[0];
      if (performance.now() > end) throw new Error(`there is no ${role} called ${name}`);
      await new Promise((again) => setTimeout(again, LOOK_EVERY_MS));
    }
  }

  /** Keeps a picture of the page for whoever looks into a story that failed. */
  async show(path: string): Promise<void> {
    const { data } = (await this.ask('browsingContext.captureScreenshot', { context: this.tab })) as { data: string };
    await writeFile(path, Buffer.from(data, 'base64'));
    console.error(`${this.name} saw ${path}`, this.complaints);
  }

  async close(): Promise<void> {
    await Promise.all(this.children.map(ended));
    this.socket.terminate();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  private async begin(): Promise<void> {
    // The server's certificate is its own.
    await this.ask('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    await this.ask('session.subscribe', { events: ['network.beforeRequestSent', 'log.entryAdded'] });
    const { contexts } = (await this.ask('browsingContext.getTree', {})) as { contexts: { context: string }[] };
    this.tab = contexts[0]?.context ?? '';
    await this.ask('script.addPreloadScript', { functionDeclaration: noteWhatIsPlayed.toString() });
  }

  private ask(method: string, params: unknown): Promise<unknown> {
    this.lastId += 1;
    const id = this.lastId;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((done, failed) => this.waiting.set(id, { done, failed }));
  }

  private take(message: Answer | Told): void {
    if (message.type === 'event') return this.happened(message);
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.type === 'success') waiting?.done(message.result);
    else waiting?.failed(new Error(message.message));
  }

  private happened({ method, params }: Told): void {
    if (method === 'network.beforeRequestSent') {
      const { url } = (params as { request: { url: string } }).request;
      const { protocol, hostname } = new URL(url);
      const isOurs = ['blob:', 'data:', 'about:', 'moz-extension:'].includes(protocol) || hostname === '127.0.0.1';
      if (!isOurs) this.strayed.push(url);
    }
    if (method === 'log.entryAdded') {
      const { level, text } = params as { level: string; text: string | null };
      if (level === 'error') this.complaints.push(text ?? '');
    }
  }
}

function ended(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  return gone;
}

/** What Firefox prints when it can be driven. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((done, failed) => {
    const lines: string[] = [];
    const fail = (): void => failed(new Error(`Firefox does not start:\n${lines.join('\n')}`));
    const timer = setTimeout(fail, START_DEADLINE_MS);
    child.once('exit', fail);
    if (child.stderr === null) return fail();
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      const address = /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      child.off('exit', fail);
      done(address);
    });
  });
}

function dial(url: string): Promise<WebSocket> {
  return new Promise((done, failed) => {
    const socket = new WebSocket(url);
    socket.once('open', () => done(socket));
    socket.once('error', failed);
  });
}
