/** People without a browser: the headless native client of the tree. */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAMS } from './server';
import { writeTone } from './tone';

const PROGRAM = join(PROGRAMS, 'conclave-crowd');

/** Those of conclave-crowd's figures that a story asks for. */
export interface NativeFigures {
  voice: { packets_received: number };
  camera: { frames_received: number };
}

/** One native person with a camera and a microphone that hears a tone; when it leaves it says what it got. */
export class NativePerson {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly said: Promise<string>,
  ) {}

  static async join(origin: string, slug: string, hertz: number, seconds: number): Promise<NativePerson> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run cargo build -p conclave-crowd`);
    const folder = await mkdtemp(join(tmpdir(), 'conclave-native-'));
    const wav = join(folder, 'tone.wav');
    await writeTone(wav, hertz);
    const what = ['--people', '1', '--talking', '1', '--without-pauses', '--wav', wav, '--decode', '1'];
    const cameras = ['--cameras', '1', '--layer', 'normal'];
    const where = ['--server', origin, '--room', slug, '--seconds', String(seconds), '--json'];
    const child = spawn(PROGRAM, [...where, ...what, ...cameras], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = new Promise<string>((done) => {
      let text = '';
      child.stdout.on('data', (piece: Buffer) => {
        text += piece.toString();
      });
      child.on('close', () => done(text));
    });
    return new NativePerson(child, folder, said);
  }

  /** The figures of the whole visit, once it is over by itself. */
  async figures(): Promise<NativeFigures> {
    const said = await this.said;
    await rm(this.folder, { recursive: true, force: true });
    return JSON.parse(said) as NativeFigures;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** Native people who film the time, and do nothing else. */
export class NativeCameras {
  private constructor(private readonly child: ChildProcess) {}

  static join(origin: string, slug: string, people: number): NativeCameras {
    const where = ['--server', origin, '--room', slug, '--seconds', '600'];
    const what = ['--people', String(people), '--cameras', String(people), '--talking', '0', '--decode', '0'];
    const how = ['--clock', '--blind', '--layer', 'normal'];
    return new NativeCameras(spawn(PROGRAM, [...where, ...what, ...how], { stdio: ['ignore', 'ignore', 'inherit'] }));
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** Native people who meet: so many of them talk, as long as nobody ends it. */
export class NativeGuests {
  private constructor(private readonly child: ChildProcess) {}

  static join(origin: string, slug: string, people: number, talking: number): NativeGuests {
    const where = ['--server', origin, '--room', slug, '--seconds', '600'];
    const what = ['--people', String(people), '--talking', String(talking), '--without-pauses', '--decode', '0'];
    return new NativeGuests(spawn(PROGRAM, [...where, ...what], { stdio: ['ignore', 'ignore', 'inherit'] }));
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** Those of conclave-crowd's figures that a story of films asks for. */
export interface WatchFigures {
  film: { watchers: number; moved: number; looks: number; drift_p95_ms: number; failures: string[] };
}

/** Native people who watch the room's film: so many with mpv, the others with a player that shows nothing. */
export class NativeWatchers {
  private constructor(
    private readonly child: ChildProcess,
    private readonly said: Promise<string>,
  ) {}

  static join(origin: string, slug: string, film: string, people: number, mpv: number, seconds: number): NativeWatchers {
    const where = ['--server', origin, '--room', slug, '--seconds', String(seconds), '--json'];
    const what = ['--people', String(people), '--talking', '0', '--decode', '0', '--film', film, '--mpv', String(mpv)];
    const child = spawn(PROGRAM, [...where, ...what], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = new Promise<string>((done) => {
      let text = '';
      child.stdout.on('data', (piece: Buffer) => {
        text += piece.toString();
      });
      child.on('close', () => done(text));
    });
    return new NativeWatchers(child, said);
  }

  /** The figures of the whole visit, once it is over by itself. */
  async figures(): Promise<WatchFigures> {
    return JSON.parse(await this.said) as WatchFigures;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}
