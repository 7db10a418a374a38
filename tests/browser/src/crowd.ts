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
