//! Somebody who watches: fragments become frames, gaps are asked for, and what came is reported.

use std::collections::BTreeMap;

use conclave_core::{
    Moment,
    media::{
        assemble::FrameAssembler,
        sequence::{CameraWindow, LossCounter},
    },
};
use conclave_wire::{
    Layer, ParticipantId,
    datagram::{Fragment, ReRequest, Report},
};

use super::{Datagram, REPORT_EVERY, publisher::picture};

/// A frame that came whole.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Seen {
    pub source: ParticipantId,
    pub layer: Layer,
    pub frame: u32,
    pub at: Moment,
}

pub struct Viewer {
    /// Whole frames, in the order in which they came.
    pub seen: Vec<Seen>,
    /// Frames that were given out and are not what was published.
    pub spoilt: u64,
    /// Bytes of camera datagrams.
    pub bytes: u64,
    pub audio_only: bool,
    reports: bool,
    window: CameraWindow,
    loss: LossCounter,
    assemblers: BTreeMap<(ParticipantId, Layer), FrameAssembler>,
    /// Least delay since ever: clocks here do not drift.
    floor_ms: Option<i64>,
    queueing_ms: u64,
    interval_bytes: u32,
    report_at: Moment,
}

impl Viewer {
    pub(super) fn new(now: Moment, reports: bool) -> Viewer {
        Viewer {
            seen: Vec::new(),
            spoilt: 0,
            bytes: 0,
            audio_only: false,
            reports,
            window: CameraWindow::new(),
            loss: LossCounter::new(),
            assemblers: BTreeMap::new(),
            floor_ms: None,
            queueing_ms: 0,
            interval_bytes: 0,
            report_at: now + REPORT_EVERY,
        }
    }

    /// Fragments that were asked for once more, each time counted.
    pub fn re_requested(&self) -> u64 {
        let figures = self.assemblers.values().map(FrameAssembler::figures);
        figures.map(|figures| figures.re_requested).sum()
    }

    pub(super) fn fragment(
        &mut self,
        now: Moment,
        number: u64,
        fragment: &Fragment<'_>,
        bytes: usize,
    ) {
        self.loss.take(number);
        if !self.window.take(number) {
            return;
        }
        self.bytes += bytes as u64;
        self.interval_bytes += bytes as u32;
        self.measure(now, fragment.captured_ms);
        let key = (fragment.source, fragment.layer);
        let Some(frame) = self.assemblers.entry(key).or_default().insert(fragment, now) else {
            return;
        };
        let (source, layer) = key;
        self.spoilt += u64::from(frame.bytes != picture(source, layer, frame.number));
        self.seen.push(Seen {
            source,
            layer,
            frame: frame.number,
            at: now,
        });
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        let assemblers = self.assemblers.values().filter_map(FrameAssembler::next_wakeup);
        assemblers.chain([self.report_at]).min()
    }

    /// What is to be sent now.
    pub(super) fn wake(&mut self, now: Moment) -> Vec<Datagram> {
        let mut out = Vec::new();
        for (&(source, layer), assembler) in &mut self.assemblers {
            let missing = assembler.wake(now).into_iter();
            out.extend(missing.map(|missing| {
                Datagram::ReRequest(ReRequest {
                    source,
                    layer,
                    frame: missing.frame,
                    indices: missing.indices,
                })
            }));
        }
        if self.report_at <= now {
            self.report_at = now + REPORT_EVERY;
            let report = self.report();
            out.extend(self.reports.then_some(Datagram::Report(report)));
        }
        out
    }

    fn measure(&mut self, now: Moment, captured_ms: u32) {
        let delay_ms = i64::from((now.as_ms() as u32).wrapping_sub(captured_ms) as i32);
        let floor_ms = self.floor_ms.map_or(delay_ms, |floor| floor.min(delay_ms));
        self.floor_ms = Some(floor_ms);
        self.queueing_ms = self.queueing_ms.max(delay_ms.abs_diff(floor_ms));
    }

    fn report(&mut self) -> Report {
        let loss = self.loss.report();
        Report {
            interval_ms: REPORT_EVERY.as_millis() as u16,
            camera_received: loss.received as u32,
            camera_lost: loss.lost as u32,
            camera_bytes: std::mem::take(&mut self.interval_bytes),
            queueing_ms: std::mem::take(&mut self.queueing_ms).min(u16::MAX.into()) as u16,
            ..Report::default()
        }
    }
}
