//! What the stories need: a real server as a process of its own, a bad network, speech and ears.

pub mod network;
pub mod people;
/// The same as the server's own tests have.
#[path = "../../../server/tests/database/postgres.rs"]
pub mod postgres;
pub mod raw;
pub mod seats;
pub mod server;
pub mod sound;
pub mod stoi;
