//! The lines of a room in order, who is typing, and reactions.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use conclave_wire::{
    Event, Line, LineId, LineKind, ParticipantId, Permission, RefusalCode, command::Reply,
    limits::CHAT_PAGE_LINES,
};

use super::{Effect, Outbox, Outcome, Record, Room, text::LineText};
use crate::{Moment, Now};

/// Typing that is not said again is over after this time.
pub const TYPING_MAX: Duration = Duration::from_secs(6);
/// Lines kept in memory: the page of the snapshot, and some before it that need no store.
pub const LINES_IN_MEMORY: usize = 4 * CHAT_PAGE_LINES;

#[derive(Debug, Default)]
pub(super) struct Chat {
    pub(super) lines: VecDeque<Line>,
    /// The id of the next line; the first is 1.
    pub(super) next: u32,
    pub(super) typing: BTreeMap<ParticipantId, Moment>,
}

impl Chat {
    /// The newest page, oldest first: what a snapshot holds.
    pub(super) fn page(&self) -> Vec<Line> {
        let skip = self.lines.len().saturating_sub(CHAT_PAGE_LINES);
        self.lines.iter().skip(skip).cloned().collect()
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        self.typing.values().min().copied()
    }

    /// Returns whether they were typing.
    pub(super) fn stop_typing(&mut self, id: ParticipantId) -> bool {
        self.typing.remove(&id).is_some()
    }

    fn push(&mut self, line: Line) {
        if self.lines.len() == LINES_IN_MEMORY {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Up to `lines_max` lines before `before` and whether there are more; `None` when that reaches
    /// further back than memory does.
    fn before(&self, before: LineId, lines_max: usize) -> Option<(Vec<Line>, bool)> {
        let end = self.lines.partition_point(|line| line.id < before);
        let start = end.saturating_sub(lines_max);
        let whole = self.lines.front().is_none_or(|first| first.id.0 <= 1);
        if end < lines_max && !whole {
            return None;
        }
        let lines = self.lines.range(start..end).cloned().collect();
        Some((lines, start > 0 || !whole))
    }
}

impl Room {
    pub(super) fn say(
        &mut self,
        from: ParticipantId,
        reference: u32,
        text: LineText,
        now: Now,
        out: &mut Outbox,
    ) -> LineId {
        if self.chat.stop_typing(from) {
            self.signs.typing(from, false, now.moment);
        }
        self.push_line(
            from,
            LineKind::Said,
            text.into_string(),
            Some(reference),
            now,
            out,
        )
    }

    pub(super) fn say_as_room(
        &mut self,
        about: ParticipantId,
        text: &str,
        now: Now,
        out: &mut Outbox,
    ) {
        self.push_line(about, LineKind::System, text.to_owned(), None, now, out);
    }

    pub(super) fn push_line(
        &mut self,
        from: ParticipantId,
        kind: LineKind,
        text: String,
        reference: Option<u32>,
        now: Now,
        out: &mut Outbox,
    ) -> LineId {
        let id = LineId(self.chat.next);
        self.chat.next += 1;
        let name = self
            .roster
            .seats
            .get(&from)
            .map(|seat| seat.name.clone())
            .unwrap_or_default();
        let line = Line {
            id,
            from,
            name,
            kind,
            text,
            at_ms: now.unix_ms,
            deleted: false,
        };
        self.chat.push(line.clone());
        out.push(Effect::Record(Record::LineSaid {
            line: line.clone(),
            reference,
        }));
        self.tell(Event::LineSaid { line }, out);
        id
    }

    /// One's own, or anybody's by a host.
    pub(super) fn delete_line(
        &mut self,
        by: ParticipantId,
        reference: u32,
        line: LineId,
        out: &mut Outbox,
    ) -> Result<Outcome, RefusalCode> {
        if line.0 == 0 || line.0 >= self.chat.next {
            return Err(RefusalCode::NoSuchLine);
        }
        match self.chat.lines.iter().find(|kept| kept.id == line) {
            Some(kept) => {
                let (from, deleted) = (kept.from, kept.deleted);
                self.delete_line_of(by, line, from, deleted, out)?;
                Ok(Outcome::Stored(Reply::Nothing))
            }
            None => {
                out.push(Effect::FindLine {
                    seat: by,
                    reference,
                    line,
                });
                Ok(Outcome::Later)
            }
        }
    }

    /// The store has answered [`Effect::FindLine`]; `None` when the line is not there.
    pub fn line_found(
        &mut self,
        by: ParticipantId,
        reference: u32,
        found: Result<Option<Line>, RefusalCode>,
        out: &mut Outbox,
    ) {
        let deleted = found.and_then(|line| {
            let line = line.ok_or(RefusalCode::NoSuchLine)?;
            self.delete_line_of(by, line.id, line.from, line.deleted, out)
        });
        match deleted {
            Ok(()) => {
                let result = Ok(Reply::Nothing);
                out.push(Effect::Answer {
                    seat: by,
                    reference,
                    result,
                    durable: true,
                });
            }
            Err(code) => self.answer_later(by, reference, Err(code.into()), out),
        }
    }

    fn delete_line_of(
        &mut self,
        by: ParticipantId,
        line: LineId,
        from: ParticipantId,
        deleted: bool,
        out: &mut Outbox,
    ) -> Result<(), RefusalCode> {
        if from != by && !self.may(by, Permission::Moderate) {
            return Err(RefusalCode::NotAllowed);
        }
        if deleted {
            return Ok(());
        }
        if let Some(kept) = self.chat.lines.iter_mut().find(|kept| kept.id == line) {
            kept.deleted = true;
            kept.text.clear();
        }
        out.push(Effect::Record(Record::LineDeleted { line }));
        self.tell(Event::LineDeleted { line }, out);
        Ok(())
    }

    pub(super) fn list_lines(
        &mut self,
        seat: ParticipantId,
        reference: u32,
        before: LineId,
        lines_max: u32,
        out: &mut Outbox,
    ) -> Outcome {
        let lines_max = lines_max.clamp(1, CHAT_PAGE_LINES as u32);
        match self.chat.before(before, lines_max as usize) {
            Some((lines, more)) => Outcome::Read(Reply::Lines { lines, more }),
            None => {
                out.push(Effect::FindLines {
                    seat,
                    reference,
                    before,
                    lines_max,
                });
                Outcome::Later
            }
        }
    }

    /// The store has answered [`Effect::FindLines`].
    pub fn lines_found(
        &mut self,
        seat: ParticipantId,
        reference: u32,
        found: Result<(Vec<Line>, bool), RefusalCode>,
        out: &mut Outbox,
    ) {
        let result = found
            .map(|(lines, more)| Reply::Lines { lines, more })
            .map_err(Into::into);
        self.answer_read(seat, reference, result, out);
    }

    pub(super) fn set_typing(&mut self, id: ParticipantId, typing: bool, now: Now) {
        match typing {
            true => {
                self.chat.typing.insert(id, now.moment + TYPING_MAX);
                self.signs.typing(id, true, now.moment);
            }
            false if self.chat.stop_typing(id) => self.signs.typing(id, false, now.moment),
            false => {}
        }
    }

    pub(super) fn wake_chat(&mut self, now: Now) {
        let over = |at: &Moment| *at <= now.moment;
        let ids: Vec<_> = self
            .chat
            .typing
            .iter()
            .filter(|(_, at)| over(at))
            .map(|(&id, _)| id)
            .collect();
        for id in ids {
            self.set_typing(id, false, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(from: u32, to: u32) -> Chat {
        let mut chat = Chat {
            next: to + 1,
            ..Chat::default()
        };
        for id in from..=to {
            chat.push(Line {
                id: LineId(id),
                from: ParticipantId(1),
                name: String::new(),
                kind: LineKind::Said,
                text: String::new(),
                at_ms: 0,
                deleted: false,
            });
        }
        chat
    }

    fn ids(found: Option<(Vec<Line>, bool)>) -> Option<(Vec<u32>, bool)> {
        found.map(|(lines, more)| (lines.iter().map(|line| line.id.0).collect(), more))
    }

    #[test]
    fn pages_come_from_memory_while_it_reaches_back_far_enough() {
        let whole = chat(1, 5);
        assert_eq!(ids(whole.before(LineId(4), 2)), Some((vec![2, 3], true)));
        assert_eq!(ids(whole.before(LineId(3), 2)), Some((vec![1, 2], false)));
        assert_eq!(ids(whole.before(LineId(1), 2)), Some((vec![], false)));
        assert_eq!(ids(whole.before(LineId(99), 2)), Some((vec![4, 5], true)));

        let newest = chat(11, 15);
        assert_eq!(
            ids(newest.before(LineId(13), 2)),
            Some((vec![11, 12], true))
        );
        assert_eq!(ids(newest.before(LineId(12), 2)), None);
        assert_eq!(ids(newest.before(LineId(11), 2)), None);
    }
}
