//! Adds up what the people of a crowd counted, and says what was not delivered.

use std::time::Duration;

use conclave_client::{
    client::ClientFigures,
    media::figures::{Summary, record},
};
use conclave_core::media::quality::Histogram;
use serde::Serialize;

use crate::{
    args::Args,
    beacon::mouth_to_ear,
    board::Board,
    files::FileFigures,
    film::FilmTotals,
    person::{Part, Person},
    screen::ScreenFigures,
};

/// More missing frames than this, per thousand, are a listener who was not served.
const MISSING_PERMILLE_MAX: u64 = 10;

/// Everything that is printed.
#[derive(Debug, Default, Serialize)]
pub struct Totals {
    pub people: u64,
    pub talking: u64,
    pub filming: u64,
    pub seconds: f64,
    pub join: Summary,
    /// From the first step of joining to the first voice packet.
    pub first_voice: Summary,
    pub voice: Voice,
    pub camera: Cameras,
    pub chat: Chat,
    pub file: FileFigures,
    pub film: FilmTotals,
    pub screen: ScreenFigures,
    pub link: Links,
    /// What was not delivered, in sentences; empty when all was.
    pub undelivered: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
pub struct Voice {
    pub packets_sent: u64,
    pub packets_unsent: u64,
    pub packets_received: u64,
    pub missing: u64,
    pub missing_permille_worst: u64,
    pub inter_arrival: Summary,
    pub inter_arrival_p99_worst_ms: f64,
    /// Of those who decode.
    pub late: u64,
    pub concealed_ms: u64,
    pub delay_ms_max: u32,
    /// From microphone to speaker, with `--beacon`.
    pub mouth_to_ear: Summary,
}

#[derive(Debug, Default, Serialize)]
pub struct Cameras {
    pub frames_sent: u64,
    pub frames_received: u64,
    pub frames_lost: u64,
    pub bytes_received: u64,
    pub re_requested: u64,
    pub recovered: u64,
    /// From capture to a whole picture at the viewer.
    pub latency: Summary,
}

#[derive(Debug, Default, Serialize)]
pub struct Chat {
    pub lines_said: u64,
    pub lines_refused: u64,
    pub lines_expected: u64,
    pub lines_seen: u64,
    pub latency: Summary,
}

#[derive(Debug, Default, Serialize)]
pub struct Links {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub datagrams_lost: u64,
    pub refused: u64,
    pub round_trip_ms_max: u32,
    pub resumes: u64,
    /// People whose media went through the control port.
    pub tunnels: u64,
}

/// Sums that are made person by person.
#[derive(Default)]
struct Sums {
    join: Histogram,
    first_voice: Histogram,
    inter_arrival: Histogram,
    mouth_to_ear: Histogram,
}

/// What the meeting as a whole gave, beside what each person counted.
pub struct Came {
    pub first_voices: Vec<Duration>,
    pub file: FileFigures,
    pub film: FilmTotals,
    pub screen: ScreenFigures,
    pub lines_refused: u64,
    pub met: Duration,
}

/// Adds everybody up.
pub fn add_up(args: &Args, people: &[Person], board: &Board, came: Came) -> Totals {
    let mut totals = Totals {
        people: people.len() as u64,
        talking: count(people, |part| part.talks || part.beeps),
        filming: count(people, |part| part.films),
        seconds: came.met.as_secs_f64(),
        file: came.file,
        film: came.film,
        screen: came.screen,
        ..Totals::default()
    };
    let mut sums = Sums::default();
    for took in &came.first_voices {
        record(&mut sums.first_voice, *took);
    }
    for person in people {
        totals.person(person, &mut sums);
    }
    let beeps = people.iter().find_map(|person| person.beeps.as_ref());
    let heard = people.iter().find_map(|person| person.recording.as_ref());
    if let (Some(beeps), Some(heard)) = (beeps, heard) {
        for took in mouth_to_ear(&beeps.lock(), &heard.lock()) {
            record(&mut sums.mouth_to_ear, took);
        }
    }
    totals.join = Summary::of(&sums.join);
    totals.first_voice = Summary::of(&sums.first_voice);
    totals.voice.inter_arrival = Summary::of(&sums.inter_arrival);
    totals.voice.mouth_to_ear = Summary::of(&sums.mouth_to_ear);
    let sight = board.sight();
    totals.camera.latency = Summary::of(&sight.camera);
    totals.chat = Chat {
        lines_said: sight.lines_said,
        lines_refused: came.lines_refused,
        lines_expected: sight.lines_said * people.len() as u64,
        lines_seen: sight.lines_seen,
        latency: Summary::of(&sight.chat),
    };
    totals.judge(args, people);
    totals
}

impl Totals {
    fn person(&mut self, person: &Person, sums: &mut Sums) {
        let figures: ClientFigures = person.client.figures();
        record(&mut sums.join, person.took);
        let (up, down) = (figures.voice_up, figures.voice_down);
        let voice = &mut self.voice;
        voice.packets_sent += up.sent - person.sent_before.0;
        voice.packets_unsent += up.unsent - person.sent_before.1;
        voice.packets_received += down.arrived.packets;
        voice.missing += down.arrived.missing;
        voice.late += down.late;
        voice.concealed_ms += down.concealed_ms;
        voice.delay_ms_max = voice.delay_ms_max.max(down.delay_ms);
        let p99 = down.arrived.inter_arrival.p99_ms;
        voice.inter_arrival_p99_worst_ms = voice.inter_arrival_p99_worst_ms.max(p99);
        person.client.with_voice_tally(|tally| {
            let worst = voice.missing_permille_worst.max(tally.missing_permille());
            voice.missing_permille_worst = worst;
            sums.inter_arrival.merge(tally.inter_arrival());
        });
        let camera = &mut self.camera;
        camera.frames_sent += figures.camera_up.frames;
        camera.frames_received += figures.camera_down.frames;
        camera.frames_lost += figures.camera_down.lost;
        camera.bytes_received += figures.camera_down.bytes;
        camera.re_requested += figures.camera_down.re_requested;
        camera.recovered += figures.camera_down.recovered;
        let link = &mut self.link;
        link.bytes_sent += figures.link.bytes_sent;
        link.bytes_received += figures.link.bytes_received;
        link.datagrams_lost += figures.link.voice_lost + figures.link.camera_lost;
        link.refused += figures.link.refused;
        link.round_trip_ms_max = link
            .round_trip_ms_max
            .max(figures.link.quality.round_trip_ms);
        link.tunnels += u64::from(figures.link.way == conclave_client::media::link::Way::Tunnel);
        link.resumes += person.seen.lock().welcomes.saturating_sub(1);
    }

    fn judge(&mut self, args: &Args, people: &[Person]) {
        let mut undelivered = Vec::new();
        for person in people {
            if let Some(why) = &person.seen.lock().ended {
                undelivered.push(format!("somebody was thrown out: {why}"));
            }
        }
        let others_talk = |part: &Part| self.talking > u64::from(part.talks || part.beeps);
        let deaf = people
            .iter()
            .filter(|person| others_talk(&person.part))
            .filter(|person| {
                person
                    .client
                    .with_voice_tally(|tally| tally.figures().packets)
                    == 0
            });
        match deaf.count() {
            0 => {}
            deaf => undelivered.push(format!("{deaf} people heard nobody")),
        }
        if self.voice.missing_permille_worst > MISSING_PERMILLE_MAX {
            let worst = self.voice.missing_permille_worst;
            undelivered.push(format!("one listener misses {worst} of 1,000 voice frames"));
        }
        let films: Vec<_> = people
            .iter()
            .filter(|person| person.part.films)
            .map(Person::id)
            .collect();
        let unseen: usize = people
            .iter()
            .map(|person| {
                let (own, seen) = (person.id(), person.seen.lock());
                let missing = |id: &&_| **id != own && !seen.pictures.contains_key(*id);
                films.iter().filter(missing).count()
            })
            .sum();
        if unseen > 0 {
            undelivered.push(format!("{unseen} times somebody did not see a camera"));
        }
        if self.chat.lines_seen < self.chat.lines_expected {
            let missing = self.chat.lines_expected - self.chat.lines_seen;
            undelivered.push(format!("{missing} times somebody did not see a line"));
        }
        if self.file.not_fetched > 0 || (args.file_mb > 0 && self.file.bytes == 0) {
            let why = self.file.first_failure.clone().unwrap_or_default();
            let missing = self.file.not_fetched;
            undelivered.push(format!("{missing} people did not get the file: {why}"));
        }
        if self.screen.blind > 0 {
            undelivered.push(format!(
                "{} people did not see the screen",
                self.screen.blind
            ));
        }
        if let Some(why) = &self.screen.first_failure {
            undelivered.push(format!("the screen was not shown to the end: {why}"));
        }
        self.undelivered.extend(undelivered);
    }
}

fn count(people: &[Person], is: impl Fn(&Part) -> bool) -> u64 {
    people.iter().filter(|person| is(&person.part)).count() as u64
}
