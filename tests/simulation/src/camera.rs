//! Cameras over whole paths: publisher, network, the server's cache and ladders, network, assembler; with
//! re-requests and reports on the way back, and wishes and layers on the control links.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use conclave_core::{
    Moment,
    media::cameras::{CameraSign, Cameras, Routes},
};
use conclave_wire::{
    Layer, ParticipantId,
    command::Watch,
    datagram::{Fragment, ReRequest, Report},
};

use crate::network::{Network, Node, Weather};

mod forwarder;
mod publisher;
mod viewer;

use forwarder::Forwarder;
pub use forwarder::Offered;
pub use publisher::Publisher;
pub use viewer::{Seen, Viewer};

/// The server's place on the networks.
pub const SERVER: Node = 0;
/// Address, port, our header and the tag around a body.
const AROUND_BODY_BYTES: usize = 28 + 33;
/// How often viewers report and the server hands its rooms what was reported and measured.
pub const REPORT_EVERY: Duration = Duration::from_millis(250);
/// A run that makes more steps for one moment stands still.
const STEPS_AT_ONCE_MAX: u32 = 10_000;

#[derive(Clone, Debug)]
pub enum Datagram {
    Fragment { number: u64, body: Arc<[u8]> },
    ReRequest(ReRequest),
    Report(Report),
}

/// What travels on control links.
#[derive(Clone, Debug)]
pub enum Control {
    Watch(Vec<Watch>),
    PublishLayers(Vec<Layer>),
    AudioOnly(bool),
}

pub struct CameraRoom {
    pub media: Network<Datagram>,
    pub control: Network<Control>,
    pub publishers: BTreeMap<ParticipantId, Publisher>,
    pub viewers: BTreeMap<ParticipantId, Viewer>,
    pub now: Moment,
    /// Frames of which the server has sent something to a viewer.
    pub offered: BTreeSet<Offered>,
    /// The longest that a layer was published after the last viewer had gone.
    pub unwatched_max: Duration,
    cameras: Cameras,
    routes: Routes,
    forwarder: Forwarder,
    interval_ends: Moment,
    /// Since when nobody watches a layer; absent while somebody does.
    unwatched: BTreeMap<(ParticipantId, Layer), Moment>,
}

impl CameraRoom {
    /// An empty room, with this weather on all media links.
    pub fn new(seed: u64, weather: Weather) -> CameraRoom {
        let now = Moment::from_ms(10_000);
        CameraRoom {
            media: Network::new(seed, weather),
            control: Network::new(!seed, Weather::STREAM),
            publishers: BTreeMap::new(),
            viewers: BTreeMap::new(),
            now,
            offered: BTreeSet::new(),
            unwatched_max: Duration::ZERO,
            cameras: Cameras::new(),
            routes: Routes::default(),
            forwarder: Forwarder::default(),
            interval_ends: now + REPORT_EVERY,
            unwatched: BTreeMap::new(),
        }
    }

    /// Somebody comes with a camera that is on.
    pub fn publish(&mut self, id: u32) -> ParticipantId {
        let id = ParticipantId(id);
        self.cameras.enter(self.now, id);
        self.cameras.camera(self.now, id, true);
        self.publishers.insert(id, Publisher::new(id, self.now));
        let layers = Layer::ALL.map(|layer| ((id, layer), self.now));
        self.unwatched.extend(layers);
        self.settle();
        id
    }

    /// Somebody comes who watches nothing yet. Who does not report has a link that is believed to be good.
    pub fn view(&mut self, id: u32, reports: bool) -> ParticipantId {
        let id = ParticipantId(id);
        self.cameras.enter(self.now, id);
        self.viewers.insert(id, Viewer::new(self.now, reports));
        self.settle();
        id
    }

    /// A viewer says what to watch.
    pub fn watch(&mut self, viewer: ParticipantId, watch: Vec<Watch>) {
        self.control
            .send(self.now, viewer.0, SERVER, 100, Control::Watch(watch));
    }

    /// Lets everything happen that happens in so much time.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut at_once = 0;
        while let Some(at) = self.next_event().filter(|&at| at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < STEPS_AT_ONCE_MAX, "time stands still");
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Moment> {
        let publishers = self.publishers.values().map(Publisher::next_frame);
        let viewers = self.viewers.values().filter_map(Viewer::next_wakeup);
        let server = self
            .cameras
            .next_wakeup()
            .into_iter()
            .chain([self.interval_ends]);
        let networks = [self.media.next_arrival(), self.control.next_arrival()];
        let networks = networks.into_iter().flatten();
        publishers
            .chain(viewers)
            .chain(server)
            .chain(networks)
            .min()
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(arrival) = self.control.arrived(now) {
            self.told(arrival.from, arrival.to, arrival.message);
        }
        while let Some(arrival) = self.media.arrived(now) {
            self.arrived(
                ParticipantId(arrival.from),
                ParticipantId(arrival.to),
                arrival.message,
            );
        }
        self.publish_frames();
        self.wake_viewers();
        if self.interval_ends <= now {
            self.interval_ends = now + REPORT_EVERY;
            for (source, layer, bits_per_second, fps) in self.forwarder.measure() {
                self.cameras
                    .published(now, source, layer, bits_per_second, fps);
            }
            for (viewer, report) in self.forwarder.take_reports() {
                self.cameras.report(now, viewer, &report);
            }
            self.settle();
        }
        if self.cameras.next_wakeup().is_some_and(|at| at <= now) {
            self.cameras.wake(now);
            self.settle();
        }
    }

    fn told(&mut self, from: Node, to: Node, message: Control) {
        match message {
            Control::Watch(watch) => {
                self.cameras.watch(self.now, ParticipantId(from), &watch);
                self.settle();
            }
            Control::PublishLayers(layers) => {
                if let Some(publisher) = self.publishers.get_mut(&ParticipantId(to)) {
                    publisher.layers = layers;
                }
            }
            Control::AudioOnly(audio_only) => {
                if let Some(viewer) = self.viewers.get_mut(&ParticipantId(to)) {
                    viewer.audio_only = audio_only;
                }
            }
        }
    }

    fn arrived(&mut self, from: ParticipantId, to: ParticipantId, message: Datagram) {
        let now = self.now;
        let mut out = Vec::new();
        match message {
            Datagram::Fragment { number, body } if to.0 == SERVER => {
                let offered = &mut self.offered;
                self.forwarder
                    .fragment(now, from, number, body, &self.routes, offered, &mut out);
            }
            Datagram::Fragment { number, body } => {
                if let Some(viewer) = self.viewers.get_mut(&to)
                    && let Some(fragment) = Fragment::parse(&body)
                {
                    viewer.fragment(now, number, &fragment, body.len() + AROUND_BODY_BYTES);
                }
            }
            Datagram::ReRequest(request) if to.0 == SERVER => {
                self.forwarder
                    .re_request(now, from, &request, &self.routes, &mut out);
            }
            Datagram::ReRequest(request) => {
                if let Some(publisher) = self.publishers.get_mut(&to) {
                    let again = publisher.again(now, &request);
                    out.extend(again.into_iter().map(|fragment| (to, SERVER, fragment)));
                }
            }
            Datagram::Report(report) => self.forwarder.report(from, report),
        }
        self.send(out);
    }

    fn publish_frames(&mut self) {
        let now = self.now;
        let mut out = Vec::new();
        for (&id, publisher) in &mut self.publishers {
            if publisher.next_frame() > now {
                continue;
            }
            for &layer in &publisher.layers {
                let unwatched = self.unwatched.get(&(id, layer));
                let unwatched = unwatched.map_or(Duration::ZERO, |&since| now.since(since));
                self.unwatched_max = self.unwatched_max.max(unwatched);
            }
            let fragments = publisher.publish(now);
            out.extend(fragments.into_iter().map(|fragment| (id, SERVER, fragment)));
        }
        self.send(out);
    }

    fn wake_viewers(&mut self) {
        let now = self.now;
        let mut out = Vec::new();
        for (&id, viewer) in &mut self.viewers {
            let messages = viewer.wake(now).into_iter();
            out.extend(messages.map(|message| (id, SERVER, message)));
        }
        self.send(out);
    }

    fn send(&mut self, out: Vec<(ParticipantId, Node, Datagram)>) {
        for (from, to, message) in out {
            let bytes = AROUND_BODY_BYTES
                + match &message {
                    Datagram::Fragment { body, .. } => body.len(),
                    Datagram::ReRequest(request) => 10 + 2 * request.indices.len(),
                    Datagram::Report(_) => Report::BYTES,
                };
            self.media.send(self.now, from.0, to, bytes, message);
        }
    }

    /// Hands on what the ladders have decided.
    fn settle(&mut self) {
        let now = self.now;
        if let Some(routes) = self.cameras.take_routes() {
            for &source in self.publishers.keys() {
                for layer in Layer::ALL {
                    let watched = |routes: &Routes| {
                        let source = routes.source(source);
                        source.is_some_and(|source| !source.viewers(layer).is_empty())
                    };
                    match (watched(&self.routes), watched(&routes)) {
                        (true, false) => drop(self.unwatched.insert((source, layer), now)),
                        (_, true) => drop(self.unwatched.remove(&(source, layer))),
                        (false, false) => {}
                    }
                }
            }
            self.routes = routes;
        }
        for (id, sign) in self.cameras.take_signs() {
            let message = match sign {
                CameraSign::PublishLayers(layers) => Control::PublishLayers(layers),
                CameraSign::AudioOnly(audio_only) => Control::AudioOnly(audio_only),
            };
            self.control.send(now, SERVER, id.0, 100, message);
        }
    }
}
