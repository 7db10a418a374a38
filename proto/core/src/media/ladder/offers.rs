//! What the cameras of a room have to offer, and what each layer of them weighs.

use std::{collections::BTreeMap, time::Duration};

use conclave_wire::{Layer, ParticipantId};

use crate::Moment;

/// Bits of a JPEG frame of each layer, before any was seen: 180p, 360p and 720p of a face at quality 70.
const FRAME_BITS_ASSUMED: [u64; 3] = [48_000, 160_000, 480_000];
/// A layer that is not published any more is believed to weigh the same for so long.
const MEASURED_LIFE: Duration = Duration::from_secs(300);
/// Of a new measurement, so that one busy quarter of a second is not taken for the picture.
const SMOOTHING: u64 = 4;
const PUBLISHED_FPS_ASSUMED: u8 = 15;

/// The cameras that are on.
#[derive(Debug, Default)]
pub struct Offers {
    offers: BTreeMap<ParticipantId, Offer>,
}

/// One camera.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What its publisher can publish when asked.
    publishes: [bool; 3],
    /// The server scales for this camera what its publisher cannot publish, at so many frames a second.
    scaled_fps: u8,
    measured: [Option<Measured>; 3],
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    frame_bits: u64,
    fps: u8,
    at: Moment,
}

impl Offers {
    pub fn new() -> Offers {
        Offers::default()
    }

    /// A camera is on and can be published in these layers.
    pub fn insert(&mut self, source: ParticipantId, layers: &[Layer]) {
        let mut offer = Offer {
            publishes: [false; 3],
            scaled_fps: 0,
            measured: [None; 3],
        };
        for &layer in layers {
            offer.publishes[layer as usize] = true;
        }
        self.offers.insert(source, offer);
    }

    pub fn remove(&mut self, source: ParticipantId) {
        self.offers.remove(&source);
    }

    /// A layer arrived with so many bits and frames a second. Nothing is learnt from a layer at rest.
    pub fn published(
        &mut self,
        source: ParticipantId,
        layer: Layer,
        bps: u32,
        fps: u8,
        now: Moment,
    ) {
        let Some(offer) = self.offers.get_mut(&source) else {
            return;
        };
        if fps == 0 || bps == 0 {
            return;
        }
        let seen = u64::from(bps).div_ceil(u64::from(fps));
        let known = &mut offer.measured[layer as usize];
        let frame_bits = match known {
            Some(known) => (known.frame_bits * (SMOOTHING - 1) + seen).div_ceil(SMOOTHING),
            None => seen,
        };
        *known = Some(Measured {
            frame_bits,
            fps,
            at: now,
        });
    }

    /// The server scales for this camera at so many frames a second; 0 takes that back.
    pub fn set_scaled(&mut self, source: ParticipantId, fps: u8) {
        if let Some(offer) = self.offers.get_mut(&source) {
            offer.scaled_fps = fps;
        }
    }

    pub fn get(&self, source: ParticipantId) -> Option<&Offer> {
        self.offers.get(&source)
    }

    pub fn iter(&self) -> impl Iterator<Item = (ParticipantId, &Offer)> {
        self.offers.iter().map(|(&source, offer)| (source, offer))
    }
}

impl Offer {
    pub fn publishes(&self, layer: Layer) -> bool {
        self.publishes[layer as usize]
    }

    /// Published, or scaled from something larger.
    pub fn has(&self, layer: Layer) -> bool {
        self.publishes(layer) || (self.scaled_fps > 0 && self.scaled_from(layer).is_some())
    }

    /// The smallest published layer that `layer` can be scaled from.
    pub fn scaled_from(&self, layer: Layer) -> Option<Layer> {
        let mut larger = Layer::ALL.into_iter().filter(|&other| other > layer);
        larger.find(|&other| self.publishes(other))
    }

    /// How often a layer comes at most.
    pub fn fps(&self, layer: Layer, now: Moment) -> u8 {
        if !self.publishes(layer) {
            return self.scaled_fps;
        }
        let other = || {
            Layer::ALL
                .into_iter()
                .find_map(|other| self.measured(other, now))
        };
        let known = self.measured(layer, now).or_else(other);
        known.map_or(PUBLISHED_FPS_ASSUMED, |measured| measured.fps)
    }

    /// Bits of one frame of a layer: as measured, else in proportion to a layer that was measured, else
    /// as assumed.
    pub fn frame_bits(&self, layer: Layer, now: Moment) -> u64 {
        if let Some(measured) = self.measured(layer, now) {
            return measured.frame_bits;
        }
        let assumed = FRAME_BITS_ASSUMED[layer as usize];
        let other = Layer::ALL
            .into_iter()
            .find_map(|other| Some((other, self.measured(other, now)?)));
        other.map_or(assumed, |(other, measured)| {
            measured.frame_bits * assumed / FRAME_BITS_ASSUMED[other as usize]
        })
    }

    fn measured(&self, layer: Layer, now: Moment) -> Option<Measured> {
        self.measured[layer as usize].filter(|measured| now.since(measured.at) < MEASURED_LIFE)
    }
}
