//! The operator's pages on a full server: how long the overview takes, what a page that stays open costs.

use std::time::Instant;

use conclave_client::{
    link::{
        dial::Dialer,
        http::{HttpClient, Upload},
    },
    media::figures::{Summary, record},
};
use conclave_core::media::quality::Histogram;
use hyper::{Method, Request, Response, header};

use crate::{
    Outcome,
    load::{Load, pass},
    page::{Section, number, percentiles},
    served::Served,
    voice::cpu_of,
};

const ROOMS: usize = 1_000;
const ROOMS_QUICK: usize = 20;
const PEOPLE_A_ROOM: usize = 2;
const SHOWN: usize = 100;
const SHOWN_QUICK: usize = 10;
/// Pages that are open at once: the cost of one is a tenth of theirs.
const LIVE_PAGES: usize = 10;
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
const PASSWORD: &str = "correct horse battery";

const ABOUT: &str = "1,000 rooms with two people each, with control links, who say nothing. An operator signs in \
and shows pages one after the other over one HTTPS connection: from before the request is written to when the \
whole page is read. Then ten live overviews stay open; what the server takes more than without them is shared by ten.";

pub async fn measure(load: &Load) -> Outcome<Section> {
    let count = load.scale(ROOMS, ROOMS_QUICK);
    let shown = load.scale(SHOWN, SHOWN_QUICK);
    let seconds = load.scale(15.0, 2.0);
    let served = Served::start()?;
    let way = load.to(&served)?;
    let slugs: Vec<String> = (0..count).map(|room| format!("room-{room}")).collect();
    way.rooms(&slugs, 10).await?;
    let people = count * PEOPLE_A_ROOM;
    let seats = way.people(people, |person| slugs[person / PEOPLE_A_ROOM].clone());
    let seats = seats.await?;
    let pages = Pages::sign_in(&served).await?;
    pass(load.scale(5.0, 1.0)).await;

    let mut section = Section::new("The operator's pages", ABOUT);
    let mut overview = None;
    for (name, path) in [
        ("the overview", "/admin"),
        ("the rooms", "/admin/rooms"),
        ("the people", "/admin/people"),
    ] {
        let took = pages.show(path, shown).await?;
        section.row(name, percentiles(&took));
        overview.get_or_insert(took);
    }
    let without = cpu_of(&served, seconds).await?;
    let mut open = Vec::new();
    for _ in 0..LIVE_PAGES {
        open.push(pages.follow().await?);
    }
    let with = cpu_of(&served, seconds).await?;
    drop(open);
    way.check()?;
    drop(seats);
    let each = (with - without).max(0.0) * 100.0 / LIVE_PAGES as f64;
    section.row(
        "processor, without and with ten live pages",
        format!(
            "{} and {} % of a core",
            number(without * 100.0),
            number(with * 100.0)
        ),
    );
    let overview = overview.ok_or("no page was shown")?;
    section.at_most(
        "Overview with 1,000 rooms and 2,000 people: p99",
        50.0,
        overview.p99_ms,
        "ms",
        "the figures are taken beside the page, every few seconds",
    );
    section.at_most(
        "A live page that stays open: processor",
        2.0,
        each,
        "% of a core",
        "it gets a small message every 2 s",
    );
    Ok(section)
}

/// Somebody who is signed in.
struct Pages {
    dialer: Dialer,
    http: HttpClient,
    cookie: String,
}

impl Pages {
    async fn sign_in(served: &Served) -> Outcome<Pages> {
        let dialer = Dialer::new(&served.host)?;
        let http = HttpClient::new(dialer.clone());
        let path = served
            .admin
            .split_once("/admin")
            .ok_or("no link to the pages")?
            .1;
        let word = PASSWORD.replace(' ', "+");
        let form = format!("operator=Bench&password={word}&again={word}&csrf=");
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/admin{path}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, format!("https://{}", dialer.host()))
            .body(Upload::bytes(form))?;
        let answer = http.send(request).await?;
        let cookie = answer.headers().get(header::SET_COOKIE);
        let cookie = cookie.and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookie = cookie.ok_or("the operator was not let in")?.to_owned();
        Ok(Pages {
            dialer,
            http,
            cookie,
        })
    }

    async fn show(&self, path: &str, times: usize) -> Outcome<Summary> {
        let mut took = Histogram::new();
        for _ in 0..times {
            let began = Instant::now();
            let answer = self.ask(&self.http, path).await?;
            let whole = answer.into_body().whole(PAGE_BYTES_MAX).await?;
            record(&mut took, began.elapsed());
            if !whole.ends_with(b"</html>\n") && !whole.ends_with(b"</html>") {
                return Err(format!("{path} is no whole page").into());
            }
        }
        Ok(Summary::of(&took))
    }

    /// An overview that stays open, on a connection of its own.
    async fn follow(&self) -> Outcome<tokio::task::JoinHandle<()>> {
        let http = HttpClient::new(self.dialer.clone());
        let mut events = self.ask(&http, "/admin/live").await?.into_body();
        Ok(tokio::spawn(async move {
            while let Some(Ok(_)) = events.next().await {}
        }))
    }

    async fn ask(
        &self,
        http: &HttpClient,
        path: &str,
    ) -> Outcome<Response<conclave_client::link::http::Download>> {
        let request = Request::builder()
            .uri(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::ACCEPT, "text/html")
            .body(Upload::empty())?;
        let answer = http.send(request).await?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(format!("{path} was answered with {}", answer.status()).into()),
        }
    }
}
