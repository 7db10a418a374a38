//! What the store keeps of questions, roles, bans, templates and figures.

use conclave_core::room::record::{Record, StoredQuestion, StoredRoom};
use conclave_server::store::{Store, StoreError, TEMPLATES_MAX};
use conclave_wire::{
    Answer, EndReason, LeaveReason, Line, LineId, LineKind, ParticipantId, Question, QuestionId,
    RefusalCode, Role, Settings, Template,
};
use sqlx::{Executor, Row};

use crate::database::TestDatabase;

const MS_PER_MINUTE: u64 = 60_000;

async fn only_room(store: &Store) -> StoredRoom {
    let mut rooms = store.open_rooms().await.unwrap();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    rooms.remove(0)
}

fn opened(keep_hours: u32) -> Record {
    Record::RoomOpened {
        title: "Lecture".to_owned(),
        settings: Settings {
            keep_hours,
            ..Settings::default()
        },
        locked: false,
        password_hash: None,
        host_key_hash: [7; 32],
        opened_unix_ms: 0,
        ends_unix_ms: None,
    }
}

fn taken(id: u32, joined_unix_ms: u64) -> Record {
    Record::SeatTaken {
        id: ParticipantId(id),
        name: format!("name {id}"),
        role: Role::Participant,
        token_hash: [u8::try_from(id).unwrap(); 32],
        device_hash: None,
        joined_unix_ms,
    }
}

fn question(id: u32, from: Option<u32>) -> Question {
    Question {
        id: QuestionId(id),
        from: from.map(ParticipantId),
        name: from
            .map(|_| "Ada; DROP TABLE rooms;--".to_owned())
            .unwrap_or_default(),
        text: format!("Why {id}? 'quoted' \u{1f600}"),
        at_ms: 5_000,
        moment_ms: 2_000,
        votes: 0,
        pinned: false,
        hidden: false,
        in_review: id == 3,
        answer: None,
    }
}

fn asked(id: u32, from: Option<u32>, author: u32) -> Record {
    Record::QuestionAsked {
        question: question(id, from),
        author: ParticipantId(author),
        reference: id * 10,
    }
}

fn voted(id: u32, by: u32, voted: bool, votes: u32) -> Record {
    Record::QuestionVoted {
        question: QuestionId(id),
        by: ParticipantId(by),
        voted,
        votes,
        at_unix_ms: 6_000,
    }
}

async fn questions_come_back_as_their_records_left_them(database: TestDatabase) {
    let store = database.open().await;
    let answer = Answer {
        by: ParticipantId(2),
        name: "Bob".to_owned(),
        text: None,
        at_ms: 7_000,
        moment_ms: 4_000,
    };
    let records = vec![
        opened(1),
        asked(1, Some(1), 1),
        asked(2, None, 2),
        asked(3, Some(1), 1),
        asked(4, Some(1), 1),
        voted(1, 2, true, 1),
        voted(1, 3, true, 2),
        voted(1, 2, false, 1),
        voted(2, 1, true, 1),
        voted(4, 1, true, 1),
        Record::QuestionChanged {
            question: QuestionId(1),
            pinned: true,
            hidden: true,
            in_review: false,
            answer: Some(answer.clone()),
        },
        Record::QuestionTakenBack {
            question: QuestionId(4),
        },
        Record::Banned {
            device_hash: [9; 32],
            at_unix_ms: 8_000,
        },
    ];
    store.write("lecture", records).await.unwrap();
    store.close().await;

    let room = only_room(&database.open().await).await;

    let first = Question {
        votes: 1,
        pinned: true,
        hidden: true,
        answer: Some(answer),
        ..question(1, Some(1))
    };
    let stored = |question, author, voters: &[u32]| StoredQuestion {
        question,
        author: ParticipantId(author),
        voters: voters.iter().copied().map(ParticipantId).collect(),
    };
    let second = Question {
        votes: 1,
        ..question(2, None)
    };
    assert_eq!(
        room.questions,
        [
            stored(first, 1, &[3]),
            stored(second, 2, &[1]),
            stored(question(3, Some(1)), 1, &[]),
        ]
    );
    assert_eq!(room.next_question, 5);
    let references: Vec<_> = room.asked_references.iter().map(|asked| asked.1).collect();
    assert_eq!(references, [10, 20, 30, 40]);
    assert_eq!(room.bans, [[9; 32]]);
}

async fn a_vote_that_is_there_already_is_not_stored_again(database: TestDatabase) {
    let store = database.open().await;
    let records = vec![opened(1), asked(1, Some(1), 1), voted(1, 2, true, 1)];
    store.write("lecture", records).await.unwrap();
    let again = store.write("lecture", vec![voted(1, 2, true, 2)]).await;
    assert!(matches!(again, Err(StoreError::Database(_))), "{again:?}");
    let room = only_room(&store).await;
    assert_eq!(room.questions[0].voters, [ParticipantId(2)]);
}

async fn a_room_that_keeps_nothing_leaves_no_row(database: TestDatabase) {
    let store = database.open().await;
    let records = vec![
        opened(0),
        taken(1, 0),
        asked(1, Some(1), 1),
        voted(1, 1, true, 1),
        Record::Banned {
            device_hash: [9; 32],
            at_unix_ms: 1,
        },
        Record::RoomEnded {
            reason: EndReason::HostEnded,
            at_unix_ms: 1_000,
        },
    ];
    store.write("lecture", records).await.unwrap();
    store.purge(1_000).await.unwrap();
    store.close().await;
    let mut connection = database.connect().await;
    for table in [
        "rooms",
        "participants",
        "chat_messages",
        "questions",
        "question_votes",
        "bans",
        "session_stats",
    ] {
        let count = format!("SELECT COUNT(*) FROM {table}");
        let row = connection
            .fetch_one(sqlx::AssertSqlSafe(count))
            .await
            .unwrap();
        assert_eq!(row.get::<i64, _>(0), 0, "{table}");
    }
}

async fn the_figures_of_a_meeting_outlive_it(database: TestDatabase) {
    let store = database.open().await;
    let line = |id: u32, kind| Record::LineSaid {
        line: Line {
            id: LineId(id),
            from: ParticipantId(1),
            name: "Ada".to_owned(),
            kind,
            text: "hello".to_owned(),
            at_ms: 1,
            deleted: false,
        },
        reference: None,
    };
    let minute = |minutes| minutes * MS_PER_MINUTE;
    let records = vec![
        opened(1),
        taken(1, minute(1)),
        taken(2, minute(2)),
        Record::SeatLeft {
            id: ParticipantId(2),
            reason: LeaveReason::Left,
            at_unix_ms: minute(3),
        },
        taken(3, minute(4)),
        line(1, LineKind::Said),
        line(2, LineKind::System),
        asked(1, Some(1), 1),
        Record::RoomEnded {
            reason: EndReason::HostEnded,
            at_unix_ms: minute(10) + 5,
        },
    ];
    store.write("lecture", records).await.unwrap();
    store.purge(minute(1_000)).await.unwrap();
    assert_eq!(store.ended("lecture").await.unwrap(), None, "it is purged");
    store.close().await;
    let mut connection = database.connect().await;
    let figures = "SELECT max_concurrent_participants, total_participants, total_messages, \
                   total_questions, session_duration_minutes FROM session_stats";
    let row = connection.fetch_one(figures).await.unwrap();
    let figures: Vec<i64> = (0..5).map(|column| row.get(column)).collect();
    assert_eq!(figures, [2, 3, 1, 1, 10]);
}

/// SHA-256 of the secrets of two programs.
const ADA: [u8; 32] = [1; 32];
const BOB: [u8; 32] = [2; 32];

fn template(name: &str, members_max: u32) -> Template {
    Template {
        name: name.to_owned(),
        settings: Settings {
            members_max,
            ..Settings::default()
        },
        time_limit_ms: Some(1_000),
    }
}

async fn templates_are_saved_over_and_there_is_room_for_a_hundred(database: TestDatabase) {
    let store = database.open().await;
    let save = |template| store.save_template(template, ADA);
    save(template("b", 7)).await.unwrap();
    save(template("a", 8)).await.unwrap();
    save(template("b", 9)).await.unwrap();
    let both = [template("a", 8), template("b", 9)];
    assert_eq!(store.templates().await.unwrap(), both);
    for number in 2..TEMPLATES_MAX {
        let name = format!("c {number}");
        save(template(&name, 1)).await.unwrap();
    }
    let one_more = save(template("d", 1)).await;
    assert!(matches!(one_more, Err(StoreError::TooManyTemplates)));
    save(template("a", 3)).await.unwrap();
    assert!(store.delete_template("a", Some(ADA)).await.unwrap());
    assert!(!store.delete_template("a", Some(ADA)).await.unwrap());
    save(template("d", 1)).await.unwrap();
}

async fn a_template_is_its_owners_and_the_operators(database: TestDatabase) {
    let store = database.open().await;
    store.save_template(template("a", 1), ADA).await.unwrap();
    let others = store.save_template(template("a", 9), BOB).await;
    assert!(matches!(others, Err(StoreError::TemplateNotYours)));
    let others = store.delete_template("a", Some(BOB)).await;
    assert!(matches!(others, Err(StoreError::TemplateNotYours)));
    assert_eq!(store.templates().await.unwrap(), [template("a", 1)]);
    assert!(store.delete_template("a", None).await.unwrap());

    // One that was saved before owners were kept is taken over by whoever saves it anew.
    let mut connection = database.connect().await;
    let json = serde_json::to_string(&template("old", 1)).unwrap();
    let old = "INSERT INTO templates (name, template, created_at_ms) VALUES ('old', $1, 1)";
    let old = sqlx::query(old).bind(json);
    old.execute(&mut connection).await.unwrap();
    store.save_template(template("old", 2), BOB).await.unwrap();
    let others = store.delete_template("old", Some(ADA)).await;
    assert!(matches!(others, Err(StoreError::TemplateNotYours)));
    assert!(store.delete_template("old", Some(BOB)).await.unwrap());
}

async fn a_kept_room_is_opened_again_with_what_was_kept_and_without_seats(database: TestDatabase) {
    let store = database.open().await;
    let ended = |at_unix_ms| Record::RoomEnded {
        reason: EndReason::HostEnded,
        at_unix_ms,
    };
    let records = vec![
        opened(1),
        taken(1, 10),
        asked(1, Some(1), 1),
        voted(1, 1, true, 1),
    ];
    store.write("lecture", records).await.unwrap();
    let reopen = |key, now| store.reopen("lecture", key, now);
    let open_still = reopen([7; 32], 50).await.unwrap();
    assert_eq!(open_still, Err(RefusalCode::SlugTaken));
    store.write("lecture", vec![ended(5_500)]).await.unwrap();
    assert_eq!(
        reopen([8; 32], 6_000).await.unwrap(),
        Err(RefusalCode::HostKeyWrong)
    );
    assert_eq!(
        store.reopen("other", [7; 32], 6_000).await.unwrap(),
        Err(RefusalCode::RoomNotFound)
    );
    let after_its_time = 5_500 + 60 * MS_PER_MINUTE;
    assert_eq!(
        reopen([7; 32], after_its_time).await.unwrap(),
        Err(RefusalCode::RoomNotFound)
    );

    let room = reopen([7; 32], 6_000).await.unwrap().unwrap();
    assert_eq!((room.opened_unix_ms, room.ends_unix_ms), (6_000, None));
    assert_eq!((room.seats, room.next_seat), (vec![], 2));
    assert_eq!(room.questions[0].voters, [ParticipantId(1)]);
    assert_eq!(store.ended("lecture").await.unwrap(), None);

    let records = vec![taken(2, 6_010), ended(6_000 + 3 * MS_PER_MINUTE)];
    store.write("lecture", records).await.unwrap();
    store.close().await;
    let mut connection = database.connect().await;
    let figures = "SELECT created_at_ms, total_participants, total_questions FROM session_stats \
                   ORDER BY created_at_ms";
    let rows = connection.fetch_all(figures).await.unwrap();
    let figures: Vec<[i64; 3]> = rows
        .iter()
        .map(|row| [0, 1, 2].map(|at| row.get(at)))
        .collect();
    assert_eq!(figures, [[0, 1, 1], [6_000, 1, 0]], "one for each time");
}

/// "Nothing is kept": not in the rows, and not in the bytes of the file or of its log either.
#[tokio::test]
async fn what_is_not_kept_is_not_found_in_any_byte() {
    let database = TestDatabase::file();
    let store = database.open().await;
    let secret = "the merger is on Thursday";
    let mut question = question(1, Some(1));
    question.text = secret.to_owned();
    let records = vec![
        opened(0),
        taken(1, 0),
        Record::QuestionAsked {
            question,
            author: ParticipantId(1),
            reference: 1,
        },
    ];
    store.write("lecture", records).await.unwrap();
    let found = || {
        let files = std::fs::read_dir(database.folder()).unwrap();
        files.into_iter().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let secret = secret.as_bytes();
            bytes.windows(secret.len()).any(|window| window == secret)
        })
    };
    assert!(found(), "while the meeting lasts it must survive a crash");
    let ended = Record::RoomEnded {
        reason: EndReason::HostEnded,
        at_unix_ms: 1_000,
    };
    store.write("lecture", vec![ended]).await.unwrap();
    store.purge(1_000).await.unwrap();
    assert!(!found());
}

crate::on_both_engines![
    questions_come_back_as_their_records_left_them,
    a_vote_that_is_there_already_is_not_stored_again,
    a_room_that_keeps_nothing_leaves_no_row,
    the_figures_of_a_meeting_outlive_it,
    templates_are_saved_over_and_there_is_room_for_a_hundred,
    a_template_is_its_owners_and_the_operators,
    a_kept_room_is_opened_again_with_what_was_kept_and_without_seats,
];
