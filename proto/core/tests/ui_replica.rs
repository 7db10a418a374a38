//! The page applies events as `room::replica::apply` does: this writes down what that makes of a few
//! hundred of them, and `ui/src/model/replica.test.ts` must come to the same. To write it anew:
//! `CONCLAVE_WRITE=1 cargo test -p conclave-core --test ui_replica`.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, env, fs, path::Path};

use conclave_core::room::replica::apply;
use conclave_wire::{
    event::{FloorChange, RoleChange},
    *,
};

const STEPS: usize = 420;
/// A room is written down after so many events.
const LOOK_EVERY: usize = 15;

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(end)) as u32
    }

    fn chance(&mut self) -> bool {
        self.below(2) == 0
    }

    fn person(&mut self) -> ParticipantId {
        ParticipantId(1 + self.below(6))
    }

    fn people(&mut self) -> Vec<ParticipantId> {
        let count = self.below(3);
        let people: BTreeSet<_> = (0..count).map(|_| self.person()).collect();
        people.into_iter().collect()
    }

    fn question(&mut self) -> QuestionId {
        QuestionId(1 + self.below(5))
    }

    fn media(&mut self) -> MediaState {
        MediaState {
            microphone: self.chance(),
            camera: self.chance(),
            sound: self.chance(),
        }
    }
}

/// How many kinds of events there are.
const KINDS: usize = 46;

/// One event of each kind. A new kind does not compile until it has its place in [`kind_of`].
fn event(kind: usize, step: usize, draw: &mut Draw) -> Event {
    let id = draw.person();
    let number = step as u32;
    let at_ms = 1_000 * step as u64;
    match kind {
        0 => Event::ParticipantJoined {
            member: Member {
                id,
                name: format!("person {number}"),
                role: Role::Participant,
                media: draw.media(),
                held_mute: draw.chance(),
                away: false,
                joined_at_ms: at_ms,
            },
        },
        1 => Event::ParticipantLeft {
            id,
            reason: LeaveReason::Left,
        },
        2 => Event::ParticipantAway {
            id,
            away: draw.chance(),
        },
        3 => Event::ParticipantRenamed {
            id,
            name: format!("again {number}"),
        },
        4 => Event::RoleChanged {
            id,
            role: Role::CoHost,
            why: RoleChange::Given,
        },
        5 => Event::MediaChanged {
            id,
            media: draw.media(),
            held_mute: draw.chance(),
        },
        6 => Event::RoomLocked {
            locked: draw.chance(),
        },
        7 => Event::PasswordChanged {
            has_password: draw.chance(),
        },
        8 => Event::SettingsChanged {
            settings: Settings {
                members_max: number,
                ..Settings::default()
            },
        },
        9 => Event::WaitingArrived {
            waiter: Waiter {
                id: WaitingId(1 + draw.below(4)),
                name: format!("waiter {number}"),
                since_ms: at_ms,
            },
        },
        10 => Event::WaitingLeft {
            id: WaitingId(1 + draw.below(4)),
        },
        11 => Event::FloorChanged {
            floor: Floor {
                presenter: draw.chance().then_some(id),
                queue: draw.people(),
                hands: draw.people(),
            },
            why: FloorChange::Asked,
        },
        12 => Event::HandRaised { id },
        13 => Event::HandLowered { id },
        14 => Event::HandsLowered,
        15 => Event::SpotlightChanged {
            id: draw.chance().then_some(id),
        },
        16 => Event::QuestionAsked {
            question: Question {
                id: draw.question(),
                from: draw.chance().then_some(id),
                name: String::new(),
                text: format!("question {number}"),
                at_ms,
                moment_ms: at_ms,
                votes: draw.below(9),
                pinned: draw.chance(),
                hidden: draw.chance(),
                in_review: draw.chance(),
                answer: None,
            },
        },
        17 => Event::QuestionWithdrawn {
            question: draw.question(),
        },
        18 => Event::QuestionTakenBack {
            question: draw.question(),
        },
        19 => Event::QuestionPinned {
            question: draw.question(),
            pinned: draw.chance(),
        },
        20 => Event::QuestionHidden {
            question: draw.question(),
            hidden: draw.chance(),
        },
        21 => Event::QuestionApproved {
            question: draw.question(),
        },
        22 => Event::QuestionAnswered {
            question: draw.question(),
            answer: Answer {
                by: id,
                name: format!("person {number}"),
                text: draw.chance().then(|| format!("answer {number}")),
                at_ms,
                moment_ms: at_ms,
            },
        },
        23 => Event::VotesCounted {
            counts: vec![VoteCount {
                question: draw.question(),
                votes: number,
            }],
        },
        24 => Event::QuestionMine {
            question: draw.question(),
        },
        25 => Event::VoteChanged {
            question: draw.question(),
            voted: draw.chance(),
        },
        26 => Event::LineSaid {
            line: Line {
                id: LineId(number),
                from: id,
                name: format!("person {number}"),
                kind: LineKind::Said,
                text: format!("line {number}"),
                at_ms,
                deleted: false,
            },
        },
        27 => Event::LineDeleted {
            line: LineId(number.saturating_sub(draw.below(60))),
        },
        28 => Event::TimeLimitSet {
            ends_at_ms: draw.chance().then_some(at_ms),
        },
        29 => Event::NoticePosted {
            notice: Notice {
                id: NoticeId(number),
                text: format!("notice {number}"),
                at_ms,
            },
        },
        30 => Event::NoticeExpired {
            notice: NoticeId(number.saturating_sub(draw.below(60))),
        },
        31 => Event::MeetingEnded {
            reason: EndReason::HostEnded,
        },
        32 => Event::FileShared {
            file: SharedFile {
                id: FileId(number),
                owner: id,
                name: format!("file {number}"),
                size_bytes: at_ms,
                sha256: "0".repeat(64),
                shared_at_ms: at_ms,
                share_token: Some(format!("token {number}")),
            },
        },
        33 => Event::ShareRevoked {
            file: FileId(number.saturating_sub(draw.below(60))),
        },
        35 => Event::StudyClockChanged {
            clock: StudyClock {
                phase: StudyPhase::Focus,
                cycle: draw.below(4),
                length_ms: at_ms,
                ends_at_ms: draw.chance().then_some(at_ms),
                left_ms: at_ms,
                focus_done: number,
            },
            why: ClockChange::Ended,
        },
        36 => Event::FocusCounted {
            room_ms: at_ms,
            people: (draw.people().into_iter())
                .map(|id| FocusCount {
                    id,
                    focus_ms: at_ms,
                })
                .collect(),
        },
        37 => Event::GoalSet {
            text: format!("goal {number}"),
        },
        38 => Event::StudyShared {
            id,
            shared: draw.chance().then(|| SharedStudy {
                focus_on: format!("chapter {number}"),
                goals: vec![Goal {
                    text: "exercises".to_owned(),
                    done: draw.chance(),
                }],
                streak_days: number,
            }),
        },
        39 => Event::FilmOpened {
            file: draw.chance().then(|| film(number)),
            leader: Some(id),
            anchor: FilmAnchor::default(),
        },
        40 => Event::FilmMoved {
            anchor: FilmAnchor {
                playing: draw.chance(),
                position_ms: at_ms,
                at_ms,
                rate_permille: 500 + number,
                hold: draw.chance().then(|| FilmHold {
                    waiting_for: draw.people(),
                    until_ms: at_ms + 10_000,
                }),
            },
            why: FilmMove::Held,
            by: None,
        },
        41 => Event::FilmIdentified {
            sha256: format!("{number:064x}"),
        },
        42 => Event::FilmMarked {
            marks: (draw.people().into_iter())
                .map(|id| FilmMark {
                    id,
                    readiness: [
                        FilmReadiness::NotReady,
                        FilmReadiness::Ready,
                        FilmReadiness::Buffering,
                        FilmReadiness::Closed,
                    ][draw.below(4) as usize],
                    sure: draw.chance(),
                })
                .collect(),
        },
        43 => Event::FilmLeadChanged {
            leader: draw.chance().then_some(id),
        },
        44 => Event::PlaylistChanged {
            playlist: (0..draw.below(3)).map(film).collect(),
        },
        45 => Event::RoomRetitled {
            title: format!("Physics, part {number}"),
        },
        _ => Event::FileRemoved {
            file: FileId(number.saturating_sub(draw.below(60))),
        },
    }
}

fn film(number: u32) -> FilmFile {
    FilmFile {
        name: format!("film {number}.mkv"),
        size_bytes: 1 + u64::from(number),
        duration_ms: 0,
        sample: Some(format!("{number:064x}")),
        sha256: None,
    }
}

fn kind_of(event: &Event) -> usize {
    match event {
        Event::ParticipantJoined { .. } => 0,
        Event::ParticipantLeft { .. } => 1,
        Event::ParticipantAway { .. } => 2,
        Event::ParticipantRenamed { .. } => 3,
        Event::RoleChanged { .. } => 4,
        Event::MediaChanged { .. } => 5,
        Event::RoomLocked { .. } => 6,
        Event::PasswordChanged { .. } => 7,
        Event::SettingsChanged { .. } => 8,
        Event::WaitingArrived { .. } => 9,
        Event::WaitingLeft { .. } => 10,
        Event::FloorChanged { .. } => 11,
        Event::HandRaised { .. } => 12,
        Event::HandLowered { .. } => 13,
        Event::HandsLowered => 14,
        Event::SpotlightChanged { .. } => 15,
        Event::QuestionAsked { .. } => 16,
        Event::QuestionWithdrawn { .. } => 17,
        Event::QuestionTakenBack { .. } => 18,
        Event::QuestionPinned { .. } => 19,
        Event::QuestionHidden { .. } => 20,
        Event::QuestionApproved { .. } => 21,
        Event::QuestionAnswered { .. } => 22,
        Event::VotesCounted { .. } => 23,
        Event::QuestionMine { .. } => 24,
        Event::VoteChanged { .. } => 25,
        Event::LineSaid { .. } => 26,
        Event::LineDeleted { .. } => 27,
        Event::TimeLimitSet { .. } => 28,
        Event::NoticePosted { .. } => 29,
        Event::NoticeExpired { .. } => 30,
        Event::MeetingEnded { .. } => 31,
        Event::FileShared { .. } => 32,
        Event::ShareRevoked { .. } => 33,
        Event::FileRemoved { .. } => 34,
        Event::StudyClockChanged { .. } => 35,
        Event::FocusCounted { .. } => 36,
        Event::GoalSet { .. } => 37,
        Event::StudyShared { .. } => 38,
        Event::FilmOpened { .. } => 39,
        Event::FilmMoved { .. } => 40,
        Event::FilmIdentified { .. } => 41,
        Event::FilmMarked { .. } => 42,
        Event::FilmLeadChanged { .. } => 43,
        Event::PlaylistChanged { .. } => 44,
        Event::RoomRetitled { .. } => 45,
    }
}

fn empty() -> RoomState {
    RoomState {
        slug: "physics".to_owned(),
        title: "Physics".to_owned(),
        locked: false,
        has_password: false,
        settings: Settings::default(),
        members: Vec::new(),
        floor: Floor::default(),
        lines: Vec::new(),
        files: Vec::new(),
        agenda: Agenda::default(),
        spotlight: None,
        waiting: Vec::new(),
        questions: Vec::new(),
        mine: Mine::default(),
        study: Study::default(),
        film: Film::default(),
    }
}

fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).unwrap()
}

fn written() -> String {
    let mut draw = Draw(1);
    let mut room = empty();
    let mut kinds = BTreeSet::new();
    let mut steps = Vec::new();
    let before = text(Encoding::Json.encode(&room));
    for step in 1..=STEPS {
        let kind = match draw.below(4) {
            // Rooms without people, lines and files would not change by much of what happens.
            0 => [0, 26, 32, 16][draw.below(4) as usize],
            _ => draw.below(KINDS as u32) as usize,
        };
        let event = event(kind, step, &mut draw);
        kinds.insert(kind_of(&event));
        apply(&mut room, &event);
        let after = match step % LOOK_EVERY {
            0 => text(Encoding::Json.encode(&room)),
            _ => "null".to_owned(),
        };
        steps.push(format!(
            "{{\"event\":{},\"room\":{after}}}",
            text(Encoding::Json.encode(&event))
        ));
    }
    assert_eq!(kinds.len(), KINDS, "every kind of event happens");
    let steps = steps.join(",\n");
    format!("{{\"room\":{before},\"steps\":[\n{steps}\n]}}\n")
}

#[test]
fn the_page_is_shown_what_events_do() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/tests/fixtures/replica.json");
    let wanted = written();
    if env::var_os("CONCLAVE_WRITE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == wanted,
        "ui/tests/fixtures/replica.json is not what events do; write it anew with CONCLAVE_WRITE=1"
    );
}
