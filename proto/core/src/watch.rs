//! Watching a film together: [`leader`] is what everybody should see now, [`follower`] what one player must
//! do to show it, [`identity`] whether two copies are the same film.

pub mod aim;
pub mod course;
pub mod follower;
pub mod identity;
pub mod leader;
pub mod synthetic;

pub use aim::Aim;
pub use course::Course;
pub use follower::{Follower, Order, PlayerTraits, Seen};
pub use identity::{Comparison, Difference, compare};
pub use leader::Leader;
pub use synthetic::SyntheticPlayer;
