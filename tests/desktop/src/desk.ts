/** Somebody with the desktop program: a machine, and its window. */

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROGRAMS } from '../../browser/src/server';
import { Bus } from './bus';
import { Driver } from './driver';
import { Machine, type MachineWish } from './machine';

export const PROGRAM = process.env['CONCLAVE_DESKTOP'] ?? join(PROGRAMS, 'conclave');
/** Of stories that failed. */
const PICTURES = fileURLToPath(new URL('../../../target/desktop', import.meta.url));

export interface DeskWish extends MachineWish {
  name: string;
  microphone?: boolean;
  camera?: boolean;
  args?: string[];
  settings?: object;
  /** With buses, and a desktop on them. */
  bus?: boolean;
}

export class Desk {
  private constructor(
    readonly wish: DeskWish,
    readonly machine: Machine,
    readonly window: Driver,
    private readonly ownBus: Bus | null,
  ) {}

  get bus(): Bus {
    if (this.ownBus === null) throw new Error(`${this.wish.name} wished for no bus`);
    return this.ownBus;
  }

  static async open(wish: DeskWish): Promise<Desk> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run cargo build -p conclave-desktop`);
    const machine = await Machine.start(wish);
    const camera = { choose: 'device', id: 'test-picture', name: 'Test picture' };
    await machine.remember({
      ask_where: false,
      downloads: machine.downloads,
      devices: wish.camera === true ? { camera } : {},
      ...wish.settings,
    });
    try {
      const bus = wish.bus === true ? await Bus.start(machine) : null;
      const window = await Driver.open(machine, PROGRAM, wish.args ?? []);
      return new Desk(wish, machine, window, bus);
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** From a pasted link to the meeting, through the page before the door. */
  async join(link: string): Promise<void> {
    await this.window.type('Link or code', link);
    await this.window.press('Join');
    await this.enter();
  }

  /** From the page before the door to the meeting. */
  async enter(): Promise<void> {
    const { window, wish } = this;
    await window.type('Your name', wish.name);
    await this.wishFor('microphone', wish.microphone ?? false);
    await this.wishFor('camera', wish.camera ?? false);
    await window.press('Join');
    await window.waitFor(/^Leave/);
  }

  /** Keeps a picture of the window for whoever looks into a story that failed. */
  async show(story: string): Promise<void> {
    await mkdir(PICTURES, { recursive: true });
    const name = `${story} ${this.wish.name}`.replace(/[^a-z0-9]+/gi, '-').toLowerCase();
    const path = join(PICTURES, `${name}.png`);
    await this.machine.screenshot(path).catch(() => undefined);
    const text = await this.window.run(() => document.body.innerText).catch(() => '');
    console.error(`${this.wish.name} saw ${path}`, text.replace(/\n+/gu, '\n'), this.machine.lastWords());
  }

  async close(): Promise<void> {
    await this.window.close();
    await this.machine.stop();
  }

  private async wishFor(device: 'microphone' | 'camera', on: boolean): Promise<void> {
    const { window } = this;
    const isOn = `Switch off the ${device}`;
    const isOff = `Switch on the ${device}`;
    await window.waitFor(new RegExp(`^Switch (?:on|off) the ${device}$`, 'u'));
    if (await window.has(on ? isOff : isOn)) await window.press(on ? isOff : isOn);
  }
}
