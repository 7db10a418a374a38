//! What is kept of meetings for reports and counts, and what is not.

use conclave_core::room::{Feature, Record};
use conclave_server::store::{DayCount, MeetingReport, Store};
use conclave_wire::{
    Answer, EndReason, FileId, LeaveReason, Line, LineId, LineKind, ParticipantId, Question,
    QuestionId, RefusalCode, Role, Settings, SharedFile,
    event::{Quality, QualityVerdict},
};
use sqlx::{Executor, Row};

use crate::database::TestDatabase;

const MS_PER_DAY: u64 = 24 * 3_600_000;
/// A day long after the epoch, but before any clock of a test.
const NOON: u64 = 20_000 * MS_PER_DAY + MS_PER_DAY / 2;
/// Kept for ever, in the eyes of a test.
const KEPT_HOURS: u32 = 87_000;
const HOST_KEY: [u8; 32] = [7; 32];

fn opened(keep_hours: u32, opened_unix_ms: u64) -> Record {
    Record::RoomOpened {
        title: "Lecture".to_owned(),
        settings: Settings {
            keep_hours,
            ..Settings::default()
        },
        locked: false,
        password_hash: None,
        host_key_hash: HOST_KEY,
        opened_unix_ms,
        ends_unix_ms: None,
    }
}

fn taken(id: u32, name: &str, role: Role, joined_unix_ms: u64) -> Record {
    Record::SeatTaken {
        id: ParticipantId(id),
        name: name.to_owned(),
        role,
        token_hash: [u8::try_from(id).unwrap(); 32],
        device_hash: None,
        joined_unix_ms,
    }
}

fn left(id: u32, at_unix_ms: u64) -> Record {
    Record::SeatLeft {
        id: ParticipantId(id),
        reason: LeaveReason::Left,
        at_unix_ms,
    }
}

fn ended(at_unix_ms: u64) -> Record {
    Record::RoomEnded {
        reason: EndReason::HostEnded,
        at_unix_ms,
    }
}

fn link_poor(id: u32, began: u64, until: u64, loss_permille: u32) -> Record {
    Record::LinkPoor {
        id: ParticipantId(id),
        began_unix_ms: began,
        until_unix_ms: until,
        worst: Quality {
            verdict: QualityVerdict::Poor,
            round_trip_ms: 120,
            jitter_ms: 30,
            loss_permille,
            receive_kbps: 0,
        },
    }
}

fn asked(id: u32, by: u32, name: Option<&str>, text: &str, at_ms: u64) -> Record {
    Record::QuestionAsked {
        question: Question {
            id: QuestionId(id),
            from: name.map(|_| ParticipantId(by)),
            name: name.unwrap_or_default().to_owned(),
            text: text.to_owned(),
            at_ms,
            moment_ms: 5,
            votes: 0,
            pinned: false,
            hidden: false,
            in_review: false,
            answer: None,
        },
        author: ParticipantId(by),
        reference: id,
    }
}

/// A meeting of half an hour.
fn lecture(keep_hours: u32) -> Vec<Record> {
    let minute = |minutes: u64| NOON + minutes * 60_000;
    vec![
        opened(keep_hours, minute(0)),
        taken(1, "Ada", Role::Host, minute(1)),
        taken(2, "=cmd|' /C calc'!A1", Role::Participant, minute(2)),
        Record::MediaSwitched {
            id: ParticipantId(1),
            microphone: true,
            camera: true,
        },
        Record::FeatureUsed {
            feature: Feature::Camera,
        },
        Record::FeatureUsed {
            feature: Feature::Voice,
        },
        // Told again after a restart.
        Record::FeatureUsed {
            feature: Feature::Voice,
        },
        link_poor(2, minute(5), minute(5), 90),
        link_poor(2, minute(5), minute(6), 250),
        asked(1, 2, Some("Bob"), "Why?", minute(7)),
        asked(2, 2, None, "And how?", minute(8)),
        Record::QuestionVoted {
            question: QuestionId(2),
            by: ParticipantId(1),
            voted: true,
            votes: 1,
            at_unix_ms: minute(9),
        },
        Record::QuestionChanged {
            question: QuestionId(2),
            pinned: false,
            hidden: false,
            in_review: false,
            answer: Some(Answer {
                by: ParticipantId(1),
                name: "Ada".to_owned(),
                text: Some("Slowly.".to_owned()),
                at_ms: minute(10),
                moment_ms: 9,
            }),
        },
        Record::LineSaid {
            line: Line {
                id: LineId(1),
                from: ParticipantId(1),
                name: "Ada".to_owned(),
                kind: LineKind::Said,
                text: "Welcome".to_owned(),
                at_ms: minute(2),
                deleted: false,
            },
            reference: None,
        },
        Record::FileShared {
            file: SharedFile {
                id: FileId(1),
                owner: ParticipantId(1),
                name: "slides.pdf".to_owned(),
                size_bytes: 5,
                sha256: "aa".repeat(32),
                shared_at_ms: minute(11),
                share_token: None,
            },
        },
        left(2, minute(12)),
        taken(3, "Cyd", Role::Participant, minute(20)),
    ]
}

const END: u64 = NOON + 30 * 60_000;

async fn report(store: &Store) -> MeetingReport {
    let report = store.report_for_host("lecture", HOST_KEY).await.unwrap();
    report.unwrap()
}

async fn a_report_tells_who_was_there_what_failed_and_what_was_asked(database: TestDatabase) {
    let store = database.open().await;
    store.write("lecture", lecture(KEPT_HOURS)).await.unwrap();

    // While it goes on.
    let running = report(&store).await;
    assert_eq!(running.ended_unix_ms, None);
    assert_eq!((running.total_messages, running.total_people), (1, 3));
    assert_eq!(running.features, ["camera", "voice"]);

    store.write("lecture", vec![ended(END)]).await.unwrap();
    let report = report(&store).await;
    assert_eq!(
        (
            report.slug.as_str(),
            report.title.as_str(),
            report.presenter_name.as_str()
        ),
        ("lecture", "Lecture", "Ada")
    );
    assert_eq!(report.opened_unix_ms, NOON);
    assert_eq!(report.ended_unix_ms, Some(END));
    assert_eq!(report.end_reason, Some(EndReason::HostEnded));
    let counts = [
        report.total_people,
        report.people_at_once,
        report.total_messages,
        report.total_questions,
        report.total_votes,
        report.total_files,
        report.total_incidents,
    ];
    assert_eq!(counts, [3, 2, 1, 2, 1, 1, 1]);
    assert_eq!(report.features, ["camera", "voice"]);
    let minute = |minutes: u64| NOON + minutes * 60_000;
    let presence: Vec<_> = report
        .people
        .iter()
        .map(|seat| (seat.role, seat.joined_unix_ms, seat.left_unix_ms))
        .collect();
    assert_eq!(
        presence,
        [
            (Role::Host, minute(1), Some(END)),
            (Role::Participant, minute(2), Some(minute(12))),
            (Role::Participant, minute(20), Some(END)),
        ]
    );
    let [incident] = &report.incidents[..] else {
        panic!("{:?}", report.incidents);
    };
    assert_eq!(
        (
            incident.participant,
            incident.began_unix_ms,
            incident.until_unix_ms
        ),
        (2, minute(5), minute(6))
    );
    assert_eq!(incident.loss_permille, 250);
    let questions: Vec<_> = report
        .questions
        .iter()
        .map(|asked| (asked.name.as_deref(), asked.votes, asked.answer.as_deref()))
        .collect();
    assert_eq!(
        questions,
        [(None, 1, Some("Slowly.")), (Some("Bob"), 0, None)]
    );
    assert_eq!(report.files[0].name, "Ada");
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains("\"peopleAtOnce\":2"), "{json}");
}

async fn a_report_is_for_the_host_alone(database: TestDatabase) {
    let store = database.open().await;
    store.write("lecture", lecture(KEPT_HOURS)).await.unwrap();
    for round in 0..2 {
        if round == 1 {
            store.write("lecture", vec![ended(END)]).await.unwrap();
        }
        for (secret, may) in [
            (HOST_KEY, true),
            ([1; 32], true),
            ([2; 32], false),
            ([9; 32], false),
        ] {
            let report = store.report_for_host("lecture", secret).await.unwrap();
            match may {
                true => assert!(report.is_ok(), "{secret:?}"),
                false => assert_eq!(report, Err(RefusalCode::HostKeyWrong)),
            }
        }
    }
    let other = store.report_for_host("other", HOST_KEY).await.unwrap();
    assert_eq!(other, Err(RefusalCode::RoomNotFound));
}

async fn a_room_that_is_opened_again_has_a_report_for_each_time(database: TestDatabase) {
    let store = database.open().await;
    store.write("lecture", lecture(KEPT_HOURS)).await.unwrap();
    store.write("lecture", vec![ended(END)]).await.unwrap();
    let again = END + 3_600_000;
    store
        .reopen("lecture", HOST_KEY, again)
        .await
        .unwrap()
        .unwrap();
    let second = vec![
        taken(4, "Dan", Role::Host, again + 1),
        ended(again + 60_000),
    ];
    store.write("lecture", second).await.unwrap();

    let newest = report(&store).await;
    let names: Vec<&str> = newest
        .people
        .iter()
        .map(|seat| seat.name.as_str())
        .collect();
    assert_eq!(names, ["Dan"]);
    assert_eq!((newest.total_questions, newest.features.len()), (0, 0));
    let meetings = store.meetings(10).await.unwrap();
    let begun: Vec<_> = meetings
        .iter()
        .map(|meeting| meeting.opened_unix_ms)
        .collect();
    assert_eq!(begun, [again, NOON]);
    assert_eq!(meetings[1].duration_ms, END - NOON);
    let first = store
        .report(&meetings[1].room_id, NOON)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.people.len(), 3);
    assert_eq!(first.questions.len(), 2);
    let never = store.report(&meetings[1].room_id, NOON + 1).await.unwrap();
    assert_eq!(never, None);
}

/// Tables that hold anything of rooms.
const TABLES: [&str; 15] = [
    "rooms",
    "participants",
    "chat_messages",
    "questions",
    "question_votes",
    "notices",
    "bans",
    "shared_files",
    "quality_incidents",
    "features_used",
    "study_clocks",
    "study_people",
    "films",
    "film_playlists",
    "session_stats",
];

async fn rows(database: &TestDatabase) -> Vec<(&'static str, i64)> {
    let mut connection = database.connect().await;
    let mut rows = Vec::new();
    for table in TABLES {
        let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let row = connection.fetch_one(count).await.unwrap();
        rows.push((table, row.get(0)));
    }
    rows.retain(|(_, count)| *count > 0);
    rows
}

async fn nothing_is_left_of_a_meeting_that_keeps_nothing(database: TestDatabase) {
    let store = database.open().await;
    store.write("lecture", lecture(0)).await.unwrap();
    store.write("lecture", vec![ended(END)]).await.unwrap();
    let report = store.report_for_host("lecture", HOST_KEY).await.unwrap();
    assert_eq!(report, Err(RefusalCode::RoomNotFound));
    store.purge(END).await.unwrap();
    assert_eq!(rows(&database).await, []);
    assert_eq!(store.meetings(10).await.unwrap(), []);
    assert_eq!(store.statistics(0).await.unwrap().days, []);
}

async fn counts_without_names_are_left_when_a_room_is_not_kept_any_more(database: TestDatabase) {
    let store = database.open().await;
    let kept_hours = 1;
    store.write("lecture", lecture(kept_hours)).await.unwrap();
    store.write("lecture", vec![ended(END)]).await.unwrap();
    store.purge(END + 3_600_000).await.unwrap();
    assert_eq!(rows(&database).await, [("session_stats", 1)]);
    let meetings = store.meetings(10).await.unwrap();
    assert_eq!((meetings[0].title.as_ref(), meetings[0].people), (None, 3));
    let report = store.report(&meetings[0].room_id, NOON).await.unwrap();
    let report = report.unwrap();
    assert!(!report.is_whole && report.people.is_empty() && report.title.is_empty());
    assert_eq!((report.total_people, report.total_incidents), (3, 1));
    // And they go as well, in time.
    store.purge(NOON + 401 * MS_PER_DAY).await.unwrap();
    assert_eq!(rows(&database).await, []);
}

async fn meetings_are_counted_by_day(database: TestDatabase) {
    let store = database.open().await;
    for (slug, opened_at, minutes) in [
        ("a", NOON, 10),
        ("b", NOON + 1, 20),
        ("c", NOON + MS_PER_DAY, 5),
    ] {
        let meeting = vec![
            opened(KEPT_HOURS, opened_at),
            taken(1, "Ada", Role::Host, opened_at),
            Record::FeatureUsed {
                feature: Feature::Chat,
            },
            ended(opened_at + minutes * 60_000),
        ];
        store.write(slug, meeting).await.unwrap();
    }
    for people in [3, 9, 4] {
        store.note_people(NOON, people).await.unwrap();
    }
    store.note_people(NOON + 5 * MS_PER_DAY, 2).await.unwrap();
    let statistics = store.statistics(0).await.unwrap();
    let day = NOON / MS_PER_DAY;
    let one = DayCount {
        day,
        rooms: 2,
        duration_ms: 30 * 60_000,
        people: 2,
        messages: 0,
        questions: 0,
        largest_meeting: 1,
        people_at_once: 9,
    };
    let two = DayCount {
        day: day + 1,
        rooms: 1,
        duration_ms: 5 * 60_000,
        people: 1,
        people_at_once: 0,
        ..one
    };
    let three = DayCount {
        day: day + 5,
        people_at_once: 2,
        ..DayCount::default()
    };
    assert_eq!(statistics.days, [one, two, three]);
    assert_eq!(statistics.features.get("chat"), Some(&3));
    let later = store.statistics(NOON + MS_PER_DAY).await.unwrap();
    assert_eq!(later.days, [two, three]);
}

async fn cameras_and_microphones_are_stored_as_they_stand(database: TestDatabase) {
    let store = database.open().await;
    store.write("lecture", lecture(KEPT_HOURS)).await.unwrap();
    let states = async || {
        let mut connection = database.connect().await;
        let states = "SELECT is_muted, is_video_on FROM participants ORDER BY id";
        let rows = connection.fetch_all(states).await.unwrap();
        let states = rows.iter().map(|row| (row.get(0), row.get(1)));
        states.collect::<Vec<(i64, i64)>>()
    };
    assert_eq!(states().await, [(0, 1), (1, 0), (1, 0)]);
    store.write("lecture", vec![left(1, END)]).await.unwrap();
    assert_eq!(states().await[0], (1, 0));
}

crate::on_both_engines![
    a_report_tells_who_was_there_what_failed_and_what_was_asked,
    a_report_is_for_the_host_alone,
    a_room_that_is_opened_again_has_a_report_for_each_time,
    nothing_is_left_of_a_meeting_that_keeps_nothing,
    counts_without_names_are_left_when_a_room_is_not_kept_any_more,
    meetings_are_counted_by_day,
    cameras_and_microphones_are_stored_as_they_stand,
];
