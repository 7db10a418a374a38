// Written by `proto/wire/tests/bindings.rs` from the protocol's own types. Do not change it by hand.

/**
 * What is wrong with somebody's own link, worst first, and whether their own camera is part of it (I2).
 */
export type Advice = { "type": "fine" } | { "type": "loss", permille: number, camera: boolean, } | { "type": "delay", ms: number, camera: boolean, } | { "type": "jitter", ms: number, camera: boolean, };

/**
 * When the meeting ends, and what was announced.
 */
export type Agenda = { 
/**
 * On the room clock (milliseconds since the room was opened); absent without a limit.
 */
ends_at_ms: number | null, notices: Array<Notice>, };

/**
 * How a question was answered.
 */
export type Answer = { by: ParticipantId, 
/**
 * The name at the time.
 */
name: string, 
/**
 * `None`: it was answered live.
 */
text: string | null, 
/**
 * Milliseconds since the Unix epoch.
 */
at_ms: number, 
/**
 * The moment of the meeting at which it was answered, on the room clock.
 */
moment_ms: number, };

/**
 * What somebody at the door is told, and told again when their place changes.
 */
export type AtTheDoor = { 
/**
 * The title of the room.
 */
title: string, 
/**
 * 1 is next.
 */
position: number, 
/**
 * Keep it: after a lost link it brings back the place, or the seat when it was given meanwhile.
 */
seat_token: string, };

/**
 * Client to server.
 */
export type ClientMessage = { "type": "hello", "payload": { enter: Enter, 
/**
 * The program and its version, for the operator's eyes.
 */
client: string, } } | { "type": "do", "payload": { ref: number, command: Command, } } | { "type": "ack", "payload": { number: number, } } | { "type": "beat", "payload": { sent_ms: number, } } | { "type": "offer_media", "payload": { 
/**
 * At most [`SDP_BYTES_MAX`](crate::limits::SDP_BYTES_MAX) bytes.
 */
sdp: string, } };

/**
 * Why the clock stands otherwise.
 */
export type ClockChange = "started" | "ended" | "paused" | "resumed" | "reset" | "skipped" | "plan";

export type Command = { "type": "leave" } | { "type": "set_media", "payload": { media: MediaState, } } | { "type": "rename", "payload": { name: string, } } | { "type": "retitle", "payload": { title: string, } } | { "type": "lock", "payload": { locked: boolean, } } | { "type": "set_password", "payload": { password: string | null, } } | { "type": "change_settings", "payload": { settings: Settings, } } | { "type": "kick", "payload": { id: ParticipantId, reason: string, } } | { "type": "ban", "payload": { id: ParticipantId, reason: string, } } | { "type": "lift_bans" } | { "type": "admit", "payload": { id: WaitingId, } } | { "type": "admit_all" } | { "type": "turn_away", "payload": { id: WaitingId, reason: string, } } | { "type": "give_role", "payload": { id: ParticipantId, role: Role, } } | { "type": "end_room" } | { "type": "ask_floor" } | { "type": "release_floor" } | { "type": "grant_floor", "payload": { id: ParticipantId, } } | { "type": "take_floor" } | { "type": "hand_over_floor", "payload": { id: ParticipantId, } } | { "type": "raise_hand", "payload": { raised: boolean, } } | { "type": "lower_hand", "payload": { id: ParticipantId, } } | { "type": "lower_all_hands" } | { "type": "mute", "payload": { id: ParticipantId, may_unmute: boolean, } } | { "type": "mute_all", "payload": { may_unmute: boolean, } } | { "type": "allow_unmute", "payload": { id: ParticipantId, } } | { "type": "stop_camera", "payload": { id: ParticipantId, } } | { "type": "stop_share" } | { "type": "spotlight", "payload": { id: ParticipantId | null, } } | { "type": "ask_question", "payload": { text: string, anonymous: boolean, } } | { "type": "take_back_question", "payload": { question: QuestionId, } } | { "type": "vote_question", "payload": { question: QuestionId, voted: boolean, } } | { "type": "pin_question", "payload": { question: QuestionId, pinned: boolean, } } | { "type": "hide_question", "payload": { question: QuestionId, hidden: boolean, } } | { "type": "approve_question", "payload": { question: QuestionId, } } | { "type": "answer_question", "payload": { question: QuestionId, text: string | null, } } | { "type": "save_template", "payload": { name: string, } } | { "type": "delete_template", "payload": { name: string, } } | { "type": "say", "payload": { text: string, } } | { "type": "delete_line", "payload": { line: LineId, } } | { "type": "list_lines", "payload": { before: LineId, lines_max: number, } } | { "type": "set_typing", "payload": { typing: boolean, } } | { "type": "react", "payload": { emoji: string, } } | { "type": "set_time_limit", "payload": { in_ms: number | null, } } | { "type": "announce", "payload": { text: string, } } | { "type": "start_focus" } | { "type": "start_break" } | { "type": "pause_timer" } | { "type": "resume_timer" } | { "type": "reset_timer" } | { "type": "skip_break" } | { "type": "set_timer_plan", "payload": { plan: TimerPlan, } } | { "type": "set_goal", "payload": { text: string, } } | { "type": "share_study", "payload": { shared: SharedStudy | null, } } | { "type": "open_film", "payload": { film: FilmFile, } } | { "type": "play_film", "payload": { position_ms?: Unchecked | null, } } | { "type": "pause_film", "payload": { position_ms?: Unchecked | null, } } | { "type": "seek_film", "payload": { position_ms: Unchecked, } } | { "type": "set_film_speed", "payload": { rate_permille: Unchecked, } } | { "type": "stop_film" } | { "type": "set_playlist", "payload": { playlist: Array<FilmFile>, } } | { "type": "have_film", "payload": { film: FilmFile, } } | { "type": "mark_film", "payload": { readiness: FilmReadiness, } } | { "type": "set_volume", "payload": { of: ParticipantId, percent: number, } } | { "type": "watch_cameras", "payload": { watch: Array<Watch>, } } | { "type": "choose_quality", "payload": { receive: QualityChoice, } } | { "type": "revoke_share", "payload": { file: FileId, } } | { "type": "remove_file", "payload": { file: FileId, } };

/**
 * `POST /api/rooms`
 */
export type CreateRoom = { title: string, 
/**
 * Made from the title when absent.
 */
slug?: string | null, password?: string | null, 
/**
 * Not looked at when a template is named.
 */
settings?: Settings, time_limit_ms?: number | null, 
/**
 * The name of the template that the room is set up by.
 */
template?: string | null, };

/**
 * Where a client stands in a room's events: the epoch is drawn at random each time the room is
 * opened, the number is that of the last event taken. Numbers have gaps: a seat gets only what its
 * audience allows.
 */
export type Cursor = { epoch: number, number: number, };

/**
 * Why a meeting ended.
 */
export type EndReason = "host_ended" | "time_limit" | "idle" | "operator_ended" | "server_stopping";

/**
 * How a client comes in; it is the first message on a link.
 */
export type Enter = { "type": "join", "payload": { slug: string, name: string, password?: string | null, 
/**
 * From the creator's link: makes the newcomer host.
 */
host_key?: string | null, 
/**
 * False to join without sound.
 */
sound: boolean, 
/**
 * A secret that a program draws once and keeps, by which a ban knows it again.
 */
device?: string, 
/**
 * SHA-256 of one's copy of the film, for rooms that are strict about it.
 */
file_hash?: string, } } | { "type": "resume", "payload": { seat_token: string, cursor?: Cursor | null, } };

export type Event = { "type": "participant_joined", "payload": { member: Member, } } | { "type": "participant_left", "payload": { id: ParticipantId, reason: LeaveReason, } } | { "type": "participant_away", "payload": { id: ParticipantId, away: boolean, } } | { "type": "participant_renamed", "payload": { id: ParticipantId, name: string, } } | { "type": "role_changed", "payload": { id: ParticipantId, role: Role, why: RoleChange, } } | { "type": "media_changed", "payload": { id: ParticipantId, media: MediaState, held_mute: boolean, } } | { "type": "room_retitled", "payload": { title: string, } } | { "type": "room_locked", "payload": { locked: boolean, } } | { "type": "password_changed", "payload": { has_password: boolean, } } | { "type": "settings_changed", "payload": { settings: Settings, } } | { "type": "waiting_arrived", "payload": { waiter: Waiter, } } | { "type": "waiting_left", "payload": { id: WaitingId, } } | { "type": "floor_changed", "payload": { floor: Floor, why: FloorChange, } } | { "type": "hand_raised", "payload": { id: ParticipantId, } } | { "type": "hand_lowered", "payload": { id: ParticipantId, } } | { "type": "hands_lowered" } | { "type": "spotlight_changed", "payload": { id: ParticipantId | null, } } | { "type": "question_asked", "payload": { question: Question, } } | { "type": "question_withdrawn", "payload": { question: QuestionId, } } | { "type": "question_taken_back", "payload": { question: QuestionId, } } | { "type": "question_pinned", "payload": { question: QuestionId, pinned: boolean, } } | { "type": "question_hidden", "payload": { question: QuestionId, hidden: boolean, } } | { "type": "question_approved", "payload": { question: QuestionId, } } | { "type": "question_answered", "payload": { question: QuestionId, answer: Answer, } } | { "type": "votes_counted", "payload": { counts: Array<VoteCount>, } } | { "type": "question_mine", "payload": { question: QuestionId, } } | { "type": "vote_changed", "payload": { question: QuestionId, voted: boolean, } } | { "type": "line_said", "payload": { line: Line, } } | { "type": "line_deleted", "payload": { line: LineId, } } | { "type": "time_limit_set", "payload": { ends_at_ms: number | null, } } | { "type": "notice_posted", "payload": { notice: Notice, } } | { "type": "notice_expired", "payload": { notice: NoticeId, } } | { "type": "meeting_ended", "payload": { reason: EndReason, } } | { "type": "study_clock_changed", "payload": { clock: StudyClock, why: ClockChange, } } | { "type": "focus_counted", "payload": { room_ms: number, people: Array<FocusCount>, } } | { "type": "goal_set", "payload": { text: string, } } | { "type": "study_shared", "payload": { id: ParticipantId, shared: SharedStudy | null, } } | { "type": "film_opened", "payload": { file: FilmFile | null, leader: ParticipantId | null, anchor: FilmAnchor, } } | { "type": "film_moved", "payload": { anchor: FilmAnchor, why: FilmMove, 
/**
 * Who asked for it; absent when the room did it.
 */
by: ParticipantId | null, } } | { "type": "film_identified", "payload": { sha256: string, } } | { "type": "film_marked", "payload": { marks: Array<FilmMark>, } } | { "type": "film_lead_changed", "payload": { leader: ParticipantId | null, } } | { "type": "playlist_changed", "payload": { playlist: Array<FilmFile>, } } | { "type": "file_shared", "payload": { file: SharedFile, } } | { "type": "share_revoked", "payload": { file: FileId, } } | { "type": "file_removed", "payload": { file: FileId, } };

/**
 * A file that was shared in a room.
 */
export type FileId = number;

/**
 * What the room watches. The film itself never crosses the network: everybody opens their own copy.
 */
export type Film = { 
/**
 * `None` when none is open.
 */
file: FilmFile | null, 
/**
 * Whoever opened it, or to whom the lead has passed since.
 */
leader: ParticipantId | null, anchor: FilmAnchor, 
/**
 * What comes next, in order.
 */
playlist: Array<FilmFile>, 
/**
 * Who has a copy, in order of ids.
 */
marks: Array<FilmMark>, };

/**
 * What everybody should see: `position_ms` at `at_ms` of the room clock, and from there on at
 * `rate_permille` while it runs. It runs while `playing` and nobody holds it.
 */
export type FilmAnchor = { 
/**
 * What those who lead want.
 */
playing: boolean, position_ms: number, 
/**
 * On the room clock; it may lie a little ahead, so that all start at the same instant.
 */
at_ms: number, 
/**
 * 250 to 2,000; 1,000 is as it was recorded.
 */
rate_permille: number, 
/**
 * Somebody is waited for.
 */
hold: FilmHold | null, };

/**
 * By what copies are told apart.
 */
export type FilmFile = { name: string, size_bytes: number, 
/**
 * 0 when it is not known.
 */
duration_ms: number, 
/**
 * A hash of size and sampled blocks, at hand at once: 64 hexadecimal digits, small letters.
 */
sample: string | null, 
/**
 * Of the whole file, when it has been read: 64 hexadecimal digits, small letters.
 */
sha256: string | null, };

/**
 * The film waits for people, and goes on without them when that takes too long.
 */
export type FilmHold = { 
/**
 * In order of ids.
 */
waiting_for: Array<ParticipantId>, 
/**
 * On the room clock.
 */
until_ms: number, };

/**
 * Somebody's copy, and how it stands.
 */
export type FilmMark = { id: ParticipantId, readiness: FilmReadiness, 
/**
 * It is the same by its SHA-256; otherwise only likely, by its sample.
 */
sure: boolean, };

/**
 * Why the anchor is another one.
 */
export type FilmMove = "played" | "paused" | "sought" | "speed" | "held" | "released" | "ended";

export type FilmReadiness = "not_ready" | "ready" | "buffering" | "mismatched" | "closed";

/**
 * Who presents, who waits for it, whose hands are up: each in order.
 */
export type Floor = { presenter: ParticipantId | null, queue: Array<ParticipantId>, hands: Array<ParticipantId>, };

/**
 * Why the presenter slot or its queue changed.
 */
export type FloorChange = "asked" | "granted" | "taken" | "handed_over" | "released" | "stopped" | "left";

/**
 * How long somebody has focused by now.
 */
export type FocusCount = { id: ParticipantId, focus_ms: number, };

export type Goal = { text: string, done: boolean, };

export type Hint = "udp_blocked" | "udp_back" | "personal_mixes_full";

/**
 * `POST /api/rooms/{slug}/join`: takes a seat, which waits for its control link.
 */
export type JoinRoom = { name: string, password?: string | null, host_key?: string | null, 
/**
 * As in [`crate::message::Enter::Join`].
 */
device?: string | null, 
/**
 * As in [`crate::message::Enter::Join`].
 */
file_hash?: string | null, };

/**
 * Answer to `POST /api/rooms/{slug}/join`.
 */
export type Joined = { participant: ParticipantId, role: Role, seat_token: string, };

/**
 * A camera layer by its height.
 */
export type Layer = "thumbnail" | "normal" | "large";

/**
 * Why somebody's link or seat ended.
 */
export type LeaveReason = "left" | "kicked" | "banned" | "link_lost" | "taken_over" | "too_slow" | "flooding" | "room_ended" | "server_stopping";

/**
 * A line of chat. Text is plain, with the marks of safe formatting (`*bold*`, `_italic_`,
 * `` `code` ``) left for the reader's program.
 */
export type Line = { id: LineId, from: ParticipantId, 
/**
 * The name at the time, so that lines of people who are gone still say whose they are.
 */
name: string, kind: LineKind, text: string, at_ms: number, 
/**
 * Taken back by its author or a host; `text` is empty then.
 */
deleted: boolean, };

/**
 * A line of chat, in the order the room took them.
 */
export type LineId = number;

/**
 * What kind of line it is.
 */
export type LineKind = { "type": "said" } | { "type": "system" } | { "type": "file", "payload": { file: FileId, } };

/**
 * Where and how this seat's media travel. A new control link means a new one of these.
 */
export type MediaSession = { 
/**
 * `address:port`, IPv6 in brackets; tried in parallel.
 */
addresses: Array<string>, 
/**
 * 64 bits, as 16 hexadecimal digits: it names the sender in every datagram.
 */
session: string, suite: Suite, 
/**
 * 256 bits, as 64 hexadecimal digits. Keys are derived from it, it is never used itself.
 */
secret: string, };

/**
 * What a person has switched on. A microphone that the host has muted is not `microphone`.
 */
export type MediaState = { microphone: boolean, camera: boolean, 
/**
 * False for a second screen in the same room, joined without sound.
 */
sound: boolean, };

/**
 * A person in a room.
 */
export type Member = { id: ParticipantId, name: string, role: Role, media: MediaState, 
/**
 * Muted by a host, and may not unmute until the host allows it.
 */
held_mute: boolean, 
/**
 * The link is lost; the seat is kept for a while.
 */
away: boolean, 
/**
 * Milliseconds since the Unix epoch.
 */
joined_at_ms: number, };

/**
 * What is one's own of the questions, whether they can be seen now or not; in order of ids. Nobody else
 * is told.
 */
export type Mine = { questions: Array<QuestionId>, votes: Array<QuestionId>, };

/**
 * What a host or the operator tells everybody.
 */
export type Notice = { id: NoticeId, text: string, at_ms: number, };

/**
 * A notice of the operator or of a host.
 */
export type NoticeId = number;

/**
 * An event with its place in the room's order.
 */
export type Numbered = { number: number, event: Event, };

/**
 * What observers may do.
 */
export type ObserversMay = { react: boolean, vote: boolean, ask: boolean, };

/**
 * Whose server it is; all of it may be empty.
 */
export type Organisation = { name: string, 
/**
 * `#rrggbb`, from which the page makes its accents.
 */
colour: string | null, 
/**
 * Whether there is a picture at `/logo`.
 */
has_logo: boolean, };

/**
 * A seat in a room. Given once, never used again in that room; 0 is nobody.
 */
export type ParticipantId = number;

/**
 * What participants may do without being given a higher role.
 */
export type ParticipantsMay = { present: boolean, speak: boolean, chat: boolean, files: boolean, timer: boolean, film: boolean, };

/**
 * Something that not everybody may do.
 */
export type Permission = "end_room" | "set_password" | "change_settings" | "give_roles" | "admit" | "moderate" | "mute_all" | "present" | "speak" | "chat" | "react" | "raise_hand" | "vote" | "share_files" | "ask" | "answer_questions" | "timer" | "lead_film";

/**
 * One person's signs of life. Absent fields have not changed.
 */
export type PersonSigns = { id: ParticipantId, speaking?: boolean, 
/**
 * 0 (loudest) to 127 (silence), in -dBov (RFC 6464).
 */
level?: number, typing?: boolean, 
/**
 * Round trip of the control link or the probes, in milliseconds.
 */
latency_ms?: number, quality?: Quality, reaction?: string, };

/**
 * What is said again with every beat, so that nobody is wrong for long.
 */
export type Pulse = { 
/**
 * Unless the clock is idle.
 */
clock?: StudyClock, 
/**
 * While a film is open.
 */
film?: FilmAnchor, };

/**
 * The figures behind somebody's quality (I1).
 */
export type Quality = { verdict: QualityVerdict, round_trip_ms: number, jitter_ms: number, loss_permille: number, receive_kbps: number, };

/**
 * A person's choice of picture quality.
 */
export type QualityChoice = "auto" | "low" | "normal" | "high";

/**
 * From best to worst.
 */
export type QualityVerdict = "good" | "fair" | "poor";

/**
 * A question. Those who may not answer see it only once it has left the review and while it is not
 * hidden; its author always does.
 */
export type Question = { id: QuestionId, 
/**
 * `None` when it was asked anonymously: then nobody is told whose it is.
 */
from: ParticipantId | null, 
/**
 * The name at the time; empty when it was asked anonymously.
 */
name: string, text: string, 
/**
 * Milliseconds since the Unix epoch.
 */
at_ms: number, 
/**
 * The moment of the meeting at which it was asked, on the room clock.
 */
moment_ms: number, votes: number, pinned: boolean, hidden: boolean, 
/**
 * It waits until somebody who may answer lets it be seen.
 */
in_review: boolean, answer: Answer | null, };

/**
 * A question to those who present.
 */
export type QuestionId = number;

/**
 * How questions are taken.
 */
export type QuestionSettings = { 
/**
 * Whether any are taken.
 */
open: boolean, 
/**
 * Whether they may be asked without a name.
 */
anonymous: boolean, 
/**
 * Whether somebody who may answer must let each be seen first.
 */
reviewed: boolean, };

/**
 * An answer that says no.
 */
export type Refusal = { code: RefusalCode, message: string, 
/**
 * When trying again may help.
 */
retry_after_ms?: number, };

/**
 * The stable code of a refusal; programs match on it, never on the sentence.
 */
export type RefusalCode = "malformed" | "too_large" | "too_deep" | "hello_expected" | "hello_twice" | "too_fast" | "invalid" | "not_implemented" | "origin_refused" | "unsupported_version" | "too_many_connections" | "timeout" | "no_such_endpoint" | "method_not_allowed" | "media_type_unsupported" | "room_not_found" | "room_ended" | "room_full" | "room_locked" | "password_needed" | "password_wrong" | "password_too_long" | "name_invalid" | "taken_over" | "seat_unknown" | "host_key_wrong" | "kicked" | "banned" | "turned_away" | "waited_too_long" | "at_the_door" | "waiting_room" | "busy" | "slug_taken" | "slug_invalid" | "title_invalid" | "too_many_rooms" | "listing_forbidden" | "creation_forbidden" | "not_allowed" | "no_such_person" | "nobody_waits" | "last_host" | "muted_by_host" | "floor_taken" | "not_presenting" | "already_queued" | "no_such_line" | "line_invalid" | "reaction_invalid" | "volume_invalid" | "questions_closed" | "nameless_forbidden" | "question_invalid" | "answer_invalid" | "no_such_question" | "too_many_questions" | "no_timer" | "timer_not_running" | "timer_plan_invalid" | "goal_invalid" | "focus_quiet" | "no_film" | "film_invalid" | "position_invalid" | "rate_invalid" | "file_hash_invalid" | "file_hash_mismatch" | "playlist_invalid" | "settings_version" | "template_name_invalid" | "no_such_template" | "too_many_templates" | "template_not_yours" | "offer_invalid" | "offer_too_large" | "offers_too_fast" | "guests_full" | "media_busy" | "file_not_found" | "file_too_large" | "room_quota_reached" | "server_quota_reached" | "disk_full" | "file_name_invalid" | "offset_mismatch" | "checksum_mismatch" | "upload_gone" | "too_many_uploads" | "range_invalid" | "screen_too_large" | "internal" | "stopping";

/**
 * What came of a command, beyond that it was done.
 */
export type Reply = { "type": "nothing" } | { "type": "line", "payload": { line: LineId, } } | { "type": "lines", "payload": { lines: Array<Line>, more: boolean, } } | { "type": "question", "payload": { question: QuestionId, } } | { "type": "film_matched", "payload": { sure: boolean, } } | { "type": "volume_kept", "payload": { mixed: boolean, } };

/**
 * From most to least; the order is the order of the variants.
 */
export type Role = "host" | "co_host" | "presenter" | "participant" | "observer";

/**
 * Why somebody has another role.
 */
export type RoleChange = "given" | "passed_on" | "host_back";

/**
 * Answer to `POST /api/rooms`.
 */
export type RoomCreated = { slug: string, 
/**
 * For everybody: `https://host:port/r/slug#k=fingerprint`.
 */
join_link: string, 
/**
 * For the creator alone: the same with `&h=host key`.
 */
host_link: string, host_key: string, };

/**
 * Answer to `DELETE /api/rooms/{slug}`.
 */
export type RoomEnded = { slug: string, members: number, duration_ms: number, };

/**
 * Answer to `GET /api/rooms`, in order of their titles.
 */
export type RoomList = { rooms: Array<RoomLook>, };

/**
 * Answer to `GET /api/rooms/{slug}`: what a stranger may know before joining.
 */
export type RoomLook = { slug: string, title: string, has_password: boolean, locked: boolean, members: number, members_max: number, ended: EndReason | null, 
/**
 * People wait at its door until they are let in.
 */
waiting_room: boolean, 
/**
 * Who joins must name the SHA-256 of the film that is open there.
 */
film_strict: boolean, };

/**
 * The room as a whole: a snapshot, and what events change afterwards.
 */
export type RoomState = { slug: string, title: string, locked: boolean, has_password: boolean, settings: Settings, 
/**
 * In order of ids.
 */
members: Array<Member>, floor: Floor, 
/**
 * The newest lines, in order; older ones by `Command::ListLines`.
 */
lines: Array<Line>, 
/**
 * In order of ids.
 */
files: Array<SharedFile>, agenda: Agenda, 
/**
 * Who everybody shall see large.
 */
spotlight: ParticipantId | null, 
/**
 * Who waits at the door, in order; empty for those who may not let them in.
 */
waiting: Array<Waiter>, 
/**
 * Those that one may see, in order of ids.
 */
questions: Array<Question>, mine: Mine, study: Study, film: Film, };

/**
 * Answer to `GET /api/server`: what the page shows before anybody has entered a room.
 */
export type ServerInfo = { version: string, 
/**
 * Whether `GET /api/rooms` lists the rooms that are open.
 */
lists_rooms: boolean, 
/**
 * The largest file that may be shared.
 */
file_bytes_max: number, organisation: Organisation, };

/**
 * Server to client.
 */
export type ServerMessage = { "type": "welcome", "payload": Welcome } | { "type": "waiting", "payload": AtTheDoor } | { "type": "events", "payload": { events: Array<Numbered>, } } | { "type": "snapshot", "payload": { cursor: Cursor, state: RoomState, } } | { "type": "signs", "payload": Signs } | { "type": "done", "payload": { ref: number, reply: Reply, } } | { "type": "refused", "payload": { 
/**
 * Absent when it is not an answer to a command.
 */
ref?: number, refusal: Refusal, } } | { "type": "beat", "payload": { sent_ms: number, room_clock_ms: number, 
/**
 * How clock and film stand, said again; absent when there are none.
 */
pulse?: Pulse, } } | { "type": "media_answer", "payload": { sdp: string, } } | { "type": "goodbye", "payload": { reason: LeaveReason, text: string, } } | { "type": "moved", "payload": { addresses: Array<string>, } };

/**
 * How a room is set up. Changed by its host and co-hosts.
 */
export type Settings = { 
/**
 * [`SETTINGS_VERSION`] of whoever wrote them.
 */
version: number, newcomers: Role, 
/**
 * People wait at the door until they are let in, but for who has the host key.
 */
waiting_room: boolean, members_max: number, participants: ParticipantsMay, observers: ObserversMay, 
/**
 * People enter muted: a program leaves the microphone off when its person enters, whatever it was set
 * to, until they switch it on. The server switches no microphone on by itself, with or without this.
 */
muted_on_entry: boolean, 
/**
 * Whether participants and observers who enter muted may unmute themselves; else a host allows it.
 */
may_unmute: boolean, 
/**
 * Somebody who may present but is not host, co-host or presenter must be granted the slot.
 */
present_by_asking: boolean, questions: QuestionSettings, 
/**
 * The plan of the shared clock; `None` for a room without one.
 */
timer: TimerPlan | null, 
/**
 * Cameras show how everybody sits there, and no more: a picture of 160 by 90 pixels every 8 s.
 */
quiet_company: boolean, 
/**
 * Whether the room watches films together.
 */
film: boolean, 
/**
 * Whether who joins must have the very film that is open.
 */
film_strict: boolean, 
/**
 * Files, chat and seats are kept so long after the room has ended; 0 keeps nothing.
 */
keep_hours: number, };

/**
 * A finished file.
 */
export type SharedFile = { id: FileId, owner: ParticipantId, name: string, size_bytes: number, 
/**
 * Lower-case hexadecimal.
 */
sha256: string, shared_at_ms: number, 
/**
 * Unguessable; downloads work with it alone, until it is revoked or the file is gone.
 */
share_token: string | null, };

/**
 * What somebody tells of their own studies. It is kept on their machine; the room only shows it.
 */
export type SharedStudy = { 
/**
 * What they focus on now; empty for nothing.
 */
focus_on: string, goals: Array<Goal>, 
/**
 * Days in a row on which they have focused.
 */
streak_days: number, };

/**
 * Signs, one batch a room at most four times a second, and what only this seat must know.
 */
export type Signs = { people?: Array<PersonSigns>, 
/**
 * The layers of your camera that somebody watches; publish these and no others.
 */
publish_layers?: Array<Layer>, 
/**
 * Cameras are held back from you because the link is poor.
 */
audio_only?: boolean, 
/**
 * What to do about a poor link, in words for a person.
 */
hint?: Hint, 
/**
 * What you can do about your own link, which has become poor, or is well again.
 */
advice?: Advice, };

/**
 * What the room studies by, and who studies.
 */
export type Study = { clock: StudyClock, 
/**
 * What the room wants to reach; empty for none.
 */
goal: string, 
/**
 * Milliseconds of focus of the room: of every span that somebody was here for, as far as it went.
 */
focus_ms: number, 
/**
 * Who has focused here or shares something; in order of ids.
 */
people: Array<StudyPerson>, };

/**
 * One anchor, from which everybody computes what is left.
 *
 * With `ends_at_ms` it runs: `ends_at_ms - room clock` is left, never less than nothing. Without, it
 * stands and `left_ms` is left; with all of `length_ms` left it waits to be started.
 */
export type StudyClock = { phase: StudyPhase, 
/**
 * The span of focus of this round that runs or ran last, from 1; 0 before the first.
 */
cycle: number, 
/**
 * How long the whole span is.
 */
length_ms: number, 
/**
 * On the room clock; absent while it stands.
 */
ends_at_ms: number | null, 
/**
 * While it stands.
 */
left_ms: number, 
/**
 * Spans of focus that were seen through since the room was made or the clock was reset.
 */
focus_done: number, };

/**
 * Somebody who studies.
 */
export type StudyPerson = { id: ParticipantId, 
/**
 * Milliseconds of focus in this room while they were here. A span that runs is added when it ends, is
 * interrupted, or they go.
 */
focus_ms: number, 
/**
 * What they chose to tell.
 */
shared: SharedStudy | null, };

export type StudyPhase = "idle" | "focus" | "short_break" | "long_break";

/**
 * Which suite seals the datagrams of a media session.
 */
export type Suite = "aes256_gcm" | "cha_cha20_poly1305";

/**
 * A way to set a room up: one of ours, or one that somebody has saved.
 */
export type Template = { 
/**
 * 1 to 50 characters; what [`Template::builtin`] has is taken.
 */
name: string, settings: Settings, 
/**
 * Milliseconds from the opening of the room.
 */
time_limit_ms: number | null, };

/**
 * Answer to `GET /api/templates`: the built-in ones, and behind them those that were saved, by name.
 */
export type TemplateList = { templates: Array<Template>, };

/**
 * How long the spans of the shared clock are (P1).
 */
export type TimerPlan = { focus_minutes: number, short_break_minutes: number, long_break_minutes: number, 
/**
 * Spans of focus until the long break.
 */
cycles: number, 
/**
 * After a break the next span of focus starts by itself; else it waits for somebody to start it.
 */
focus_starts_itself: boolean, 
/**
 * Who is not host or co-host is muted while the room focuses, and unmutes again in the break.
 */
focus_mutes: boolean, 
/**
 * Programs show no banners while the room focuses.
 */
hush_banners: boolean, };

/**
 * A number as some program has sent it, to the third digit behind the point; it is checked where it is used.
 * What is no number, or beyond 10^12, is read as [`Unchecked::NONE`], so that what was read can be written
 * again in either encoding. Equal is what has the same bits.
 */
export type Unchecked = number;

/**
 * How many votes a question has now.
 */
export type VoteCount = { question: QuestionId, votes: number, };

/**
 * Somebody at the door.
 */
export type Waiter = { id: WaitingId, name: string, 
/**
 * Milliseconds since the Unix epoch.
 */
since_ms: number, };

/**
 * Somebody who waits at the door. Once let in they have a [`ParticipantId`] instead.
 */
export type WaitingId = number;

/**
 * A source that a viewer wants to see, and no larger than `layer_max`.
 */
export type Watch = { source: ParticipantId, layer_max: Layer, 
/**
 * Before others when the link is poor.
 */
pinned: boolean, };

/**
 * What a person is told when they are in.
 */
export type Welcome = { you: ParticipantId, role: Role, 
/**
 * Keep it: it opens the seat again after a lost link, and authorises HTTP and screen links.
 */
seat_token: string, cursor: Cursor, 
/**
 * Present unless the events since the cursor follow instead.
 */
snapshot: RoomState | null, media: MediaSession, 
/**
 * The room clock now, in milliseconds since the room was opened.
 */
room_clock_ms: number, 
/**
 * Beats are expected at least this often.
 */
beat_interval_ms: number, 
/**
 * The host's own secret, only for the host, so that they can come back as host elsewhere.
 */
host_key: string | null, 
/**
 * How clock and film stand; absent when there are none.
 */
pulse?: Pulse, };
