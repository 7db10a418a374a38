/** The devices of this machine, and those that were chosen, followed while somebody looks. */

import { bridge } from '#bridge';
import type { Device, DeviceKind } from '../bridge/types';
import { text } from '../text/en';

/** The value of a select for "the system's choice". */
export const SYSTEM = '';

export interface DeviceChoices {
  readonly list: readonly Device[];
  chosen(kind: DeviceKind): string;
  options(kind: DeviceKind): { value: string; label: string }[];
  /** Lists again, for instance when permission has given them names. */
  refresh(): Promise<void>;
  choose(kind: DeviceKind, value: string): void;
}

/** Call it while a component is made: it follows the devices until that is destroyed. */
export function followDevices(): DeviceChoices {
  let list: Device[] = $state.raw([]);
  let chosen: Record<DeviceKind, string> = $state.raw(readChosen());

  async function refresh(): Promise<void> {
    try {
      list = await bridge.devices.list();
    } catch {
      // A browser that lists nothing still has its own choice.
      list = [];
    }
  }

  $effect(() => {
    void refresh();
    return bridge.devices.onChange(() => void refresh());
  });

  return {
    get list() {
      return list;
    },
    chosen: (kind) => (list.some((device) => device.kind === kind && device.id === chosen[kind]) ? chosen[kind] : SYSTEM),
    options: (kind) => [
      { value: SYSTEM, label: text.devices.system },
      ...list
        .filter((device) => device.kind === kind)
        .map((device, at) => ({ value: device.id, label: device.label === '' ? text.devices.unnamed(kind, at + 1) : device.label })),
    ],
    refresh,
    choose(kind, value) {
      chosen = { ...chosen, [kind]: value };
      bridge.devices.choose(kind, idOf(value));
    },
  };
}

/** What the bridge calls the system's choice. */
export function idOf(value: string): string | null {
  return value === SYSTEM ? null : value;
}

function readChosen(): Record<DeviceKind, string> {
  return {
    microphone: bridge.devices.chosen('microphone') ?? SYSTEM,
    camera: bridge.devices.chosen('camera') ?? SYSTEM,
    speaker: bridge.devices.chosen('speaker') ?? SYSTEM,
  };
}
