/** A machine of one's own for a window: a display, a sound server, and a home that nobody else uses. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Only ends a story that would fail anyway. */
const START_MS = 20_000;
const LOOK_MS = 50;
/** Kept of what programs say, in characters. */
const SAID_MAX = 8_000;
/** Of the display, in pixels. */
export const SCREEN = { width: 1_180, height: 760 } as const;
const WAYLAND = 'wayland-7';
export const SPEAKER = 'speaker';
export const MICROPHONE = 'microphone';
/** What is played on it is heard by the microphone. */
export const MOUTH = 'mouth';

export interface MachineWish {
  /** Without, there is no sound server at all. */
  sound?: boolean;
  /** With Wayland and no X at all. */
  wayland?: boolean;
}

export class Machine {
  private said = '';

  private constructor(
    readonly home: string,
    readonly env: NodeJS.ProcessEnv,
    private readonly children: ChildProcess[],
  ) {}

  static async start(wish: MachineWish = {}): Promise<Machine> {
    const home = await mkdtemp(join(tmpdir(), 'conclave-machine-'));
    const runtime = join(home, 'run');
    await mkdir(runtime, { mode: 0o700 });
    await mkdir(join(home, 'Downloads'));
    const display = wish.wayland === true ? null : await startDisplay();
    const env: NodeJS.ProcessEnv = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CONCLAVE_'))),
      HOME: home,
      PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`,
      XDG_RUNTIME_DIR: runtime,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_DATA_HOME: join(home, '.local', 'share'),
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_SESSION_TYPE: display === null ? 'wayland' : 'x11',
      DISPLAY: display === null ? '' : `:${display.number}`,
      WAYLAND_DISPLAY: display === null ? WAYLAND : '',
      // No buses: nothing of this machine's is to be found there.
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(runtime, 'no-bus')}`,
      DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(runtime, 'no-bus')}`,
      // Without it the window stays white on a display without a graphics card.
      WEBKIT_DISABLE_DMABUF_RENDERER: '1',
      LIBGL_ALWAYS_SOFTWARE: '1',
      GTK_A11Y: 'none',
      NO_AT_BRIDGE: '1',
      LANG: 'C.UTF-8',
      CONCLAVE_LOG: 'info,conclave=debug,conclave_client=debug',
      PULSE_SERVER: `unix:${join(runtime, 'pulse.sock')}`,
    };
    const machine = new Machine(home, env, display === null ? [] : [display.child]);
    if (display === null) await machine.startWayland();
    if (wish.sound !== false) await machine.startSound();
    return machine;
  }

  /** What the desktop program remembers, before it runs. */
  async remember(settings: object): Promise<void> {
    await mkdir(this.settings, { recursive: true });
    await writeFile(join(this.settings, 'settings.json'), JSON.stringify(settings));
  }

  async remembered(): Promise<Record<string, unknown>> {
    const path = join(this.settings, 'settings.json');
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  }

  /** The folder of what the desktop program remembers. */
  get settings(): string {
    return join(this.home, '.config', 'app.conclave.desktop');
  }

  get downloads(): string {
    return join(this.home, 'Downloads');
  }

  /** Starts a program on this machine; it ends with it. */
  spawn(program: string, args: string[]): ChildProcess {
    const child = spawn(program, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    // Whoever wants it reads it as well; nobody must wait because nobody does.
    child.stdout.resume();
    child.stderr.on('data', (text: Buffer) => {
      this.said = (this.said + text.toString()).slice(-SAID_MAX);
    });
    this.children.push(child);
    return child;
  }

  /** Puts a shell script in front of the machine's programs. */
  async install(name: string, script: string): Promise<void> {
    const bin = join(this.home, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** The end of what programs have complained about, for a story that failed. */
  lastWords(): string {
    return this.said;
  }

  /** Runs a program of this machine to its end. */
  async run(program: string, ...args: string[]): Promise<string> {
    const { stdout } = await run(program, args, { env: this.env, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  /** The display's pixels as RGB, rows from the top. */
  async pixels(): Promise<Uint8Array> {
    const options = { env: this.env, maxBuffer: 64 * 1024 * 1024, encoding: 'buffer' } as const;
    const { stdout } = await run('import', ['-window', 'root', '-depth', '8', 'rgb:-'], options);
    return new Uint8Array(stdout);
  }

  async screenshot(path: string): Promise<void> {
    await this.run('import', '-window', 'root', path);
  }

  /** Pulls a sink or a source out, by the number of its module. */
  async unplug(module: string): Promise<void> {
    await this.run('pactl', 'unload-module', module);
  }

  async plug(...words: string[]): Promise<string> {
    return (await this.run('pactl', 'load-module', ...words)).trim();
  }

  async stop(): Promise<void> {
    for (const child of this.children.reverse()) {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((done) => child.once('exit', done));
        child.kill('SIGKILL');
        await gone;
      }
    }
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A desktop that nobody sees. */
  private async startWayland(): Promise<void> {
    const { width, height } = SCREEN;
    this.spawn('weston', ['--backend=headless-backend.so', `--width=${width}`, `--height=${height}`, `--socket=${WAYLAND}`, '--idle-time=0']);
    const socket = join(this.home, 'run', WAYLAND);
    await until('a Wayland desktop', () => stat(socket).then(() => true, () => false));
  }

  /** A speaker that can be recorded and a microphone that can be fed. */
  private async startSound(): Promise<void> {
    const socket = join(this.home, 'run', 'pulse.sock');
    const load = [
      `module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
      `module-null-sink sink_name=${SPEAKER} sink_properties=device.description=Speaker`,
      `module-null-sink sink_name=${MOUTH}`,
      `module-remap-source master=${MOUTH}.monitor source_name=${MICROPHONE} source_properties=device.description=Microphone`,
    ];
    const args = ['-n', '--daemonize=no', '--use-pid-file=no', '--exit-idle-time=-1', '--disallow-exit', '--log-target=stderr'];
    for (const module of load) args.push('-L', module);
    this.spawn('pulseaudio', args);
    await until('a sound server', () => this.run('pactl', 'info').then(() => true, () => false));
    await this.run('pactl', 'set-default-sink', SPEAKER);
    await this.run('pactl', 'set-default-source', MICROPHONE);
  }
}

/** Waits for something that is looked at again and again. */
export async function until(what: string, look: () => Promise<boolean> | boolean, deadlineMs = START_MS): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`there was no ${what} in ${deadlineMs} ms`);
    await new Promise((again) => setTimeout(again, LOOK_MS));
  }
}

/** A display whose number the system chooses. */
async function startDisplay(): Promise<{ child: ChildProcess; number: number }> {
  const size = `${SCREEN.width}x${SCREEN.height}x24`;
  const args = ['-displayfd', '3', '-screen', '0', size, '-nolisten', 'tcp', '-noreset'];
  const child = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const said = child.stdio[3];
  const number = await new Promise<number>((done, failed) => {
    const timer = setTimeout(() => failed(new Error('Xvfb does not start')), START_MS);
    child.once('exit', () => failed(new Error('Xvfb does not start')));
    said?.on('data', (text: Buffer) => {
      clearTimeout(timer);
      done(Number(text.toString().trim()));
    });
  });
  return { child, number };
}
