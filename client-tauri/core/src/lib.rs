//! A whole client with no window: session, links, media, screen, files, films.

pub mod client;
pub mod desk;
pub mod files;
pub mod film;
pub mod link;
pub mod media;
pub mod screen;
pub mod session;
