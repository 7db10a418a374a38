//! One camera: what its publisher was asked for, what came, and what therefore cannot be had.

use std::time::Duration;

use conclave_wire::Layer;

use crate::Moment;

/// A layer that was asked for and has not come for so long, while another has, cannot be published.
pub const UNPUBLISHED_AFTER: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Publisher {
    /// The layers that the publisher was last told to publish.
    pub told: Option<Vec<Layer>>,
    /// At how many frames a second the server scales for it.
    pub scaled_fps: u8,
    layers: [LayerState; Layer::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct LayerState {
    able: bool,
    wanted_since: Option<Moment>,
    came_at: Option<Moment>,
}

impl Default for Publisher {
    fn default() -> Self {
        let layer = LayerState {
            able: true,
            wanted_since: None,
            came_at: None,
        };
        Publisher {
            told: None,
            scaled_fps: 0,
            layers: [layer; Layer::ALL.len()],
        }
    }
}

impl Publisher {
    /// What can be had, as far as is known.
    pub fn able(&self) -> Vec<Layer> {
        let layers = Layer::ALL.into_iter().zip(&self.layers);
        layers
            .filter(|(_, state)| state.able)
            .map(|(layer, _)| layer)
            .collect()
    }

    /// Notes which layers are wanted now.
    pub fn want(&mut self, wanted: &[Layer], now: Moment) {
        for (layer, state) in Layer::ALL.into_iter().zip(&mut self.layers) {
            match wanted.contains(&layer) {
                true => _ = state.wanted_since.get_or_insert(now),
                false => state.wanted_since = None,
            }
        }
    }

    /// A layer came. True when it was believed that it cannot.
    pub fn came(&mut self, layer: Layer, now: Moment) -> bool {
        let state = &mut self.layers[layer as usize];
        state.came_at = Some(now);
        !std::mem::replace(&mut state.able, true)
    }

    /// Gives up layers that were waited for long enough. True when there is one.
    pub fn give_up(&mut self, now: Moment) -> bool {
        let mut given_up = false;
        for at in 0..self.layers.len() {
            if self.missed_at(at).is_some_and(|missed| missed <= now) {
                self.layers[at].able = false;
                given_up = true;
            }
        }
        given_up
    }

    /// When the next layer will have been waited for long enough.
    pub fn next_wakeup(&self) -> Option<Moment> {
        (0..self.layers.len())
            .filter_map(|at| self.missed_at(at))
            .min()
    }

    /// A publisher of whom nothing comes at all is not judged: it may be a bad link, or slow to start.
    fn missed_at(&self, at: usize) -> Option<Moment> {
        let state = self.layers[at];
        let since = state.wanted_since.filter(|_| state.able)?;
        let here = |state: &LayerState| state.came_at.is_some_and(|came| came >= since);
        let other = self
            .layers
            .iter()
            .enumerate()
            .any(|(index, state)| index != at && here(state));
        (!here(&state) && other).then(|| since + UNPUBLISHED_AFTER)
    }
}
