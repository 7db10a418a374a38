//! Who has a seat: taking one, coming back to it, losing it.

use std::{collections::BTreeMap, time::Duration};

use conclave_wire::{Event, LeaveReason, MediaState, Member, ParticipantId, Permission, Role};

use super::{Answers, CameraOrder, Effect, Feature, Outbox, Record, Room, VoiceOrder};
use crate::{Moment, Now};

/// A lost link leaves the seat for so long to whoever has its token.
pub const AWAY_MAX: Duration = Duration::from_secs(30);
/// Voice and camera go on for so long without a control link, so that a short loss is not heard. The
/// older media session lives as long.
pub const MEDIA_WITHOUT_LINK_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) role: Role,
    /// Microphone and camera are off when somebody enters or the server has started again: only their own
    /// `SetMedia` switches them on. So `muted_on_entry` is a word to the clients; nothing here depends on it.
    pub(super) media: MediaState,
    pub(super) held_mute: bool,
    pub(super) joined_at_ms: u64,
    pub(super) token_hash: [u8; 32],
    /// SHA-256 of the secret by which a ban knows the program again.
    pub(super) device_hash: Option<[u8; 32]>,
    /// Of who stands in for the host: the role that they go back to.
    pub(super) stands_in_from: Option<Role>,
    pub(super) link: Link,
    /// Whether the mixer and the cameras know this seat.
    pub(super) in_media: bool,
    /// What the mixer was last told.
    pub(super) may_speak: bool,
    pub(super) answers: Answers,
    /// Volumes of others, for this listener only; what is not in here is 100 percent.
    pub(super) volumes: BTreeMap<ParticipantId, u16>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    Up,
    /// Since when; the seat is lost [`AWAY_MAX`] later.
    Lost(Moment),
}

#[derive(Debug, Default)]
pub(super) struct Roster {
    pub(super) seats: BTreeMap<ParticipantId, Seat>,
    /// The id of the next newcomer.
    pub(super) next: u32,
}

impl Seat {
    pub(super) fn member(&self, id: ParticipantId) -> Member {
        Member {
            id,
            name: self.name.clone(),
            role: self.role,
            media: self.media,
            held_mute: self.held_mute,
            away: self.away(),
            joined_at_ms: self.joined_at_ms,
        }
    }

    pub(super) fn away(&self) -> bool {
        self.link != Link::Up
    }

    fn media_ends(&self) -> Option<Moment> {
        match self.link {
            Link::Lost(at) if self.in_media => Some(at + MEDIA_WITHOUT_LINK_MAX),
            Link::Lost(_) | Link::Up => None,
        }
    }

    fn seat_ends(&self) -> Option<Moment> {
        match self.link {
            Link::Lost(at) => Some(at + AWAY_MAX),
            Link::Up => None,
        }
    }
}

impl Roster {
    pub(super) fn by_token(&self, token_hash: &[u8; 32]) -> Option<ParticipantId> {
        let mut seats = self.seats.iter();
        seats
            .find(|(_, seat)| seat.token_hash == *token_hash)
            .map(|(&id, _)| id)
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        let ends = |seat: &Seat| seat.media_ends().into_iter().chain(seat.seat_ends()).min();
        self.seats.values().filter_map(ends).min()
    }
}

impl Room {
    /// The link of a seat is gone. The seat is away, and kept for [`AWAY_MAX`].
    pub fn link_lost(&mut self, id: ParticipantId, now: Now, out: &mut Outbox) {
        if let Some(seat) = self.roster.seats.get_mut(&id)
            && !seat.away()
        {
            seat.link = Link::Lost(now.moment);
            self.signs.silence(id, now.moment);
            self.incidents.end(id, now.unix_ms, out);
            self.chat.stop_typing(id);
            self.tell(Event::ParticipantAway { id, away: true }, out);
            self.study_presence(id, false, now, out);
            self.film_presence(id, false);
        }
        self.settle(now, out);
    }

    /// Somebody without a link has shown their token: the seat is kept for [`AWAY_MAX`] from now on. Media
    /// of a link that was lost end no later for it.
    pub fn seen(&mut self, id: ParticipantId, now: Moment) {
        if let Some(seat) = self.roster.seats.get_mut(&id)
            && let Link::Lost(at) = &mut seat.link
            && !seat.in_media
        {
            *at = now;
        }
    }

    /// The seat has a link: media begin, and the newcomer hears how everybody stands.
    pub(super) fn link_up(&mut self, id: ParticipantId, now: Now, out: &mut Outbox) {
        let Some(seat) = self.roster.seats.get_mut(&id) else {
            return;
        };
        seat.link = Link::Up;
        self.signs.catch_up(id, now.moment);
        self.study_presence(id, true, now, out);
        self.film_presence(id, true);
        let Some(seat) = self.roster.seats.get_mut(&id) else {
            return;
        };
        // Told again to a link that has taken over, whose client knows nothing of it yet.
        out.push(Effect::Camera(CameraOrder::Enter { seat: id }));
        if seat.in_media {
            return;
        }
        seat.in_media = true;
        seat.may_speak = false;
        let ears = seat.media.sound;
        out.push(Effect::Voice(VoiceOrder::Enter { seat: id, ears }));
        for (&of, &percent) in &seat.volumes {
            let order = VoiceOrder::Volume {
                listener: id,
                of,
                percent,
            };
            out.push(Effect::Voice(order));
        }
        if seat.media.camera {
            out.push(Effect::Camera(CameraOrder::On { seat: id, on: true }));
        }
        self.allow_voice(id, out);
    }

    /// The seat is given up: everything that hangs on it goes with it.
    pub(super) fn unseat(
        &mut self,
        id: ParticipantId,
        reason: LeaveReason,
        now: Now,
        out: &mut Outbox,
    ) {
        self.leave_media(id, out);
        if self.roster.seats.remove(&id).is_none() {
            return;
        }
        for seat in self.roster.seats.values_mut() {
            seat.volumes.remove(&id);
        }
        self.signs.remove(id);
        self.incidents.end(id, now.unix_ms, out);
        self.spotlight = self.spotlight.filter(|shown| *shown != id);
        self.chat.stop_typing(id);
        self.files.release_all(id);
        out.push(Effect::EndUploads { owner: id });
        self.leave_study(id, now, out);
        self.leave_film(id);
        self.tell(Event::ParticipantLeft { id, reason }, out);
        out.push(Effect::Record(Record::SeatLeft {
            id,
            reason,
            at_unix_ms: now.unix_ms,
        }));
        self.leave_floor(id, out);
    }

    /// Seats whose time is over, and media of those who are away too long for them.
    pub(super) fn wake_roster(&mut self, now: Now, out: &mut Outbox) {
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= now.moment);
        let ids: Vec<_> = self.roster.seats.keys().copied().collect();
        for id in ids {
            let Some(seat) = self.roster.seats.get(&id) else {
                continue;
            };
            if due(seat.seat_ends()) {
                self.unseat(id, LeaveReason::LinkLost, now, out);
            } else if due(seat.media_ends()) {
                self.leave_media(id, out);
            }
        }
    }

    fn leave_media(&mut self, id: ParticipantId, out: &mut Outbox) {
        if let Some(seat) = self.roster.seats.get_mut(&id)
            && std::mem::take(&mut seat.in_media)
        {
            seat.may_speak = false;
            out.push(Effect::Voice(VoiceOrder::Leave { seat: id }));
            out.push(Effect::Camera(CameraOrder::Leave { seat: id }));
            out.push(Effect::CloseMedia { seat: id });
        }
    }

    /// Tells the mixer whether the seat may speak, if that has changed. What the roster shows is what is
    /// true: without `microphone` no voice is taken.
    pub(super) fn allow_voice(&mut self, id: ParticipantId, out: &mut Outbox) {
        let speak = self.may(id, Permission::Speak);
        if let Some(seat) = self.roster.seats.get_mut(&id)
            && seat.in_media
        {
            let may_speak = speak && seat.media.microphone && !seat.held_mute;
            if may_speak != seat.may_speak {
                seat.may_speak = may_speak;
                out.push(Effect::Voice(VoiceOrder::Allow {
                    seat: id,
                    may_speak,
                }));
            }
        }
    }

    /// Changes what somebody has switched on, and tells everybody and the media what came of it.
    pub(super) fn set_media(
        &mut self,
        id: ParticipantId,
        media: MediaState,
        held_mute: bool,
        out: &mut Outbox,
    ) {
        let Some(seat) = self.roster.seats.get_mut(&id) else {
            return;
        };
        let (before, held_before) = (seat.media, seat.held_mute);
        if (before, held_before) == (media, held_mute) {
            return;
        }
        seat.media = media;
        seat.held_mute = held_mute;
        let in_media = seat.in_media;
        if held_mute != held_before {
            self.record_seat(id, out);
        }
        if (media.microphone, media.camera) != (before.microphone, before.camera) {
            self.record_media(id, media, out);
        }
        self.tell(
            Event::MediaChanged {
                id,
                media,
                held_mute,
            },
            out,
        );
        if in_media && media.sound != before.sound {
            out.push(Effect::Voice(VoiceOrder::Hear {
                seat: id,
                ears: media.sound,
            }));
        }
        if in_media && media.camera != before.camera {
            out.push(Effect::Camera(CameraOrder::On {
                seat: id,
                on: media.camera,
            }));
        }
        self.allow_voice(id, out);
    }

    fn record_media(&mut self, id: ParticipantId, media: MediaState, out: &mut Outbox) {
        if media.microphone {
            self.use_feature(Feature::Voice, out);
        }
        if media.camera {
            self.use_feature(Feature::Camera, out);
        }
        out.push(Effect::Record(Record::MediaSwitched {
            id,
            microphone: media.microphone,
            camera: media.camera,
        }));
    }

    pub(super) fn record_seat(&self, id: ParticipantId, out: &mut Outbox) {
        if let Some(seat) = self.roster.seats.get(&id) {
            out.push(Effect::Record(Record::SeatChanged {
                id,
                name: seat.name.clone(),
                role: seat.role,
                held_mute: seat.held_mute,
                stands_in_from: seat.stands_in_from,
            }));
        }
    }
}
