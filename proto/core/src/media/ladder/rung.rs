//! What there is to choose from: layers and rates, and what each costs.

use conclave_wire::{Layer, QualityChoice};

use super::Offer;
use crate::Moment;

/// Frames a second unless the viewer asks for high quality.
const FPS_MAX: u8 = 15;
const FPS_MAX_HIGH: u8 = 30;

/// From the least to the most. A layer's slowest rung is used only where no smaller layer is to be had.
const RUNGS: [Rung; 9] = [
    Rung {
        layer: Layer::Thumbnail,
        fps: 5,
    },
    Rung {
        layer: Layer::Thumbnail,
        fps: 10,
    },
    Rung {
        layer: Layer::Thumbnail,
        fps: 15,
    },
    Rung {
        layer: Layer::Normal,
        fps: 5,
    },
    Rung {
        layer: Layer::Normal,
        fps: 10,
    },
    Rung {
        layer: Layer::Normal,
        fps: 15,
    },
    Rung {
        layer: Layer::Large,
        fps: 5,
    },
    Rung {
        layer: Layer::Large,
        fps: 15,
    },
    Rung {
        layer: Layer::Large,
        fps: 30,
    },
];
const FPS_SLOWEST: u8 = 5;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Rung {
    pub(super) layer: Layer,
    pub(super) fps: u8,
}

/// The rungs that a source has for this viewer, each with its price in bits a second.
pub(super) type Steps = Vec<(Rung, u64)>;

/// What a source has for a viewer, from the least to the most.
pub(super) fn steps(offer: &Offer, layer_max: Layer, choice: QualityChoice, now: Moment) -> Steps {
    let fps_cap = match choice {
        QualityChoice::Auto | QualityChoice::Low | QualityChoice::Normal => FPS_MAX,
        QualityChoice::High => FPS_MAX_HIGH,
    };
    let Some(smallest) = Layer::ALL.into_iter().find(|&layer| offer.has(layer)) else {
        return Steps::new();
    };
    // A camera whose smallest picture is larger than wished for is still better than none.
    let top = layer_max.min(layer_cap(choice)).max(smallest);

    let mut steps = Steps::new();
    for rung in RUNGS {
        let slowest = rung.fps == FPS_SLOWEST;
        let fits = offer.has(rung.layer)
            && rung.layer <= top
            && rung.fps <= fps_cap
            && (!slowest || rung.layer == smallest);
        // A rate above what comes buys nothing; rates are measured to a quarter.
        let comes = offer.fps(rung.layer, now);
        let enough = steps.iter().any(|(below, _): &(Rung, u64)| {
            below.layer == rung.layer && below.fps.saturating_mul(5) / 4 >= comes
        });
        if fits && !enough {
            steps.push((
                rung,
                offer.frame_bits(rung.layer, now) * u64::from(rung.fps),
            ));
        }
    }
    steps
}

pub(super) fn layer_cap(choice: QualityChoice) -> Layer {
    match choice {
        QualityChoice::Auto | QualityChoice::High => Layer::Large,
        QualityChoice::Low => Layer::Thumbnail,
        QualityChoice::Normal => Layer::Normal,
    }
}
