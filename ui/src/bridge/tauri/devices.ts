/** The devices of the machine: the program opens them; here they are listed, chosen and tried out. */

import type { Device, DeviceKind, DevicePort, Preview } from '../types';
import type { Pictures } from './pictures';
import { asked, type Port } from './words';

interface Listed {
  devices: { kind: DeviceKind; id: string; name: string }[];
  /** Of each kind that does not work, what to do. */
  failing: Partial<Record<DeviceKind, string>>;
}

/** What was chosen last, as the program remembers it. */
export type Chosen = Record<DeviceKind, string | null>;

export function desktopDevices(port: Port, pictures: Pictures, chosen: Chosen): DevicePort {
  let lastMeter = 0;
  let failing: Listed['failing'] = {};

  const choose = (kind: DeviceKind, id: string | null): void => {
    if (chosen[kind] === id) return;
    chosen[kind] = id;
    // It is used as soon as it works; what comes of it is told as an event.
    asked(port, { type: 'choose_device', payload: { kind, id } }).catch(() => undefined);
  };

  return {
    async list() {
      const listed = await asked<Listed>(port, { type: 'list_devices' });
      failing = listed.failing;
      return listed.devices.map(({ kind, id, name }): Device => ({ kind, id, label: name }));
    },

    onChange: (changed) => port.listen(({ type }) => type === 'devices' && changed()),
    chosen: (kind) => chosen[kind],
    choose,
    failing: (kind) => failing[kind] ?? null,

    async openPreview(camera, canvas) {
      choose('camera', camera);
      await asked(port, { type: 'open_preview' });
      const detach = pictures.attach('own', canvas);
      const stop = pictures.want();
      return closing(port, 0, () => {
        detach();
        stop();
      });
    },

    async openMeter(microphone, level) {
      choose('microphone', microphone);
      lastMeter += 1;
      const id = lastMeter;
      await asked(port, { type: 'open_meter', payload: { id } });
      const stop = port.listen((told) => {
        if (told.type === 'level' && told.id === id) level(told.level);
      });
      return closing(port, id, stop);
    },

    async echoBack({ microphone, speaker }, ms, phase) {
      choose('microphone', microphone);
      choose('speaker', speaker);
      phase('recording');
      // One hears oneself a moment later, for as long as it lasts.
      await asked(port, { type: 'echo_back', payload: { ms } });
    },

    async playTone(speaker) {
      choose('speaker', speaker);
      await asked(port, { type: 'play_tone' });
    },
  };
}

function closing(port: Port, id: number, stop: () => void): Preview {
  return {
    close() {
      stop();
      asked(port, { type: 'close_try', payload: { id } }).catch(() => undefined);
    },
  };
}
