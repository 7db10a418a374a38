//! From the start of the server's process to its links, and to its first answer.

use std::time::{Duration, Instant};

use conclave_client::media::figures::{Summary, record};
use conclave_core::media::quality::Histogram;

use crate::{
    Outcome,
    load::Load,
    page::{Section, percentiles},
    served::Served,
};

const ABOUT: &str = "The process is started; *printed* is when its links can be read, *answered* when a \
request over a new TLS connection that was sent then has its answer. The first time a server makes its key, \
its certificates and its database.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let mut first = [Histogram::new(), Histogram::new()];
    let mut again = first.clone();
    for _ in 0..load.scale(7, 2) {
        let mut served = Served::start()?;
        note(load, &served, &mut first).await?;
        served.kill_and_start_again()?;
        note(load, &served, &mut again).await?;
    }
    let [first_printed, first_answered] = first.map(|histogram| Summary::of(&histogram));
    let [again_printed, again_answered] = again.map(|histogram| Summary::of(&histogram));
    let mut section = Section::new("Start of the server", ABOUT);
    section.row("first start, printed", percentiles(&first_printed));
    section.row("first start, answered", percentiles(&first_answered));
    section.row("later start, printed", percentiles(&again_printed));
    section.row("later start, answered", percentiles(&again_answered));
    section.at_most(
        "Start of the server, first and slowest: answered",
        300.0,
        first_answered.max_ms,
        "ms",
        "the key, the certificates and the database are made",
    );
    Ok(section)
}

async fn note(load: &Load, served: &Served, into: &mut [Histogram; 2]) -> Outcome<()> {
    let way = load.to(served)?;
    let asked = Instant::now();
    way.http.look(&served.host.slug).await?;
    let answered: Duration = served.printed_after + asked.elapsed();
    record(&mut into[0], served.printed_after);
    record(&mut into[1], answered);
    Ok(())
}
