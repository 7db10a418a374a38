//! A thousand rooms, empty and with two silent people each.

use crate::{
    Outcome,
    light_media::Deaf,
    load::{Load, pass},
    page::{Section, number},
    served::Served,
    voice::{cpu_of, open},
};

const ROOMS: usize = 1_000;
const ROOMS_QUICK: usize = 50;
const PEOPLE_A_ROOM: usize = 2;

const ABOUT: &str = "A fresh server; then that many rooms with nobody in them; then two people in each, \
with control links (a sign of life every 2 s) and UDP (a probe every 3 s, as nobody is heard), who say nothing. Memory is \
what the process has in RAM.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let count = load.scale(ROOMS, ROOMS_QUICK);
    let seconds = load.scale(10.0, 2.0);
    let served = Served::start()?;
    let way = load.to(&served)?;
    pass(1.0).await;
    let fresh_mb = served.memory_mb()?;
    let slugs: Vec<String> = (0..count).map(|room| format!("room-{room}")).collect();
    way.rooms(&slugs, 10).await?;
    pass(1.0).await;
    let empty_mb = served.memory_mb()?;
    let empty_cpu = cpu_of(&served, seconds / 2.0).await?;

    let people = count * PEOPLE_A_ROOM;
    let seats = way
        .people(people, |person| slugs[person / PEOPLE_A_ROOM].clone())
        .await?;
    let mut media = Vec::new();
    for seat in &seats {
        media.push(open(load, seat, Deaf)?);
    }
    for one in &media {
        one.alive().await?;
    }
    pass(load.scale(5.0, 1.0)).await;
    let cpu = cpu_of(&served, seconds).await?;
    let full_mb = served.memory_mb()?;
    way.check()?;

    let mut section = Section::new(&format!("{count} rooms"), ABOUT);
    let mb = |value: f64| format!("{} MB", number(value));
    let percent = |share: f64| format!("{} % of a core", number(share * 100.0));
    section.row("memory, fresh", mb(fresh_mb));
    section.row("memory, rooms empty", mb(empty_mb));
    section.row("memory, two people in each", mb(full_mb));
    let kb = |mb: f64, of: usize| format!("{} kB", number(mb * 1_000.0 / of as f64));
    section.row("memory per empty room", kb(empty_mb - fresh_mb, count));
    section.row(
        "memory per person, with TLS link and media session",
        kb(full_mb - empty_mb, people),
    );
    section.row("processor, rooms empty", percent(empty_cpu));
    section.row("processor, two silent people in each", percent(cpu));
    let silent = "1,000 rooms with two silent people each";
    section.at_most(
        &format!("{silent}: processor"),
        5.0,
        cpu * 100.0,
        "% of a core",
        "2,000 people send a sign of life every 2 s and a probe every 3 s, each answered: 1,700 wakeups and 1,700 sends a second",
    );
    section.at_most(
        &format!("{silent}: memory"),
        250.0,
        full_mb,
        "MB",
        "nearly all of it is buffers of TLS links",
    );
    section.at_most(
        "1,000 empty rooms: memory",
        50.0,
        empty_mb,
        "MB",
        "each room has actors with mailboxes and a log",
    );
    Ok(section)
}
