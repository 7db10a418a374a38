//! Somebody who watches: fragments become frames, gaps are asked for, and what came is reported.

use std::collections::BTreeMap;

use conclave_core::{
    Moment,
    media::{
        assemble::FrameAssembler,
        sequence::{CameraWindow, LossCounter, is_after},
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
    /// Least delay of each source since ever: clocks here do not drift.
    floors_ms: BTreeMap<ParticipantId, i64>,
    /// When the newest frame of each source was captured: the first fragment of a frame is not sent again.
    newest_ms: BTreeMap<ParticipantId, u32>,
    /// The least of the interval: what jitters is no queue.
    queueing_ms: Option<u64>,
    interval_bytes: u32,
    report_at: Moment,
    /// Something came since the last report; and before it.
    news: bool,
    told: bool,
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
            floors_ms: BTreeMap::new(),
            newest_ms: BTreeMap::new(),
            queueing_ms: None,
            interval_bytes: 0,
            report_at: now + REPORT_EVERY,
            news: false,
            told: false,
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
        self.news = true;
        if !self.window.take(number) {
            return;
        }
        self.bytes += bytes as u64;
        self.interval_bytes += bytes as u32;
        self.measure(now, fragment.source, fragment.captured_ms);
        let key = (fragment.source, fragment.layer);
        let Some(frame) = self
            .assemblers
            .entry(key)
            .or_default()
            .insert(fragment, now)
        else {
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
        let assemblers = self
            .assemblers
            .values()
            .filter_map(FrameAssembler::next_wakeup);
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
            // While nothing comes there is nothing to report; that it has ended is said once.
            let told = std::mem::replace(&mut self.told, self.news);
            let due = std::mem::take(&mut self.news) || told;
            out.extend((self.reports && due).then_some(Datagram::Report(report)));
        }
        out
    }

    fn measure(&mut self, now: Moment, source: ParticipantId, captured_ms: u32) {
        let newest_ms = self.newest_ms.get(&source);
        if newest_ms.is_some_and(|&newest| !is_after(captured_ms, newest)) {
            return;
        }
        self.newest_ms.insert(source, captured_ms);
        let delay_ms = i64::from((now.as_ms() as u32).wrapping_sub(captured_ms) as i32);
        let floor_ms = self.floors_ms.entry(source).or_insert(delay_ms);
        *floor_ms = delay_ms.min(*floor_ms);
        let above = delay_ms.abs_diff(*floor_ms);
        self.queueing_ms = Some(self.queueing_ms.map_or(above, |least| least.min(above)));
    }

    fn report(&mut self) -> Report {
        let loss = self.loss.report();
        Report {
            interval_ms: REPORT_EVERY.as_millis() as u16,
            camera_received: loss.received as u32,
            camera_lost: loss.lost as u32,
            camera_bytes: std::mem::take(&mut self.interval_bytes),
            queueing_ms: self.queueing_ms.take().unwrap_or(0).min(u16::MAX.into()) as u16,
            ..Report::default()
        }
    }
}
