//! A line of chat to everybody in the room.

use std::sync::Arc;

use conclave_client::media::figures::{Summary, record};
use conclave_core::{Moment, media::quality::Histogram};
use conclave_wire::{Command, Event, ServerMessage};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use crate::{
    Outcome,
    load::{Load, pass},
    page::{Section, percentiles},
    served::Served,
    voice::cpu_of,
};

const LINES_PER_SECOND: f64 = 10.0;
const JOINING_MAX: usize = 16;

const ABOUT: &str = "One person says 10 lines a second, in MessagePack over TLS. Latency is from before \
the line is handed to the speaker's link to when each person's link has decoded it, the speaker's own \
included. One thread reads the links of all people, so the figure has the time in it that this thread takes \
to decrypt and decode as many messages as there are people.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let sizes: &[usize] = load.scale(&[10, 100, 500], &[5, 20]);
    let mut section = Section::new("Chat", ABOUT);
    let served = Served::start()?;
    for &people in sizes {
        let (latency, expected, cpu) = room(load, &served, people).await?;
        section.row(
            format!("{people} people"),
            format!(
                "{}; {} of {expected} deliveries; server {:.1} % of a core",
                percentiles(&latency),
                latency.count,
                cpu * 100.0
            ),
        );
        if people == 500 {
            section.at_most(
                "Chat to 500 people at 10 messages a second: p99",
                15.0,
                latency.p99_ms,
                "ms",
                "500 people are 500 encryptions and writes at the server and 500 reads at the load for each line, on the same cores",
            );
        }
    }
    Ok(section)
}

async fn room(load: &Load, served: &Served, people: usize) -> Outcome<(Summary, u64, f64)> {
    let seconds = load.scale(8.0, 2.0);
    let lines = (seconds * LINES_PER_SECOND) as usize;
    let way = load.to(served)?;
    let slug = format!("chat-{people}");
    way.room(&slug, people as u32).await?;
    let sent: Arc<Mutex<Vec<Moment>>> = Arc::default();
    let latency: Arc<Mutex<Histogram>> = Arc::default();
    let clock = load.clock;
    let joining = stream::iter(0..people).map(|person| {
        let (way, slug) = (&way, &slug);
        let (sent, latency) = (sent.clone(), latency.clone());
        async move {
            way.hearing(slug, &format!("Person {person}"), move |message| {
                for number in lines_in(message) {
                    let at = sent.lock().get(number).copied();
                    if let Some(at) = at {
                        record(&mut latency.lock(), clock.now().since(at));
                    }
                }
            })
            .await
        }
    });
    let mut seats: Vec<_> = joining.buffer_unordered(JOINING_MAX).try_collect().await?;
    pass(1.5).await;
    let speaker = seats.first_mut().ok_or("nobody is there")?;
    let saying = async {
        for number in 0..lines {
            sent.lock().push(clock.now());
            speaker.order(Command::Say {
                text: number.to_string(),
            })?;
            pass(1.0 / LINES_PER_SECOND).await;
        }
        Outcome::Ok(())
    };
    let (said, cpu) = tokio::join!(saying, cpu_of(served, seconds));
    said?;
    let cpu = cpu?;
    pass(1.0).await;
    way.check()?;
    let summary = Summary::of(&latency.lock());
    Ok((summary, (lines * people) as u64, cpu))
}

fn lines_in(message: &ServerMessage) -> impl Iterator<Item = usize> + '_ {
    let events = match message {
        ServerMessage::Events { events } => events.as_slice(),
        _ => &[],
    };
    events.iter().filter_map(|numbered| match &numbered.event {
        Event::LineSaid { line } => line.text.parse().ok(),
        _ => None,
    })
}
