//! Who gets which layer of which camera, and at what rate: the table that the media threads follow.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use conclave_wire::{Layer, ParticipantId, QualityChoice, command::Watch, datagram::Report};

use super::{
    ladder::{Ladder, LinkReport, Offers, PublishPlan, Scaling, plan_scaling},
    quiet::QUIET_LAYER,
};
use crate::Moment;

mod load;
mod publisher;

use load::LoadShare;
use publisher::Publisher;

/// A viewer on audio only, of whom no report has come for so long, gets nothing that could be reported: its
/// link is tried by time instead.
const SILENT_AFTER: Duration = Duration::from_secs(1);

/// For each camera that is on, and each of its layers, the viewers who get it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Routes {
    sources: BTreeMap<ParticipantId, SourceRoutes>,
}

/// Where one camera goes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SourceRoutes {
    /// In the order of [`Layer::ALL`].
    viewers: [Arc<[Viewer]>; Layer::ALL.len()],
    scalings: Vec<Scaling>,
    quiet: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Viewer {
    pub id: ParticipantId,
    /// Frames a second, at least 1.
    pub fps_max: u8,
}

/// What one person must be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CameraSign {
    /// The layers of your camera that somebody watches; publish these and no others.
    PublishLayers(Vec<Layer>),
    /// Cameras are held back from you because the link is poor.
    AudioOnly(bool),
}

impl Routes {
    /// `None` when the person's camera is not on.
    pub fn source(&self, id: ParticipantId) -> Option<&SourceRoutes> {
        self.sources.get(&id)
    }
}

impl SourceRoutes {
    pub fn viewers(&self, layer: Layer) -> &[Viewer] {
        &self.viewers[layer as usize]
    }

    /// Whether only what [`QuietGate`](super::quiet::QuietGate) lets through goes on.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// What the server makes of this camera's layers.
    pub fn scalings(&self) -> &[Scaling] {
        &self.scalings
    }
}

/// All cameras of a room and everybody who watches them.
///
/// Inputs only note what has changed; [`take_routes`](Cameras::take_routes) and
/// [`take_signs`](Cameras::take_signs) work it out, so a batch of reports costs one turn of the ladders.
#[derive(Debug, Default)]
pub struct Cameras {
    now: Moment,
    viewers: BTreeMap<ParticipantId, Watching>,
    publishers: BTreeMap<ParticipantId, Publisher>,
    offers: Offers,
    plan: PublishPlan,
    load: LoadShare,
    /// Quiet company: nobody gets more than the smallest layer, and that seldom.
    quiet: bool,
    /// Whose ladder has news.
    stale: BTreeSet<ParticipantId>,
    /// What is offered has changed, or time has passed: everybody's ladder has news.
    all_stale: bool,
    routes: Routes,
    routes_changed: bool,
}

#[derive(Debug, Default)]
struct Watching {
    ladder: Ladder,
    /// Whom they want to see, whatever the room allows.
    wishes: Vec<Watch>,
    audio_only_told: bool,
    reported_at: Moment,
}

impl Watching {
    /// When the silence of a viewer on audio only counts as a report.
    fn silence_counts_at(&self) -> Option<Moment> {
        let silent = self.ladder.audio_only();
        silent.then(|| self.reported_at + SILENT_AFTER)
    }
}

impl Cameras {
    pub fn new() -> Cameras {
        Cameras::default()
    }

    /// Somebody's link is there. Entering again, as with a new link, tells the newcomer all signs anew.
    pub fn enter(&mut self, now: Moment, id: ParticipantId) {
        self.advance(now);
        self.viewers.entry(id).or_default().audio_only_told = false;
        if let Some(publisher) = self.publishers.get_mut(&id) {
            publisher.told = None;
        }
        self.stale.insert(id);
    }

    /// Somebody is gone, with what they watched and their camera.
    pub fn leave(&mut self, now: Moment, id: ParticipantId) {
        self.camera(now, id, false);
        self.viewers.remove(&id);
        self.stale.remove(&id);
        self.all_stale = true;
    }

    /// Somebody's camera goes on or off.
    pub fn camera(&mut self, now: Moment, id: ParticipantId, on: bool) {
        self.advance(now);
        match on {
            true if self.publishers.contains_key(&id) => return,
            true => {
                self.publishers.insert(id, Publisher::default());
                self.offers.insert(id, &Layer::ALL);
            }
            false => {
                self.publishers.remove(&id);
                self.offers.remove(id);
            }
        }
        self.all_stale = true;
    }

    /// Whom a viewer wants to see, most important first. Of people who are not here, and of the viewer's own
    /// camera, nothing comes.
    pub fn watch(&mut self, now: Moment, viewer: ParticipantId, watch: &[Watch]) {
        let others: Vec<Watch> = watch
            .iter()
            .copied()
            .filter(|wish| wish.source != viewer)
            .collect();
        if let Some(watching) = self.viewers.get_mut(&viewer) {
            watching.wishes.clone_from(&others);
        }
        let allowed = self.allowed(&others);
        self.with_ladder(now, viewer, |ladder| ladder.watch(&allowed));
    }

    /// Quiet company begins or ends.
    pub fn set_quiet(&mut self, now: Moment, quiet: bool) {
        self.advance(now);
        if std::mem::replace(&mut self.quiet, quiet) == quiet {
            return;
        }
        let viewers = self.viewers.iter();
        let wishes: Vec<_> = viewers
            .map(|(&id, watching)| (id, self.allowed(&watching.wishes)))
            .collect();
        for (viewer, allowed) in wishes {
            self.with_ladder(now, viewer, |ladder| ladder.watch(&allowed));
        }
        self.all_stale = true;
    }

    fn allowed(&self, wishes: &[Watch]) -> Vec<Watch> {
        let layer_max = |wish: &Watch| match self.quiet {
            true => QUIET_LAYER,
            false => wish.layer_max,
        };
        let wishes = wishes.iter();
        wishes
            .map(|wish| Watch {
                layer_max: layer_max(wish),
                ..*wish
            })
            .collect()
    }

    pub fn choose(&mut self, now: Moment, viewer: ParticipantId, choice: QualityChoice) {
        self.with_ladder(now, viewer, |ladder| ladder.choose(choice));
    }

    /// What a viewer saw in the interval since its report before.
    pub fn report(&mut self, now: Moment, viewer: ParticipantId, report: &Report) {
        if let Some(watching) = self.viewers.get_mut(&viewer) {
            watching.reported_at = now;
        }
        self.with_ladder(now, viewer, |ladder| ladder.report((*report).into(), now));
    }

    /// What was measured of a layer in the last second.
    pub fn published(
        &mut self,
        now: Moment,
        source: ParticipantId,
        layer: Layer,
        bits_per_second: u32,
        fps: u8,
    ) {
        self.advance(now);
        let Some(publisher) = self.publishers.get_mut(&source) else {
            return;
        };
        if fps > 0 && publisher.came(layer, now) {
            offer_anew(&mut self.offers, source, publisher);
            self.all_stale = true;
        }
        self.offers
            .published(source, layer, bits_per_second, fps, now);
    }

    /// How busy the media threads are, in percent of their time. Under load cameras yield first.
    pub fn server_load(&mut self, now: Moment, percent: u8) {
        self.advance(now);
        if let Some(left_permille) = self.load.measure(percent) {
            for watching in self.viewers.values_mut() {
                watching.ladder.set_load(left_permille);
            }
            self.all_stale = true;
        }
    }

    /// Does what is due at `now`: see [`next_wakeup`](Self::next_wakeup). Harmless at any time.
    pub fn wake(&mut self, now: Moment) {
        let due = self.layers_change_at().is_some_and(|at| at <= now);
        self.advance(now);
        self.all_stale |= due;
        for (&id, watching) in &mut self.viewers {
            if watching.silence_counts_at().is_some_and(|at| at <= now) {
                let nothing = LinkReport {
                    interval_ms: SILENT_AFTER.as_millis() as u16,
                    ..LinkReport::default()
                };
                watching.ladder.report(nothing, now);
                watching.reported_at = now;
                self.stale.insert(id);
            }
        }
    }

    /// When a layer that nobody watches any more is to be given up, or one that does not come is no longer
    /// waited for, or a viewer on audio only is silent.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let silent = self
            .viewers
            .values()
            .filter_map(Watching::silence_counts_at);
        silent.chain(self.layers_change_at()).min()
    }

    fn layers_change_at(&self) -> Option<Moment> {
        let missed = self.publishers.values().filter_map(Publisher::next_wakeup);
        missed.chain(self.plan.next_wakeup()).min()
    }

    /// The table, when it has changed since it was last taken.
    pub fn take_routes(&mut self) -> Option<Routes> {
        self.settle();
        std::mem::take(&mut self.routes_changed).then(|| self.routes.clone())
    }

    /// What has changed for people since this was last asked.
    pub fn take_signs(&mut self) -> Vec<(ParticipantId, CameraSign)> {
        self.settle();
        let mut signs = Vec::new();
        for (&id, publisher) in &mut self.publishers {
            let wanted = self.plan.wanted(id, self.now);
            if publisher.told.as_ref() != Some(&wanted) {
                publisher.told = Some(wanted.clone());
                signs.push((id, CameraSign::PublishLayers(wanted)));
            }
        }
        for (&id, watching) in &mut self.viewers {
            let audio_only = watching.ladder.audio_only();
            if watching.audio_only_told != audio_only {
                watching.audio_only_told = audio_only;
                signs.push((id, CameraSign::AudioOnly(audio_only)));
            }
        }
        signs
    }

    fn advance(&mut self, now: Moment) {
        self.now = self.now.max(now);
    }

    fn with_ladder(&mut self, now: Moment, viewer: ParticipantId, input: impl FnOnce(&mut Ladder)) {
        self.advance(now);
        if let Some(watching) = self.viewers.get_mut(&viewer) {
            input(&mut watching.ladder);
            self.stale.insert(viewer);
        }
    }

    /// Turns news into a new table.
    fn settle(&mut self) {
        if !self.all_stale && self.stale.is_empty() {
            return;
        }
        let now = self.now;
        self.learn_what_cannot_be_published();
        if self.all_stale {
            self.stale.extend(self.viewers.keys());
        }
        let scalings = self.scalings();
        for id in std::mem::take(&mut self.stale) {
            if let Some(watching) = self.viewers.get_mut(&id) {
                watching.ladder.allocate(&self.offers, now);
            }
        }
        self.all_stale = false;
        let allocations = self.viewers.values();
        let allocations = allocations.flat_map(|watching| watching.ladder.allocations());
        self.plan.update(allocations, &self.offers, now);
        for (&id, publisher) in &mut self.publishers {
            publisher.want(&self.plan.wanted(id, now), now);
        }
        let routes = self.table(scalings);
        self.routes_changed |= routes != self.routes;
        self.routes = routes;
    }

    /// A publisher who has sent one layer for a while, but not another that was wanted, cannot.
    fn learn_what_cannot_be_published(&mut self) {
        for (&id, publisher) in &mut self.publishers {
            if publisher.give_up(self.now) {
                offer_anew(&mut self.offers, id, publisher);
                self.all_stale = true;
            }
        }
    }

    fn scalings(&mut self) -> Vec<Scaling> {
        let offers = &self.offers;
        let ladders = self.viewers.values().map(|watching| &watching.ladder);
        let scalings = match self.quiet {
            // Each publisher sends the one layer that there is.
            true => Vec::new(),
            false => plan_scaling(
                ladders.flat_map(|ladder| ladder.scaling_wishes(offers)),
                offers,
            ),
        };
        for (&id, publisher) in &mut self.publishers {
            let of_this = scalings.iter().filter(|scaling| scaling.source == id);
            let fps = of_this.map(|scaling| scaling.fps_max).max().unwrap_or(0);
            if publisher.scaled_fps != fps {
                publisher.scaled_fps = fps;
                self.offers.set_scaled(id, fps);
                self.stale.extend(self.viewers.keys());
            }
        }
        scalings
    }

    fn table(&self, scalings: Vec<Scaling>) -> Routes {
        let mut lists: BTreeMap<(ParticipantId, Layer), Vec<Viewer>> = BTreeMap::new();
        for (&id, watching) in &self.viewers {
            for allocation in watching.ladder.allocations() {
                let list = lists.entry((allocation.source, allocation.layer));
                list.or_default().push(Viewer {
                    id,
                    fps_max: allocation.fps_max.max(1),
                });
            }
        }
        let source = |&id: &ParticipantId| {
            let viewers = Layer::ALL.map(|layer| lists.remove(&(id, layer)).unwrap_or_default());
            let scalings = scalings.iter().copied();
            let routes = SourceRoutes {
                viewers: viewers.map(Arc::from),
                scalings: scalings.filter(|scaling| scaling.source == id).collect(),
                quiet: self.quiet,
            };
            (id, routes)
        };
        Routes {
            sources: self.publishers.keys().map(source).collect(),
        }
    }
}

/// Says again what a publisher has to offer; the scaling is planned afterwards.
fn offer_anew(offers: &mut Offers, source: ParticipantId, publisher: &mut Publisher) {
    offers.insert(source, &publisher.able());
    publisher.scaled_fps = 0;
}
