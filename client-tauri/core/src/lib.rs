//! A whole client with no window: session, links, media, screen, files.

pub mod client;
pub mod files;
pub mod link;
pub mod media;
pub mod screen;
pub mod session;
