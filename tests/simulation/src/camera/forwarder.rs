//! The server's media thread: fragments are kept and passed to those who watch, and once more to those who
//! have lost some.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use conclave_core::{
    Moment,
    media::{
        assemble::{FragmentCache, FragmentKey, ResendBudget, UpstreamRequests, answer},
        cameras::Routes,
        sequence::CameraWindow,
    },
};
use conclave_wire::{
    Layer, ParticipantId,
    datagram::{Fragment, ReRequest, Report},
};

use super::{Datagram, SERVER};
use crate::network::Node;

/// Layers are measured over so many intervals of a quarter of a second.
const INTERVALS: usize = 4;
/// Decisions of a gate that are remembered.
const FRAMES_REMEMBERED: usize = 8;

/// A frame of which something was sent to a viewer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Offered {
    pub viewer: ParticipantId,
    pub source: ParticipantId,
    pub layer: Layer,
    pub frame: u32,
}

type Out = Vec<(ParticipantId, Node, Datagram)>;

#[derive(Default)]
pub(super) struct Forwarder {
    publishers: BTreeMap<ParticipantId, FromPublisher>,
    viewers: BTreeMap<ParticipantId, ToViewer>,
    meters: BTreeMap<(ParticipantId, Layer), Meter>,
    reports: BTreeMap<ParticipantId, Report>,
}

#[derive(Default)]
struct FromPublisher {
    window: CameraWindow,
    cache: FragmentCache<Arc<[u8]>>,
    upstream: UpstreamRequests,
}

#[derive(Default)]
struct ToViewer {
    /// Of the next datagram.
    number: u64,
    budget: ResendBudget,
    gates: BTreeMap<(ParticipantId, Layer), Gate>,
}

/// Thins a layer to a viewer's rate, whole frames at a time.
#[derive(Default)]
struct Gate {
    decided: VecDeque<(u32, bool)>,
    due: Moment,
}

/// Bytes and frames of the last intervals, the present one last.
#[derive(Default)]
struct Meter {
    intervals: VecDeque<(u64, BTreeSet<u32>)>,
}

impl Forwarder {
    #[allow(
        clippy::too_many_arguments,
        reason = "what came, from whom, and where it goes"
    )]
    pub(super) fn fragment(
        &mut self,
        now: Moment,
        source: ParticipantId,
        number: u64,
        body: Arc<[u8]>,
        routes: &Routes,
        offered: &mut BTreeSet<Offered>,
        out: &mut Out,
    ) {
        let publisher = self.publishers.entry(source).or_default();
        let Some(fragment) = Fragment::parse(&body).filter(|_| publisher.window.take(number))
        else {
            return;
        };
        let (layer, frame) = (fragment.layer, fragment.frame);
        let meter = self.meters.entry((source, layer)).or_default();
        meter.count(frame, body.len());
        let viewers = routes.source(source).map(|routes| routes.viewers(layer));
        let key = FragmentKey {
            layer,
            frame,
            index: fragment.index,
        };
        if viewers.is_none() || publisher.cache.get(key, now).is_some() {
            return;
        }
        publisher.cache.insert(key, body.clone(), now);
        for viewer in viewers.unwrap_or_default() {
            let to = self.viewers.entry(viewer.id).or_default();
            let gate = to.gates.entry((source, layer)).or_default();
            if gate.passes(now, frame, viewer.fps_max) {
                to.budget.sent(body.len());
                offered.insert(Offered {
                    viewer: viewer.id,
                    source,
                    layer,
                    frame,
                });
                out.push(to.datagram(viewer.id, body.clone()));
            }
        }
    }

    pub(super) fn re_request(
        &mut self,
        now: Moment,
        viewer: ParticipantId,
        request: &ReRequest,
        routes: &Routes,
        out: &mut Out,
    ) {
        let routes = routes.source(request.source);
        let watches = routes.is_some_and(|routes| {
            let viewers = routes.viewers(request.layer);
            viewers.iter().any(|watching| watching.id == viewer)
        });
        let Some(publisher) = self.publishers.get_mut(&request.source).filter(|_| watches) else {
            return;
        };
        let to = self.viewers.entry(viewer).or_default();
        let answered = answer(request, &mut publisher.cache, &mut to.budget, now);
        for body in answered.bodies {
            out.push(to.datagram(viewer, body));
        }
        let absent = answered
            .absent
            .and_then(|absent| publisher.upstream.merge(absent, now));
        let upstream = absent.map(|absent| {
            (
                ParticipantId(SERVER),
                request.source.0,
                Datagram::ReRequest(absent),
            )
        });
        out.extend(upstream);
    }

    /// The newest report of a viewer counts.
    pub(super) fn report(&mut self, viewer: ParticipantId, report: Report) {
        self.reports.insert(viewer, report);
    }

    pub(super) fn take_reports(&mut self) -> BTreeMap<ParticipantId, Report> {
        std::mem::take(&mut self.reports)
    }

    /// Bits and frames a second of each layer that comes, or has just ceased to.
    pub(super) fn measure(&mut self) -> Vec<(ParticipantId, Layer, u32, u8)> {
        let meters = self.meters.iter_mut();
        let measured: Vec<_> = meters
            .map(|(&(source, layer), meter)| {
                let (bits_per_second, fps) = meter.end_interval();
                (source, layer, bits_per_second, fps)
            })
            .collect();
        self.meters
            .retain(|_, meter| meter.intervals.iter().any(|(bytes, _)| *bytes > 0));
        measured
    }
}

impl ToViewer {
    fn datagram(
        &mut self,
        viewer: ParticipantId,
        body: Arc<[u8]>,
    ) -> (ParticipantId, Node, Datagram) {
        let number = self.number;
        self.number += 1;
        (
            ParticipantId(SERVER),
            viewer.0,
            Datagram::Fragment { number, body },
        )
    }
}

impl Gate {
    fn passes(&mut self, now: Moment, frame: u32, fps_max: u8) -> bool {
        if let Some(&(_, passes)) = self.decided.iter().find(|(other, _)| *other == frame) {
            return passes;
        }
        let interval = Duration::from_secs(1) / u32::from(fps_max.max(1));
        let passes = now + interval / 2 >= self.due;
        if passes {
            self.due = self.due.max(now) + interval;
        }
        if self.decided.len() == FRAMES_REMEMBERED {
            self.decided.pop_front();
        }
        self.decided.push_back((frame, passes));
        passes
    }
}

impl Meter {
    fn count(&mut self, frame: u32, bytes: usize) {
        if self.intervals.is_empty() {
            self.intervals.push_back(Default::default());
        }
        if let Some((sum, frames)) = self.intervals.back_mut() {
            *sum += bytes as u64;
            frames.insert(frame);
        }
    }

    fn end_interval(&mut self) -> (u32, u8) {
        let intervals = self.intervals.len().max(1) as u64;
        let bytes: u64 = self.intervals.iter().map(|(bytes, _)| bytes).sum();
        let frames: BTreeSet<u32> = self
            .intervals
            .iter()
            .flat_map(|(_, frames)| frames)
            .copied()
            .collect();
        if self.intervals.len() == INTERVALS {
            self.intervals.pop_front();
        }
        self.intervals.push_back(Default::default());
        let a_second = |sum: u64| sum * INTERVALS as u64 / intervals;
        (
            a_second(8 * bytes) as u32,
            a_second(frames.len() as u64) as u8,
        )
    }
}
