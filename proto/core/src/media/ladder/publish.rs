//! What publishers publish, and what the server scales for those who cannot.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use conclave_wire::{Layer, ParticipantId};

use super::{Allocation, Offers};
use crate::Moment;

/// A layer is published so long after the last viewer has gone, so that a glance away costs no restart.
pub const LAYER_LINGER: Duration = Duration::from_secs(2);
/// Frames that the server scales in one room: one costs as much as forwarding 130.
pub const SCALED_FRAMES_PER_SECOND_MAX: u32 = 60;
/// Frames that the server scales of one camera, for each size.
pub const SCALED_SOURCE_FPS: u8 = 10;

/// Which layers somebody watches, for each publisher.
#[derive(Debug, Default)]
pub struct PublishPlan {
    /// When each was last watched, or `None` while it is.
    layers: BTreeMap<(ParticipantId, Layer), Option<Moment>>,
}

/// The server makes `to` out of `from`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Scaling {
    pub source: ParticipantId,
    pub from: Layer,
    pub to: Layer,
    pub fps_max: u8,
}

impl PublishPlan {
    pub fn new() -> PublishPlan {
        PublishPlan::default()
    }

    /// Takes note of everybody's allocations.
    pub fn update<'a>(
        &mut self,
        allocations: impl IntoIterator<Item = &'a Allocation>,
        offers: &Offers,
        now: Moment,
    ) {
        let mut watched = BTreeSet::new();
        for allocation in allocations {
            let Some(offer) = offers.get(allocation.source) else {
                continue;
            };
            let layer = match offer.publishes(allocation.layer) {
                true => Some(allocation.layer),
                false => offer.scaled_from(allocation.layer),
            };
            watched.extend(layer.map(|layer| (allocation.source, layer)));
        }
        for &key in &watched {
            self.layers.insert(key, None);
        }
        for (key, left) in &mut self.layers {
            if left.is_none() && !watched.contains(key) {
                *left = Some(now);
            }
        }
        self.layers.retain(|(source, _), left| {
            offers.get(*source).is_some() && left.is_none_or(|at| now.since(at) < LAYER_LINGER)
        });
    }

    /// What a publisher should publish now, smallest first.
    pub fn wanted(&self, source: ParticipantId, now: Moment) -> Vec<Layer> {
        let all = (source, Layer::Thumbnail)..=(source, Layer::Large);
        self.layers
            .range(all)
            .filter(|(_, left)| left.is_none_or(|at| now.since(at) < LAYER_LINGER))
            .map(|((_, layer), _)| *layer)
            .collect()
    }

    /// When a layer that nobody watches is to be given up.
    pub fn next_wakeup(&self) -> Option<Moment> {
        self.layers
            .values()
            .flatten()
            .map(|&at| at + LAYER_LINGER)
            .min()
    }
}

/// Shares out the server's scaling: to the layers that most viewers wish for, as far as it goes.
///
/// `wishes` are the layers that viewers would watch, one entry a viewer.
pub fn plan_scaling(
    wishes: impl IntoIterator<Item = (ParticipantId, Layer)>,
    offers: &Offers,
) -> Vec<Scaling> {
    let mut viewers: BTreeMap<(ParticipantId, Layer), u32> = BTreeMap::new();
    for (source, layer) in wishes {
        let scalable = offers
            .get(source)
            .is_some_and(|offer| !offer.publishes(layer) && offer.scaled_from(layer).is_some());
        if scalable {
            *viewers.entry((source, layer)).or_default() += 1;
        }
    }
    let mut ordered: Vec<_> = viewers.into_iter().collect();
    ordered.sort_by_key(|&(key, viewers)| (std::cmp::Reverse(viewers), key));

    let scalings_max = SCALED_FRAMES_PER_SECOND_MAX / u32::from(SCALED_SOURCE_FPS);
    ordered
        .into_iter()
        .take(scalings_max as usize)
        .filter_map(|((source, to), _)| {
            let from = offers.get(source)?.scaled_from(to)?;
            Some(Scaling {
                source,
                from,
                to,
                fps_max: SCALED_SOURCE_FPS,
            })
        })
        .collect()
}
