//! Which camera layer each viewer gets, how often, and what publishers therefore publish.
//!
//! A [`Ladder`] for each viewer follows the viewer's link through a [`Budget`] and spends it on what the
//! viewer watches; [`Offers`] says what the cameras of a room weigh; a [`PublishPlan`] turns everybody's
//! allocations into the layers that somebody watches; [`plan_scaling`] shares out what the server scales.

mod budget;
mod offers;
mod publish;
mod rung;
mod viewer;

pub use budget::{BUDGET_BPS_MAX, BUDGET_BPS_MIN, BUDGET_BPS_START, Budget, LinkReport};
pub use offers::{Offer, Offers};
pub use publish::{
    LAYER_LINGER, PublishPlan, SCALED_FRAMES_PER_SECOND_MAX, SCALED_SOURCE_FPS, Scaling,
    plan_scaling,
};
pub use viewer::{Allocation, Ladder, WATCHED_MAX};
