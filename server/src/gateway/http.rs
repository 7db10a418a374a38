//! The HTTP interface: rooms, files, pages.

pub mod files;
pub mod pages;
pub mod rooms;
