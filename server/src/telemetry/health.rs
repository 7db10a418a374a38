//! Whether the server is alive and ready, judged from what was seen of its parts. Nothing here looks at
//! anything itself.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::system::Disk;

/// A thread that has left no beat for so long stands still: it is due several times a second.
pub const SILENT_MAX: Duration = Duration::from_secs(10);
/// What was seen longer ago than this says nothing about now.
pub const LOOK_AGE_MAX: Duration = Duration::from_secs(15);
/// With less than this free the database cannot be relied upon to write.
pub const DISK_FULL_BYTES: u64 = 16 * 1024 * 1024;

/// How a part or the whole stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Ok,
    /// Meetings go on; somebody should look.
    Degraded,
    Failed,
}

/// A part of the server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Database,
    Disk,
    Lobby,
    /// The threads that rooms share, and the rooms on them.
    Rooms,
    /// The threads that mix voice.
    Mixers,
    MediaReceive,
    MediaSend,
    /// The thread that speaks WebRTC with browsers.
    MediaGuests,
    Logs,
    Certificate,
}

/// How the server stands, as monitors are told.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Health {
    pub status: Standing,
    /// It runs. When it is not alive, only a restart helps.
    pub alive: bool,
    /// Meetings can be held, and made.
    pub ready: bool,
    pub services: BTreeMap<Part, Standing>,
    /// Why those that are not ok are not, each in a sentence.
    pub reasons: BTreeMap<Part, String>,
}

/// What was asked, and how it answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answered {
    Well,
    /// Not yet.
    Late,
    Failed,
}

/// What was seen of the parts at one time.
#[derive(Clone, Debug)]
pub struct Observed {
    /// How long ago it was looked.
    pub looked_ago: Duration,
    pub stopping: bool,
    pub database: Answered,
    pub lobby: Answered,
    /// Rooms that were asked and did not answer.
    pub silent_rooms: usize,
    /// Ages of the oldest beats.
    pub rooms_beat: Option<Duration>,
    pub mixers_beat: Option<Duration>,
    pub receive_beat: Option<Duration>,
    pub send_beat: Option<Duration>,
    pub guest_beat: Option<Duration>,
    /// Of the data folder; `None` when it is not known.
    pub disk: Option<Disk>,
    pub disk_free_bytes_min: u64,
    /// `None` without log files.
    pub logs: Option<bool>,
    /// Until the first of the presented certificates ends; zero when it has.
    pub certificate_ends_in: Duration,
    /// The operator's certificate could not be read when it had changed.
    pub certificate_stale: bool,
}

type Verdict = (Standing, &'static str);

const WELL: Verdict = (Standing::Ok, "");

/// Judges each part, and the whole by them.
pub fn judge(seen: &Observed) -> Health {
    let verdicts = [
        (Part::Database, database(seen)),
        (Part::Disk, disk(seen)),
        (Part::Lobby, lobby(seen)),
        (Part::Rooms, rooms(seen)),
        (Part::Mixers, beat(seen.mixers_beat)),
        (Part::MediaReceive, beat(seen.receive_beat)),
        (Part::MediaSend, beat(seen.send_beat)),
        (Part::MediaGuests, beat(seen.guest_beat)),
        (Part::Logs, logs(seen)),
        (Part::Certificate, certificate(seen)),
    ];
    let failed = |parts: &[Part]| {
        let mut verdicts = verdicts.iter();
        verdicts.any(|(part, (standing, _))| *standing == Standing::Failed && parts.contains(part))
    };
    // What a restart would help against.
    let alive = seen.looked_ago <= LOOK_AGE_MAX
        && !failed(&[
            Part::Lobby,
            Part::Rooms,
            Part::Mixers,
            Part::MediaReceive,
            Part::MediaSend,
            Part::MediaGuests,
        ]);
    let ready = alive && !seen.stopping && !failed(&[Part::Database, Part::Disk]);
    let worst = verdicts.iter().map(|(_, (standing, _))| *standing).max();
    let status = match ready {
        false => Standing::Failed,
        // What does not keep meetings from being held is no failure of the whole.
        true => worst.map_or(Standing::Ok, |worst| worst.min(Standing::Degraded)),
    };
    let not_well = verdicts.iter().filter(|(_, verdict)| *verdict != WELL);
    Health {
        status,
        alive,
        ready,
        services: verdicts
            .iter()
            .map(|(part, (standing, _))| (*part, *standing))
            .collect(),
        reasons: not_well
            .map(|(part, (_, why))| (*part, (*why).to_owned()))
            .collect(),
    }
}

fn database(seen: &Observed) -> Verdict {
    match seen.database {
        Answered::Well => WELL,
        Answered::Late => (
            Standing::Failed,
            "The database does not answer in time. Another program may have locked it.",
        ),
        Answered::Failed => (
            Standing::Failed,
            "The database cannot be written. The log says why.",
        ),
    }
}

fn disk(seen: &Observed) -> Verdict {
    match seen.disk {
        None => (
            Standing::Degraded,
            "The disk does not say how much is free.",
        ),
        Some(disk) if disk.free_bytes < DISK_FULL_BYTES => {
            (Standing::Failed, "The disk is full. Free some of it.")
        }
        Some(disk) if disk.free_bytes < seen.disk_free_bytes_min => (
            Standing::Degraded,
            "Less of the disk is free than disk_free_bytes_min: uploads are refused.",
        ),
        Some(_) => WELL,
    }
}

fn lobby(seen: &Observed) -> Verdict {
    match seen.lobby {
        Answered::Well => WELL,
        Answered::Late | Answered::Failed => (
            Standing::Failed,
            "The lobby does not answer. Restart the server.",
        ),
    }
}

fn rooms(seen: &Observed) -> Verdict {
    match beat(seen.rooms_beat) {
        WELL if seen.silent_rooms > 0 => (
            Standing::Degraded,
            "Some rooms did not answer in time: the server has too much to do.",
        ),
        verdict => verdict,
    }
}

fn beat(age: Option<Duration>) -> Verdict {
    match age {
        Some(age) if age <= SILENT_MAX => WELL,
        Some(_) | None => (
            Standing::Failed,
            "This thread stands still. Restart the server.",
        ),
    }
}

fn logs(seen: &Observed) -> Verdict {
    match seen.logs {
        None | Some(true) => WELL,
        Some(false) => (
            Standing::Degraded,
            "Log files are not written: the folder is gone, or the disk is full.",
        ),
    }
}

fn certificate(seen: &Observed) -> Verdict {
    if seen.certificate_ends_in.is_zero() {
        (
            Standing::Degraded,
            "A certificate has ended: browsers refuse the server.",
        )
    } else if seen.certificate_stale {
        (
            Standing::Degraded,
            "The new tls_certificate cannot be used; the one of before still is.",
        )
    } else {
        WELL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Observed {
        let beat = Some(Duration::from_millis(300));
        Observed {
            looked_ago: Duration::from_secs(1),
            stopping: false,
            database: Answered::Well,
            lobby: Answered::Well,
            silent_rooms: 0,
            rooms_beat: beat,
            mixers_beat: beat,
            receive_beat: beat,
            send_beat: beat,
            guest_beat: beat,
            disk: Some(Disk {
                free_bytes: 1 << 30,
                total_bytes: 1 << 40,
            }),
            disk_free_bytes_min: 1 << 28,
            logs: Some(true),
            certificate_ends_in: Duration::from_secs(86_400),
            certificate_stale: false,
        }
    }

    fn judged(change: impl FnOnce(&mut Observed)) -> Health {
        let mut seen = well();
        change(&mut seen);
        judge(&seen)
    }

    #[test]
    fn a_server_that_is_well_says_so_of_every_part() {
        let health = judge(&well());
        assert!(health.alive && health.ready);
        assert_eq!(health.status, Standing::Ok);
        assert_eq!(health.services.len(), 10);
        assert!(health.services.values().all(|part| *part == Standing::Ok));
        assert!(health.reasons.is_empty());
    }

    #[test]
    fn what_a_restart_helps_against_is_not_alive() {
        let silent = Some(SILENT_MAX + Duration::from_secs(1));
        for (part, health) in [
            (Part::Rooms, judged(|seen| seen.rooms_beat = silent)),
            (Part::Mixers, judged(|seen| seen.mixers_beat = silent)),
            (Part::MediaReceive, judged(|seen| seen.receive_beat = None)),
            (Part::MediaSend, judged(|seen| seen.send_beat = silent)),
            (Part::MediaGuests, judged(|seen| seen.guest_beat = silent)),
            (Part::Lobby, judged(|seen| seen.lobby = Answered::Late)),
        ] {
            assert!(!health.alive && !health.ready, "{part:?}");
            assert_eq!(health.services[&part], Standing::Failed);
            assert!(health.reasons[&part].ends_with("Restart the server."));
        }
    }

    #[test]
    fn what_a_restart_does_not_help_against_is_alive_but_not_ready() {
        let no_space = Some(Disk {
            free_bytes: 1,
            total_bytes: 1 << 40,
        });
        for (part, health) in [
            (
                Part::Database,
                judged(|seen| seen.database = Answered::Late),
            ),
            (
                Part::Database,
                judged(|seen| seen.database = Answered::Failed),
            ),
            (Part::Disk, judged(|seen| seen.disk = no_space)),
        ] {
            assert!(health.alive && !health.ready, "{part:?}");
            assert_eq!(health.status, Standing::Failed);
            assert_eq!(health.services[&part], Standing::Failed);
        }
        let stopping = judged(|seen| seen.stopping = true);
        assert!(stopping.alive && !stopping.ready);
    }

    #[test]
    fn what_does_not_keep_meetings_from_going_on_is_told_but_ready() {
        let little = Some(Disk {
            free_bytes: 1 << 27,
            total_bytes: 1 << 40,
        });
        for (part, health) in [
            (Part::Disk, judged(|seen| seen.disk = little)),
            (Part::Disk, judged(|seen| seen.disk = None)),
            (Part::Logs, judged(|seen| seen.logs = Some(false))),
            (Part::Rooms, judged(|seen| seen.silent_rooms = 1)),
            (
                Part::Certificate,
                judged(|seen| seen.certificate_ends_in = Duration::ZERO),
            ),
            (
                Part::Certificate,
                judged(|seen| seen.certificate_stale = true),
            ),
        ] {
            assert!(health.alive && health.ready, "{part:?}");
            assert_eq!(health.status, Standing::Degraded, "{part:?}");
            assert_eq!(health.services[&part], Standing::Degraded);
            assert!(!health.reasons[&part].is_empty());
        }
    }

    #[test]
    fn whoever_has_not_looked_lately_knows_nothing() {
        let blind = judged(|seen| seen.looked_ago = LOOK_AGE_MAX + Duration::from_secs(1));
        assert!(!blind.alive && !blind.ready);
    }

    #[test]
    fn monitors_read_words() {
        let health = serde_json::to_value(judged(|seen| seen.logs = Some(false))).unwrap();
        assert_eq!(health["status"], "degraded");
        assert_eq!(health["services"]["media_receive"], "ok");
        assert_eq!(health["services"]["logs"], "degraded");
        assert!(health["reasons"]["logs"].is_string());
    }
}
