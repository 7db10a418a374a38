// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Pulse } from '../../wire';
import { DeviceError, type FilmStatus, RefusalError, type MeetingEvent } from '../types';
import { desktopBridge } from './bridge';
import type { FilmShown } from './film';
import { meetingEvent } from './meeting';
import { Pictures } from './pictures';
import { Screen } from './screen';
import { errorOf, type Ask, type Port, type Told } from './words';

/** A program that answers as it is told. */
class FakePort implements Port {
  readonly asked: Ask[] = [];
  readonly pieces: [number, number][] = [];
  readonly pictures = 'media://localhost/newest';
  private readonly listeners = new Set<(told: Told) => void>();

  constructor(private readonly answers: Partial<Record<Ask['type'], unknown>> = {}) {}

  ask<T>(ask: Ask): Promise<T> {
    this.asked.push(ask);
    const answer = this.answers[ask.type];
    return answer instanceof Refused ? Promise.reject(answer.trouble as Error) : Promise.resolve((answer ?? null) as T);
  }

  async piece(id: number, bytes: Uint8Array): Promise<void> {
    this.pieces.push([id, bytes.byteLength]);
  }

  listen(listener: (told: Told) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(told: Told): void {
    for (const listener of this.listeners) listener(told);
  }
}

class Refused {
  constructor(readonly trouble: unknown) {}
}

const HELLO = { version: '1.0.0', lacks: { globalPushToTalk: 'not_in_this_program' }, link: null, settingsTrouble: null, devices: { camera: 'test-picture' } };
const WISH = {
  link: { slug: 'physics', hostKey: null, server: 'a:1', fingerprint: null },
  name: 'Ada',
  password: null,
  sound: true,
  microphone: false,
  camera: false,
};

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the bridge of the desktop', () => {
  it('keeps our own studies in the settings of the program, with what the window had of them', async () => {
    localStorage.setItem('conclave.study', JSON.stringify({ focusOn: 'Waves' }));
    const port = new FakePort({ hello: HELLO });
    const { ownStudy } = await import('../../views/meeting/study/own.svelte');
    const desktop = desktopBridge(port).desktop ?? expect.fail('there is a desktop');
    await ownStudy.keepIn(desktop);
    expect(port.asked).toContainEqual({ type: 'own_study' });
    const kept = () => port.asked.flatMap((ask) => (ask.type === 'keep_study' ? [ask.payload.study.focusOn] : []));
    expect(kept()).toEqual(['Waves']);
    await vi.waitFor(() => expect(localStorage.getItem('conclave.study')).toBeNull());

    // Of what comes while one is written only the last is.
    for (const focusOn of ['L', 'Li', 'Light']) ownStudy.keep({ ...ownStudy.now, focusOn });
    await vi.waitFor(() => expect(kept()).toEqual(['Waves', 'L', 'Light']));

    const other = new FakePort({ hello: HELLO, own_study: { focusOn: 'Sound', goals: [{ id: 1, text: 'Read', done: true }] } });
    await ownStudy.keepIn(desktopBridge(other).desktop ?? expect.fail('there is a desktop'));
    expect(ownStudy.now.focusOn).toBe('Sound');
    expect(ownStudy.now.goals).toEqual([{ id: 1, text: 'Read', done: true }]);
    expect(other.asked.some(({ type }) => type === 'keep_study')).toBe(false);

    // What the program does not take stays in the window, and what it does not show is not written over.
    const full = new FakePort({ hello: HELLO, keep_study: new Refused({ type: 'refusal', code: 'storage', message: '' }) });
    await ownStudy.keepIn(desktopBridge(full).desktop ?? expect.fail('there is a desktop'));
    ownStudy.keep({ ...ownStudy.now, focusOn: 'Heat' });
    await vi.waitFor(() => expect(localStorage.getItem('conclave.study')).toContain('Heat'));
    const mute = new FakePort({ hello: HELLO, own_study: new Refused({ type: 'refusal', code: 'internal', message: '' }) });
    await ownStudy.keepIn(desktopBridge(mute).desktop ?? expect.fail('there is a desktop'));
    expect(mute.asked.some(({ type }) => type === 'keep_study')).toBe(false);
    expect(ownStudy.now.focusOn).toBe('Heat');
  });

  it('says what this system lacks as soon as the program has said it', async () => {
    const bridge = desktopBridge(new FakePort({ hello: HELLO }));
    await bridge.desktop?.version();
    expect(bridge.can.globalPushToTalk).toBe('not_in_this_program');
    expect(bridge.can.webrtc).toBe(true);
    expect(bridge.devices.chosen('camera')).toBe('test-picture');
  });

  it('hears that what is set is not on the disk, from the beginning and until it is there', async () => {
    const full = { code: 'settings_disk_full', text: 'Make room.' } as const;
    const port = new FakePort({ hello: { ...HELLO, settingsTrouble: full } });
    const heard: (string | null)[] = [];
    const stop = desktopBridge(port).desktop?.onSettingsTrouble((said) => heard.push(said));
    await vi.waitFor(() => expect(heard).toEqual(['Make room.']));
    port.tell({ type: 'settings', trouble: null });
    port.tell({ type: 'settings', trouble: full });
    stop?.();
    port.tell({ type: 'settings', trouble: null });
    expect(heard).toEqual(['Make room.', null, 'Make room.']);
  });

  it('hears a meeting from before the promise is kept until it is over, and nothing after', async () => {
    const port = new FakePort({ hello: HELLO, join: { you: 1, joinLink: 'https://a:1/r/physics#k=x' } });
    const bridge = desktopBridge(port);
    const heard: MeetingEvent['type'][] = [];
    const joining = bridge.join(WISH, ({ type }) => heard.push(type));
    port.tell({ type: 'link', link: { state: 'up' } });
    const meeting = await joining;
    expect(meeting.joinLink()).toBe('https://a:1/r/physics#k=x');
    port.tell({ type: 'devices' });
    port.tell({ type: 'ended', reason: 'left', text: '' });
    port.tell({ type: 'link', link: { state: 'up' } });
    expect(heard).toEqual(['link', 'ended']);
  });

  it('gives the refusals of the program the shape that the views know', async () => {
    const trouble = { type: 'refusal', code: 'untrusted', message: 'Another key.', retryAfterMs: null };
    const bridge = desktopBridge(new FakePort({ hello: HELLO, join: new Refused(trouble) }));
    const refused = await bridge.join(WISH, () => undefined).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RefusalError);
    expect(refused).toMatchObject({ code: 'untrusted', message: 'Another key.' });
    const device = errorOf({ type: 'device', why: 'none', message: 'Connect one.' });
    expect(device).toBeInstanceOf(DeviceError);
    expect(device).toMatchObject({ why: 'none', said: 'Connect one.' });
    expect(errorOf(new Error('broken'))).toMatchObject({ code: 'internal' });
  });

  it('hands a file over piece by piece, in order, and lets it be sent when all of it is there', async () => {
    const port = new FakePort({ hello: HELLO, join: { you: 1, joinLink: 'https://a:1/r/physics' } });
    const meeting = await desktopBridge(port).join(WISH, () => undefined);
    const file = new File([new Uint8Array(9 * 1024 * 1024)], 'big.bin');
    const { id } = meeting.upload(file);
    await vi.waitFor(() => expect(port.asked.map(({ type }) => type)).toContain('send_upload'));
    const mib = 1024 * 1024;
    expect(port.pieces).toEqual([
      [id, 4 * mib],
      [id, 4 * mib],
      [id, mib],
    ]);
    port.tell({ type: 'ended', reason: 'left', text: '' });
  });
});

describe('what is asked', () => {
  it('comes with the film of our own, for rooms that are strict about it', async () => {
    const port = new FakePort({ hello: HELLO, join: { you: 1, joinLink: 'https://a:1/r/cinema' } });
    await desktopBridge(port).join({ ...WISH, fileHash: 'ab'.repeat(32) }, () => undefined);
    const asked = port.asked.find(({ type }) => type === 'join');
    expect(asked).toMatchObject({ payload: { wish: { fileHash: 'ab'.repeat(32) } } });
    port.tell({ type: 'ended', reason: 'left', text: '' });
  });
});

describe('a film in a window of its own', () => {
  const COPY = { name: 'film.mkv', size_bytes: 9, duration_ms: 60_000, sample: 'a'.repeat(64), sha256: null };
  const can = true as const;
  const ABLE = { frameStep: can, tracks: can, speed: can, precise: can, volume: can, ducking: can, fullScreen: can };
  const SHOWN: FilmShown = {
    phase: 'open',
    failure: null,
    positionMs: 1_500,
    playing: true,
    ratePermille: 1_000,
    durationMs: 60_000,
    buffering: false,
    driftMs: -3,
    abilities: ABLE,
    tracks: [{ kind: 'audio', id: '1', label: 'Deutsch', language: 'de', chosen: true }],
    volume: 0.5,
    muted: false,
    ducked: false,
    copy: COPY,
    hashedBytes: 4,
    refused: null,
  };
  const players = [
    { kind: 'mpv', can: true },
    { kind: 'vlc', can: 'not_installed' },
    { kind: 'page', can: true },
  ];
  const JOIN = { you: 1, joinLink: 'https://a:1/r/cinema' };

  it('is chosen and played by the program, and shown as it does', async () => {
    const chosen = { name: 'film.mkv', sizeBytes: 9 };
    const port = new FakePort({ hello: HELLO, join: JOIN, film_players: players, choose_film: chosen, step_film: 1_508 });
    const bridge = desktopBridge(port);
    expect(await bridge.film.players()).toEqual(players);
    const source = await bridge.film.choose('mpv');
    expect(source).toEqual({ type: 'chosen', ...chosen });
    if (source === null) return;
    const meeting = await bridge.join(WISH, () => undefined);
    const told: FilmStatus[] = [];
    const film = meeting.openFilm({ source, player: 'mpv', video: null }, (status) => told.push(status));
    const opened = port.asked.find(({ type }) => type === 'open_film');
    const id = opened?.type === 'open_film' ? opened.payload.id : -1;
    film.follow({ file: COPY, leader: 1, anchor: { playing: true, position_ms: 0, at_ms: 0, rate_permille: 1_000, hold: null }, playlist: [], marks: [] });
    port.tell({ type: 'film', id: id + 1, film: { ...SHOWN, positionMs: 7 } });
    port.tell({ type: 'film', id, film: SHOWN });
    expect(told.at(-1)).toMatchObject({ phase: 'open', positionMs: 1_500, driftMs: -3, identity: { comparison: 'likely', hashedBytes: 4 } });
    film.stopHashing();
    port.tell({ type: 'film', id, film: SHOWN });
    expect(told.at(-1)?.identity.hashedBytes).toBe(0);
    const refused = { code: 'file_hash_mismatch' as const, message: 'Not ours.' };
    port.tell({ type: 'film', id, film: { ...SHOWN, refused, copy: { ...COPY, sample: 'b'.repeat(64) } } });
    expect(told.at(-1)).toMatchObject({ refused: { text: 'Not ours.' }, identity: { comparison: 'other_file' } });
    film.setVolume(0.25);
    film.duck(true);
    film.chooseTrack('subtitles', null);
    expect(await film.step(1)).toBe(1_508);
    expect(port.asked.slice(-4)).toEqual([
      { type: 'tune_film', payload: { volume_percent: 25 } },
      { type: 'tune_film', payload: { duck: true } },
      { type: 'choose_track', payload: { kind: 'subtitles', id: null } },
      { type: 'step_film', payload: { back: false } },
    ]);
    await film.openForRoom();
    film.close();
    film.close();
    expect(port.asked.filter(({ type }) => type === 'close_film')).toHaveLength(1);
    expect(told.at(-1)?.phase).toBe('closed');
    port.tell({ type: 'ended', reason: 'left', text: '' });
  });

  it('says why a player cannot be had', async () => {
    const trouble = { type: 'refusal', code: 'player_missing', message: 'VLC is not installed here.', retryAfterMs: null };
    const port = new FakePort({ hello: HELLO, join: JOIN, open_film: new Refused(trouble) });
    const meeting = await desktopBridge(port).join(WISH, () => undefined);
    let status: FilmStatus | null = null;
    const source = { type: 'chosen', name: 'film.mkv', sizeBytes: 9 } as const;
    meeting.openFilm({ source, player: 'vlc', video: null }, (now) => (status = now));
    await vi.waitFor(() => expect(status).toMatchObject({ phase: 'failed', failure: { code: 'player_missing', text: 'VLC is not installed here.' } }));
    port.tell({ type: 'ended', reason: 'left', text: '' });
  });
});

describe('devices', () => {
  it('that do not work come with what the program says of them', async () => {
    const listed = { devices: [{ kind: 'camera', id: 'a', name: 'Webcam' }], failing: { camera: 'Webcam is used by another program.' } };
    const { devices } = desktopBridge(new FakePort({ hello: HELLO, list_devices: listed }));
    expect(devices.failing('camera')).toBeNull();
    await devices.list();
    expect([devices.failing('camera'), devices.failing('speaker')]).toEqual(['Webcam is used by another program.', null]);
  });
});

describe('what is told', () => {
  it('is put on the local clock', () => {
    const lost: Told = { type: 'link', link: { state: 'lost', retryInMs: 200, attempt: 3 } };
    expect(meetingEvent(lost, 1_000)).toEqual({ type: 'link', link: { state: 'lost', retryAtMs: 1_200, attempt: 3 } });
    expect(meetingEvent({ type: 'clock', roomClockMs: 5 }, 1_000)).toEqual({ type: 'clock', roomClockMs: 5, localMs: 1_000 });
    expect(meetingEvent({ type: 'devices' }, 0)).toBeNull();
  });

  it('has the shared clock and the film in it when they stand otherwise', () => {
    const film = { playing: true, position_ms: 7, room_ms: 9, rate_permille: 1_000, epoch: 1 } as unknown as NonNullable<Pulse['film']>;
    const told: Told = { type: 'pulse', pulse: { film } };
    expect(meetingEvent(told, 0)).toEqual({ type: 'pulse', pulse: { film } });
  });
});

describe('pictures', () => {
  /** The smallest header of a JPEG of 2 by 1 pixels, and a mark. */
  const jpeg = (mark: number): number[] => [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 2, 1, 1, 0x11, 0, mark];
  const record = (kind: number, id: number, bytes: number[]): number[] => [kind, 0, 0, 0, id, 0, 0, 0, bytes.length, ...bytes];

  it('are decoded one at a time of each camera, the newest of what came meanwhile, and closed', async () => {
    const decoded: number[] = [];
    const closed: number[] = [];
    const waiting: (() => void)[] = [];
    const pictures = new Pictures('x', { take: () => undefined, painted: Promise.resolve() } as unknown as Screen);
    vi.stubGlobal('createImageBitmap', async (blob: Blob) => {
      const mark = new Uint8Array(await blob.arrayBuffer()).at(-1) ?? 0;
      decoded.push(mark);
      await new Promise<void>((done) => waiting.push(done));
      return { width: 2, height: 1, close: () => closed.push(mark) };
    });
    const batches = [
      [...record(1, 7, jpeg(1)), ...record(1, 8, jpeg(9))],
      record(1, 7, jpeg(2)),
      record(1, 7, jpeg(3)),
    ];
    let asked = 0;
    vi.stubGlobal('fetch', async (url: string) => {
      if (url !== 'x') throw new Error('not of this story');
      const batch = batches[asked];
      asked += 1;
      if (batch === undefined) await new Promise(() => undefined);
      return new Response(new Uint8Array(batch ?? []));
    });
    const canvas = { width: 0, height: 0, getContext: () => ({ drawImage: () => undefined }) } as unknown as HTMLCanvasElement;
    pictures.attach(7, canvas);
    pictures.want();
    await vi.waitFor(() => expect(asked).toBe(batches.length + 1));
    // Nobody shows the camera of 8, and the second picture of 7 was overtaken.
    expect(decoded).toEqual([1]);
    waiting.shift()?.();
    await vi.waitFor(() => expect(decoded).toEqual([1, 3]));
    expect(closed).toEqual([1]);
  });
});
