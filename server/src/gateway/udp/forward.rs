//! Camera, from socket to sockets: each fragment goes to those whom the room's table names, sealed for each.

use std::{collections::HashMap, sync::Arc, time::Duration};

use conclave_core::{
    Moment,
    media::{
        assemble::{
            FRAGMENTS_MAX, FragmentCache, FragmentKey, FrameAssembler, ResendBudget,
            UpstreamRequests, answer, split,
        },
        cameras::SourceRoutes,
        quiet::QuietGate,
    },
};
use conclave_wire::{
    Layer, ParticipantId,
    datagram::{Fragment, Kind, ReRequest, set_fragment_source},
};

use super::{
    gate::{FrameGate, Passage},
    measure::Measures,
    send::Courier,
    socket::MediaSocket,
};
use crate::media::{
    figures::Count,
    scale::{ScaleJob, Scaled, Scaler},
    seat::RoomKey,
    sessions::{MediaSessions, Session, Way},
};

/// A frame that comes in parts leaves as a whole when the rest of it comes within this: one send of a whole
/// frame costs a viewer a third of many sends of parts.
const TRAIN_WAIT: Duration = Duration::from_millis(1);
/// With fewer viewers nothing is waited for.
const WAITING_VIEWERS_MIN: usize = 8;
/// What is kept of publishers and viewers that are silent so long is forgotten: longer than cameras of quiet
/// company are.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

/// The body of a camera datagram, with its publisher's name in it.
type Body = Arc<[u8]>;

pub struct Forwarder {
    sessions: MediaSessions,
    courier: Courier,
    scaler: Scaler,
    measures: Measures,
    publishers: HashMap<(RoomKey, ParticipantId), Publisher>,
    viewers: HashMap<(RoomKey, ParticipantId), ViewerState>,
    /// Fragments of one frame, in a row, that go out together.
    train: Option<Train>,
    targets: Vec<Target>,
}

#[derive(Default)]
struct Publisher {
    cache: FragmentCache<Body>,
    upstream: UpstreamRequests,
    quiet: QuietGate,
    /// Puts together what the server scales, by layer.
    assemblers: HashMap<Layer, FrameAssembler>,
    used_at: Moment,
}

#[derive(Default)]
struct ViewerState {
    budget: ResendBudget,
    gates: HashMap<(ParticipantId, Layer), FrameGate>,
    used_at: Moment,
}

struct Train {
    publisher: Arc<Session>,
    layer: Layer,
    frame: u32,
    bodies: Vec<Body>,
    /// Fragments that the frame has.
    count: usize,
    /// Its rest may come until then; `None` when nobody waits.
    waits_until: Option<Moment>,
}

struct Target {
    session: Arc<Session>,
    way: Way,
    fps_max: u8,
}

impl Forwarder {
    pub fn new(socket: Arc<MediaSocket>, sessions: MediaSessions, scaler: Scaler) -> Forwarder {
        Forwarder {
            sessions,
            courier: Courier::new(socket),
            scaler,
            measures: Measures::default(),
            publishers: HashMap::new(),
            viewers: HashMap::new(),
            train: None,
            targets: Vec::new(),
        }
    }

    pub fn measures(&mut self) -> &mut Measures {
        &mut self.measures
    }

    /// Takes the body of an authentic camera datagram. It leaves with its neighbours of the same frame: see
    /// [`batch_ended`](Self::batch_ended). False when it is malformed.
    pub fn fragment(&mut self, now: Moment, publisher: &Arc<Session>, body: &mut [u8]) -> bool {
        let source = publisher.seat.id;
        set_fragment_source(body, source);
        let Some(fragment) = Fragment::parse(body) else {
            return false;
        };
        if usize::from(fragment.count) > FRAGMENTS_MAX {
            return false;
        }
        let figures = self.sessions.figures();
        figures.one(Count::CameraReceived);
        let routes = publisher.seat.cameras.current();
        let Some(routes) = routes.source(source) else {
            figures.one(Count::CameraUnrouted);
            return true;
        };
        let (layer, frame) = (fragment.layer, fragment.frame);
        self.measures.fragment(publisher, layer, frame, body.len());
        let place = (publisher.seat.room, source);
        if routes.quiet() {
            let kept = self.publishers.entry(place).or_default();
            kept.used_at = now;
            if !kept.quiet.passes(now, layer, frame, fragment.count) {
                figures.one(Count::CameraUnrouted);
                return true;
            }
        }
        let watched = !routes.viewers(layer).is_empty();
        let scaled = routes
            .scalings()
            .iter()
            .any(|scaling| scaling.from == layer);
        if !watched && !scaled {
            figures.one(Count::CameraUnrouted);
            return true;
        }

        let key = FragmentKey {
            layer,
            frame,
            index: fragment.index,
        };
        let kept = self.publishers.entry(place).or_default();
        kept.used_at = now;
        // The answer to a re-request, when the first one came after all.
        if kept.cache.get(key, now).is_some() {
            return true;
        }
        let shared = Body::from(&*body);
        kept.cache.insert(key, shared.clone(), now);
        if scaled {
            self.offer_for_scaling(now, publisher, routes, &fragment);
        }
        if watched {
            let many = routes.viewers(layer).len() >= WAITING_VIEWERS_MIN;
            let train = Train {
                publisher: publisher.clone(),
                layer,
                frame,
                bodies: Vec::new(),
                count: fragment.count.into(),
                waits_until: many.then(|| now + TRAIN_WAIT),
            };
            self.board(now, train, shared);
        }
        true
    }

    /// Sends what has come of the last frame, unless its rest is worth a wait. Called at the end of each
    /// batch, and when the [wait is over](Self::next_departure).
    pub fn batch_ended(&mut self, now: Moment) {
        let waits = self.train.as_ref().is_some_and(|train| {
            train.bodies.len() < train.count && train.waits_until.is_some_and(|until| now < until)
        });
        if !waits {
            self.depart(now);
        }
    }

    /// When what has come of a frame leaves without its rest.
    pub fn next_departure(&self) -> Option<Moment> {
        self.train.as_ref().and_then(|train| train.waits_until)
    }

    fn depart(&mut self, now: Moment) {
        let Some(train) = self.train.take() else {
            return;
        };
        self.find_targets(&train);
        let source = train.publisher.seat.id;
        let mut targets = std::mem::take(&mut self.targets);
        let (mut fragments, mut bytes, mut dropped, mut thinned) = (0, 0, 0, 0);
        for target in targets.drain(..) {
            let place = (target.session.seat.room, target.session.seat.id);
            let viewer = self.viewers.entry(place).or_default();
            viewer.used_at = now;
            let gate = viewer.gates.entry((source, train.layer)).or_default();
            match gate.passes(now, train.frame, target.fps_max) {
                Passage::LeftOut { first } => thinned += u64::from(first),
                Passage::Pass => {
                    let session = &target.session;
                    let sent =
                        self.courier
                            .camera(session, &target.way, Kind::Camera, &train.bodies);
                    viewer
                        .budget
                        .sent(usize::try_from(sent.bytes).unwrap_or(usize::MAX));
                    fragments += sent.datagrams;
                    bytes += sent.bytes;
                    dropped += sent.dropped;
                }
            }
        }
        self.targets = targets;
        let figures = self.sessions.figures();
        figures.add(Count::CameraSent, fragments);
        figures.add(Count::CameraBytesSent, bytes);
        figures.add(Count::CameraNotSent, dropped);
        figures.add(Count::CameraThinned, thinned);
    }

    /// Answers a viewer from the cache, within the viewer's budget, and asks the publisher for what never
    /// came. False when it is malformed.
    pub fn re_request(&mut self, now: Moment, viewer: &Arc<Session>, body: &[u8]) -> bool {
        let Some(request) = ReRequest::parse(body) else {
            return false;
        };
        let room = viewer.seat.room;
        let routes = viewer.seat.cameras.current();
        let viewers = routes
            .source(request.source)
            .map(|source| source.viewers(request.layer));
        let watches = viewers
            .is_some_and(|viewers| viewers.iter().any(|watching| watching.id == viewer.seat.id));
        let Some(kept) = self
            .publishers
            .get_mut(&(room, request.source))
            .filter(|_| watches)
        else {
            return true;
        };
        let figures = self.sessions.figures();
        figures.add(Count::ReRequested, request.indices.len() as u64);
        let budget = &mut self
            .viewers
            .entry((room, viewer.seat.id))
            .or_default()
            .budget;
        let answered = answer(&request, &mut kept.cache, budget, now);
        let upstream = answered
            .absent
            .and_then(|absent| kept.upstream.merge(absent, now));

        let receivers = self.sessions.receivers();
        let reached = |id| {
            let (session, way) = receivers.camera(room, id)?;
            Some((session.clone(), way))
        };
        let to_viewer = reached(viewer.seat.id).filter(|_| !answered.bodies.is_empty());
        let to_publisher = upstream.and_then(|request| Some((reached(request.source)?, request)));
        drop(receivers);
        if let Some((session, way)) = to_viewer {
            let sent = self
                .courier
                .camera(&session, &way, Kind::Camera, &answered.bodies);
            figures.add(Count::Resent, sent.datagrams);
            figures.add(Count::CameraNotSent, sent.dropped);
        }
        if let Some(((session, way), request)) = to_publisher {
            let mut asked = Vec::new();
            request.write(&mut asked);
            self.courier
                .camera(&session, &way, Kind::ReRequest, &[Body::from(asked)]);
            figures.one(Count::ReRequestedUpstream);
        }
        true
    }

    /// Sends a frame that the server has made smaller, as if its publisher had sent it.
    pub fn scaled(&mut self, now: Moment, scaled: &Scaled) {
        let source = scaled.publisher.seat.id;
        let Ok(fragments) = split(&scaled.frame, source, scaled.layer) else {
            return;
        };
        let place = (scaled.publisher.seat.room, source);
        for fragment in fragments {
            let mut body = Vec::new();
            fragment.write(&mut body);
            let body = Body::from(body);
            let key = FragmentKey {
                layer: scaled.layer,
                frame: fragment.frame,
                index: fragment.index,
            };
            let kept = self.publishers.entry(place).or_default();
            kept.cache.insert(key, body.clone(), now);
            let train = Train {
                publisher: scaled.publisher.clone(),
                layer: scaled.layer,
                frame: fragment.frame,
                bodies: Vec::new(),
                count: fragment.count.into(),
                waits_until: None,
            };
            self.board(now, train, body);
        }
        self.depart(now);
    }

    /// Hands the rooms what was measured, and forgets who is silent.
    pub fn interval_ended(&mut self, now: Moment, load_percent: u8) {
        self.measures.hand_over(&self.sessions, load_percent);
        let recent = |used_at: Moment| now.since(used_at) < FORGOTTEN_AFTER;
        self.publishers
            .retain(|_, publisher| recent(publisher.used_at));
        self.viewers.retain(|_, viewer| {
            viewer.gates.retain(|_, gate| recent(gate.used_at));
            recent(viewer.used_at)
        });
    }

    /// Puts a fragment behind those of the same frame; another frame lets them depart first.
    fn board(&mut self, now: Moment, train: Train, body: Body) {
        let of = |train: &Train| (train.publisher.id, train.layer, train.frame);
        if self.train.as_ref().map(of) != Some(of(&train)) {
            self.depart(now);
        }
        self.train.get_or_insert(train).bodies.push(body);
    }

    /// The table is let go before anything is sent: whoever joins must not wait for it.
    fn find_targets(&mut self, train: &Train) {
        let seat = &train.publisher.seat;
        let routes = seat.cameras.current();
        let Some(source) = routes.source(seat.id) else {
            return;
        };
        let receivers = self.sessions.receivers();
        let targets = source.viewers(train.layer).iter().filter_map(|viewer| {
            let (session, way) = receivers.camera(seat.room, viewer.id)?;
            Some(Target {
                session: session.clone(),
                way,
                fps_max: viewer.fps_max,
            })
        });
        self.targets.extend(targets);
    }

    fn offer_for_scaling(
        &mut self,
        now: Moment,
        publisher: &Arc<Session>,
        routes: &SourceRoutes,
        fragment: &Fragment<'_>,
    ) {
        let place = (publisher.seat.room, publisher.seat.id);
        let kept = self.publishers.entry(place).or_default();
        let assembler = kept.assemblers.entry(fragment.layer).or_default();
        // What is lost on the way here is asked for by the viewers of other layers, or left out.
        assembler.wake(now);
        let Some(frame) = assembler.insert(fragment, now) else {
            return;
        };
        let to = routes
            .scalings()
            .iter()
            .filter(|scaling| scaling.from == fragment.layer);
        let job = ScaleJob {
            publisher: publisher.clone(),
            frame,
            to: to.map(|scaling| (scaling.to, scaling.fps_max)).collect(),
        };
        if !self.scaler.offer(now, job) {
            self.sessions.figures().one(Count::ScaleQueueFull);
        }
    }
}
