/** The real server as a process of its own, on loopback. */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TARGET = process.env['CARGO_TARGET_DIR'] ?? join(ROOT, 'target');
/** Where cargo puts what the stories start; measures start what is optimised. */
export const PROGRAMS = join(TARGET, process.env['CONCLAVE_PROGRAMS'] ?? 'debug');
const PROGRAM = join(PROGRAMS, 'conclave-server');
const PAGE = join(ROOT, 'ui', 'dist', 'index.html');
/** Only ends a story that would fail anyway. */
const START_DEADLINE_MS = 20_000;
/** Stories join, fail and connect from one address more than people do. */
const SETTINGS = [
  'tcp_bind=127.0.0.1',
  'udp_bind=127.0.0.1',
  'advertised_addresses=["127.0.0.1"]',
  'log_level=info,conclave_server=debug',
  'wrong_passwords_per_address_burst=1000',
  'rooms_made_per_stranger=10000',
  'joins_per_stranger=10000',
  'requests_per_stranger=10000',
];

export interface Links {
  /** Of the first room: for everybody, and for its host. */
  join: string;
  host: string;
  /** The operator's: sets the password of their pages at the first start. */
  admin: string;
  tcpPort: number;
  udpPort: number;
}

/** What the server says when it runs, or nothing when it has not said everything yet. */
function readBanner(lines: readonly string[]): Links | undefined {
  const find = (pattern: RegExp): string | undefined =>
    lines.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined);
  const tcp = find(/TCP port (\d+)/);
  const udp = find(/UDP port (\d+)/);
  const join = find(/^Join: +(\S+)/);
  const host = find(/^Host: +(\S+)/);
  // The last line, so that nothing is missed.
  const admin = find(/^Admin: +(\S+)/);
  if (!tcp || !udp || !join || !admin) return undefined;
  const here = (link: string): string => link.replace(/^https:\/\/[^/]+/, `https://127.0.0.1:${tcp}`);
  return { join: here(join), host: here(host ?? join), admin: here(admin), tcpPort: Number(tcp), udpPort: Number(udp) };
}

export class Server {
  private constructor(
    private child: ChildProcess,
    readonly links: Links,
    private readonly data: string,
    private readonly settings: readonly string[],
    private readonly log: string[],
  ) {}

  /** Starts a server with its standard settings, and `settings` like `file_bytes_max=1000`. */
  static async start(settings: readonly string[] = []): Promise<Server> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run cargo build -p conclave-server`);
    if (!existsSync(PAGE)) throw new Error(`${PAGE} is not there: run npm run build in ui/`);
    const data = await mkdtemp(join(tmpdir(), 'conclave-browser-'));
    const log: string[] = [];
    const { child, links } = await launch(data, [0, 0], settings, log);
    return new Server(child, links, data, settings, log);
  }

  get origin(): string {
    return `https://127.0.0.1:${this.links.tcpPort}`;
  }

  /** A room of its own for a story. */
  async createRoom(room: { title: string; [setting: string]: unknown }): Promise<{ slug: string; join: string; host: string }> {
    const slug = `${room.title.toLowerCase().replace(/[^a-z]+/g, '-')}-${Math.random().toString(36).slice(2, 8)}`;
    const answer = await this.ask('POST', '/api/rooms', { ...room, slug });
    const { hostKey } = JSON.parse(answer) as { hostKey: string };
    const join = `${this.origin}/r/${slug}`;
    return { slug, join, host: `${join}#h=${hostKey}` };
  }

  /** Kills it as a power cut does. */
  async kill(): Promise<void> {
    const gone = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await gone;
  }

  /** Nothing of it answers for a while, as when a network is out. */
  async standStill(ms: number): Promise<void> {
    this.child.kill('SIGSTOP');
    await new Promise((later) => setTimeout(later, ms));
    this.child.kill('SIGCONT');
  }

  /** Starts it again on the same ports and data. */
  async startAgain(): Promise<void> {
    const ports = [this.links.tcpPort, this.links.udpPort] as const;
    ({ child: this.child } = await launch(this.data, ports, this.settings, this.log));
  }

  /** The end of its log, for a story that failed. */
  lastWords(): string {
    return this.log.slice(-40).join('\n');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }

  /** The certificate that browsers can be told to trust. */
  authority(): Promise<string> {
    return this.ask('GET', '/authority.crt');
  }

  private ask(method: string, path: string, body?: unknown): Promise<string> {
    return new Promise((done, failed) => {
      // The certificate is the server's own; the story is about browsers, and this is loopback.
      const options = { method, headers: { 'content-type': 'application/json' }, rejectUnauthorized: false };
      const asking = request(new URL(path, this.origin), options, (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          if (answer.statusCode === 200 || answer.statusCode === 201) done(text);
          else failed(new Error(text));
        });
      });
      asking.on('error', failed);
      asking.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

async function launch(
  data: string,
  [tcp, udp]: readonly [number, number],
  settings: readonly string[],
  log: string[],
): Promise<{ child: ChildProcess; links: Links }> {
  const args = ['--data', data, '--tcp-port', String(tcp), '--udp-port', String(udp)];
  for (const setting of [...SETTINGS, ...settings]) args.push('--set', setting);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CONCLAVE_')));
  const child = spawn(PROGRAM, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const lines: string[] = [];
  const links = await new Promise<Links>((done, failed) => {
    const fail = (): void => failed(new Error(`the server does not start:\n${[...lines, ...log].join('\n')}`));
    const timer = setTimeout(fail, START_DEADLINE_MS);
    child.once('exit', fail);
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const links = readBanner(lines);
      if (links === undefined) return;
      clearTimeout(timer);
      child.off('exit', fail);
      done(links);
    });
  });
  return { child, links };
}
