//! Opening a room: a new one, or one from the store.

use std::{collections::BTreeSet, time::Duration};

use conclave_wire::{
    Floor, LineId, MediaState, ParticipantId, QuestionId, RefusalCode, Role, Settings,
    command::Reply,
};

use super::{
    Bans, Effect, NOTICE_SHOWN, Outbox, Questions, Record, Room, Slug, StoredRoom, Succession,
    Title, Waiting,
    agenda::{Agenda, check_time_limit},
    answers::{Answer, Answers},
    chat::Chat,
    check_settings,
    files::Files,
    film::Films,
    incidents::Incidents,
    log::Log,
    roster::{Link, Roster, Seat},
    signs::SignBoard,
    study::Studies,
};
use crate::Now;

/// What the operator allows a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    pub members_max: u32,
    /// Of all files together, uploads under way included.
    pub files_bytes_max: u64,
    /// A room where nobody is linked ends after this time; with [`Duration::MAX`] it waits for ever.
    pub idle_max: Duration,
}

/// A room that is to be opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    pub slug: Slug,
    pub title: Title,
    pub settings: Settings,
    pub password_hash: Option<String>,
    pub host_key_hash: [u8; 32],
    pub time_limit: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            members_max: 500,
            files_bytes_max: 20 * 1024 * 1024 * 1024,
            idle_max: Duration::from_secs(24 * 3_600),
        }
    }
}

impl Room {
    /// Opens a new room. `epoch` is drawn at random.
    ///
    /// # Errors
    /// `Invalid` when the settings or the time limit are outside of what is allowed.
    pub fn open(
        opening: Opening,
        epoch: u32,
        limits: Limits,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Room, RefusalCode> {
        check_settings(&opening.settings, limits.members_max)?;
        check_time_limit(opening.time_limit)?;
        let ends_unix_ms = opening
            .time_limit
            .map(|limit| now.unix_ms.saturating_add(as_ms(limit)));
        let stored = StoredRoom {
            slug: opening.slug.into_string(),
            title: opening.title.into_string(),
            settings: opening.settings,
            locked: false,
            password_hash: opening.password_hash,
            host_key_hash: opening.host_key_hash,
            opened_unix_ms: now.unix_ms,
            ends_unix_ms,
            seats: Vec::new(),
            next_seat: 1,
            lines: Vec::new(),
            next_line: 1,
            said_references: Vec::new(),
            questions: Vec::new(),
            next_question: 1,
            asked_references: Vec::new(),
            bans: Vec::new(),
            files: Vec::new(),
            next_file: 1,
            notices: Vec::new(),
            next_notice: 1,
            study: Default::default(),
            films: Default::default(),
        };
        out.push(Effect::Record(Record::RoomOpened {
            title: stored.title.clone(),
            settings: stored.settings.clone(),
            locked: stored.locked,
            password_hash: stored.password_hash.clone(),
            host_key_hash: stored.host_key_hash,
            opened_unix_ms: stored.opened_unix_ms,
            ends_unix_ms,
        }));
        Ok(Room::restore(stored, epoch, limits, now))
    }

    /// Opens a room again from what was stored. Everybody is away, with a full `AWAY_MAX` to come back.
    /// Call [`Room::wake`] next: its time may have run out meanwhile.
    pub fn restore(stored: StoredRoom, epoch: u32, limits: Limits, now: Now) -> Room {
        let on_clock =
            |unix_ms: u64| now.moment + Duration::from_millis(unix_ms.saturating_sub(now.unix_ms));
        let mut roster = Roster {
            next: stored.next_seat.max(1),
            ..Roster::default()
        };
        for seat in stored.seats {
            let answers = answers_of(seat.id, &stored.said_references, &stored.asked_references);
            let restored = Seat {
                name: seat.name,
                role: seat.role,
                media: MediaState {
                    sound: true,
                    ..MediaState::default()
                },
                held_mute: seat.held_mute,
                joined_at_ms: seat.joined_unix_ms,
                token_hash: seat.token_hash,
                device_hash: seat.device_hash,
                stands_in_from: seat.stands_in_from,
                link: Link::Lost(now.moment),
                in_media: false,
                may_speak: false,
                answers,
                volumes: Default::default(),
            };
            roster.seats.insert(seat.id, restored);
        }
        let timer = stored.settings.timer;
        let had_host = roster.seats.values().any(|seat| seat.role == Role::Host);
        let notices = stored.notices.into_iter().map(|notice| {
            (
                on_clock(notice.at_ms.saturating_add(as_ms(NOTICE_SHOWN))),
                notice,
            )
        });
        Room {
            slug: stored.slug,
            title: stored.title,
            settings: stored.settings,
            locked: stored.locked,
            password_hash: stored.password_hash,
            host_key_hash: stored.host_key_hash,
            limits,
            epoch,
            opened: now.moment,
            opened_unix_ms: stored.opened_unix_ms,
            unix_offset_ms: now.unix_ms.saturating_sub(now.moment.as_ms()),
            roster,
            succession: Succession::of(had_host),
            waiting: Waiting::starting_at(epoch),
            bans: Bans::of(stored.bans),
            floor: Floor::default(),
            spotlight: None,
            questions: Questions::restore(stored.questions, stored.next_question),
            chat: Chat {
                lines: stored.lines.into(),
                next: stored.next_line.max(1),
                ..Chat::default()
            },
            agenda: Agenda {
                ends_at: stored.ends_unix_ms.map(on_clock),
                notices: notices.collect(),
                next_notice: stored.next_notice.max(1),
            },
            files: Files {
                shared: stored
                    .files
                    .into_iter()
                    .map(|file| (file.id, file))
                    .collect(),
                next: stored.next_file.max(1),
                ..Files::default()
            },
            features: BTreeSet::new(),
            incidents: Incidents::default(),
            studies: Studies::restore(stored.study, timer, now),
            films: Films::restore(stored.films, now),
            log: Log::default(),
            signs: SignBoard::default(),
            idle_since: Some(now.moment),
            ended: None,
        }
    }
}

/// What a seat was answered for what it has said and asked, in the order of its references.
fn answers_of(
    id: ParticipantId,
    said: &[(ParticipantId, u32, LineId)],
    asked: &[(ParticipantId, u32, QuestionId)],
) -> Answers {
    let said = said.iter().filter(|(from, ..)| *from == id);
    let asked = asked.iter().filter(|(from, ..)| *from == id);
    let said = said.map(|&(_, reference, line)| (reference, Reply::Line { line }));
    let asked = asked.map(|&(_, reference, question)| (reference, Reply::Question { question }));
    let mut given: Vec<_> = said.chain(asked).collect();
    given.sort_by_key(|(reference, _)| *reference);
    let mut answers = Answers::default();
    for (reference, reply) in given {
        answers.keep(reference, Answer::Given(Ok(reply)));
    }
    answers
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
