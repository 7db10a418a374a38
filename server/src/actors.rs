//! Own state, exchange typed messages, decide nothing: each is a shell round a pure machine.

pub mod file_upload;
pub mod lobby;
pub mod mixer;
pub mod participant;
pub mod presenter_slot;
pub mod room;
