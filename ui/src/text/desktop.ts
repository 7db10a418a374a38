/** Words that only the desktop program needs. */

export const desktop = {
  recent: 'Rooms you were in',
  forgetRoom: (title: string) => `Forget ${title}`,
  servers: 'Servers',
  noServers: 'None is known yet. Paste a link that you were given; servers on this network show up here by themselves.',
  inUse: 'In use',
  onNetwork: 'On this network, new to you',
  forgetServer: (name: string) => `Forget ${name} and its key`,
  keyChanged: (name: string) =>
    `${name} says another key than before. It may have been set up anew, or somebody stands between you and it. Ask who runs it before you forget the old key.`,
  trustTitle: (name: string) => `Is this ${name}?`,
  trustText: 'Anybody on the network can call themselves so. Compare this key with the one that the server’s operator sees, once: afterwards it is remembered.',
  trust: 'It is the same key',
  chooseScreen: 'What do you want to show?',
  size: (width: number, height: number) => `${width} × ${height}`,
  settings: 'This program',
  effects: { echo: 'Echo of the speaker', noise: 'Noise', levelling: 'Loudness of your voice' },
  strengths: { off: 'Leave', normal: 'Normal', strong: 'Strong' },
  askWhere: 'Ask for each file where to save it',
  startHidden: 'Start in the tray',
  startHiddenHint: 'The window opens when you click the tray’s icon or a link.',
  talkKey: 'Key to talk while it is held',
  muteKey: 'Key to mute and unmute',
  keyHint: 'They work in front of other windows, too. For example Ctrl+Alt+Space; empty for none.',
  keepKeys: 'Use these keys',
  kinds: { microphone: 'microphone', speaker: 'speaker', camera: 'camera' },
  appeared: (name: string) => `${name} was plugged in. Choose it under Devices.`,
  fellBack: (kind: string, lost: string, instead: string | null) =>
    instead === null ? `The ${kind} ${lost} is gone. Plug it in again or choose another one.` : `The ${kind} ${lost} is gone. ${instead} is used instead.`,
  returned: (name: string) => `${name} is back and in use again.`,
  working: (name: string) => `${name} works now.`,
} as const;
