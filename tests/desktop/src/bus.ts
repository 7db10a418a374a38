/** A machine's D-Bus with what a desktop offers on it (`desktop_bus.py`), and with nothing of the system's own. */

import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until, type Machine } from './machine';

const DESKTOP = fileURLToPath(new URL('desktop_bus.py', import.meta.url));
/** Only ends a story that would fail anyway. */
const HAPPEN_MS = 30_000;
const PERSON = 'app.conclave.Person';

/** The desktop was asked for something, or something is over. */
export interface Happened {
  of: 'bus' | 'desktop' | 'sleep' | 'lock' | 'note';
  did: string;
  [more: string]: unknown;
}

export class Bus {
  private waiting: Happened[] = [];

  private constructor(private readonly machine: Machine) {}

  /** Programs that the machine starts from now on find it. */
  static async start(machine: Machine): Promise<Bus> {
    const bus = new Bus(machine);
    const folder = join(machine.home, 'run');
    const config = join(folder, 'bus.conf');
    const address = `unix:path=${join(folder, 'bus')}`;
    await writeFile(config, configuration(address));
    const daemon = machine.spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--nopidfile', '--print-address']);
    bus.listen(daemon, () => ({ of: 'bus', did: 'ready' }));
    await bus.next('bus');
    machine.env['DBUS_SESSION_BUS_ADDRESS'] = address;
    machine.env['DBUS_SYSTEM_BUS_ADDRESS'] = address;
    // Debian's own Python, which has its library for buses.
    const desktop = machine.spawn('/usr/bin/python3', [DESKTOP]);
    bus.listen(desktop, (line) => JSON.parse(line) as Happened);
    await bus.next('desktop');
    return bus;
  }

  /** What happens next of this kind, in order, each once. */
  async next(of: Happened['of']): Promise<Happened> {
    const find = (): Happened | undefined => this.waiting.find((happened) => happened.of === of);
    await until(`${of} on the bus`, () => find() !== undefined, HAPPEN_MS);
    const found = find();
    if (found === undefined) throw new Error('somebody else took it');
    this.waiting = this.waiting.filter((happened) => happened !== found);
    return found;
  }

  /** How often sleep is held off now, and how often the screen lock. */
  async held(): Promise<[sleep: number, lock: number]> {
    const said = await this.person('Held');
    const [sleep, lock] = [...said.matchAll(/uint32 (\d+)/gu)].map(([, digits]) => Number(digits));
    return [sleep ?? 0, lock ?? 0];
  }

  /** The desktop keeps who wants to stay awake waiting, until it does not any more. */
  async hesitate(on: boolean): Promise<void> {
    await this.person('Hesitate', `boolean:${on}`);
  }

  /** Somebody presses a note. */
  async press(note: Happened): Promise<void> {
    await this.person('Press', `uint32:${String(note['number'])}`);
  }

  private person(method: string, ...words: string[]): Promise<string> {
    const to = ['--session', '--print-reply', '--dest=org.freedesktop.Notifications', '/person'];
    return this.machine.run('dbus-send', ...to, `${PERSON}.${method}`, ...words);
  }

  private listen(child: ChildProcess, read: (line: string) => Happened): void {
    if (child.stdout === null) throw new Error('the program does not say anything');
    createInterface({ input: child.stdout }).on('line', (line) => this.waiting.push(read(line)));
  }
}

/** No folders of services in it: nothing of the system's is started on it. */
function configuration(address: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;
}
