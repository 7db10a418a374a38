/** The devices of this machine, and those that were chosen, followed while somebody looks. */

import { bridge } from '#bridge';
import type { Device, DeviceKind } from '../bridge/types';
import { text } from '../text/en';

/** The value of a select for "the system's choice". */
export const SYSTEM = '';

export interface DeviceChoices {
  readonly list: readonly Device[];
  chosen(kind: DeviceKind): string;
  /** What the program says of a kind that does not work; null where nothing is wrong, and in browsers. */
  failing(kind: DeviceKind): string | null;
  options(kind: DeviceKind): { value: string; label: string }[];
  /** Lists again, for instance when permission has given them names. */
  refresh(): Promise<void>;
  choose(kind: DeviceKind, value: string): void;
}

/** Call it while a component is made: it follows the devices until that is destroyed. */
export function followDevices(): DeviceChoices {
  let list: Device[] = $state.raw([]);
  let failing: Record<DeviceKind, string | null> = $state.raw({ microphone: null, camera: null, speaker: null });
  let asked = 0;
  let chosen: Record<DeviceKind, string> = $state.raw(readChosen());

  async function refresh(): Promise<void> {
    const mine = ++asked;
    // A browser that lists nothing still has its own choice.
    const found = await bridge.devices.list().catch(() => []);
    // A later question has a newer answer.
    if (mine !== asked) return;
    list = found;
    failing = { microphone: said('microphone'), camera: said('camera'), speaker: said('speaker') };
  }

  function said(kind: DeviceKind): string | null {
    return bridge.devices.failing(kind);
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
    failing: (kind) => failing[kind],
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
