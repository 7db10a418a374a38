//! Looks after the server from inside: asks its parts whether they answer, keeps what was seen for health
//! and figures, and lets alerts begin and end.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use conclave_core::Moment;
use conclave_wire::{RefusalCode, event::QualityVerdict};
use tokio::time::timeout;

use super::{AppState, webhook::Webhook};
use crate::{
    actors::lobby::{DescribeRooms, ListRooms, RoomsDescribed},
    clock::unix_ms,
    store::StoreError,
    telemetry::{
        alerts::{AlertChange, RoomLinks, Sample},
        beat::LoopKind,
        health::{Answered, Health, Observed, judge},
        histogram::Spread,
        system::Disk,
    },
};

/// How often the parts are asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A part that has not answered by then is late.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Every so many looks all rooms are asked, and alerts are judged.
const LOOKS_PER_SAMPLE: u32 = 10;
/// Fewer frames of mixes than this say nothing about how late they are: one second of one mix.
const TICKS_MIN: u64 = 50;
const MS_PER_DAY: u64 = 24 * 3_600_000;

/// What was seen last. Reading it costs nothing, however often monitors ask.
pub struct Watch {
    seen: ArcSwap<Seen>,
    certificate_stale: AtomicBool,
    stopping: AtomicBool,
}

#[derive(Clone, Debug)]
struct Seen {
    at: Moment,
    database: Answered,
    lobby: Answered,
    rooms: usize,
    silent_rooms: usize,
    disk: Option<Disk>,
    logs: Option<bool>,
}

impl Watch {
    pub(super) fn new() -> Watch {
        let nothing = Seen {
            at: Moment::default(),
            database: Answered::Late,
            lobby: Answered::Late,
            rooms: 0,
            silent_rooms: 0,
            disk: None,
            logs: None,
        };
        Watch {
            seen: ArcSwap::from_pointee(nothing),
            certificate_stale: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// The server is on its way to its end: it takes no more meetings.
    pub(super) fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the operator's certificate could be read when it had changed.
    pub(super) fn certificate_is_stale(&self, stale: bool) {
        self.certificate_stale.store(stale, Ordering::Relaxed);
    }

    /// Open rooms at the last look.
    pub fn rooms(&self) -> usize {
        self.seen.load().rooms
    }

    /// The disk of the data folder at the last look.
    pub fn disk(&self) -> Option<Disk> {
        self.seen.load().disk
    }
}

impl AppState {
    /// How the server stands: the last look at its parts, and the beats of its threads now.
    pub fn health(&self) -> Health {
        let seen = self.watch.seen.load();
        let now = self.clock.now();
        let figures = self.sessions.figures();
        let ends_in_ms = self.identity.ends_unix_ms().saturating_sub(unix_ms());
        judge(&Observed {
            looked_ago: now.since(seen.at),
            stopping: self.watch.stopping.load(Ordering::Relaxed),
            database: seen.database,
            lobby: seen.lobby,
            silent_rooms: seen.silent_rooms,
            rooms_beat: self.loops.oldest(LoopKind::Rooms),
            mixers_beat: self.loops.oldest(LoopKind::Mixers),
            receive_beat: figures.receive_beat.age(now),
            send_beat: figures.send_beat.age(now),
            guest_beat: figures.guest_beat.age(now),
            disk: seen.disk,
            disk_free_bytes_min: self.config.disk_free_bytes_min,
            logs: seen.logs,
            certificate_ends_in: Duration::from_millis(ends_in_ms),
            certificate_stale: self.watch.certificate_stale.load(Ordering::Relaxed),
        })
    }
}

/// Looks once, so that what is seen is there before anybody asks, and then until the server's system ends.
pub(super) async fn begin(state: Arc<AppState>) {
    let mut looker = Looker::new(state);
    looker.look().await;
    actix_rt::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            looker.look().await;
        }
    });
}

struct Looker {
    state: Arc<AppState>,
    webhook: Option<Webhook>,
    database: Question<Result<(), StoreError>>,
    lobby: Question<Option<usize>>,
    disk: Question<(Option<Disk>, Option<bool>)>,
    looks: u32,
    ticks_before: Spread,
    /// Of which day, and how many were noted as its most.
    most_people: (u64, u32),
}

impl Looker {
    fn new(state: Arc<AppState>) -> Looker {
        Looker {
            webhook: Webhook::start(&state.config),
            database: Question::default(),
            lobby: Question::default(),
            disk: Question::default(),
            looks: 0,
            most_people: (0, 0),
            ticks_before: state.sessions.figures().tick_lateness.spread(),
            state,
        }
    }

    async fn look(&mut self) {
        let state = &self.state;
        let database = self.database.ask(|| state.store.probe());
        let lobby = self.lobby.ask(|| {
            let asked = state.lobby.send(ListRooms);
            async move { asked.await.ok().map(|rooms| rooms.len()) }
        });
        let disk = self.disk.ask(|| {
            let (data, logs) = (state.config.data.clone(), state.logs.clone());
            // An unreachable disk holds up this one job, and no other begins before it is done.
            let looked =
                actix_rt::task::spawn_blocking(move || (Disk::of(&data), logs.files_are_well()));
            async move { looked.await.unwrap_or((None, None)) }
        });
        let (database, lobby, disk) = tokio::join!(database, lobby, disk);
        let before = state.watch.seen.load_full();
        let (disk, logs) = disk.unwrap_or((None, before.logs));
        state.watch.seen.store(Arc::new(Seen {
            at: state.clock.now(),
            database: match database {
                None => Answered::Late,
                Some(Ok(())) => Answered::Well,
                Some(Err(error)) => {
                    tracing::debug!(%error, "the database did not pass its probe");
                    // Locked: it gives up before we do.
                    match error.refusal() == RefusalCode::Busy {
                        true => Answered::Late,
                        false => Answered::Failed,
                    }
                }
            },
            lobby: match lobby {
                None => Answered::Late,
                Some(Some(_)) => Answered::Well,
                Some(None) => Answered::Failed,
            },
            rooms: lobby.flatten().unwrap_or(before.rooms),
            silent_rooms: before.silent_rooms,
            disk,
            logs,
        }));
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(LOOKS_PER_SAMPLE) {
            self.sample().await;
        }
    }

    /// Asks all rooms how their people's links are, and judges the alerts.
    async fn sample(&mut self) {
        let within = ANSWER_WITHIN;
        let described = self.state.lobby.send(DescribeRooms { within });
        // The lobby answers in time by itself; this is for a lobby that does not.
        let Ok(Ok(described)) = timeout(within * 2, described).await else {
            return;
        };
        let seen = self.state.watch.seen.load_full();
        self.state.watch.seen.store(Arc::new(Seen {
            silent_rooms: described.silent.len(),
            ..Seen::clone(&seen)
        }));
        self.note_people(&described);
        let ticks = self.state.sessions.figures().tick_lateness.spread();
        let since = ticks.since(&self.ticks_before);
        self.ticks_before = ticks;
        let sample = Sample {
            rooms: links_of(&described),
            disk_free_percent: seen.disk.map(|disk| disk.free_percent()),
            tick_late_p99_us: (since.count() >= TICKS_MIN)
                .then(|| since.quantile_us(0.99))
                .flatten(),
            certificate_ends_unix_ms: self.state.identity.ends_unix_ms(),
        };
        for change in self.state.alerts.observe(&sample, unix_ms()) {
            match &change {
                AlertChange::Began(alert) => {
                    tracing::warn!(alert = alert.kind.name(), "{}", alert.text);
                }
                AlertChange::Ended(kind) => {
                    tracing::info!(alert = kind.name(), "the alert is over");
                }
            }
            if let Some(webhook) = &self.webhook {
                webhook.tell(&change);
            }
        }
    }
}

impl Looker {
    /// Has the most people of each day kept.
    fn note_people(&mut self, described: &RoomsDescribed) {
        let people: usize = described.rooms.iter().map(|room| room.people.len()).sum();
        let people = u32::try_from(people).unwrap_or(u32::MAX);
        let now = unix_ms();
        let day = now / MS_PER_DAY;
        let (noted_day, most) = self.most_people;
        if people > 0 && (day != noted_day || people > most) {
            self.most_people = (day, people);
            // Stored whether it is waited for or not; one that is lost is noted by the next peak.
            drop(self.state.store.note_people(now, people));
        }
    }
}

fn links_of(described: &RoomsDescribed) -> Vec<RoomLinks> {
    let links = described.rooms.iter().map(|room| {
        let measured = room.people.iter().filter_map(|person| person.quality);
        let verdicts: Vec<QualityVerdict> = measured.map(|quality| quality.verdict).collect();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let poor = verdicts.iter().filter(|its| **its == QualityVerdict::Poor);
        RoomLinks {
            slug: room.slug.clone(),
            people: count(verdicts.len()),
            poor: count(poor.count()),
        }
    });
    links.collect()
}

/// Something that was asked and may answer late: it is not asked again before it has answered, so that
/// questions never pile up.
struct Question<T> {
    pending: Option<Pin<Box<dyn Future<Output = T>>>>,
}

impl<T> Default for Question<T> {
    fn default() -> Question<T> {
        Question { pending: None }
    }
}

impl<T: 'static> Question<T> {
    /// The answer; `None` when it has not come yet.
    async fn ask<F>(&mut self, question: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + 'static,
    {
        let pending = self.pending.get_or_insert_with(|| Box::pin(question()));
        let answer = timeout(ANSWER_WITHIN, pending).await.ok()?;
        self.pending = None;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::pending, rc::Rc};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_that_waits_for_its_answer_is_not_asked_again() {
        let asked = Rc::new(Cell::new(0));
        let (answer, answered) = oneshot::channel::<u32>();
        let mut answered = Some(answered);
        let mut question = Question::default();
        let mut ask = || {
            asked.set(asked.get() + 1);
            let answered = answered.take().unwrap();
            async move { answered.await.unwrap() }
        };
        assert_eq!(question.ask(&mut ask).await, None);
        assert_eq!(question.ask(&mut ask).await, None);
        answer.send(7).unwrap();
        assert_eq!(question.ask(&mut ask).await, Some(7));
        assert_eq!(asked.get(), 1);
        assert_eq!(
            question.ask(pending::<u32>).await,
            None,
            "it was asked anew"
        );
    }
}
