//! Puts fragments together again, and says which ones to ask for once more.

use std::time::Duration;

use conclave_wire::{
    datagram::{CameraCodec, FRAGMENT_PAYLOAD_BYTES_MAX, Fragment, RE_REQUEST_INDICES_MAX},
    limits::CAMERA_FRAME_BYTES_MAX,
};

use super::{ASKS_MAX, EncodedFrame, FRAGMENTS_MAX, FRAME_LIFE};
use crate::{Moment, media::sequence::is_after};

/// Frames of one layer that are put together at the same time.
const FRAMES_BUILDING_MAX: usize = 4;
/// Bytes held for them: two of the largest.
const BUILDING_BYTES_MAX: usize = 2 * CAMERA_FRAME_BYTES_MAX;
/// A gap may be mere reordering; it is waited for so long.
const REORDERING: Duration = Duration::from_millis(10);
/// When nothing more of a frame comes, its tail is lost.
const TAIL_SILENCE: Duration = Duration::from_millis(20);
/// An answer to a re-request takes a round trip; after this it is lost as well.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// After so long without a fragment an older number is a publisher that has started anew.
const RESTART_SILENCE: Duration = Duration::from_secs(2);

/// Assembles the frames of one layer of one source. Fragments may come in any order, twice, or never;
/// what comes out is whole, and never older than what came out before.
#[derive(Debug, Default)]
pub struct FrameAssembler {
    /// Oldest first. Invariant: at most [`FRAMES_BUILDING_MAX`], all newer than `passed`.
    building: Vec<Building>,
    /// The newest frame that was given out or given up.
    passed: Option<u32>,
    last_arrival: Moment,
    figures: AssemblerFigures,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AssemblerFigures {
    /// Frames given out.
    pub complete: u64,
    /// Frames given up because they were not whole in time, or a newer one was.
    pub dropped: u64,
    /// Fragments of frames that had passed.
    pub late: u64,
    /// Fragments that were there already.
    pub duplicates: u64,
    /// Fragments that contradict their frame or are out of bounds.
    pub malformed: u64,
    /// Fragments asked for, each time counted.
    pub re_requested: u64,
    /// Fragments that came after they were asked for.
    pub recovered: u64,
}

/// Fragments to ask for, at most [`RE_REQUEST_INDICES_MAX`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Missing {
    pub frame: u32,
    pub indices: Vec<u16>,
}

impl FrameAssembler {
    pub fn new() -> FrameAssembler {
        FrameAssembler::default()
    }

    /// Takes a fragment in. Gives the frame that it completes.
    pub fn insert(&mut self, fragment: &Fragment<'_>, now: Moment) -> Option<EncodedFrame> {
        if !is_sound(fragment) {
            self.figures.malformed += 1;
            return None;
        }
        self.forget_after_silence(now);
        self.last_arrival = now;
        if self
            .passed
            .is_some_and(|passed| !is_after(fragment.frame, passed))
        {
            self.figures.late += 1;
            return None;
        }

        let at = self.place(fragment, now)?;
        let frame = &mut self.building[at];
        match frame.insert(fragment, now) {
            Inserted::New { asked } => self.figures.recovered += u64::from(asked),
            Inserted::Duplicate => self.figures.duplicates += 1,
            Inserted::Contradiction => self.figures.malformed += 1,
        }
        if frame.is_whole() {
            return Some(self.give_out(at));
        }
        for older in &mut self.building[..at] {
            older.expect_all(now);
        }
        self.bound_bytes();
        None
    }

    /// Gives up frames whose life is over and gives what is to be asked for now.
    pub fn wake(&mut self, now: Moment) -> Vec<Missing> {
        // A frame that dies takes those before it along: they were not to come out after it.
        while self.building.iter().any(|frame| frame.dies_at() <= now) {
            self.give_up_oldest();
        }
        let mut missing = Vec::new();
        for frame in &mut self.building {
            let indices = frame.ask(now);
            self.figures.re_requested += indices.len() as u64;
            missing.extend(
                indices
                    .chunks(RE_REQUEST_INDICES_MAX)
                    .map(|indices| Missing {
                        frame: frame.number,
                        indices: indices.to_vec(),
                    }),
            );
        }
        missing
    }

    /// When [`wake`](FrameAssembler::wake) has something to do.
    pub fn next_wakeup(&self) -> Option<Moment> {
        self.building.iter().map(Building::next_wakeup).min()
    }

    pub fn figures(&self) -> AssemblerFigures {
        self.figures
    }

    /// Bytes of pictures held.
    pub fn held_bytes(&self) -> usize {
        self.building.iter().map(|frame| frame.bytes).sum()
    }

    /// Where the fragment's frame is built; begins it if there is room for it.
    fn place(&mut self, fragment: &Fragment<'_>, now: Moment) -> Option<usize> {
        let mut at = match self.position(fragment.frame) {
            Ok(at) => return Some(at),
            Err(at) => at,
        };
        if self.building.len() == FRAMES_BUILDING_MAX {
            if at == 0 {
                self.figures.late += 1;
                return None;
            }
            self.give_up_oldest();
            at -= 1;
        }
        self.building.insert(at, Building::new(fragment, now));
        if at + 1 < self.building.len() {
            self.building[at].expect_all(now);
        }
        Some(at)
    }

    /// Finds a frame being built, or where it would stand.
    fn position(&self, number: u32) -> Result<usize, usize> {
        let at = self
            .building
            .iter()
            .position(|frame| !is_after(number, frame.number))
            .unwrap_or(self.building.len());
        match self.building.get(at) {
            Some(frame) if frame.number == number => Ok(at),
            _ => Err(at),
        }
    }

    fn give_out(&mut self, at: usize) -> EncodedFrame {
        let frame = self.building.remove(at);
        self.building.drain(..at);
        self.figures.dropped += at as u64;
        self.figures.complete += 1;
        self.passed = Some(frame.number);
        frame.into_encoded()
    }

    fn give_up_oldest(&mut self) {
        let frame = self.building.remove(0);
        self.figures.dropped += 1;
        self.passed = Some(frame.number);
    }

    fn bound_bytes(&mut self) {
        while self.held_bytes() > BUILDING_BYTES_MAX {
            self.give_up_oldest();
        }
    }

    fn forget_after_silence(&mut self, now: Moment) {
        if now.since(self.last_arrival) >= RESTART_SILENCE {
            self.figures.dropped += self.building.len() as u64;
            self.building.clear();
            self.passed = None;
        }
    }
}

/// Whether a fragment may be looked at; its count is what memory is taken for.
fn is_sound(fragment: &Fragment<'_>) -> bool {
    usize::from(fragment.count) <= FRAGMENTS_MAX
        && fragment.index < fragment.count
        && !fragment.payload.is_empty()
        && fragment.payload.len() <= FRAGMENT_PAYLOAD_BYTES_MAX
}

#[derive(Debug)]
struct Building {
    number: u32,
    codec: CameraCodec,
    keyframe: bool,
    captured_ms: u32,
    /// Empty payloads are missing ones.
    fragments: Vec<Slot>,
    /// One past the highest index that should have come by now.
    expected: usize,
    missing: usize,
    bytes: usize,
    first_at: Moment,
    last_at: Moment,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    payload: Vec<u8>,
    /// When to ask, if a gap was seen before it.
    due: Option<Moment>,
    asks: u8,
}

enum Inserted {
    New { asked: bool },
    Duplicate,
    Contradiction,
}

impl Building {
    fn new(fragment: &Fragment<'_>, now: Moment) -> Building {
        let count = usize::from(fragment.count);
        Building {
            number: fragment.frame,
            codec: fragment.codec,
            keyframe: fragment.keyframe,
            captured_ms: fragment.captured_ms,
            fragments: vec![Slot::default(); count],
            expected: 0,
            missing: count,
            bytes: 0,
            first_at: now,
            last_at: now,
        }
    }

    fn insert(&mut self, fragment: &Fragment<'_>, now: Moment) -> Inserted {
        let index = usize::from(fragment.index);
        let fits = self.bytes + fragment.payload.len() <= CAMERA_FRAME_BYTES_MAX;
        if usize::from(fragment.count) != self.fragments.len() || !fits {
            return Inserted::Contradiction;
        }
        self.expect(index, now);
        let slot = &mut self.fragments[index];
        if !slot.payload.is_empty() {
            return Inserted::Duplicate;
        }
        slot.payload = fragment.payload.to_vec();
        self.bytes += fragment.payload.len();
        self.missing -= 1;
        self.expected = self.expected.max(index + 1);
        self.last_at = now;
        Inserted::New {
            asked: self.fragments[index].asks > 0,
        }
    }

    /// Everything before `end` should be here: what is not is a gap.
    fn expect(&mut self, end: usize, now: Moment) {
        if end > self.expected {
            for slot in &mut self.fragments[self.expected..end] {
                slot.due = Some(now + REORDERING);
            }
            self.expected = end;
        }
    }

    /// A newer frame has begun, so all of this one should be here.
    fn expect_all(&mut self, now: Moment) {
        self.expect(self.fragments.len(), now);
    }

    /// When a missing fragment is to be asked for; `None` when it was asked for often enough.
    fn due(&self, slot: &Slot) -> Option<Moment> {
        let tail = self.last_at + TAIL_SILENCE;
        match slot.asks {
            _ if !slot.payload.is_empty() => None,
            0 => Some(slot.due.map_or(tail, |due| due.min(tail))),
            asks if asks < ASKS_MAX => slot.due,
            _ => None,
        }
    }

    fn ask(&mut self, now: Moment) -> Vec<u16> {
        let due: Vec<u16> = (0..self.fragments.len())
            .filter(|&index| self.due(&self.fragments[index]).is_some_and(|at| at <= now))
            .map(|index| index as u16)
            .collect();
        for &index in &due {
            let slot = &mut self.fragments[usize::from(index)];
            slot.asks += 1;
            slot.due = Some(now + ASK_AGAIN);
        }
        due
    }

    fn next_wakeup(&self) -> Moment {
        let asks = self.fragments.iter().filter_map(|slot| self.due(slot));
        asks.min()
            .map_or(self.dies_at(), |ask| ask.min(self.dies_at()))
    }

    fn dies_at(&self) -> Moment {
        self.first_at + FRAME_LIFE
    }

    fn is_whole(&self) -> bool {
        self.missing == 0
    }

    fn into_encoded(self) -> EncodedFrame {
        let mut bytes = Vec::with_capacity(self.bytes);
        for slot in &self.fragments {
            bytes.extend_from_slice(&slot.payload);
        }
        EncodedFrame {
            number: self.number,
            codec: self.codec,
            keyframe: self.keyframe,
            captured_ms: self.captured_ms,
            bytes,
        }
    }
}
