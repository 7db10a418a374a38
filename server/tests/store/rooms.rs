//! What was committed comes back, whatever happens in between.

use std::fs;

use conclave_core::room::record::{
    Record, StoredFilm, StoredFilms, StoredRoom, StoredSeat, StoredStudy,
};
use conclave_server::store::{Store, StoreError, StoreOptions, Unreferenced};
use conclave_wire::{
    EndReason, FileId, FilmFile, FocusCount, LeaveReason, Line, LineId, LineKind, Notice, NoticeId,
    ParticipantId, Role, Settings, SharedFile, StudyClock, StudyPhase,
    limits::{ANSWERS_KEPT, CHAT_PAGE_LINES},
};
use sqlx::Executor;
use tempfile::tempdir;

use crate::database::TestDatabase;

const MS_PER_HOUR: u64 = 3_600_000;

fn opened(title: &str, opened_unix_ms: u64, keep_hours: u32) -> Record {
    Record::RoomOpened {
        title: title.to_owned(),
        settings: Settings {
            keep_hours,
            ..Settings::default()
        },
        locked: false,
        password_hash: None,
        host_key_hash: [7; 32],
        opened_unix_ms,
        ends_unix_ms: None,
    }
}

fn seat(id: u32, name: &str, role: Role) -> Record {
    Record::SeatTaken {
        id: ParticipantId(id),
        name: name.to_owned(),
        role,
        token_hash: [u8::try_from(id).unwrap(); 32],
        device_hash: (id == 2).then_some([22; 32]),
        joined_unix_ms: 1_000 + u64::from(id),
    }
}

fn line(id: u32, from: u32, text: &str) -> Line {
    Line {
        id: LineId(id),
        from: ParticipantId(from),
        name: format!("name {from}"),
        kind: LineKind::Said,
        text: text.to_owned(),
        at_ms: 2_000 + u64::from(id),
        deleted: false,
    }
}

fn clock() -> StudyClock {
    StudyClock {
        phase: StudyPhase::ShortBreak,
        cycle: 3,
        length_ms: 300_000,
        ends_at_ms: None,
        left_ms: 0,
        focus_done: 7,
    }
}

fn focus(id: u32, focus_ms: u64) -> FocusCount {
    FocusCount {
        id: ParticipantId(id),
        focus_ms,
    }
}

fn film() -> StoredFilm {
    StoredFilm {
        file: FilmFile {
            name: "Metropolis \"restored\".mkv".to_owned(),
            size_bytes: 4_000_000_000,
            duration_ms: 9_180_000,
            sample: Some("5a".repeat(32)),
            sha256: None,
        },
        leader: Some(ParticipantId(1)),
        playing: true,
        position_ms: 125_300,
        at_unix_ms: 4_000,
        rate_permille: 1_250,
    }
}

fn secret_film() -> StoredFilm {
    StoredFilm {
        file: FilmFile {
            name: "Secret plans".to_owned(),
            ..film().file
        },
        ..film()
    }
}

fn said(id: u32, from: u32, reference: Option<u32>) -> Record {
    Record::LineSaid {
        line: line(id, from, &format!("line {id}")),
        reference,
    }
}

fn file(id: u32, content: &str) -> SharedFile {
    SharedFile {
        id: FileId(id),
        owner: ParticipantId(1),
        name: format!("file {id}.txt"),
        size_bytes: 1 << 40,
        sha256: content.to_owned(),
        shared_at_ms: 3_000,
        share_token: Some(format!("token {id}")),
    }
}

fn notice(id: u32) -> Notice {
    Notice {
        id: NoticeId(id),
        text: format!("notice {id}"),
        at_ms: 4_000,
    }
}

async fn only_room(store: &Store) -> StoredRoom {
    let mut rooms = store.open_rooms().await.unwrap();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    rooms.remove(0)
}

async fn a_room_comes_back_as_its_records_left_it(database: TestDatabase) {
    let store = database.open().await;
    let settings = Settings {
        members_max: 7,
        newcomers: Role::Observer,
        muted_on_entry: true,
        ..Settings::default()
    };
    let file_line = Line {
        kind: LineKind::File { file: FileId(2) },
        text: "file 2.txt".to_owned(),
        ..line(3, 1, "")
    };
    let system_line = Line {
        kind: LineKind::System,
        from: ParticipantId(0),
        ..line(4, 0, "Ada \u{1f600} left; it's \"quoted\" %s")
    };
    let records = vec![
        opened("Board", 1_000, 1),
        seat(1, "Ada", Role::Host),
        seat(2, "Bob", Role::Participant),
        seat(3, "Cyd", Role::Participant),
        Record::SeatChanged {
            id: ParticipantId(2),
            name: "Robert".to_owned(),
            role: Role::CoHost,
            held_mute: true,
            stands_in_from: Some(Role::Presenter),
        },
        Record::SeatLeft {
            id: ParticipantId(3),
            reason: LeaveReason::Left,
            at_unix_ms: 1_500,
        },
        said(1, 1, Some(11)),
        said(2, 3, Some(12)),
        Record::LineDeleted { line: LineId(2) },
        Record::GoalSet {
            text: "Chapter 2".to_owned(),
        },
        Record::StudyClockChanged {
            clock: clock(),
            ends_unix_ms: Some(5_000),
        },
        Record::GoalSet {
            text: "Chapter 3".to_owned(),
        },
        Record::FocusCounted {
            room_ms: 500,
            people: vec![focus(1, 500), focus(3, 500)],
        },
        Record::FocusCounted {
            room_ms: 900,
            people: vec![focus(1, 900)],
        },
        Record::FilmChanged {
            film: Some(StoredFilm {
                position_ms: 0,
                ..film()
            }),
        },
        Record::FilmChanged { film: Some(film()) },
        Record::PlaylistChanged {
            playlist: Vec::new(),
        },
        Record::PlaylistChanged {
            playlist: vec![film().file],
        },
        Record::FileShared {
            file: file(1, "aa"),
        },
        Record::FileShared {
            file: file(2, "bb"),
        },
        Record::FileShared {
            file: file(3, "cc"),
        },
        Record::LineSaid {
            line: file_line.clone(),
            reference: None,
        },
        Record::LineSaid {
            line: system_line.clone(),
            reference: None,
        },
        Record::ShareRevoked { file: FileId(2) },
        Record::FileRemoved { file: FileId(3) },
        Record::NoticePosted { notice: notice(1) },
        Record::NoticePosted { notice: notice(2) },
        Record::NoticeExpired {
            notice: NoticeId(2),
        },
        Record::RoomChanged {
            title: "The Board".to_owned(),
            settings: settings.clone(),
            locked: true,
            password_hash: Some("$2b$10$hash".to_owned()),
            ends_unix_ms: Some(9_000),
        },
    ];
    store.write("board", records).await.unwrap();
    store.close().await;

    let room = only_room(&database.open().await).await;

    let deleted = Line {
        deleted: true,
        text: String::new(),
        ..line(2, 3, "")
    };
    let expected = StoredRoom {
        slug: "board".to_owned(),
        title: "The Board".to_owned(),
        settings,
        locked: true,
        password_hash: Some("$2b$10$hash".to_owned()),
        host_key_hash: [7; 32],
        opened_unix_ms: 1_000,
        ends_unix_ms: Some(9_000),
        seats: vec![
            StoredSeat {
                id: ParticipantId(1),
                name: "Ada".to_owned(),
                role: Role::Host,
                token_hash: [1; 32],
                device_hash: None,
                held_mute: false,
                stands_in_from: None,
                joined_unix_ms: 1_001,
            },
            StoredSeat {
                id: ParticipantId(2),
                name: "Robert".to_owned(),
                role: Role::CoHost,
                token_hash: [2; 32],
                device_hash: Some([22; 32]),
                held_mute: true,
                stands_in_from: Some(Role::Presenter),
                joined_unix_ms: 1_002,
            },
        ],
        next_seat: 4,
        lines: vec![line(1, 1, "line 1"), deleted, file_line, system_line],
        next_line: 5,
        said_references: vec![(ParticipantId(1), 11, LineId(1))],
        questions: Vec::new(),
        next_question: 1,
        asked_references: Vec::new(),
        bans: Vec::new(),
        files: vec![
            file(1, "aa"),
            SharedFile {
                share_token: None,
                ..file(2, "bb")
            },
        ],
        next_file: 4,
        notices: vec![notice(1)],
        study: StoredStudy {
            clock: clock(),
            ends_unix_ms: Some(5_000),
            goal: "Chapter 3".to_owned(),
            focus_ms: 900,
            people: vec![focus(1, 900)],
        },
        films: StoredFilms {
            open: Some(film()),
            playlist: vec![film().file],
        },
        next_notice: 3,
    };
    assert_eq!(room, expected);
}

async fn an_empty_room_counts_from_one(database: TestDatabase) {
    let store = database.open().await;
    store.write("a", vec![opened("A", 1, 1)]).await.unwrap();
    let room = only_room(&store).await;
    assert_eq!(
        (
            room.next_seat,
            room.next_line,
            room.next_file,
            room.next_notice
        ),
        (1, 1, 1, 1)
    );
}

#[tokio::test]
async fn what_was_committed_survives_a_kill() {
    let database = TestDatabase::file();
    let store = database.open().await;
    store.write("a", vec![opened("A", 1, 1)]).await.unwrap();
    for id in 1..=20 {
        store.write("a", vec![said(id, 1, Some(id))]).await.unwrap();
    }
    // What a killed process leaves: its files as they are at this moment, nothing closed.
    let left = tempdir().unwrap();
    for name in ["test.sqlite", "test.sqlite-wal"] {
        fs::copy(database.folder().join(name), left.path().join(name)).unwrap();
    }
    let room = only_room(&Store::open(&left.path().join("test.sqlite")).await.unwrap()).await;
    assert_eq!(room.lines.len(), 20);
    assert_eq!(room.next_line, 21);
}

async fn writes_are_stored_in_the_order_of_the_calls_however_they_are_awaited(
    database: TestDatabase,
) {
    let store = database.open().await;
    store.write("a", vec![opened("A", 1, 1)]).await.unwrap();
    let taken = store.write("a", vec![seat(1, "first", Role::Participant)]);
    let names = (1..=600).map(|number| {
        let renamed = Record::SeatChanged {
            id: ParticipantId(1),
            name: format!("name {number}"),
            role: Role::Participant,
            held_mute: false,
            stands_in_from: None,
        };
        store.write("a", vec![renamed])
    });
    let written: Vec<_> = names.collect();
    // The last first: the order of awaiting must not matter.
    for write in written.into_iter().rev() {
        write.await.unwrap();
    }
    taken.await.unwrap();
    assert_eq!(only_room(&store).await.seats[0].name, "name 600");
}

async fn a_write_happens_though_nobody_waits_for_it(database: TestDatabase) {
    let store = database.open().await;
    drop(store.write("a", vec![opened("A", 1, 1)]));
    store.close().await;
    assert_eq!(only_room(&database.open().await).await.slug, "a");
}

async fn a_line_is_stored_once_for_a_seat_and_reference_and_takes_no_other_write_with_it(
    database: TestDatabase,
) {
    let store = database.open().await;
    store.write("a", vec![opened("A", 1, 1)]).await.unwrap();
    let first = store.write("a", vec![said(1, 1, Some(5))]);
    let again = store.write("a", vec![said(2, 1, Some(5)), said(3, 1, Some(6))]);
    let others = store.write("a", vec![said(4, 2, Some(5))]);
    first.await.unwrap();
    assert!(matches!(again.await, Err(StoreError::Database(_))));
    others.await.unwrap();
    let lines = only_room(&store).await.lines;
    let ids: Vec<u32> = lines.iter().map(|line| line.id.0).collect();
    // All or none: line 3 came with the one that was refused.
    assert_eq!(ids, [1, 4]);
}

async fn a_room_that_was_never_opened_is_not_written(database: TestDatabase) {
    let store = database.open().await;
    let written = store.write("nowhere", vec![said(1, 1, None)]).await;
    assert!(
        matches!(written, Err(StoreError::NoSuchRoom)),
        "{written:?}"
    );
}

async fn two_open_rooms_cannot_have_one_slug(database: TestDatabase) {
    let store = database.open().await;
    store.write("a", vec![opened("A", 1, 1)]).await.unwrap();
    let second = store.write("a", vec![opened("B", 2, 1)]).await;
    assert!(matches!(second, Err(StoreError::Database(_))));
    assert_eq!(only_room(&store).await.title, "A");
}

async fn a_full_queue_is_refused_and_what_was_queued_is_stored(database: TestDatabase) {
    let options = StoreOptions {
        writes_waiting_max: 2,
        ..StoreOptions::default()
    };
    let store = database.open_with(options).await;
    store.write("a", vec![opened("A", 1, 1)]).await.unwrap();

    // Another connection has the lock, so that the writer must wait.
    let mut other = database.lock().await;
    let mut accepted = Vec::new();
    let mut next = 1;
    // The writer takes at most two and then waits for the lock; two more fit into its queue.
    let refused = loop {
        assert!(next < 100, "the queue takes whatever comes");
        let mut write = Box::pin(store.write("a", vec![said(next, 1, Some(next))]));
        next += 1;
        tokio::select! {
            biased;
            result = &mut write => break result,
            () = tokio::task::yield_now() => accepted.push(write),
        }
    };
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    other.execute("COMMIT").await.unwrap();
    let stored = accepted.len();
    for write in accepted {
        write.await.unwrap();
    }
    assert_eq!(only_room(&store).await.lines.len(), stored);
}

async fn older_lines_come_in_pages(database: TestDatabase) {
    let store = database.open().await;
    let mut records = vec![opened("A", 1, 1)];
    let lines = u32::try_from(CHAT_PAGE_LINES).unwrap() + 30;
    records.extend((1..=lines).map(|id| said(id, 1, Some(id))));
    store.write("a", records).await.unwrap();

    let newest = only_room(&store).await.lines;
    assert_eq!(newest.len(), CHAT_PAGE_LINES);
    assert_eq!(newest[0].id, LineId(31));
    assert_eq!(newest[CHAT_PAGE_LINES - 1].id, LineId(lines));

    let (page, more) = store.lines_before("a", LineId(31), 20).await.unwrap();
    let ids: Vec<u32> = page.iter().map(|line| line.id.0).collect();
    assert_eq!(ids, (11..=30).collect::<Vec<_>>());
    assert!(more);
    let (page, more) = store.lines_before("a", LineId(11), 1_000).await.unwrap();
    assert_eq!(page.len(), 10);
    assert!(!more);
    let (page, more) = store.lines_before("a", LineId(1), 10).await.unwrap();
    assert!(page.is_empty() && !more);
    // However many are asked for, no more than a page.
    let (page, _) = store.lines_before("a", LineId(lines), 1_000).await.unwrap();
    assert_eq!(page.len(), CHAT_PAGE_LINES);
}

async fn references_are_kept_of_the_newest_lines_of_each_seat(database: TestDatabase) {
    let store = database.open().await;
    let many = u32::try_from(ANSWERS_KEPT).unwrap() + 10;
    let mut records = vec![opened("A", 1, 1)];
    records.push(seat(1, "Ada", Role::Host));
    records.push(seat(2, "Bob", Role::Participant));
    records.push(said(1, 2, Some(77)));
    records.extend((2..2 + many).map(|id| said(id, 1, Some(id))));
    store.write("a", records).await.unwrap();
    let references = only_room(&store).await.said_references;
    assert_eq!(references.len(), ANSWERS_KEPT + 1);
    assert_eq!(references[0], (ParticipantId(2), 77, LineId(1)));
    assert_eq!(references[1].2, LineId(12));
}

async fn an_ended_room_is_kept_and_then_purged_with_its_content(database: TestDatabase) {
    let store = database.open().await;
    let first = vec![
        opened("First", 1_000, 2),
        said(1, 1, Some(1)),
        Record::FileShared {
            file: file(1, "aa"),
        },
        Record::FileShared {
            file: file(2, "bb"),
        },
        Record::RoomEnded {
            reason: EndReason::HostEnded,
            at_unix_ms: 5_000,
        },
    ];
    store.write("a", first).await.unwrap();
    assert_eq!(store.open_rooms().await.unwrap(), []);
    assert_eq!(store.ended("a").await.unwrap(), Some(EndReason::HostEnded));
    assert_eq!(store.ended("b").await.unwrap(), None);
    let (lines, _) = store.lines_before("a", LineId(9), 9).await.unwrap();
    assert_eq!(lines.len(), 1);

    // The slug is free again, and the new room has one of the old one's files.
    let second = vec![
        opened("Second", 6_000, 2),
        Record::FileShared {
            file: file(1, "bb"),
        },
    ];
    store.write("a", second).await.unwrap();
    assert_eq!(store.ended("a").await.unwrap(), None);
    assert_eq!(only_room(&store).await.title, "Second");

    let kept_until = 5_000 + 2 * MS_PER_HOUR;
    assert_eq!(store.purge(kept_until - 1).await.unwrap(), []);
    let gone = Unreferenced {
        slug: "a".to_owned(),
        sha256: "aa".to_owned(),
        size_bytes: 1 << 40,
    };
    assert_eq!(store.purge(kept_until).await.unwrap(), [gone]);
    assert_eq!(store.purge(kept_until).await.unwrap(), []);
    assert_eq!(only_room(&store).await.files.len(), 1);
}

async fn nothing_is_kept_longer_than_the_operator_allows(database: TestDatabase) {
    let options = StoreOptions {
        kept_hours_max: 3,
        ..StoreOptions::default()
    };
    let store = database.open_with(options).await;
    for (slug, keep_hours) in [("long", 100), ("short", 1)] {
        let ended = Record::RoomEnded {
            reason: EndReason::HostEnded,
            at_unix_ms: 5_000,
        };
        let room = vec![opened(slug, 1_000, keep_hours), ended];
        store.write(slug, room).await.unwrap();
    }
    store
        .write("open", vec![opened("Open", 1_000, 100)])
        .await
        .unwrap();
    let is_kept = async |slug| store.ended(slug).await.unwrap().is_some();
    store.purge(5_000 + MS_PER_HOUR).await.unwrap();
    assert!(is_kept("long").await && !is_kept("short").await);
    store.purge(5_000 + 3 * MS_PER_HOUR - 1).await.unwrap();
    assert!(is_kept("long").await);
    store.purge(5_000 + 3 * MS_PER_HOUR).await.unwrap();
    assert!(!is_kept("long").await);
    assert_eq!(only_room(&store).await.title, "Open");
}

async fn a_probe_waits_for_the_writes_before_it_and_fails_when_the_store_is_closed(
    database: TestDatabase,
) {
    let store = database.open().await;
    store.probe().await.unwrap();
    store.write("a", vec![opened("A", 1, 1)]).await.unwrap();
    let mut other = database.lock().await;
    let write = store.write("a", vec![said(1, 1, None)]);
    let mut probe = Box::pin(store.probe());
    let moment = std::time::Duration::from_millis(50);
    assert!(
        tokio::time::timeout(moment, &mut probe).await.is_err(),
        "it is locked"
    );
    other.execute("COMMIT").await.unwrap();
    probe.await.unwrap();
    write.await.unwrap();
    store.close().await;
    assert!(matches!(store.probe().await, Err(StoreError::Closed)));
}

async fn a_room_that_keeps_nothing_has_nothing_left_at_its_end(database: TestDatabase) {
    let store = database.open().await;
    let mut records = vec![
        opened("Secret plans", 1_000, 0),
        Record::GoalSet {
            text: "Secret plans".to_owned(),
        },
        Record::FilmChanged {
            film: Some(secret_film()),
        },
        Record::PlaylistChanged {
            playlist: vec![secret_film().file],
        },
    ];
    // Enough for pages of the file that hold nothing else.
    records.extend((2..200).map(|id| Record::LineSaid {
        line: line(id, 1, &"Secret plans ".repeat(20)),
        reference: None,
    }));
    records.extend([
        seat(1, "Ada", Role::Host),
        said(1, 1, Some(1)),
        Record::NoticePosted { notice: notice(1) },
        Record::FileShared {
            file: file(1, "aa"),
        },
        Record::RoomEnded {
            reason: EndReason::TimeLimit,
            at_unix_ms: 5_000,
        },
    ]);
    store.write("a", records).await.unwrap();
    let (lines, _) = store.lines_before("a", LineId(9), 9).await.unwrap();
    assert_eq!(lines, []);
    // That it was there is known until the next purge.
    assert_eq!(store.ended("a").await.unwrap(), Some(EndReason::TimeLimit));
    assert_eq!(store.purge(5_000).await.unwrap().len(), 1);
    assert_eq!(store.ended("a").await.unwrap(), None);
    store.close().await;
    if database.is_server() {
        // Its files are its own; it overwrites what was deleted when it needs the space.
        return;
    }
    let mut bytes = fs::read(database.folder().join("test.sqlite")).unwrap();
    bytes.extend(fs::read(database.folder().join("test.sqlite-wal")).unwrap_or_default());
    let found = bytes.windows(12).any(|window| window == b"Secret plans");
    assert!(!found, "deleted text is still in the file");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempdir().unwrap();
    let opened = Store::open(&folder.path().join("no/such/test.sqlite")).await;
    assert!(opened.is_err());
}

async fn a_closed_store_refuses(database: TestDatabase) {
    let store = database.open().await;
    store.close().await;
    let written = store.write("a", vec![opened("A", 1, 1)]).await;
    assert!(matches!(written, Err(StoreError::Closed)), "{written:?}");
}

crate::on_both_engines![
    a_room_comes_back_as_its_records_left_it,
    an_empty_room_counts_from_one,
    writes_are_stored_in_the_order_of_the_calls_however_they_are_awaited,
    a_write_happens_though_nobody_waits_for_it,
    a_line_is_stored_once_for_a_seat_and_reference_and_takes_no_other_write_with_it,
    a_room_that_was_never_opened_is_not_written,
    two_open_rooms_cannot_have_one_slug,
    a_full_queue_is_refused_and_what_was_queued_is_stored,
    older_lines_come_in_pages,
    references_are_kept_of_the_newest_lines_of_each_seat,
    an_ended_room_is_kept_and_then_purged_with_its_content,
    nothing_is_kept_longer_than_the_operator_allows,
    a_probe_waits_for_the_writes_before_it_and_fails_when_the_store_is_closed,
    a_room_that_keeps_nothing_has_nothing_left_at_its_end,
    a_closed_store_refuses,
];
