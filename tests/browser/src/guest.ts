/** Somebody in a browser: a Chromium with a fresh profile, fake devices, and eyes on what it asks for. */

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { writePortrait } from './portrait';
import { writeTone } from './tone';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
/** Of stories that failed. */
const PICTURES = fileURLToPath(new URL('../../../target/browser', import.meta.url));
/** Only ends a story that would fail anyway. */
export const DEADLINE_MS = 30_000;

export interface GuestWish {
  name: string;
  /** What the microphone hears: a tone of so many hertz, or Chromium's own beeps. */
  hertz?: number;
  /** The camera films somebody, by number, and not Chromium's own green test picture. */
  portrait?: number;
  microphone?: boolean;
  camera?: boolean;
  viewport?: { width: number; height: number };
  /** Further switches of Chromium. */
  flags?: string[];
  /** Trusts this authority (PEM) as a person would, and no other certificate of the server; null trusts nothing. */
  trust?: string | null;
}

export class Guest {
  /** Addresses outside of the server that were asked for; a story ends with none. */
  readonly strayed: string[] = [];
  /** What the page complained about. */
  readonly complaints: string[] = [];

  private constructor(
    readonly wish: GuestWish,
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly profile: string,
  ) {}

  static async open(wish: GuestWish): Promise<Guest> {
    const profile = await mkdtemp(join(tmpdir(), 'conclave-guest-'));
    const flags = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      // Several windows share two cores: none is to be put to sleep because another one is in front.
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      ...(wish.flags ?? []),
    ];
    if (wish.hertz !== undefined) {
      const wav = join(profile, 'microphone.wav');
      await writeTone(wav, wish.hertz);
      flags.push(`--use-file-for-fake-audio-capture=${wav}`);
    }
    if (wish.portrait !== undefined) {
      const video = join(profile, 'camera.y4m');
      await writePortrait(video, wish.portrait);
      flags.push(`--use-file-for-fake-video-capture=${video}`);
    }
    if (wish.trust != null) await trustAuthority(profile, wish.trust);
    const context = await chromium.launchPersistentContext(join(profile, 'profile'), {
      executablePath: CHROMIUM,
      headless: true,
      // The server's certificate is its own; one story trusts it as a person would, and does without this.
      ignoreHTTPSErrors: wish.trust === undefined,
      env: { ...process.env, HOME: profile },
      acceptDownloads: true,
      // Tiles of this size want no large layer, which two cores could hardly encode for several people.
      viewport: wish.viewport ?? { width: 1_000, height: 600 },
      reducedMotion: 'reduce',
      args: flags,
    });
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(DEADLINE_MS);
    const guest = new Guest(wish, context, page, profile);
    guest.watch();
    return guest;
  }

  /** From a link to the meeting, through the page before the door. */
  async join(link: string): Promise<void> {
    const { page, wish } = this;
    await page.goto(link);
    await page.getByLabel('Your name').fill(wish.name);
    await this.wishFor('microphone', wish.microphone ?? true);
    await this.wishFor('camera', wish.camera ?? true);
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  }

  /** Out by the button, to the screen that says so. */
  async leave(): Promise<void> {
    await this.button('Leave').click();
    await this.page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
    await this.page.getByRole('heading', { name: 'You have left' }).waitFor();
  }

  /** From that screen back into the meeting. */
  async joinAgain(): Promise<void> {
    await this.button('Join again').click();
    await this.button('Join').click();
    await this.page.getByRole('region', { name: 'Meeting controls' }).waitFor();
  }

  button(name: string | RegExp): ReturnType<Page['getByRole']> {
    return this.page.getByRole('button', { name, exact: typeof name === 'string' });
  }

  /** Takes out complaints that belong to the story; the browser writes its own when a connection fails. */
  expectComplaints(expected: RegExp): void {
    const others = this.complaints.filter((complaint) => !expected.test(complaint));
    this.complaints.splice(0, this.complaints.length, ...others);
  }

  /** Keeps a picture of the page for whoever looks into a story that failed. */
  async show(story: string): Promise<void> {
    const name = `${story} ${this.wish.name}`.replace(/[^a-z0-9]+/gi, '-').toLowerCase();
    const path = join(PICTURES, `${name}.png`);
    await this.page.screenshot({ path }).catch(() => undefined);
    console.error(`${this.wish.name} saw ${path}`, this.complaints);
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
  }

  private async wishFor(device: 'microphone' | 'camera', on: boolean): Promise<void> {
    const wanted = this.button(`Switch ${on ? 'on' : 'off'} the ${device}`);
    const already = this.button(`Switch ${on ? 'off' : 'on'} the ${device}`);
    await wanted.or(already).first().waitFor();
    if (await wanted.isVisible()) await wanted.click();
  }

  /** No screen may load anything from another host. */
  private watch(): void {
    const check = (url: string): void => {
      const { protocol, hostname } = new URL(url);
      const isOurs = ['blob:', 'data:', 'about:'].includes(protocol) || hostname === '127.0.0.1';
      if (!isOurs) this.strayed.push(url);
    };
    this.context.on('request', (request) => check(request.url()));
    this.page.on('websocket', (socket) => check(socket.url()));
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    this.page.on('pageerror', (error) => this.complaints.push(error.stack ?? error.message));
  }
}

/** Puts an authority into the store that Chromium reads, as its settings page would. */
async function trustAuthority(home: string, pem: string): Promise<void> {
  const store = join(home, '.pki', 'nssdb');
  await mkdir(store, { recursive: true });
  const file = join(home, 'authority.crt');
  await writeFile(file, pem);
  const certutil = promisify(execFile);
  await certutil('certutil', ['-d', `sql:${store}`, '-N', '--empty-password']);
  await certutil('certutil', ['-d', `sql:${store}`, '-A', '-t', 'C,,', '-n', 'Conclave', '-i', file]);
}
