//! The shell round the rules in `conclave-core`: actors, gateways, storage.

pub mod actors;
pub mod admin;
pub mod auth;
pub mod clock;
pub mod config;
pub mod files;
pub mod gateway;
pub mod media;
pub mod server;
pub mod store;
pub mod telemetry;
