//! What the media threads share with the actors: sessions, camera routes, codecs.

pub mod codecs;
pub mod figures;
pub mod guests;
pub mod routes;
pub mod scale;
pub mod seat;
pub mod sessions;
