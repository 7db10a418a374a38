//! Five hundred votes a second on one question: none lost, none doubled.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use conclave_client::media::figures::{Summary, record};
use conclave_core::{Moment, media::quality::Histogram};
use conclave_wire::{Command, Event, QuestionId, ServerMessage, Settings, http::CreateRoom};
use parking_lot::Mutex;

use crate::{
    Outcome,
    light::Seat,
    load::{Load, pass},
    page::{Section, number, percentiles},
    served::Served,
};

const PEOPLE: usize = 250;
const PEOPLE_QUICK: usize = 20;
const VOTES_PER_SECOND: u32 = 500;
/// Everybody votes, takes it back, and so on; the last is a vote.
const ROUNDS: usize = 21;
const ROUNDS_QUICK: usize = 3;

const ABOUT: &str = "250 people in one room vote for one question and take it back, in turn, 500 times a second \
all together; each vote is in the database when it is answered. In the end everybody has voted: the count that \
people see, and the count after the server was killed and started again, must be as many as there are people.";

#[derive(Default)]
struct Answers {
    done: AtomicU64,
    refused: AtomicU64,
    /// What the panel shows.
    counted: AtomicU64,
    latency: Mutex<Histogram>,
    /// When each person's command was sent, by the person.
    sent: Mutex<Vec<Option<Moment>>>,
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let people = load.scale(PEOPLE, PEOPLE_QUICK);
    let rounds = load.scale(ROUNDS, ROUNDS_QUICK);
    let mut served = Served::start()?;
    let way = load.to(&served)?;
    let mut settings = Settings {
        members_max: people as u32 + 2,
        ..Settings::default()
    };
    settings.questions.open = true;
    let room = CreateRoom {
        title: "votes".to_owned(),
        slug: Some("votes".to_owned()),
        settings,
        ..CreateRoom::default()
    };
    way.http.create_room(&room).await?;

    let answers = Arc::new(Answers::default());
    answers.sent.lock().resize(people, None);
    let mut seats = Vec::new();
    for person in 0..people {
        let (answers, clock) = (answers.clone(), load.clock);
        let name = format!("Person {person}");
        let seat = way.hearing("votes", &name, move |message| {
            heard(&answers, person, message, clock.now());
        });
        seats.push(seat.await?);
    }
    let question = ask(&mut seats, &answers).await?;
    let before = served.cpu_seconds()?;
    let began = Instant::now();
    let mut sent: u64 = 0;
    for round in 0..rounds {
        for (person, seat) in seats.iter_mut().enumerate() {
            let due = began + Duration::from_secs(1) * sent as u32 / VOTES_PER_SECOND;
            tokio::time::sleep_until(due.into()).await;
            answers.sent.lock()[person] = Some(load.clock.now());
            seat.order(Command::VoteQuestion {
                question,
                voted: round % 2 == 0,
            })?;
            sent += 1;
        }
    }
    let passed = began.elapsed().as_secs_f64();
    let cpu = (served.cpu_seconds()? - before) / passed;
    let settled = Instant::now() + Duration::from_secs(10);
    let all = |answers: &Answers| {
        let done = answers.done.load(Ordering::Relaxed) + answers.refused.load(Ordering::Relaxed);
        done == sent && answers.counted.load(Ordering::Relaxed) == people as u64
    };
    while !all(&answers) && Instant::now() < settled {
        pass(0.05).await;
    }
    way.check()?;
    let done = answers.done.load(Ordering::Relaxed);
    let seen = answers.counted.load(Ordering::Relaxed);
    drop(seats);
    served.kill_and_start_again()?;
    let kept = kept(load, &served, question).await?;

    let latency = Summary::of(&answers.latency.lock());
    let mut section = Section::new("Votes", ABOUT);
    section.row("votes a second", number(sent as f64 / passed));
    section.row("answered as stored", format!("{done} of {sent}"));
    section.row("from the vote to its answer", percentiles(&latency));
    section.row("server", format!("{} of a core", number(cpu)));
    section.row("votes that people see in the end", seen.to_string());
    section.row("votes after the server was killed", kept.to_string());
    section.at_least(
        "Votes on one question",
        490.0,
        sent as f64 / passed,
        "a second",
        "the load did not send them in time",
    );
    let wrong = sent.abs_diff(done) + seen.abs_diff(people as u64) + kept.abs_diff(people as u64);
    section.at_most(
        "Votes lost or doubled",
        0.0,
        wrong as f64,
        "votes",
        "votes that were not answered, or are counted wrong",
    );
    Ok(section)
}

fn heard(answers: &Answers, person: usize, message: &ServerMessage, now: Moment) {
    match message {
        ServerMessage::Done { .. } => {
            if let Some(sent) = answers.sent.lock()[person].take() {
                answers.done.fetch_add(1, Ordering::Relaxed);
                record(&mut answers.latency.lock(), now.since(sent));
            }
        }
        ServerMessage::Refused { .. } => drop(answers.refused.fetch_add(1, Ordering::Relaxed)),
        ServerMessage::Events { events } if person == 0 => {
            for numbered in events {
                if let Event::VotesCounted { counts } = &numbered.event
                    && let Some(count) = counts.last()
                {
                    answers.counted.store(count.votes.into(), Ordering::Relaxed);
                }
            }
        }
        _ => {}
    }
}

/// Asks the one question; its number is the first of the room.
async fn ask(seats: &mut [Seat], answers: &Answers) -> Outcome<QuestionId> {
    let asker = seats.first_mut().ok_or("nobody is there")?;
    answers.sent.lock()[0] = None;
    asker.order(Command::AskQuestion {
        text: "Which one?".to_owned(),
        anonymous: false,
    })?;
    pass(1.0).await;
    Ok(QuestionId(1))
}

/// How many votes a newcomer sees.
async fn kept(load: &Load, served: &Served, question: QuestionId) -> Outcome<u64> {
    let snapshot = load.to(served)?.snapshot("votes", "Newcomer").await?;
    let mut questions = snapshot.questions.iter();
    let found = questions.find(|asked| asked.id == question);
    found
        .map(|asked| asked.votes.into())
        .ok_or_else(|| "the question is gone".into())
}
