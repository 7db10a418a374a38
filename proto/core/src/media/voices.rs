//! The voices of a room: who hears what, and on which way.
//!
//! For every listener the cheapest way is taken that is right. Nobody speaks: nothing is decoded, encoded or
//! sent. The listener hears one voice: its packets are passed on as they come. Several: the loudest few are
//! decoded and summed, each speaker gets the sum without themselves, all the others share one encode, and
//! who has volumes of their own gets a mix of their own.
//!
//! Everything sent is stamped on **one media clock a room**: 48 kHz samples since the room opened. A source
//! is mapped on it by an offset fixed for a talk spurt, chosen so that the spurt begins at a border of the
//! 20 ms grid, not before anything that its listeners were sent already. Packets are passed on at once; the mix of `[T, T + 960)` is
//! made when the clock reads `T + depth`, where the depth follows the jitter of those who speak. So a change
//! of the way is lateness and nothing else: every line of listeners has a cursor, the media time up to which
//! it was sent something. The mix goes on at the cursor; when one voice remains, those of its packets that
//! wait from the cursor on are passed on at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    jitter::samples_at,
    level::{DTX_PACKET_BYTES_MAX, level},
    mixer::{FRAME_SAMPLES, Frame, MixBus, add_with_gain, fade, loudest},
};
use crate::Moment;

mod line;
mod packet;
mod voice;

use line::{Line, LineId, Way};
pub use packet::{
    Codecs, OPUS_BYTES_MAX, OutFrame, Outgoing, SOURCE_MIX, VoiceDecoder, VoiceEncoder, VoiceFrame,
    opus_samples,
};
use voice::{GRID, Place, Voice};

/// At most so many voices are heard at once; more are not understood anyway.
pub const TALKERS_MAX: usize = 6;
/// At most so many listeners of a room have a mix of their own: each costs an encoder.
pub const PERSONAL_MIXES_MAX: usize = 8;
/// The loudest a voice can be set to, in percent.
pub const VOLUME_PERCENT_MAX: u16 = 200;
/// One voice is mixed this long before it is passed on again, so that a "yes" between does not switch twice.
pub const PASS_ON_AFTER: Duration = Duration::from_secs(1);
/// Encoders of speakers are kept this long beyond their last word: a fresh one costs a poor frame.
pub const ENCODER_KEPT: Duration = Duration::from_secs(1);
/// A speaker keeps a line of their own until all the others are back to passing on.
const OWN_LINE_KEPT: Duration = Duration::from_millis(1_200);
/// The mix waits at most this long for late packets, in samples: 120 ms.
pub const DEPTH_SAMPLES_MAX: i64 = 5_760;
/// And never less than this before, where voices come ahead of the clock: 200 ms.
const DEPTH_SAMPLES_MIN: i64 = -9_600;
/// Waited beyond what jitter asks for: 5 ms.
const DEPTH_MARGIN_SAMPLES: i64 = 240;
/// The depth falls by at most 1 ms a frame, so that no burst of frames results.
const DEPTH_FALL_SAMPLES: i64 = 48;
/// A mixer that was not woken in time catches up at most so many frames, and leaves the rest out: 0.5 s.
const CATCH_UP_FRAMES_MAX: i64 = 25;

/// The listener asked for a mix of their own and the room has [`PERSONAL_MIXES_MAX`] already. Nothing has
/// changed: the listener hears what everybody hears.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "too many people in this room have set volumes of their own; set yours back when others have"
)]
pub struct PersonalMixesFull;

/// Counters since the room opened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct VoiceFigures {
    /// Packets that came from seats that may speak.
    pub received: u64,
    /// Packets of seats that may not.
    pub muted: u64,
    /// Packets that were copies, too late or more than real time.
    pub dropped: u64,
    /// Packets passed on, each counted once a line.
    pub passed_on: u64,
    /// Frames of the mix that all share.
    pub mixed_shared: u64,
    /// Frames of a mix without the listener.
    pub mixed_minus: u64,
    /// Frames of mixes with volumes of the listener's own.
    pub mixed_personal: u64,
    pub encodes: u64,
    pub decodes: u64,
    /// Frames that a decoder made up for lost ones.
    pub concealed: u64,
}

/// The voices of one room.
pub struct Voices<C: Codecs> {
    codecs: C,
    opened: Moment,
    seats: BTreeMap<u32, Seat<C::Decoder>>,
    /// Whose voice is active, sorted.
    active: Vec<u32>,
    /// Who is heard: the loudest of the active, sorted.
    talkers: Vec<u32>,
    /// Who talked lately and still has a line of their own, until when.
    recent: BTreeMap<u32, Moment>,
    /// Who has volumes of their own.
    personal: BTreeSet<u32>,
    lines: BTreeMap<LineId, Line<C::Encoder>>,
    mixing: Option<Mixing>,
    /// Seats or volumes have changed since the lines were drawn.
    redraw: bool,
    bench: Bench,
    figures: VoiceFigures,
}

struct Seat<D> {
    ears: bool,
    may_speak: bool,
    /// Percent, by speaker; nobody is at 100.
    volumes: BTreeMap<u32, u16>,
    /// Made with the first packet: most people listen.
    voice: Option<Box<Voice<D>>>,
}

/// The mixer while it runs.
#[derive(Clone, Copy, Debug)]
struct Mixing {
    /// Room time of the next frame.
    next: i64,
    /// How long after its media time a frame is made, in samples.
    depth: i64,
}

/// Room for one frame of every talker.
#[derive(Default)]
struct Bench {
    frames: Vec<(u32, Box<Frame>)>,
    spare: Vec<Box<Frame>>,
    /// Talkers who have just lost their place and are faded out; those who have just got one.
    leaving: Vec<u32>,
    entering: Vec<u32>,
    bus: MixBus,
    opus: Vec<u8>,
}

impl<C: Codecs> Voices<C> {
    /// A room that opens at `now`: its media clock reads zero.
    pub fn new(codecs: C, now: Moment) -> Self {
        Voices {
            codecs,
            opened: now,
            seats: BTreeMap::new(),
            active: Vec::new(),
            talkers: Vec::new(),
            recent: BTreeMap::new(),
            personal: BTreeSet::new(),
            lines: BTreeMap::from([(LineId::Shared, Line::new(Arc::from([])))]),
            mixing: None,
            redraw: false,
            bench: Bench::default(),
            figures: VoiceFigures::default(),
        }
    }

    /// Somebody takes a seat, with ears or as a screen without sound. They may speak until told otherwise.
    pub fn enter(&mut self, seat: u32, ears: bool) {
        let new = Seat {
            ears,
            may_speak: true,
            volumes: BTreeMap::new(),
            voice: None,
        };
        self.seats.entry(seat).or_insert(new).ears = ears;
        self.redraw = true;
    }

    pub fn leave(&mut self, seat: u32) {
        self.silence(seat);
        self.seats.remove(&seat);
        self.personal.remove(&seat);
        self.recent.remove(&seat);
        let listeners: Vec<u32> = self.personal.iter().copied().collect();
        for listener in listeners {
            self.forget_volume(listener, seat);
        }
        self.redraw = true;
    }

    /// Lets a seat speak or mutes it; what a muted one sends is dropped.
    pub fn allow(&mut self, seat: u32, may_speak: bool) {
        let Some(state) = self.seats.get_mut(&seat) else {
            return;
        };
        state.may_speak = may_speak;
        if !may_speak {
            self.silence(seat);
        }
    }

    /// Gives a seat ears or takes them.
    pub fn hear(&mut self, seat: u32, ears: bool) {
        if let Some(state) = self.seats.get_mut(&seat) {
            state.ears = ears;
            self.redraw = true;
        }
    }

    /// Sets how loud a listener hears somebody: 0 to 200 percent, 100 being as they are. Seats that are not
    /// there are ignored.
    pub fn set_volume(
        &mut self,
        listener: u32,
        of: u32,
        percent: u16,
    ) -> Result<(), PersonalMixesFull> {
        if listener == of || !self.seats.contains_key(&of) {
            return Ok(());
        }
        if percent == 100 {
            self.forget_volume(listener, of);
            return Ok(());
        }
        let Some(seat) = self.seats.get_mut(&listener) else {
            return Ok(());
        };
        if !self.personal.contains(&listener) && self.personal.len() >= PERSONAL_MIXES_MAX {
            return Err(PersonalMixesFull);
        }
        self.personal.insert(listener);
        seat.volumes.insert(of, percent.min(VOLUME_PERCENT_MAX));
        self.redraw = true;
        Ok(())
    }

    /// Takes a packet of a speaker, and passes it on to those who hear nobody else.
    pub fn packet(&mut self, now: Moment, from: u32, frame: VoiceFrame, out: &mut Vec<Outgoing>) {
        let at = self.clock(now);
        let Some(seat) = self.seats.get_mut(&from) else {
            return;
        };
        if !seat.may_speak {
            self.figures.muted += 1;
            return;
        }
        if !matches!(frame.samples, 480 | 960) || frame.opus.len() > OPUS_BYTES_MAX {
            self.figures.dropped += 1;
            return;
        }
        self.figures.received += 1;
        let voice = seat.voice.get_or_insert_default();
        let was_active = voice.speaking.is_active(now) && self.active.binary_search(&from).is_ok();
        let is_active = voice.speaking.push(now, frame.level, frame.opus.len());
        if frame.opus.len() <= DTX_PACKET_BYTES_MAX {
            voice.pause(frame.media_time);
            return;
        }
        if !is_active {
            return;
        }

        let frontier = self.frontier(from);
        let place = self
            .voice_mut(from)
            .and_then(|voice| voice.place(at, &frame, frontier, !was_active));
        let Some(place) = place else {
            self.figures.dropped += 1;
            return;
        };
        if let Err(gap) = self.active.binary_search(&from) {
            self.active.insert(gap, from);
        }
        if !was_active || self.redraw {
            self.settle(now, out);
        }
        self.pass_on(from, place, &frame, out);
        if let Some(voice) = self.voice_mut(from) {
            voice.store(place, frame);
        }
    }

    /// Does what is due at `now`: see [`next_wakeup`](Self::next_wakeup). Harmless at any time.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<Outgoing>) {
        self.settle(now, out);
        let at = self.clock(now);
        while let Some(mixing) = self.mixing {
            let behind = at - mixing.next - mixing.depth;
            if behind < 0 {
                break;
            }
            if behind > CATCH_UP_FRAMES_MAX * GRID {
                self.mixing = Some(Mixing {
                    next: mixing.next + voice::floor(behind),
                    ..mixing
                });
                continue;
            }
            self.mix(now, mixing.next, out);
            let wanted = self.depth();
            self.mixing = Some(Mixing {
                next: mixing.next + GRID,
                depth: wanted.max(mixing.depth - DEPTH_FALL_SAMPLES),
            });
        }
    }

    /// When [`tick`](Self::tick) wants to be called: for each mixed frame, and when a voice ends. None when
    /// nobody speaks: a silent room costs nothing.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let frame = self
            .mixing
            .map(|mixing| self.moment(mixing.next + mixing.depth));
        let ends = self
            .active
            .iter()
            .filter_map(|&seat| self.voice(seat)?.speaking.active_until());
        let recent = self.recent.values().copied();
        frame.into_iter().chain(ends).chain(recent).min()
    }

    /// Who is to be shown as speaking, with their level in -dBov.
    pub fn speaking(&self, now: Moment) -> impl Iterator<Item = (u32, u8)> {
        self.active.iter().filter_map(move |&seat| {
            let speaking = &self.voice(seat)?.speaking;
            speaking
                .is_speaking(now)
                .then_some((seat, speaking.level()))
        })
    }

    pub fn figures(&self) -> VoiceFigures {
        self.figures
    }

    /// The room's media clock, in samples; on the wire it wraps at 32 bits.
    pub fn clock(&self, now: Moment) -> i64 {
        samples_at(Moment(now.0.saturating_sub(self.opened.0)))
    }

    /// When the room's clock reads `media`.
    fn moment(&self, media: i64) -> Moment {
        let micros = u64::try_from(media.max(0))
            .unwrap_or(0)
            .saturating_mul(1_000)
            .div_ceil(48);
        Moment(self.opened.0.saturating_add(micros))
    }

    fn voice(&self, seat: u32) -> Option<&Voice<C::Decoder>> {
        self.seats.get(&seat)?.voice.as_deref()
    }

    fn voice_mut(&mut self, seat: u32) -> Option<&mut Voice<C::Decoder>> {
        self.seats.get_mut(&seat)?.voice.as_deref_mut()
    }

    fn silence(&mut self, seat: u32) {
        if let Some(voice) = self.voice_mut(seat) {
            voice.hush();
        }
        self.active.retain(|&other| other != seat);
        self.redraw = true;
    }

    fn forget_volume(&mut self, listener: u32, of: u32) {
        let Some(seat) = self.seats.get_mut(&listener) else {
            return;
        };
        seat.volumes.remove(&of);
        if seat.volumes.is_empty() {
            self.personal.remove(&listener);
        }
        self.redraw = true;
    }

    /// The room time up to which anybody who may hear `from` was sent something.
    fn frontier(&self, from: u32) -> i64 {
        let lines = self
            .lines
            .iter()
            .filter(|&(&id, _)| id != LineId::Own(from));
        let sent = lines
            .map(|(_, line)| line.newest())
            .max()
            .unwrap_or(0);
        self.mixing.map_or(sent, |mixing| sent.max(mixing.next))
    }

    /// How long after its media time a frame is to be mixed, so that nearly all packets have come.
    fn depth(&self) -> i64 {
        let voices = self.talkers.iter().filter_map(|&seat| self.voice(seat));
        let depth = voices.map(Voice::depth).max().unwrap_or(0);
        (depth + DEPTH_MARGIN_SAMPLES).clamp(DEPTH_SAMPLES_MIN, DEPTH_SAMPLES_MAX)
    }

    fn pass_on(&mut self, from: u32, place: Place, frame: &VoiceFrame, out: &mut Vec<Outgoing>) {
        let end = place.media + i64::from(frame.samples);
        for line in self
            .lines
            .values_mut()
            .filter(|line| line.way == Way::PassOn(from))
        {
            let Some(to) = line.listeners(place.media, end) else {
                continue;
            };
            let first = line.sent(end);
            self.figures.passed_on += 1;
            out.push(Outgoing {
                frame: OutFrame {
                    source: from,
                    spurt_start: place.spurt_start || first,
                    media_time: place.media as u32,
                    samples: frame.samples,
                    level: frame.level,
                    opus: frame.opus.clone(),
                },
                to,
            });
        }
    }

    /// Looks who speaks, draws the lines and chooses their ways.
    fn settle(&mut self, now: Moment, out: &mut Vec<Outgoing>) {
        let seats = &self.seats;
        self.active.retain(|seat| {
            let voice = seats.get(seat).and_then(|seat| seat.voice.as_ref());
            voice.is_some_and(|voice| voice.speaking.is_active(now))
        });
        self.choose_talkers(now);
        if self.redraw {
            self.redraw = false;
            self.draw_lines(out);
        }
        self.choose_ways(now, out);
        self.start_or_stop_mixing(now);
    }

    fn choose_talkers(&mut self, now: Moment) {
        let candidates: Vec<(u32, u8)> = self
            .active
            .iter()
            .filter_map(|&seat| Some((seat, self.voice(seat)?.speaking.level())))
            .collect();
        let talkers = loudest(&candidates, &self.talkers, TALKERS_MAX);
        let before = self.recent.len();
        self.recent.retain(|_, &mut until| now < until);
        self.redraw |= self.recent.len() != before;
        if talkers == self.talkers {
            return;
        }
        let gone = self.talkers.iter().filter(|seat| !talkers.contains(seat));
        for &seat in gone {
            if self.seats.contains_key(&seat) {
                self.recent.insert(seat, now + OWN_LINE_KEPT);
                if self.mixing.is_some() {
                    self.bench.leaving.push(seat);
                }
            }
        }
        for &seat in talkers.iter().filter(|seat| !self.talkers.contains(seat)) {
            self.recent.remove(&seat);
            self.bench.leaving.retain(|&other| other != seat);
            // Only somebody who was left out comes in the middle of a word.
            let began = self
                .voice(seat)
                .map_or(0, |voice| voice.newest - voice.spurt_from);
            if began > GRID && self.mixing.is_some() {
                self.bench.entering.push(seat);
            }
        }
        self.talkers = talkers;
        self.redraw = true;
    }

    /// Gives a line to each speaker and each listener with volumes; all the others share one.
    fn draw_lines(&mut self, out: &mut Vec<Outgoing>) {
        let own = self
            .talkers
            .iter()
            .chain(self.recent.keys())
            .chain(&self.personal);
        let seats = &self.seats;
        let hears = |seat: &u32| seats.get(seat).is_some_and(|seat| seat.ears);
        let own: BTreeSet<u32> = own.copied().filter(hears).collect();

        let mut returned = Vec::new();
        self.lines.retain(|&id, line| match id {
            LineId::Own(seat) if !own.contains(&seat) => {
                if line.way != Way::Nothing {
                    returned.push((seat, line.cursor));
                }
                false
            }
            LineId::Own(_) | LineId::Shared => true,
        });
        let Some(mut shared) = self.lines.remove(&LineId::Shared) else {
            return;
        };
        for &seat in &own {
            self.lines.entry(LineId::Own(seat)).or_insert_with(|| {
                match shared.members.binary_search(&seat) {
                    Ok(_) => shared.branch(seat),
                    Err(_) => Line::new(Arc::from([seat])),
                }
            });
        }
        let members = self
            .seats
            .iter()
            .filter(|(id, seat)| seat.ears && !own.contains(id));
        let members: Vec<u32> = members.map(|(&id, _)| id).collect();
        if *shared.members != *members {
            returned.retain(|(seat, _)| members.binary_search(seat).is_ok());
            shared.regroup(Arc::from(members), &returned);
            let sent = shared.cursor;
            for &(seat, cursor) in returned.iter().filter(|&&(_, cursor)| cursor < sent) {
                self.catch_up(&mut shared, cursor, Some(seat), out);
            }
        }
        self.lines.insert(LineId::Shared, shared);
    }

    /// Sends what waits of the one voice that a line hears, from `cursor` on: to `one` of it or to all.
    fn catch_up(
        &mut self,
        line: &mut Line<C::Encoder>,
        cursor: i64,
        one: Option<u32>,
        out: &mut Vec<Outgoing>,
    ) {
        let Way::PassOn(from) = line.way else { return };
        let Some(voice) = self.seats.get(&from).and_then(|seat| seat.voice.as_ref()) else {
            return;
        };
        for (media, stored) in voice.from(cursor) {
            let end = media + stored.samples;
            let to = match one {
                Some(seat) => Some(Arc::from([seat])),
                None => line.listeners(media, end),
            };
            let Some(to) = to else { continue };
            let first = line.sent(end);
            self.figures.passed_on += 1;
            out.push(Outgoing {
                frame: OutFrame {
                    source: from,
                    spurt_start: stored.spurt_start || first,
                    media_time: media as u32,
                    samples: stored.samples as u32,
                    level: stored.level,
                    opus: stored.opus.clone(),
                },
                to,
            });
        }
    }

    fn choose_ways(&mut self, now: Moment, out: &mut Vec<Outgoing>) {
        let ids: Vec<LineId> = self.lines.keys().copied().collect();
        for id in ids {
            let Some(mut line) = self.lines.remove(&id) else {
                continue;
            };
            let way = self.way(now, id, &mut line);
            if way != line.way {
                self.change_way(id, &mut line, way, out);
            }
            line.rest_encoder(now, ENCODER_KEPT);
            self.lines.insert(id, line);
        }
    }

    fn way(&self, now: Moment, id: LineId, line: &mut Line<C::Encoder>) -> Way {
        if line.members.is_empty() {
            return Way::Nothing;
        }
        let mut heard = self
            .talkers
            .iter()
            .map(|&of| (of, self.volume(id, of)))
            .filter(|&(_, volume)| volume > 0);
        let (one, volume) = match (heard.next(), heard.next()) {
            (None, _) => {
                line.several = false;
                return Way::Nothing;
            }
            (Some(_), Some(_)) => {
                line.several = true;
                return Way::Mix;
            }
            (Some(one), None) => one,
        };
        if line.several {
            line.several = false;
            line.hold_until = now + PASS_ON_AFTER;
        }
        let held = line.way == Way::Mix && now < line.hold_until;
        match held || volume != 100 {
            true => Way::Mix,
            false => Way::PassOn(one),
        }
    }

    /// In percent; nobody hears themselves.
    fn volume(&self, id: LineId, of: u32) -> u16 {
        match id {
            LineId::Shared => 100,
            LineId::Own(seat) if seat == of => 0,
            LineId::Own(seat) => {
                let set = self.seats.get(&seat).and_then(|seat| seat.volumes.get(&of));
                set.copied().unwrap_or(100)
            }
        }
    }

    fn change_way(
        &mut self,
        id: LineId,
        line: &mut Line<C::Encoder>,
        way: Way,
        out: &mut Vec<Outgoing>,
    ) {
        let before = std::mem::replace(&mut line.way, way);
        if before != Way::Nothing {
            line.since = line.cursor;
            self.catch_up(line, line.cursor, None, out);
            return;
        }
        // Nothing was heard: begin with what comes now, not with what was said before.
        let from = match way {
            Way::PassOn(of) => self.voice(of).map(|voice| voice.newest),
            Way::Mix | Way::Nothing => {
                let heard = self.talkers.iter().filter(|&&of| self.volume(id, of) > 0);
                let voices = heard.filter_map(|&of| self.voice(of));
                voices.map(|voice| voice.newest.max(voice.spurt_from)).min()
            }
        };
        line.cursor = line.cursor.max(from.unwrap_or(0));
        line.since = line.cursor;
        line.silent = true;
    }

    fn start_or_stop_mixing(&mut self, now: Moment) {
        let mixed = self.lines.values().filter(|line| line.way == Way::Mix);
        let Some(first) = mixed.map(|line| line.cursor).min() else {
            if self.mixing.take().is_some() {
                self.stop_mixing();
            }
            return;
        };
        if self.mixing.is_none() {
            let earliest = self.clock(now) - DEPTH_SAMPLES_MAX;
            let next = voice::floor(first.max(earliest));
            let depth = self.depth();
            self.mixing = Some(Mixing { next, depth });
        }
    }

    fn stop_mixing(&mut self) {
        self.bench.leaving.clear();
        self.bench.entering.clear();
        self.bench.spare.clear();
        for seat in self.seats.values_mut() {
            if let Some(voice) = &mut seat.voice {
                voice.rest_decoder();
            }
        }
    }

    /// Makes the frames of `[media, media + 960)` for all lines that are mixed.
    fn mix(&mut self, now: Moment, media: i64, out: &mut Vec<Outgoing>) {
        self.render(now, media);
        let ids: Vec<LineId> = self.lines.keys().copied().collect();
        for id in ids {
            let Some(mut line) = self.lines.remove(&id) else {
                continue;
            };
            if line.way == Way::Mix {
                self.mix_line(now, media, id, &mut line, out);
            }
            self.lines.insert(id, line);
        }
        self.bench
            .spare
            .extend(self.bench.frames.drain(..).map(|(_, frame)| frame));
        for index in 0..self.active.len() {
            let seat = self.active[index];
            if let Some(voice) = self.voice_mut(seat) {
                voice.forget_before(media + GRID);
            }
        }
    }

    /// Decodes a frame of each talker onto the bench and sums them up.
    fn render(&mut self, now: Moment, media: i64) {
        self.bench.bus.clear();
        let leaving = std::mem::take(&mut self.bench.leaving);
        let entering = std::mem::take(&mut self.bench.entering);
        let heard: BTreeSet<u32> = self.talkers.iter().chain(&leaving).copied().collect();
        for seat in heard {
            let Some(voice) = self
                .seats
                .get_mut(&seat)
                .and_then(|seat| seat.voice.as_mut())
            else {
                continue;
            };
            let mut frame = self
                .bench
                .spare
                .pop()
                .unwrap_or_else(|| Box::new([0; FRAME_SAMPLES]));
            let cost = voice.render(&self.codecs, media, &mut frame);
            self.figures.decodes += cost.decodes;
            self.figures.concealed += cost.concealed;
            voice.speaking.heard(now, level(&*frame));
            if leaving.contains(&seat) {
                fade(&mut frame, 1.0, 0.0);
                voice.rest_decoder();
            } else if entering.contains(&seat) {
                fade(&mut frame, 0.0, 1.0);
            }
            self.bench.bus.add(&frame);
            self.bench.frames.push((seat, frame));
        }
    }

    fn mix_line(
        &mut self,
        now: Moment,
        media: i64,
        id: LineId,
        line: &mut Line<C::Encoder>,
        out: &mut Vec<Outgoing>,
    ) {
        let end = media + GRID;
        let Some(to) = line.listeners(media, end) else {
            return;
        };
        let mut sum = [0.0; FRAME_SAMPLES];
        let count = self.sum(id, &mut sum);
        let mut pcm = [0; FRAME_SAMPLES];
        let codecs = &self.codecs;
        line.encode(
            now,
            || codecs.encoder(),
            &sum,
            &mut pcm,
            &mut self.bench.opus,
        );
        self.figures.encodes += 1;
        if self.bench.opus.len() <= DTX_PACKET_BYTES_MAX {
            line.sent(end);
            line.silent = true;
            return;
        }
        *count(&mut self.figures) += 1;
        out.push(Outgoing {
            frame: OutFrame {
                source: SOURCE_MIX,
                spurt_start: line.sent(end),
                media_time: media as u32,
                samples: GRID as u32,
                level: level(&pcm),
                opus: Arc::from(&*self.bench.opus),
            },
            to,
        });
    }

    /// Sums up what a line hears; says under which figure it counts.
    fn sum(&self, id: LineId, sum: &mut [f32; FRAME_SAMPLES]) -> fn(&mut VoiceFigures) -> &mut u64 {
        let LineId::Own(seat) = id else {
            self.bench.bus.all(sum);
            return |figures| &mut figures.mixed_shared;
        };
        if self.personal.contains(&seat) {
            for (of, frame) in &self.bench.frames {
                add_with_gain(frame, f32::from(self.volume(id, *of)) / 100.0, sum);
            }
            return |figures| &mut figures.mixed_personal;
        }
        match self.bench.frames.iter().find(|(of, _)| *of == seat) {
            Some((_, own)) => self.bench.bus.all_but(own, sum),
            None => self.bench.bus.all(sum),
        }
        |figures| &mut figures.mixed_minus
    }
}
