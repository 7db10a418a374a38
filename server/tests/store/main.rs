//! The store, on both engines: a file of SQLite, and a PostgreSQL server that these tests start.
#![allow(clippy::unwrap_used)]

#[path = "../database/mod.rs"]
mod database;

mod failing;
mod operator;
mod questions;
mod reports;
mod rooms;
mod upgrade;
