//! What somebody asks for: whether they may, and what it leads to. Every command is answered once.

mod permission;

use std::collections::BTreeSet;

use conclave_wire::{
    Command, EndReason, Event, LeaveReason, MediaState, ParticipantId, Permission, Refusal,
    RefusalCode,
    command::{Reply, Watch},
};

use super::{
    CameraOrder, Effect, Feature, Outbox, Record, Room,
    answers::{Answer, Seen},
    study::ClockWish,
    text::{
        self, AnswerText, LineText, Name, NoticeText, QuestionText, Reaction, TemplateName, Title,
    },
};
use crate::{Now, media::voices::VOLUME_PERCENT_MAX, watch::leader::Move};

pub use permission::permission;

/// Volumes of their own that a listener may have.
const VOLUMES_MAX: usize = 128;
/// Cameras that one person may watch at once.
const WATCHED_MAX: usize = 64;

/// How a command is answered.
pub(super) enum Outcome {
    Done(Reply),
    /// Done; the answer waits for the records.
    Stored(Reply),
    /// Nothing has changed; sent again, it is read again.
    Read(Reply),
    /// Another input brings the answer.
    Later,
}

impl Room {
    /// Does what a seat asks for and answers, unless this reference was seen before: then only the answer
    /// is given again, if there is one yet.
    pub fn act(
        &mut self,
        id: ParticipantId,
        reference: u32,
        command: Command,
        now: Now,
        out: &mut Outbox,
    ) {
        let Some(seat) = self.roster.seats.get(&id) else {
            return;
        };
        match seat.answers.look_up(reference) {
            Seen::Never => self.act_once(id, reference, command, now, out),
            Seen::Before(Answer::Underway) => {}
            Seen::Before(Answer::Given(result)) => answer(id, reference, result, out),
            Seen::TooOld => answer(id, reference, Err(RefusalCode::Invalid.into()), out),
        }
        self.settle(now, out);
    }

    /// The records of a durable answer are stored, or could not be.
    pub fn stored(
        &mut self,
        id: ParticipantId,
        reference: u32,
        result: Result<Reply, Refusal>,
        out: &mut Outbox,
    ) {
        self.answer_later(id, reference, result, out);
    }

    /// The mixer has answered [`Effect::AskVolume`].
    pub fn volume_set(&mut self, id: ParticipantId, reference: u32, mixed: bool, out: &mut Outbox) {
        self.answer_later(id, reference, Ok(Reply::VolumeKept { mixed }), out);
    }

    /// The password of [`Effect::HashPassword`] is hashed.
    pub fn password_hashed(
        &mut self,
        id: ParticipantId,
        reference: u32,
        hash: Result<String, RefusalCode>,
        out: &mut Outbox,
    ) {
        match hash {
            Ok(hash) if self.may(id, Permission::SetPassword) => {
                self.set_password(Some(hash), out);
                let result = Ok(Reply::Nothing);
                out.push(Effect::Answer {
                    seat: id,
                    reference,
                    result,
                    durable: true,
                });
            }
            Ok(_) => self.answer_later(id, reference, Err(RefusalCode::NotAllowed.into()), out),
            Err(code) => self.answer_later(id, reference, Err(code.into()), out),
        }
    }

    fn act_once(
        &mut self,
        id: ParticipantId,
        reference: u32,
        command: Command,
        now: Now,
        out: &mut Outbox,
    ) {
        self.keep(id, reference, Answer::Underway);
        let used = Feature::of(&command);
        let outcome = self.carry_out(id, reference, command, now, out);
        if let (Some(feature), Ok(_)) = (used, &outcome) {
            self.use_feature(feature, out);
        }
        match outcome {
            Ok(Outcome::Done(reply)) => self.answer_later(id, reference, Ok(reply), out),
            Ok(Outcome::Stored(reply)) => {
                out.push(Effect::Answer {
                    seat: id,
                    reference,
                    result: Ok(reply),
                    durable: true,
                });
            }
            Ok(Outcome::Read(reply)) => self.answer_read(id, reference, Ok(reply), out),
            Ok(Outcome::Later) => {}
            Err(code) => self.answer_later(id, reference, Err(code.into()), out),
        }
    }

    pub(super) fn answer_later(
        &mut self,
        id: ParticipantId,
        reference: u32,
        result: Result<Reply, Refusal>,
        out: &mut Outbox,
    ) {
        self.keep(id, reference, Answer::Given(result.clone()));
        answer(id, reference, result, out);
    }

    pub(super) fn answer_read(
        &mut self,
        id: ParticipantId,
        reference: u32,
        result: Result<Reply, Refusal>,
        out: &mut Outbox,
    ) {
        if let Some(seat) = self.roster.seats.get_mut(&id) {
            seat.answers.forget(reference);
        }
        answer(id, reference, result, out);
    }

    fn keep(&mut self, id: ParticipantId, reference: u32, answer: Answer) {
        if let Some(seat) = self.roster.seats.get_mut(&id) {
            seat.answers.keep(reference, answer);
        }
    }

    fn carry_out(
        &mut self,
        id: ParticipantId,
        reference: u32,
        command: Command,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Outcome, RefusalCode> {
        if permission(&command).is_some_and(|what| !self.may(id, what)) {
            return Err(RefusalCode::NotAllowed);
        }
        let done = Ok(Outcome::Done(Reply::Nothing));
        let stored = Ok(Outcome::Stored(Reply::Nothing));
        match command {
            Command::Leave => self.leave(id, now, out),
            Command::SetMedia { media } => return self.switch_media(id, media, out),
            Command::Rename { name } => {
                self.rename(id, Name::parse(&name)?, out);
                return stored;
            }

            Command::Retitle { title } => {
                self.retitle(Title::parse(&title)?, out);
                return stored;
            }
            Command::Lock { locked } => {
                self.lock(locked, id, now, out);
                return stored;
            }
            Command::SetPassword {
                password: Some(password),
            } => {
                text::check_password(&password)?;
                out.push(Effect::HashPassword {
                    seat: id,
                    reference,
                    password,
                });
                return Ok(Outcome::Later);
            }
            Command::SetPassword { password: None } => {
                self.set_password(None, out);
                return stored;
            }
            Command::ChangeSettings { settings } => {
                self.change_settings(settings, now, out)?;
                return stored;
            }
            Command::Kick { id: other, reason } => {
                self.kick(id, other, text::reason(&reason), now, out)?;
                return stored;
            }
            Command::Ban { id: other, reason } => {
                self.ban(id, other, text::reason(&reason), now, out)?;
                return stored;
            }
            Command::LiftBans => {
                self.lift_bans(out);
                return stored;
            }
            Command::Admit { id: waiting } => {
                self.admit(waiting, now, out)?;
                return stored;
            }
            Command::AdmitAll => {
                self.admit_all(now, out)?;
                return stored;
            }
            Command::TurnAway {
                id: waiting,
                reason,
            } => self.turn_away(waiting, text::reason(&reason), out)?,
            Command::GiveRole { id: other, role } => {
                self.give_role(id, other, role, now, out)?;
                return stored;
            }
            Command::SaveTemplate { name } => {
                return Ok(self.save_template(id, reference, TemplateName::parse(&name)?, out));
            }
            Command::DeleteTemplate { name } => {
                return Ok(self.delete_template(id, reference, TemplateName::parse(&name)?, out));
            }
            Command::EndRoom => self.end(EndReason::HostEnded, now, out),

            Command::AskFloor => self.ask_floor(id, out)?,
            Command::ReleaseFloor => self.release_floor(id, out)?,
            Command::GrantFloor { id: other } => self.grant_floor(other, out)?,
            Command::TakeFloor => self.take_floor(id, out)?,
            Command::HandOverFloor { id: other } => self.hand_over_floor(id, other, out)?,
            Command::RaiseHand { raised } => self.raise_hand(id, raised, out),
            Command::LowerHand { id: other } => {
                self.check_here(other)?;
                self.raise_hand(other, false, out);
            }
            Command::LowerAllHands => self.lower_all_hands(out),
            Command::Mute {
                id: other,
                may_unmute,
            } => {
                self.mute(id, other, may_unmute, out)?;
                return stored;
            }
            Command::MuteAll { may_unmute } => {
                self.mute_all(id, may_unmute, out);
                return stored;
            }
            Command::AllowUnmute { id: other } => {
                self.allow_unmute(other, out)?;
                return stored;
            }
            Command::StopCamera { id: other } => self.stop_camera(id, other, out)?,
            Command::StopShare => self.stop_share(out)?,
            Command::Spotlight { id: other } => self.set_spotlight(other, out)?,

            Command::AskQuestion { text, anonymous } => {
                let text = QuestionText::parse(&text)?;
                return self.ask_question(id, reference, text, anonymous, now, out);
            }
            Command::TakeBackQuestion { question } => {
                self.take_back_question(id, question, out)?;
                return stored;
            }
            Command::VoteQuestion { question, voted } => {
                self.vote_question(id, question, voted, now, out)?;
                return stored;
            }
            Command::PinQuestion { question, pinned } => {
                self.pin_question(question, pinned, out)?;
                return stored;
            }
            Command::HideQuestion { question, hidden } => {
                self.hide_question(question, hidden, out)?;
                return stored;
            }
            Command::ApproveQuestion { question } => {
                self.approve_question(question, out)?;
                return stored;
            }
            Command::AnswerQuestion { question, text } => {
                let text = text.as_deref().map(AnswerText::parse).transpose()?;
                self.answer_question(id, question, text, now, out)?;
                return stored;
            }

            Command::Say { text } => {
                let line = self.say(id, reference, LineText::parse(&text)?, now, out);
                return Ok(Outcome::Stored(Reply::Line { line }));
            }
            Command::DeleteLine { line } => return self.delete_line(id, reference, line, out),
            Command::ListLines { before, lines_max } => {
                return Ok(self.list_lines(id, reference, before, lines_max, out));
            }
            Command::SetTyping { typing } => self.set_typing(id, typing, now),
            Command::React { emoji } => {
                let reaction = Reaction::parse(&emoji)?.into_string();
                self.signs.react(id, reaction, now.moment);
            }

            Command::SetTimeLimit { in_ms } => {
                self.set_time_limit(in_ms, now, out)?;
                return stored;
            }
            Command::Announce { text } => {
                self.announce(NoticeText::parse(&text)?, now, out);
                return stored;
            }

            Command::StartFocus => {
                self.set_clock(ClockWish::Focus, now, out)?;
                return stored;
            }
            Command::StartBreak => {
                self.set_clock(ClockWish::Break, now, out)?;
                return stored;
            }
            Command::PauseTimer => {
                self.set_clock(ClockWish::Pause, now, out)?;
                return stored;
            }
            Command::ResumeTimer => {
                self.set_clock(ClockWish::Resume, now, out)?;
                return stored;
            }
            Command::ResetTimer => {
                self.set_clock(ClockWish::Reset, now, out)?;
                return stored;
            }
            Command::SkipBreak => {
                self.set_clock(ClockWish::Skip, now, out)?;
                return stored;
            }
            Command::SetTimerPlan { plan } => {
                self.set_timer_plan(plan, now, out)?;
                return stored;
            }
            Command::SetGoal { text } => {
                self.set_goal(&text, out)?;
                return stored;
            }
            Command::ShareStudy { shared } => self.share_study(id, shared, out)?,

            Command::OpenFilm { film } => {
                self.open_film(id, film, now, out)?;
                return stored;
            }
            Command::PlayFilm { position_ms } => {
                self.move_film(id, Move::Play(position_ms), now)?;
                return self.film_stored(now, out);
            }
            Command::PauseFilm { position_ms } => {
                self.move_film(id, Move::Pause(position_ms), now)?;
                return self.film_stored(now, out);
            }
            Command::SeekFilm { position_ms } => {
                self.move_film(id, Move::Seek(position_ms), now)?;
                return self.film_stored(now, out);
            }
            Command::SetFilmSpeed { rate_permille } => {
                self.move_film(id, Move::Speed(rate_permille), now)?;
                return self.film_stored(now, out);
            }
            Command::StopFilm => {
                self.stop_film(now, out)?;
                return stored;
            }
            Command::SetPlaylist { playlist } => {
                self.set_playlist(playlist, out)?;
                return stored;
            }
            Command::HaveFilm { film } => return self.have_film(id, film, now, out),
            Command::MarkFilm { readiness } => self.mark_film(id, readiness)?,

            Command::SetVolume { of, percent } => {
                return self.set_volume(id, reference, of, percent, out);
            }
            Command::WatchCameras { watch } => self.watch_cameras(id, watch, out)?,
            Command::ChooseQuality { receive } => {
                out.push(Effect::Camera(CameraOrder::Choose {
                    viewer: id,
                    receive,
                }));
            }

            Command::RevokeShare { file } => {
                self.revoke_share(id, file, out)?;
                return stored;
            }
            Command::RemoveFile { file } => {
                self.remove_file(id, file, out)?;
                return stored;
            }
        }
        done
    }

    fn leave(&mut self, id: ParticipantId, now: Now, out: &mut Outbox) {
        self.unseat(id, LeaveReason::Left, now, out);
        out.push(Effect::Dismiss {
            seat: id,
            reason: LeaveReason::Left,
            text: String::new(),
        });
    }

    fn switch_media(
        &mut self,
        id: ParticipantId,
        media: MediaState,
        out: &mut Outbox,
    ) -> Result<Outcome, RefusalCode> {
        let held = self
            .roster
            .seats
            .get(&id)
            .is_some_and(|seat| seat.held_mute);
        if held && media.microphone {
            return Err(RefusalCode::MutedByHost);
        }
        if media.microphone && self.is_hushed(id) {
            return Err(RefusalCode::FocusQuiet);
        }
        self.set_media(id, media, held, out);
        Ok(Outcome::Done(Reply::Nothing))
    }

    fn rename(&mut self, id: ParticipantId, name: Name, out: &mut Outbox) {
        let Some(seat) = self.roster.seats.get_mut(&id) else {
            return;
        };
        if seat.name != name.as_str() {
            seat.name = name.as_str().to_owned();
            self.record_seat(id, out);
            self.tell(
                Event::ParticipantRenamed {
                    id,
                    name: name.into_string(),
                },
                out,
            );
        }
    }

    fn set_password(&mut self, hash: Option<String>, out: &mut Outbox) {
        let has_password = hash.is_some();
        if !has_password && self.password_hash.is_none() {
            return;
        }
        self.password_hash = hash;
        self.tell(Event::PasswordChanged { has_password }, out);
        self.record_room(out);
    }

    fn set_volume(
        &mut self,
        id: ParticipantId,
        reference: u32,
        of: ParticipantId,
        percent: u16,
        out: &mut Outbox,
    ) -> Result<Outcome, RefusalCode> {
        if percent > VOLUME_PERCENT_MAX {
            return Err(RefusalCode::VolumeInvalid);
        }
        self.check_here(of)?;
        let Some(seat) = self.roster.seats.get_mut(&id) else {
            return Err(RefusalCode::SeatUnknown);
        };
        if seat.volumes.len() >= VOLUMES_MAX && !seat.volumes.contains_key(&of) {
            return Err(RefusalCode::TooLarge);
        }
        match percent {
            100 => seat.volumes.remove(&of),
            _ => seat.volumes.insert(of, percent),
        };
        out.push(Effect::AskVolume {
            reference,
            listener: id,
            of,
            percent,
        });
        Ok(Outcome::Later)
    }

    /// Who is not in the room, or listed twice, is left out.
    fn watch_cameras(
        &mut self,
        id: ParticipantId,
        watch: Vec<Watch>,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if watch.len() > WATCHED_MAX {
            return Err(RefusalCode::TooLarge);
        }
        let mut seen = BTreeSet::from([id]);
        let watch = watch
            .into_iter()
            .filter(|watch| {
                self.roster.seats.contains_key(&watch.source) && seen.insert(watch.source)
            })
            .collect();
        out.push(Effect::Camera(CameraOrder::Watch { viewer: id, watch }));
        Ok(())
    }

    pub(super) fn check_here(&self, id: ParticipantId) -> Result<(), RefusalCode> {
        match self.roster.seats.contains_key(&id) {
            true => Ok(()),
            false => Err(RefusalCode::NoSuchPerson),
        }
    }

    pub(super) fn record_room(&self, out: &mut Outbox) {
        out.push(Effect::Record(Record::RoomChanged {
            title: self.title.clone(),
            settings: self.settings.clone(),
            locked: self.locked,
            password_hash: self.password_hash.clone(),
            ends_unix_ms: self.ends_unix_ms(),
        }));
    }
}

fn answer(seat: ParticipantId, reference: u32, result: Result<Reply, Refusal>, out: &mut Outbox) {
    out.push(Effect::Answer {
        seat,
        reference,
        result,
        durable: false,
    });
}
