//! The rules of one room: who is in, who may do what, what is said, and what each client must be told.
//!
//! Inputs are methods; what must happen outside is pushed to an [`Outbox`]. After each input the shell
//! carries the effects out in order and asks for the [`Room::next_wakeup`].

mod agenda;
mod answers;
mod bans;
mod chat;
pub mod commands;
mod door;
pub mod effect;
mod features;
mod files;
mod film;
mod floor;
mod incidents;
mod log;
mod opening;
mod operator;
mod questions;
pub mod record;
pub mod replica;
mod roles;
mod roster;
mod settings;
mod signs;
mod study;
pub mod text;
mod waiting;

use std::{collections::BTreeSet, time::Duration};

use conclave_wire::{
    Cursor, EndReason, Event, Floor, Layer, LeaveReason, Mine, ParticipantId, Permission,
    RefusalCode, Role, RoomState, Settings,
    event::{Hint, Quality},
    http::RoomLook,
    may,
};

pub use agenda::{NOTICE_SHOWN, NOTICES_MAX, TIME_LIMIT_MAX, TIME_LIMIT_MIN, check_time_limit};
pub use answers::REFERENCES_APART;
pub use bans::BANS_MAX;
pub use chat::{LINES_IN_MEMORY, TYPING_MAX};
pub use door::{Admission, Entry, Newcomer, PasswordProof};
pub use effect::{Audience, CameraOrder, Effect, Outbox, VoiceOrder};
pub use features::Feature;
pub use files::{FILES_MAX, Upload};
pub use incidents::{INCIDENTS_MAX, LINK_POOR_TOLD};
pub use log::{LOG_BYTES_MAX, LOG_EVENTS_MAX};
pub use opening::{Limits, Opening};
pub use operator::{OperatorOrder, PersonReport, RoomReport};
pub use questions::VOTES_INTERVAL;
pub use record::{
    Record, StoredFilm, StoredFilms, StoredQuestion, StoredRoom, StoredSeat, StoredStudy,
};
pub use roles::HOST_AWAY_MAX;
pub use roster::{AWAY_MAX, MEDIA_WITHOUT_LINK_MAX};
pub use settings::check_settings;
pub use signs::SIGNS_INTERVAL;
pub use text::{Slug, Title};
pub use waiting::{WAITING_MAX, WAITING_PEOPLE_MAX};

use answers::Answers;
use bans::Bans;
use chat::Chat;
use commands::Outcome;
use files::Files;
use film::Films;
use incidents::Incidents;
use log::Log;
use questions::Questions;
use roles::Succession;
use roster::Roster;
use signs::SignBoard;
use study::Studies;
use waiting::Waiting;

use crate::{Moment, Now};

/// Longest that a room may be kept after its end, in hours: ten years.
pub const KEEP_HOURS_MAX: u32 = 10 * 366 * 24;

#[derive(Debug)]
pub struct Room {
    slug: String,
    title: String,
    settings: Settings,
    locked: bool,
    password_hash: Option<String>,
    host_key_hash: [u8; 32],
    limits: Limits,

    epoch: u32,
    /// Where the room clock is zero.
    opened: Moment,
    opened_unix_ms: u64,
    /// On the date's clock, as it was when the limit was set or the room was opened.
    unix_offset_ms: u64,

    /// Invariant: never more than `settings.members_max` seats.
    roster: Roster,
    succession: Succession,
    waiting: Waiting,
    bans: Bans,
    floor: Floor,
    spotlight: Option<ParticipantId>,
    questions: Questions,
    chat: Chat,
    agenda: agenda::Agenda,
    files: Files,
    studies: Studies,
    films: Films,
    /// What was used since the room was opened.
    features: BTreeSet<Feature>,
    incidents: Incidents,
    log: Log,
    signs: SignBoard,
    /// Since when nobody is linked.
    idle_since: Option<Moment>,
    /// Once set, there are no seats and nothing happens any more.
    ended: Option<EndReason>,
}

impl Room {
    /// Does what its time has come for.
    pub fn wake(&mut self, now: Now, out: &mut Outbox) {
        if self.ended.is_some() {
            return;
        }
        self.wake_roster(now, out);
        self.wake_chat(now);
        self.wake_agenda(now, out);
        self.wake_waiting(now, out);
        if self.study_wakeup().is_some() {
            self.wake_study(now, out);
        }
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= now.moment);
        if due(self.agenda.ends_at) {
            self.end(EndReason::TimeLimit, now, out);
        } else if due(self.idle_ends()) {
            self.end(EndReason::Idle, now, out);
        }
        self.settle(now, out);
    }

    pub fn next_wakeup(&self) -> Option<Moment> {
        if self.ended.is_some() {
            return None;
        }
        let wakeups = [
            self.roster.next_wakeup(),
            self.chat.next_wakeup(),
            self.agenda.next_wakeup(),
            self.signs.due(),
            self.succession_wakeup(),
            self.waiting.next_wakeup(),
            self.questions.next_wakeup(),
            self.study_wakeup(),
            self.film_wakeup(),
            self.idle_ends(),
        ];
        wakeups.into_iter().flatten().min()
    }

    /// Ends the meeting: everybody is told and dismissed, and nothing happens any more.
    pub fn end(&mut self, reason: EndReason, now: Now, out: &mut Outbox) {
        if self.ended.is_some() {
            return;
        }
        self.tell(Event::MeetingEnded { reason }, out);
        self.incidents.end_all(now.unix_ms, out);
        out.push(Effect::Record(Record::RoomEnded {
            reason,
            at_unix_ms: now.unix_ms,
        }));
        self.turn_all_away(RefusalCode::RoomEnded, out);
        self.dismiss_all(LeaveReason::RoomEnded, "", out);
        self.ended = Some(reason);
        out.push(Effect::End(reason));
    }

    /// The server stops: links end, but every seat, stored as it is, can be opened again.
    /// Everybody is told `text`, which may be empty.
    pub fn stop(&mut self, text: &str, out: &mut Outbox) {
        self.turn_all_away(RefusalCode::Stopping, out);
        self.dismiss_all(LeaveReason::ServerStopping, text, out);
        self.ended.get_or_insert(EndReason::ServerStopping);
    }

    /// What the client of a seat holds: the state that the events it was told so far add up to.
    pub fn snapshot_for(&self, id: ParticipantId) -> RoomState {
        let mut state = self.snapshot();
        if !self.may(id, Permission::Admit) {
            state.waiting = Vec::new();
        }
        if !self.may(id, Permission::AnswerQuestions) {
            state.questions = self.questions.seen_by(Some(id), false);
        }
        state.mine = self.questions.mine(id);
        state
    }

    /// Everything that some client may see.
    pub fn snapshot(&self) -> RoomState {
        RoomState {
            slug: self.slug.clone(),
            title: self.title.clone(),
            locked: self.locked,
            has_password: self.password_hash.is_some(),
            settings: self.settings.clone(),
            members: self
                .roster
                .seats
                .iter()
                .map(|(&id, seat)| seat.member(id))
                .collect(),
            floor: self.floor.clone(),
            lines: self.chat.page(),
            files: self.files.shared.values().cloned().collect(),
            agenda: self.agenda.state(self.opened),
            spotlight: self.spotlight,
            waiting: self.waiting.list(),
            questions: self.questions.seen_by(None, true),
            mine: Mine::default(),
            study: self
                .studies
                .state(self.opened, self.roster.seats.keys().copied()),
            film: self.films.state(),
        }
    }

    /// What a stranger may know.
    pub fn look(&self) -> RoomLook {
        RoomLook {
            slug: self.slug.clone(),
            title: self.title.clone(),
            has_password: self.password_hash.is_some(),
            locked: self.locked,
            members: self.members(),
            members_max: self.settings.members_max,
            ended: self.ended,
            waiting_room: self.settings.waiting_room,
            film_strict: self.is_film_strict(),
        }
    }

    pub fn slug(&self) -> &str {
        &self.slug
    }

    pub fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            number: self.log.newest(),
        }
    }

    pub fn members(&self) -> u32 {
        u32::try_from(self.roster.seats.len()).unwrap_or(u32::MAX)
    }

    pub fn ended(&self) -> Option<EndReason> {
        self.ended
    }

    pub fn opened_unix_ms(&self) -> u64 {
        self.opened_unix_ms
    }

    /// Where the room clock is zero.
    pub fn opened(&self) -> Moment {
        self.opened
    }

    pub fn is_host_key(&self, hash: &[u8; 32]) -> bool {
        self.host_key_hash == *hash
    }

    pub fn name(&self, id: ParticipantId) -> Option<&str> {
        self.roster.seats.get(&id).map(|seat| seat.name.as_str())
    }

    pub fn role(&self, id: ParticipantId) -> Option<Role> {
        self.roster.seats.get(&id).map(|seat| seat.role)
    }

    /// How cameras are to begin.
    pub fn quiet_company(&self) -> CameraOrder {
        CameraOrder::Quiet(self.settings.quiet_company)
    }

    pub fn presenter(&self) -> Option<ParticipantId> {
        self.floor.presenter
    }

    /// Whether a seat may do something now.
    pub fn may(&self, id: ParticipantId, what: Permission) -> bool {
        let presenting = self.floor.presenter == Some(id);
        self.role(id)
            .is_some_and(|role| may(role, what, &self.settings, presenting))
    }

    /// Who speaks, and how loud (RFC 6464), as the mixer found.
    pub fn speaking(&mut self, changes: &[(ParticipantId, bool, u8)], now: Now, out: &mut Outbox) {
        for &(id, speaking, level) in changes {
            if self.roster.seats.contains_key(&id) {
                self.signs.speaking(id, speaking, level, now.moment);
            }
        }
        self.settle(now, out);
    }

    pub fn measured(&mut self, id: ParticipantId, round_trip_ms: u32, now: Now, out: &mut Outbox) {
        if self.roster.seats.contains_key(&id) {
            self.signs.latency(id, round_trip_ms, now.moment);
        }
        self.settle(now, out);
    }

    pub fn quality(&mut self, id: ParticipantId, quality: Quality, now: Now, out: &mut Outbox) {
        if let Some(seat) = self.roster.seats.get(&id) {
            let camera = seat.media.camera;
            if let Some(advice) = self.incidents.judge(id, quality, camera, now, out) {
                self.signs.advice(id, advice, now.moment);
            }
            self.signs.quality(id, quality, now.moment);
        }
        self.settle(now, out);
    }

    /// The layers of their camera that somebody watches.
    pub fn publish_layers(
        &mut self,
        id: ParticipantId,
        layers: Vec<Layer>,
        now: Now,
        out: &mut Outbox,
    ) {
        if self.linked(id) {
            self.signs.publish_layers(id, layers, now.moment);
        }
        self.settle(now, out);
    }

    /// Whether cameras are held back from somebody.
    pub fn audio_only(&mut self, id: ParticipantId, audio_only: bool, now: Now, out: &mut Outbox) {
        if self.linked(id) {
            self.signs.audio_only(id, audio_only, now.moment);
        }
        self.settle(now, out);
    }

    pub fn hint(&mut self, id: ParticipantId, hint: Hint, now: Now, out: &mut Outbox) {
        if self.linked(id) {
            self.signs.hint(id, hint, now.moment);
        }
        self.settle(now, out);
    }

    fn linked(&self, id: ParticipantId) -> bool {
        self.roster.seats.get(&id).is_some_and(|seat| !seat.away())
    }

    /// What every input ends with: signs that are due leave, and an idle room is known to be idle.
    fn settle(&mut self, now: Now, out: &mut Outbox) {
        if self.ended.is_some() {
            return;
        }
        self.settle_succession(now, out);
        self.settle_votes(now, out);
        self.settle_film(now, out);
        self.signs.flush(now.moment, out);
        let linked = self.roster.seats.values().any(|seat| !seat.away());
        match linked {
            true => self.idle_since = None,
            false => drop(self.idle_since.get_or_insert(now.moment)),
        }
    }

    fn tell(&mut self, event: Event, out: &mut Outbox) {
        self.tell_to(Audience::Everyone, event, out);
    }

    fn tell_to(&mut self, to: Audience, event: Event, out: &mut Outbox) {
        let event = self.log.push(to.clone(), event);
        out.push(Effect::Tell { to, event });
    }

    fn dismiss_all(&mut self, reason: LeaveReason, text: &str, out: &mut Outbox) {
        for (id, seat) in std::mem::take(&mut self.roster.seats) {
            if seat.in_media {
                out.push(Effect::Voice(VoiceOrder::Leave { seat: id }));
                out.push(Effect::Camera(CameraOrder::Leave { seat: id }));
                out.push(Effect::CloseMedia { seat: id });
            }
            out.push(Effect::Dismiss {
                seat: id,
                reason,
                text: text.to_owned(),
            });
        }
        if std::mem::take(&mut self.floor).presenter.is_some() {
            out.push(Effect::Present(None));
        }
    }

    fn idle_ends(&self) -> Option<Moment> {
        let since = self.idle_since?;
        (self.limits.idle_max < Duration::MAX).then(|| since + self.limits.idle_max)
    }

    fn ends_unix_ms(&self) -> Option<u64> {
        self.agenda
            .ends_at
            .map(|at| at.as_ms().saturating_add(self.unix_offset_ms))
    }
}
