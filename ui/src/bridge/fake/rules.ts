/** A room that answers commands: enough of the rules for a pretended meeting, the server has all of them. */

import { mayIn } from '../../model/permission';
import { apply } from '../../model/replica';
import type { Command, Event, Floor, Line, Member, Numbered, Permission, RefusalCode, Reply, RoomState } from '../../wire';
import { actor, memberOf } from './people';
import { doQuestion } from './questions';
import { deleteTemplate, saveTemplate } from './templates';
import { doTogether } from './together';

const NOTHING: Reply = { type: 'nothing' };

/** A no of the rules; its sentence is found by whoever tells it. */
export class Refused extends Error {
  constructor(readonly code: RefusalCode) {
    super(code);
  }
}

export class PretendRoom {
  #number = 10;
  #nextLine: number;
  #nextNotice = 1;
  #nextFile: number;

  constructor(
    public state: RoomState,
    /** Lines that were said before those of the snapshot, oldest first. */
    private readonly history: Line[],
    private readonly told: (events: Numbered[]) => void,
    /** Milliseconds of the room clock. */
    readonly clock: () => number,
  ) {
    this.#nextLine = Math.max(0, ...state.lines.map((line) => line.id)) + 1;
    this.#nextFile = Math.max(0, ...state.files.map((file) => file.id)) + 1;
  }

  get number(): number {
    return this.#number;
  }

  happen(...events: Event[]): void {
    const numbered = events.map((event) => ({ number: (this.#number += 1), event }));
    for (const event of events) this.state = apply(this.state, event);
    this.told(numbered);
  }

  line(from: number, text: string, kind: Line['kind'] = { type: 'said' }): Line {
    const name = this.member(from)?.name ?? '';
    const line: Line = { id: this.#nextLine++, from, name, kind, text, at_ms: Date.now(), deleted: false };
    this.happen({ type: 'line_said', payload: { line } });
    return line;
  }

  shareFile(owner: number, name: string, sizeBytes: number): number {
    const id = this.#nextFile++;
    this.happen({
      type: 'file_shared',
      payload: {
        file: {
          id,
          owner,
          name,
          size_bytes: sizeBytes,
          sha256: '0'.repeat(64),
          shared_at_ms: Date.now(),
          share_token: `pretended-${String(id)}`,
        },
      },
    });
    this.line(owner, name, { type: 'file', payload: { file: id } });
    return id;
  }

  member(id: number): Member | undefined {
    return this.state.members.find((member) => member.id === id);
  }

  setFloor(change: Partial<Floor>, why: 'asked' | 'granted' | 'taken' | 'handed_over' | 'released' | 'stopped'): void {
    const floor = { ...this.state.floor, ...change };
    this.happen({ type: 'floor_changed', payload: { floor, why } });
  }

  setMedia(id: number, change: Partial<Member['media']>, held?: boolean): void {
    const member = this.member(id);
    if (member === undefined) return;
    const media = { ...member.media, ...change };
    this.happen({ type: 'media_changed', payload: { id, media, held_mute: held ?? member.held_mute } });
  }

  /** Does what `by` asks. Throws {@link Refused}. */
  do(by: number, command: Command): Reply {
    const allowed = (what: Permission) => {
      if (!mayIn(this.state, by, what)) throw new Refused('not_allowed');
    };
    switch (command.type) {
      case 'set_media':
        this.setMedia(by, command.payload.media);
        return NOTHING;
      case 'rename':
        this.happen({ type: 'participant_renamed', payload: { id: by, name: command.payload.name } });
        return NOTHING;
      case 'retitle':
        allowed('change_settings');
        this.happen({ type: 'room_retitled', payload: { title: command.payload.title.trim() } });
        return NOTHING;
      case 'lock':
        allowed('change_settings');
        this.happen({ type: 'room_locked', payload: command.payload });
        return NOTHING;
      case 'set_password':
        allowed('set_password');
        this.happen({ type: 'password_changed', payload: { has_password: command.payload.password !== null } });
        return NOTHING;
      case 'change_settings':
        allowed('change_settings');
        this.happen({ type: 'settings_changed', payload: command.payload });
        return NOTHING;
      case 'kick':
      case 'ban':
        allowed('moderate');
        this.happen({ type: 'participant_left', payload: { id: command.payload.id, reason: 'kicked' } });
        return NOTHING;
      case 'give_role':
        allowed('give_roles');
        this.happen({ type: 'role_changed', payload: { ...command.payload, why: 'given' } });
        return NOTHING;
      case 'lift_bans':
        allowed('admit');
        return NOTHING;
      case 'admit':
        allowed('admit');
        this.admit(command.payload.id);
        return NOTHING;
      case 'admit_all':
        allowed('admit');
        for (const { id } of this.state.waiting) this.admit(id);
        return NOTHING;
      case 'turn_away':
        allowed('admit');
        this.happen({ type: 'waiting_left', payload: { id: command.payload.id } });
        return NOTHING;
      case 'save_template':
        allowed('change_settings');
        saveTemplate(command.payload.name, this.state.settings);
        return NOTHING;
      case 'delete_template':
        allowed('change_settings');
        if (!deleteTemplate(command.payload.name)) throw new Refused('no_such_template');
        return NOTHING;

      case 'ask_floor': {
        allowed('present');
        const { presenter, queue } = this.state.floor;
        if (queue.includes(by)) throw new Refused('already_queued');
        if (presenter === null && mayIn(this.state, by, 'moderate')) this.setFloor({ presenter: by }, 'granted');
        else this.setFloor({ queue: [...queue, by] }, 'asked');
        return NOTHING;
      }
      case 'release_floor': {
        const { presenter, queue } = this.state.floor;
        if (presenter === by) this.setFloor({ presenter: null }, 'released');
        else this.setFloor({ queue: queue.filter((id) => id !== by) }, 'released');
        return NOTHING;
      }
      case 'take_floor':
        if (this.state.floor.presenter !== null) allowed('moderate');
        this.present(by, 'taken');
        return NOTHING;
      case 'grant_floor':
        allowed('moderate');
        this.present(command.payload.id, 'granted');
        return NOTHING;
      case 'hand_over_floor':
        this.present(command.payload.id, 'handed_over');
        return NOTHING;
      case 'stop_share':
        allowed('moderate');
        this.setFloor({ presenter: null }, 'stopped');
        return NOTHING;
      case 'raise_hand': {
        const raised = this.state.floor.hands.includes(by);
        if (raised === command.payload.raised) return NOTHING;
        this.happen({ type: command.payload.raised ? 'hand_raised' : 'hand_lowered', payload: { id: by } });
        return NOTHING;
      }
      case 'lower_hand':
        allowed('moderate');
        this.happen({ type: 'hand_lowered', payload: command.payload });
        return NOTHING;
      case 'lower_all_hands':
        allowed('moderate');
        this.happen({ type: 'hands_lowered' });
        return NOTHING;
      case 'mute':
        allowed('moderate');
        this.setMedia(command.payload.id, { microphone: false }, !command.payload.may_unmute);
        return NOTHING;
      case 'mute_all':
        allowed('mute_all');
        for (const { id, role } of this.state.members) {
          if (id === by || role === 'host' || role === 'co_host') continue;
          this.setMedia(id, { microphone: false }, !command.payload.may_unmute);
        }
        return NOTHING;
      case 'allow_unmute':
        allowed('moderate');
        this.setMedia(command.payload.id, {}, false);
        return NOTHING;
      case 'stop_camera':
        allowed('moderate');
        this.setMedia(command.payload.id, { camera: false });
        return NOTHING;
      case 'spotlight':
        allowed('moderate');
        this.happen({ type: 'spotlight_changed', payload: command.payload });
        return NOTHING;

      case 'say': {
        allowed('chat');
        const text = command.payload.text.trim();
        if (text === '') throw new Refused('line_invalid');
        return { type: 'line', payload: { line: this.line(by, text).id } };
      }
      case 'delete_line':
        this.happen({ type: 'line_deleted', payload: command.payload });
        return NOTHING;
      case 'list_lines': {
        const { before, lines_max } = command.payload;
        const all = [...this.history, ...this.state.lines].filter((line) => line.id < before);
        const lines = all.slice(-lines_max);
        return { type: 'lines', payload: { lines, more: lines.length < all.length } };
      }

      case 'set_time_limit': {
        allowed('change_settings');
        const { in_ms } = command.payload;
        const ends_at_ms = in_ms === null ? null : this.clock() + in_ms;
        this.happen({ type: 'time_limit_set', payload: { ends_at_ms } });
        return NOTHING;
      }
      case 'announce': {
        allowed('moderate');
        const notice = { id: this.#nextNotice++, text: command.payload.text, at_ms: Date.now() };
        this.happen({ type: 'notice_posted', payload: { notice } });
        return NOTHING;
      }
      case 'set_volume':
        return { type: 'volume_kept', payload: { mixed: true } };
      case 'remove_file':
        this.happen({ type: 'file_removed', payload: command.payload });
        return NOTHING;
      case 'revoke_share':
        this.happen({ type: 'share_revoked', payload: command.payload });
        return NOTHING;
      case 'watch_cameras':
      case 'choose_quality':
      case 'set_typing':
      case 'react':
      case 'leave':
      case 'end_room':
        return NOTHING;
      default:
        return this.further(by, command);
    }
  }

  /** What has a file of its own. */
  private further(by: number, command: Command): Reply {
    const reply = doQuestion(this, by, command) ?? doTogether(this, by, command);
    if (reply === null) throw new Refused('not_implemented');
    return reply;
  }

  private admit(waiting: number): void {
    const waiter = this.state.waiting.find(({ id }) => id === waiting);
    if (waiter === undefined) throw new Refused('nobody_waits');
    const id = Math.max(...this.state.members.map((member) => member.id)) + 1;
    const member = memberOf({ ...actor(id), name: waiter.name, role: this.state.settings.newcomers }, id, Date.now());
    this.happen({ type: 'waiting_left', payload: { id: waiting } }, { type: 'participant_joined', payload: { member } });
  }

  private present(id: number, why: 'granted' | 'taken' | 'handed_over'): void {
    const queue = this.state.floor.queue.filter((waiting) => waiting !== id);
    this.setFloor({ presenter: id, queue }, why);
  }
}
