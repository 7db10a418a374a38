//! Who is heard, who listens with whom, and on which way.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Codecs, OutFrame, Outgoing, PASS_ON_AFTER, TALKERS_MAX, Voices,
    line::{Line, LineId, Way},
    voice::GRID,
};
use crate::{Moment, media::mixer::loudest};

/// Encoders of speakers are kept this long beyond their last word: a fresh one costs a poor frame.
pub const ENCODER_KEPT: Duration = Duration::from_secs(1);
/// A speaker keeps a line of their own until all the others are back to passing on.
const OWN_LINE_KEPT: Duration = Duration::from_millis(1_200);

impl<C: Codecs> Voices<C> {
    /// Looks who speaks, draws the lines and chooses their ways.
    pub(super) fn settle(&mut self, now: Moment, out: &mut Vec<Outgoing>) {
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
    pub(super) fn volume(&self, id: LineId, of: u32) -> u16 {
        match id {
            LineId::Shared => 100,
            LineId::Own(seat) if seat == of => 0,
            // Who waits for a mix hears as everybody does, while they speak too.
            LineId::Own(seat) if !self.personal.contains(&seat) => 100,
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
}
