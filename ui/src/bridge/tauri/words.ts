/** The words between this page and the desktop program: `client-tauri/core/src/desk/words.rs` has the same. */

import type {
  AtTheDoor,
  Command,
  CreateRoom,
  Cursor,
  LeaveReason,
  Numbered,
  Pulse,
  QualityChoice,
  RoomState,
  SharedFile,
  Signs,
  Welcome,
} from '../../wire';
import type { OwnStudy } from '../../model/own_study';
import type { FilmShown } from './film';
import {
  DeviceError,
  RefusalError,
  type DeviceKind,
  type DeviceNote,
  type DesktopSettings,
  type Enhancement,
  type FilmPlayerKind,
  type FilmTrack,
  type FoundServer,
  type JoinWish,
  type LinkFigures,
  type LocalMedia,
  type MediaFailure,
  type ReportKind,
  type RoomOfReport,
  type ScreenState,
  type Transfer,
} from '../types';

export type Ask =
  | { type: 'hello' | 'servers' | 'recent' | 'server_info' | 'list_rooms' | 'list_templates' | 'give_up' | 'leave' }
  | { type: 'film_players' | 'choose_film' | 'film_for_room' | 'stop_hashing' | 'close_film' }
  | { type: 'open_film'; payload: { id: number; player: FilmPlayerKind } }
  | { type: 'tune_film'; payload: { volume_percent?: number; muted?: boolean; duck?: boolean; full_screen?: boolean } }
  | { type: 'step_film'; payload: { back: boolean } }
  | { type: 'choose_track'; payload: { kind: FilmTrack['kind']; id: number | null } }
  | { type: 'list_devices' | 'open_preview' | 'play_tone' | 'list_screens' | 'settings' | 'own_study' }
  | { type: 'read_link'; payload: { text: string } }
  | { type: 'find_servers'; payload: { on: boolean } }
  | { type: 'trust'; payload: { server: string; fingerprint: string; name: string } }
  | { type: 'use_server' | 'forget_server'; payload: { server: string } }
  | { type: 'forget_recent'; payload: { slug: string; server: string } }
  | { type: 'look_at_room' | 'read_report' | 'reopen_room'; payload: { link: RoomOfReport } }
  | { type: 'save_report'; payload: { link: RoomOfReport; kind: ReportKind } }
  | { type: 'create_room'; payload: { wish: CreateRoom } }
  | { type: 'join'; payload: { wish: JoinWish } }
  | { type: 'do'; payload: { command: Command } }
  | { type: 'set_microphone' | 'set_camera' | 'set_sound'; payload: { on: boolean } }
  | { type: 'share_screen'; payload: { screen: string | null } }
  | { type: 'choose_sending'; payload: { choice: QualityChoice } }
  | Extract<Command, { type: 'watch_cameras' }>
  | { type: 'begin_upload'; payload: { id: number; name: string; size_bytes: number } }
  | { type: 'send_upload' | 'cancel' | 'show_file' | 'drag_file' | 'open_meter' | 'close_try'; payload: { id: number } }
  | { type: 'download'; payload: { id: number; file: SharedFile } }
  | { type: 'pause'; payload: { id: number; paused: boolean } }
  | { type: 'choose_device'; payload: { kind: DeviceKind; id: string | null } }
  | { type: 'enhance'; payload: { enhancement: Enhancement } }
  | { type: 'echo_back'; payload: { ms: number } }
  | { type: 'keep'; payload: { ask_where: boolean; start_hidden: boolean; keys: DesktopSettings['keys'] } }
  | { type: 'keep_study'; payload: { study: OwnStudy } }
  | { type: 'notify'; payload: { title: string; body: string } };

export type Told =
  | { type: 'waiting'; door: AtTheDoor }
  | { type: 'welcome'; welcome: Welcome }
  | { type: 'events'; events: Numbered[] }
  | { type: 'snapshot'; cursor: Cursor; state: RoomState }
  | { type: 'signs'; signs: Signs }
  | { type: 'link'; link: { state: 'up' } | { state: 'lost'; retryInMs: number; attempt: number } }
  | { type: 'clock'; roomClockMs: number }
  | { type: 'pulse'; pulse: Pulse }
  | { type: 'media'; media: LocalMedia }
  | { type: 'quality'; figures: LinkFigures }
  | { type: 'screen'; screen: ScreenState }
  | { type: 'transfer'; transfer: Transfer }
  | { type: 'film'; id: number; film: FilmShown }
  | { type: 'ended'; reason: LeaveReason | 'unreachable'; text: string }
  | { type: 'opened'; link: string }
  | { type: 'servers'; servers: FoundServer[] }
  | { type: 'devices' }
  | { type: 'settings'; trouble: SettingsTrouble | null }
  | { type: 'note'; note: DeviceNote }
  | { type: 'level'; id: number; level: number };

/** Why the settings are not on the disk. */
export interface SettingsTrouble {
  code: 'settings_disk_full' | 'settings_unwritable';
  text: string;
}

/** What a question is refused with. */
type Trouble =
  | { type: 'refusal'; code: RefusalError['code']; message: string; retryAfterMs: number | null }
  | { type: 'device'; why: MediaFailure; message: string };

/** The way to the program. Questions are rejected with {@link Trouble}. */
export interface Port {
  ask<T = null>(ask: Ask): Promise<T>;
  /** The next bytes of a file. */
  piece(id: number, bytes: Uint8Array): Promise<void>;
  listen(listener: (told: Told) => void): () => void;
  /** Where the newest pictures are fetched. */
  readonly pictures: string;
}

/** Asks, and rejects with what the contract knows. */
export async function asked<T = null>(port: Port, ask: Ask): Promise<T> {
  try {
    return await port.ask<T>(ask);
  } catch (error) {
    throw errorOf(error);
  }
}

/** The contract's error for what the program has refused. */
export function errorOf(error: unknown): RefusalError | DeviceError {
  if (isTrouble(error)) {
    return error.type === 'device'
      ? new DeviceError(error.why, error.message)
      : new RefusalError(error.code, error.message, error.retryAfterMs);
  }
  return new RefusalError('internal', error instanceof Error ? error.message : String(error));
}

function isTrouble(error: unknown): error is Trouble {
  return typeof error === 'object' && error !== null && 'type' in error && 'message' in error;
}
