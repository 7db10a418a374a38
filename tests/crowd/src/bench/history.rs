//! A long chat, read back page by page.

use std::time::Instant;

use conclave_client::{
    media::figures::{Summary, record},
    session::{Session, SessionConfig},
};
use conclave_core::media::quality::Histogram;
use conclave_wire::{Command, Encoding, LineId, command::Reply, limits::CHAT_PAGE_LINES};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    Outcome,
    load::Load,
    page::{Section, percentiles},
    served::Served,
};

const LINES: usize = 10_000;
const LINES_QUICK: usize = 500;
/// Lines on their way at once while the chat is written; nobody measures that.
const WRITING_MAX: usize = 64;

const ABOUT: &str = "One person writes ten thousand lines (the limit on commands is lifted for that), and then \
reads them back from the newest to the oldest, page by page of the largest size, over a control link: from \
before a page is asked for to when it is decoded.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let lines = load.scale(LINES, LINES_QUICK);
    let served = Served::with("commands_burst = 100000\ncommands_per_second = 100000\n")?;
    let way = load.to(&served)?;
    let invite = way.room("history", 10).await?;
    let config = SessionConfig {
        invite,
        name: "Reader".to_owned(),
        password: None,
        sound: false,
        encoding: Encoding::MessagePack,
        seed: 1,
        device: None,
        file_hash: None,
        waiting: None,
    };
    let (session, mut events) = Session::join(config).await?;
    let hearing = tokio::spawn(async move { while events.recv().await.is_some() {} });
    let began = Instant::now();
    let writing = stream::iter(0..lines).map(|number| {
        session.ask(Command::Say {
            text: format!("Line {number}: what somebody said in a meeting that went on for long."),
        })
    });
    let written = writing
        .buffer_unordered(WRITING_MAX)
        .try_fold(0, async |count, _| Ok(count + 1))
        .await;
    let written: usize = written.map_err(|error| error.to_string())?;
    let wrote = began.elapsed().as_secs_f64();

    let mut took = Histogram::new();
    let (mut before, mut read) = (LineId(u32::MAX), 0);
    loop {
        let began = Instant::now();
        let page = session.ask(Command::ListLines {
            before,
            lines_max: CHAT_PAGE_LINES as u32,
        });
        let (page, more) = match page.await.map_err(|error| error.to_string())? {
            Reply::Lines { lines, more } => (lines, more),
            _ => return Err("a page of lines was asked for".into()),
        };
        record(&mut took, began.elapsed());
        read += page
            .iter()
            .filter(|line| line.text.starts_with("Line "))
            .count();
        match page.first() {
            Some(oldest) if more => before = oldest.id,
            _ => break,
        }
    }
    session.leave().await;
    hearing.abort();
    if read != written {
        return Err(format!("{written} lines were confirmed and {read} read back").into());
    }
    let took = Summary::of(&took);
    let mut section = Section::new("History", ABOUT);
    section.row(
        "lines written, a second",
        format!("{:.0}", written as f64 / wrote),
    );
    section.row(
        format!("{} pages of {CHAT_PAGE_LINES} lines", took.count),
        percentiles(&took),
    );
    section.at_most(
        "History of 10,000 messages: p99 of a page",
        10.0,
        took.p99_ms,
        "ms",
        "a page is a query, a message of 10 kB and its decoding",
    );
    Ok(section)
}
