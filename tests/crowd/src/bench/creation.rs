//! Making a room, one after the other: what the creator waits for.

use std::time::Instant;

use conclave_client::media::figures::{Summary, record};
use conclave_core::media::quality::Histogram;

use crate::{
    Outcome,
    load::{Load, Way},
    page::{Section, percentiles},
    served::Served,
};

const ROOMS: usize = 500;
const ROOMS_QUICK: usize = 20;

const ABOUT: &str = "Rooms without a password are made one after the other over one HTTPS connection: from \
before the request is written to when its answer is read. A room is in the database when it is answered.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let served = Served::start()?;
    let way = load.to(&served)?;
    // The first has the TLS handshake in it.
    rooms(&way, "first", 5).await?;
    let took = rooms(&way, "room", load.scale(ROOMS, ROOMS_QUICK)).await?;
    let mut section = Section::new("Making rooms", ABOUT);
    section.row("made", percentiles(&took));
    section.at_most(
        "Room creation without password: p99",
        20.0,
        took.p99_ms,
        "ms",
        "a request, a commit and the answer stand one behind the other",
    );
    Ok(section)
}

/// Makes so many rooms one after the other.
pub async fn rooms(way: &Way, name: &str, count: usize) -> Outcome<Summary> {
    let mut took = Histogram::new();
    for number in 0..count {
        let slug = format!("{name}-{number}");
        let began = Instant::now();
        way.room(&slug, 10).await?;
        record(&mut took, began.elapsed());
    }
    Ok(Summary::of(&took))
}
