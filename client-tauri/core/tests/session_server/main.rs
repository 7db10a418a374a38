//! Sessions against the real server, on real sockets, in one process.
#![allow(clippy::unwrap_used)]

mod bad_frames;
mod desk;
mod http;
mod meeting;
mod misuse;
mod seen;
mod served;
