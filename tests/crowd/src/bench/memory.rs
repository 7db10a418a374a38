//! The server's memory with a full room.

use std::time::Duration;

use crate::{
    Outcome,
    light_media::Deaf,
    load::{Load, pass},
    page::{Section, number},
    served::Served,
    speech::Talking,
    voice::{Speaker, open, talkers},
};

const PEOPLE: usize = 50;
const TALKERS: usize = 3;

const ABOUT: &str = "One room with 50 people, of whom three talk and are mixed for the others. Memory is \
what the process has in RAM.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let served = Served::start()?;
    let way = load.to(&served)?;
    pass(1.0).await;
    let fresh_mb = served.memory_mb()?;
    way.room("fifty", PEOPLE as u32).await?;
    let speakers = talkers(load, &way, "fifty", TALKERS, Duration::from_secs(3)).await?;
    let seats = way.people(PEOPLE - TALKERS, |_| "fifty".to_owned()).await?;
    let mut media = Vec::new();
    for seat in &seats {
        media.push(open(load, seat, Deaf)?);
    }
    let talking = Talking::start(load.clock, speakers.iter().map(Speaker::talker).collect());
    pass(load.scale(5.0, 2.0)).await;
    let full_mb = served.memory_mb()?;
    drop(talking);
    way.check()?;

    let mut section = Section::new("Memory", ABOUT);
    section.row("fresh server", format!("{} MB", number(fresh_mb)));
    section.row("with 50 people", format!("{} MB", number(full_mb)));
    section.row(
        "per person",
        format!(
            "{} kB",
            number((full_mb - fresh_mb) * 1_000.0 / PEOPLE as f64)
        ),
    );
    section.at_most(
        "The server with 50 people: memory",
        60.0,
        full_mb,
        "MB",
        "buffers of links and of the media port",
    );
    Ok(section)
}
