//! Who gets which layer of which camera, and at what rate: the table that the media threads follow.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use conclave_wire::{Layer, ParticipantId, QualityChoice, command::Watch, datagram::Report};

use crate::Moment;

/// For each camera that is on, and each of its layers, the viewers who get it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Routes {
    sources: BTreeMap<ParticipantId, SourceRoutes>,
}

/// The viewers of one camera by layer, in the order of [`Layer::ALL`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SourceRoutes {
    viewers: [Arc<[Viewer]>; Layer::ALL.len()],
    /// Layers that the server makes from a larger one: (from, to).
    pub scaled: Option<(Layer, Layer)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Viewer {
    pub id: ParticipantId,
    /// Frames a second, at least 1.
    pub fps_max: u8,
}

impl Routes {
    /// `None` when the person's camera is not on.
    pub fn source(&self, id: ParticipantId) -> Option<&SourceRoutes> {
        self.sources.get(&id)
    }
}

impl SourceRoutes {
    pub fn viewers(&self, layer: Layer) -> &Arc<[Viewer]> {
        &self.viewers[layer as usize]
    }
}

/// What one person must be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CameraSign {
    /// The layers of your camera that somebody watches.
    PublishLayers(Vec<Layer>),
    /// Cameras are held back from you because the link is poor.
    AudioOnly(bool),
}

/// All cameras of a room and everybody who watches them.
#[derive(Debug, Default)]
pub struct Cameras {
    routes_changed: bool,
}

impl Cameras {
    pub fn new() -> Cameras {
        Cameras::default()
    }

    pub fn enter(&mut self, now: Moment, id: ParticipantId) {
        let _ = (now, id);
    }

    pub fn leave(&mut self, now: Moment, id: ParticipantId) {
        let _ = (now, id);
    }

    /// Somebody's camera goes on or off.
    pub fn camera(&mut self, now: Moment, id: ParticipantId, on: bool) {
        let _ = (now, id, on);
    }

    /// Whom a viewer wants to see.
    pub fn watch(&mut self, now: Moment, viewer: ParticipantId, watch: &[Watch]) {
        let _ = (now, viewer, watch);
    }

    pub fn choose(&mut self, now: Moment, viewer: ParticipantId, choice: QualityChoice) {
        let _ = (now, viewer, choice);
    }

    pub fn report(&mut self, now: Moment, viewer: ParticipantId, report: &Report) {
        let _ = (now, viewer, report);
    }

    /// What was measured of a layer in the last interval.
    pub fn published(&mut self, now: Moment, source: ParticipantId, layer: Layer, bits_per_second: u32, fps: u8) {
        let _ = (now, source, layer, bits_per_second, fps);
    }

    /// How busy the server is, 0 to 100 percent of what its media threads can do.
    pub fn server_load(&mut self, now: Moment, percent: u8) {
        let _ = (now, percent);
    }

    pub fn wake(&mut self, now: Moment) {
        let _ = now;
    }

    pub fn next_wakeup(&self) -> Option<Moment> {
        let _ = Duration::ZERO;
        None
    }

    /// The table, when it has changed since it was last taken.
    pub fn take_routes(&mut self) -> Option<Routes> {
        std::mem::take(&mut self.routes_changed).then(Routes::default)
    }

    /// What has changed for people since this was last asked.
    pub fn take_signs(&mut self) -> Vec<(ParticipantId, CameraSign)> {
        Vec::new()
    }
}
