//! What rooms with people in them cost, and whether making one more costs more the more there are.

use crate::{
    Outcome, creation,
    load::{Load, pass},
    page::{Section, number, percentiles},
    served::Served,
    voice::cpu_of,
};

/// The smallest number of people who are not alone.
const PEOPLE_A_ROOM: usize = 2;
const MADE: usize = 100;
const MADE_QUICK: usize = 10;

const ABOUT: &str = "One server; rooms with two people each, with control links only, at three sizes. At each, \
what the server takes with nobody saying anything, what it has in memory, and how long it takes to make a \
hundred rooms more, one after the other. *Flat* is the p50 of making a room at the largest size beside the one \
at the smallest.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let sizes: &[usize] = load.scale(&[10, 100, 1_000], &[2, 10]);
    let seconds = load.scale(8.0, 1.0);
    let made = load.scale(MADE, MADE_QUICK);
    let served = Served::start()?;
    let way = load.to(&served)?;
    creation::rooms(&way, "warm", 5).await?;
    let mut section = Section::new("What rooms cost", ABOUT);
    let mut seats = Vec::new();
    let (mut occupied, mut p50s) = (0, Vec::new());
    for &size in sizes {
        let slugs: Vec<String> = (occupied..size)
            .map(|room| format!("occupied-{room}"))
            .collect();
        way.rooms(&slugs, 10).await?;
        let people = slugs.len() * PEOPLE_A_ROOM;
        let more = way.people(people, |person| slugs[person / PEOPLE_A_ROOM].clone());
        seats.extend(more.await?);
        occupied = size;
        pass(load.scale(3.0, 0.5)).await;
        let cpu = cpu_of(&served, seconds).await?;
        let memory = served.memory_mb()?;
        let took = creation::rooms(&way, &format!("more-{size}"), made).await?;
        section.row(
            format!("{size} occupied rooms"),
            format!(
                "{} % of a core, {} MB; making a room: {}",
                number(cpu * 100.0),
                number(memory),
                percentiles(&took)
            ),
        );
        p50s.push(took.p50_ms);
    }
    way.check()?;
    let ratio = match (p50s.first(), p50s.last()) {
        (Some(first), Some(last)) => last / first.max(0.1),
        _ => return Err("no size was measured".into()),
    };
    section.at_most(
        "Creation stays flat from 10 to 1,000 occupied rooms: p50 of the one beside the other",
        2.0,
        ratio,
        "times",
        "two thousand signs of life every 2 s share the cores with it",
    );
    Ok(section)
}
