//! What the store keeps for the operator's pages.

use conclave_core::room::Record;
use conclave_server::store::{
    AUDIT_ENTRIES_MAX, AuditEntry, FileOrder, OperatorRecord, StoreError, StoredSession,
};
use conclave_wire::{EndReason, FileId, ParticipantId, Settings, SharedFile};
use sqlx::Executor;

use crate::database::TestDatabase;

fn entry(action: &str) -> OperatorRecord {
    OperatorRecord::Audited(AuditEntry {
        action: action.to_owned(),
        outcome: "done".to_owned(),
        ..AuditEntry::default()
    })
}

fn session(first: u8, ends_unix_ms: u64) -> StoredSession {
    let mut token_hash = [0; 32];
    token_hash[0] = first;
    StoredSession {
        token_hash,
        operator: "Ada".to_owned(),
        opened_unix_ms: first.into(),
        ends_unix_ms,
    }
}

fn file(id: u32, sha256: &str, size_bytes: u64) -> Record {
    Record::FileShared {
        file: SharedFile {
            id: FileId(id),
            owner: ParticipantId(1),
            name: format!("{id}.txt"),
            size_bytes,
            sha256: sha256.repeat(32),
            shared_at_ms: u64::from(id) * 10,
            share_token: Some(format!("token {id}")),
        },
    }
}

fn opened() -> Record {
    Record::RoomOpened {
        title: "Room".to_owned(),
        settings: Settings::default(),
        locked: false,
        password_hash: None,
        host_key_hash: [0; 32],
        opened_unix_ms: 1,
        ends_unix_ms: None,
    }
}

fn ended() -> Record {
    Record::RoomEnded {
        reason: EndReason::HostEnded,
        at_unix_ms: u64::from(u32::MAX),
    }
}

async fn entries_are_numbered_in_order_and_read_newest_first_page_by_page(database: TestDatabase) {
    let store = database.open().await;
    for action in ["one", "two", "three"] {
        store.operate(entry(action)).await.unwrap();
    }
    let newest = store.audit(u64::MAX, 2).await.unwrap();
    let shown: Vec<_> = newest
        .iter()
        .map(|entry| (entry.number, entry.action.as_str()))
        .collect();
    assert_eq!(shown, [(3, "three"), (2, "two")]);
    let older = store.audit(2, 2).await.unwrap();
    assert_eq!(older.len(), 1);
    assert_eq!((older[0].number, older[0].action.as_str()), (1, "one"));
}

async fn the_oldest_entries_go_when_there_are_too_many(database: TestDatabase) {
    let store = database.open().await;
    store.operate(entry("old")).await.unwrap();
    store.close().await;
    // Another program has written so many that the next is one too many.
    let mut other = database.connect().await;
    let before = i64::from(AUDIT_ENTRIES_MAX);
    let moved = sqlx::query("UPDATE operator_audit SET number = $1").bind(before);
    other.execute(moved).await.unwrap();
    let oldest = "INSERT INTO operator_audit SELECT 1, at_ms, operator, address, 'oldest', target, \
                  outcome, detail FROM operator_audit";
    other.execute(oldest).await.unwrap();
    sqlx::Connection::close(other).await.unwrap();
    let store = database.open().await;
    store.operate(entry("new")).await.unwrap();
    let kept = store.audit(u64::MAX, 10).await.unwrap();
    let actions: Vec<_> = kept.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["new", "old"]);
}

async fn sessions_outlive_the_program_until_their_time_is_over_or_they_are_closed(
    database: TestDatabase,
) {
    let store = database.open().await;
    let (past, going_on, closed) = (session(1, 5), session(2, u64::MAX), session(3, u64::MAX));
    for session in [&past, &going_on, &closed] {
        let record = OperatorRecord::SessionOpened(session.clone());
        store.operate(record).await.unwrap();
    }
    let token_hash = closed.token_hash;
    let record = OperatorRecord::SessionClosed { token_hash };
    store.operate(record).await.unwrap();
    store.close().await;
    let store = database.open().await;
    let kept = store.operator_sessions().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].token_hash, going_on.token_hash);
}

async fn files_are_listed_by_room_age_and_size(database: TestDatabase) {
    let store = database.open().await;
    store
        .write("b", vec![opened(), file(1, "aa", 5), file(2, "bb", 50)])
        .await
        .unwrap();
    store
        .write("a", vec![opened(), file(3, "cc", 20)])
        .await
        .unwrap();
    store.write("a", vec![ended()]).await.unwrap();
    for (order, ids) in [
        (FileOrder::Largest, [2, 3, 1]),
        (FileOrder::Oldest, [1, 2, 3]),
        (FileOrder::Newest, [3, 2, 1]),
        (FileOrder::Room, [3, 1, 2]),
    ] {
        let files = store.files(None, order, 10).await.unwrap();
        let listed: Vec<_> = files.iter().map(|kept| kept.file.id.0).collect();
        assert_eq!(listed, ids, "{order:?}");
    }
    let of_room = store.files(Some("a"), FileOrder::Room, 10).await.unwrap();
    assert!(of_room.len() == 1 && of_room[0].room_ended);
    assert_eq!(
        store.files(None, FileOrder::Room, 2).await.unwrap().len(),
        2
    );
    let sums = store.files_by_room(10).await.unwrap();
    let sums: Vec<_> = sums
        .iter()
        .map(|sum| (sum.slug.as_str(), sum.files, sum.bytes))
        .collect();
    assert_eq!(sums, [("b", 2, 55), ("a", 1, 20)]);
}

async fn a_kept_file_goes_and_its_content_only_when_no_room_has_it(database: TestDatabase) {
    let store = database.open().await;
    let records = vec![opened(), file(1, "aa", 5), file(2, "aa", 5)];
    store.write("room", records).await.unwrap();
    let room = store.files(None, FileOrder::Oldest, 10).await.unwrap()[0]
        .room_id
        .clone();
    let open = store.remove_kept_file(&room, FileId(1)).await;
    assert!(
        matches!(open, Err(StoreError::NoSuchRoom)),
        "it is the room's"
    );
    store.write("room", vec![ended()]).await.unwrap();
    let first = store.remove_kept_file(&room, FileId(1)).await.unwrap();
    assert_eq!(first, None, "the other one has the same content");
    let second = store.remove_kept_file(&room, FileId(2)).await.unwrap();
    assert_eq!(second.unwrap().size_bytes, 5);
    let again = store.remove_kept_file(&room, FileId(2)).await;
    assert!(matches!(again, Err(StoreError::NoSuchRoom)));
}

async fn cleared_files_are_in_no_room_and_behind_no_link(database: TestDatabase) {
    let store = database.open().await;
    store
        .write("room", vec![opened(), file(1, "aa", 5)])
        .await
        .unwrap();
    for _ in 0..2 {
        store.clear_files().await.unwrap();
        assert!(store.open_rooms().await.unwrap()[0].files.is_empty());
        assert!(store.contents().await.unwrap().is_empty());
        assert_eq!(store.shared_by_token("token 1").await.unwrap(), None);
    }
}

crate::on_both_engines![
    entries_are_numbered_in_order_and_read_newest_first_page_by_page,
    the_oldest_entries_go_when_there_are_too_many,
    sessions_outlive_the_program_until_their_time_is_over_or_they_are_closed,
    files_are_listed_by_room_age_and_size,
    a_kept_file_goes_and_its_content_only_when_no_room_has_it,
    cleared_files_are_in_no_room_and_behind_no_link,
];
