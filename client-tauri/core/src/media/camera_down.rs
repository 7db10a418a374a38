//! From the network to whoever shows pictures: fragments become frames, and of each source the newest
//! frame waits until it is taken.

use std::collections::BTreeMap;

use conclave_core::{
    Moment,
    media::{assemble::FrameAssembler, quality::Histogram, sequence::is_after},
};
use conclave_wire::{
    Layer, ParticipantId,
    datagram::{Fragment, ReRequest},
};
use serde::Serialize;

use crate::media::{
    figures::{Summary, record},
    picture::{Picture, PictureRefused, decode_jpeg},
};

/// Layers of all sources that are put together at the same time. A room shows fewer.
pub const ASSEMBLERS_MAX: usize = 128;

/// A picture of somebody, still encoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CameraFrame {
    pub source: ParticipantId,
    pub layer: Layer,
    /// Rises within a layer, wrapping.
    pub number: u32,
    /// Milliseconds on the publisher's clock, wrapping.
    pub captured_ms: u32,
    pub arrived: Moment,
    pub jpeg: Vec<u8>,
}

impl CameraFrame {
    /// Decodes the picture to RGB, within limits.
    pub fn decode(&self) -> Result<Picture, PictureRefused> {
        decode_jpeg(&self.jpeg)
    }
}

/// Figures of all cameras that one client sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CameraDownFigures {
    /// Frames that came whole, and those that were given up.
    pub frames: u64,
    pub lost: u64,
    pub bytes: u64,
    pub re_requested: u64,
    pub recovered: u64,
    /// Fragments that came when their frame was over.
    pub late: u64,
    /// Frames that were replaced by a newer one before anybody took them.
    pub replaced: u64,
    /// Time between frames of one source.
    pub inter_arrival: Summary,
}

/// What one client sees.
#[derive(Debug, Default)]
pub struct CameraDown {
    assemblers: BTreeMap<(ParticipantId, Layer), FrameAssembler>,
    newest: BTreeMap<ParticipantId, Waiting>,
    frames: u64,
    bytes: u64,
    replaced: u64,
    gone: Gone,
    inter_arrival: Histogram,
}

/// The newest frame of a source.
#[derive(Debug)]
struct Waiting {
    /// Taken when this is `None`.
    frame: Option<CameraFrame>,
    arrived: Moment,
    captured_ms: u32,
}

/// Figures of assemblers that are no more.
#[derive(Debug, Default)]
struct Gone {
    dropped: u64,
    re_requested: u64,
    recovered: u64,
    late: u64,
}

impl CameraDown {
    pub fn new() -> CameraDown {
        CameraDown::default()
    }

    /// Takes a fragment. Says whose new frame waits now, if nobody has been told of one that still waits.
    pub fn push(&mut self, now: Moment, fragment: &Fragment<'_>) -> Option<ParticipantId> {
        let key = (fragment.source, fragment.layer);
        if !self.assemblers.contains_key(&key) && self.assemblers.len() == ASSEMBLERS_MAX {
            return None;
        }
        let assembler = self.assemblers.entry(key).or_default();
        let encoded = assembler.insert(fragment, now)?;
        let (source, layer) = key;
        self.frames += 1;
        self.bytes += encoded.bytes.len() as u64;
        let frame = CameraFrame {
            source,
            layer,
            number: encoded.number,
            captured_ms: encoded.captured_ms,
            arrived: now,
            jpeg: encoded.bytes,
        };
        self.put(frame)
    }

    /// Takes the newest frame of a source, once.
    pub fn take(&mut self, source: ParticipantId) -> Option<CameraFrame> {
        self.newest.get_mut(&source)?.frame.take()
    }

    /// Forgets every source but these.
    pub fn keep_only(&mut self, sources: &[ParticipantId]) {
        let known = self
            .newest
            .keys()
            .chain(self.assemblers.keys().map(|(source, _)| source));
        let gone: Vec<ParticipantId> = known
            .filter(|source| !sources.contains(source))
            .copied()
            .collect();
        gone.into_iter().for_each(|source| self.forget(source));
    }

    /// Forgets a source that is gone or not watched any more.
    pub fn forget(&mut self, source: ParticipantId) {
        self.newest.remove(&source);
        let gone: Vec<_> = (self.assemblers)
            .extract_if(.., |(of, _), _| *of == source)
            .collect();
        for (_, assembler) in gone {
            let figures = assembler.figures();
            self.gone.dropped += figures.dropped;
            self.gone.re_requested += figures.re_requested;
            self.gone.recovered += figures.recovered;
            self.gone.late += figures.late;
        }
    }

    /// Gives up frames whose time is over, and says what is to be asked for once more.
    pub fn wake(&mut self, now: Moment) -> Vec<ReRequest> {
        let mut requests = Vec::new();
        for (&(source, layer), assembler) in &mut self.assemblers {
            requests.extend(assembler.wake(now).into_iter().map(|missing| ReRequest {
                source,
                layer,
                frame: missing.frame,
                indices: missing.indices,
            }));
        }
        requests
    }

    pub fn next_wakeup(&self) -> Option<Moment> {
        self.assemblers
            .values()
            .filter_map(FrameAssembler::next_wakeup)
            .min()
    }

    /// Times between frames of one source, in microseconds.
    pub fn inter_arrival(&self) -> &Histogram {
        &self.inter_arrival
    }

    pub fn figures(&self) -> CameraDownFigures {
        let mut figures = CameraDownFigures {
            frames: self.frames,
            lost: self.gone.dropped,
            bytes: self.bytes,
            re_requested: self.gone.re_requested,
            recovered: self.gone.recovered,
            late: self.gone.late,
            replaced: self.replaced,
            inter_arrival: Summary::of(&self.inter_arrival),
        };
        for assembler in self.assemblers.values().map(FrameAssembler::figures) {
            figures.lost += assembler.dropped;
            figures.re_requested += assembler.re_requested;
            figures.recovered += assembler.recovered;
            figures.late += assembler.late;
        }
        figures
    }

    fn put(&mut self, frame: CameraFrame) -> Option<ParticipantId> {
        let source = frame.source;
        let (arrived, captured_ms) = (frame.arrived, frame.captured_ms);
        let waiting = Waiting {
            frame: Some(frame),
            arrived,
            captured_ms,
        };
        let Some(before) = self.newest.get_mut(&source) else {
            self.newest.insert(source, waiting);
            return Some(source);
        };
        // While the layer changes, frames of both come; an older moment is never shown after a newer.
        if is_after(before.captured_ms, captured_ms) {
            self.replaced += 1;
            return None;
        }
        record(&mut self.inter_arrival, arrived.since(before.arrived));
        let told = before.frame.is_some();
        self.replaced += u64::from(told);
        *before = waiting;
        (!told).then_some(source)
    }
}
