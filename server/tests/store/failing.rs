//! A database that is locked, gone or slow: writes wait for a bounded time, and nothing that was confirmed
//! is lost or stored twice.

use std::{sync::Arc, time::Duration};

use conclave_core::room::Record;
use conclave_server::store::{Store, StoreError, StoreOptions};
use conclave_wire::{Line, LineId, LineKind, ParticipantId, RefusalCode, Settings};
use sqlx::{Connection, Executor, Row};
use tokio::time::timeout;

use crate::database::{TestDatabase, postgres::Postgres};

/// For what must come, however slow the machine is.
const DEADLINE: Duration = Duration::from_secs(60);

fn opened() -> Record {
    Record::RoomOpened {
        title: "Room".to_owned(),
        settings: Settings::default(),
        locked: false,
        password_hash: None,
        host_key_hash: [7; 32],
        opened_unix_ms: 1,
        ends_unix_ms: None,
    }
}

fn said(id: u32) -> Record {
    Record::LineSaid {
        line: Line {
            id: LineId(id),
            from: ParticipantId(1),
            name: "Ada".to_owned(),
            kind: LineKind::Said,
            text: format!("line {id}"),
            at_ms: 1,
            deleted: false,
        },
        reference: Some(id),
    }
}

async fn lines(database: &TestDatabase) -> Vec<i64> {
    let mut connection = database.connect().await;
    let rows = connection
        .fetch_all("SELECT id FROM chat_messages ORDER BY id")
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn a_write_waits_for_a_locked_database(database: TestDatabase) {
    let store = database.open().await;
    store.write("a", vec![opened()]).await.unwrap();
    let mut other = database.lock().await;
    let write = tokio::spawn(store.write("a", vec![said(1)]));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!write.is_finished(), "it is locked");
    other.execute("COMMIT").await.unwrap();
    timeout(DEADLINE, write).await.unwrap().unwrap().unwrap();
    assert_eq!(lines(&database).await, [1]);
}

async fn a_write_whose_time_is_over_is_refused_and_the_next_one_stored(database: TestDatabase) {
    let options = StoreOptions {
        write_deadline: Duration::from_millis(100),
        ..StoreOptions::default()
    };
    let store = database.open_with(options).await;
    store.write("a", vec![opened()]).await.unwrap();
    let mut other = database.lock().await;
    let late = timeout(DEADLINE, store.write("a", vec![said(1)])).await;
    let error = late.unwrap().unwrap_err();
    assert_eq!(error.refusal(), RefusalCode::Busy, "{error}");
    other.execute("COMMIT").await.unwrap();
    // Waits for as long as it takes to be up again.
    let stored = async {
        while store.write("a", vec![said(2)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, stored).await.unwrap();
    assert_eq!(lines(&database).await, [2]);
}

async fn text_that_a_database_cannot_keep_is_no_failure(database: TestDatabase) {
    let store = database.open().await;
    let odd = "a\0b'; DROP TABLE rooms;--";
    assert_eq!(store.ended(odd).await.unwrap(), None);
    assert_eq!(store.shared_by_token(odd).await.unwrap(), None);
    let files = store.files(Some(odd), Default::default(), 1).await;
    assert_eq!(files.unwrap(), []);
    assert!(!store.delete_template(odd, None).await.unwrap());
    let (lines, more) = store.lines_before(odd, LineId(5), 5).await.unwrap();
    assert!(lines.is_empty() && !more);
    let reopened = store.reopen(odd, [0; 32], 1).await.unwrap();
    assert_eq!(reopened, Err(RefusalCode::RoomNotFound));
    assert_eq!(store.report(odd, 1).await.unwrap(), None);
    let host = store.report_for_host(odd, [0; 32]).await.unwrap();
    assert_eq!(host, Err(RefusalCode::RoomNotFound));
    assert_eq!(store.open_rooms().await.unwrap(), []);
}

/// Says one line after the other until it is told to stop; gives those that were confirmed.
async fn say_on(store: Store, stop: Arc<std::sync::atomic::AtomicBool>) -> Vec<i64> {
    let mut confirmed = Vec::new();
    let mut id = 0;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        id += 1;
        store.write("a", vec![said(id)]).await.unwrap();
        confirmed.push(i64::from(id));
    }
    confirmed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_and_comes_loses_nothing_and_stores_nothing_twice() {
    let Some(server) = tokio::task::spawn_blocking(Postgres::start).await.unwrap() else {
        return;
    };
    let server = Arc::new(server);
    let database = TestDatabase::at(&server.database());
    let store = database.open().await;
    store.write("a", vec![opened()]).await.unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let saying = tokio::spawn(say_on(store.clone(), stop.clone()));
    for round in 0..4 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (away, crashes) = (server.clone(), round % 2 == 1);
        let again = tokio::task::spawn_blocking(move || {
            away.stop(crashes);
            away.start_again();
        });
        again.await.unwrap();
        // It is written again before the next round.
        timeout(DEADLINE, async { while store.probe().await.is_err() {} })
            .await
            .unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let confirmed = timeout(DEADLINE, saying).await.unwrap().unwrap();
    assert!(confirmed.len() > 10, "{}", confirmed.len());
    assert_eq!(lines(&database).await, confirmed);

    // Readers are back as well, and closing does not wait for a server that is gone.
    assert_eq!(store.open_rooms().await.unwrap().len(), 1);
    let away = server.clone();
    tokio::task::spawn_blocking(move || away.stop(true))
        .await
        .unwrap();
    let refused = tokio::spawn(store.write("a", vec![said(1_000_000)]));
    assert!(store.probe().await.is_err());
    store.close().await;
    let error = timeout(DEADLINE, refused)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(error.refusal(), RefusalCode::Busy | RefusalCode::Stopping),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_connections_are_open_than_may_be() {
    let Some(database) = TestDatabase::server().await else {
        return;
    };
    let store = database.open().await;
    store.write("a", vec![opened()]).await.unwrap();
    let mut other = database.connect().await;
    let mut asked = Vec::new();
    for id in 1..=200 {
        let (store, reader) = (store.clone(), store.clone());
        asked.push(tokio::spawn(async move {
            store.write("a", vec![said(id)]).await.unwrap();
        }));
        asked.push(tokio::spawn(async move {
            reader.open_rooms().await.unwrap();
        }));
    }
    let count = "SELECT COUNT(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut most: i64 = 0;
    while !asked.iter().all(|asked| asked.is_finished()) {
        most = most.max(other.fetch_one(count).await.unwrap().get(0));
    }
    for asked in asked {
        asked.await.unwrap();
    }
    assert!((2..=20).contains(&most), "{most} connections");
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error_without_its_password() {
    let url = "postgres://conclave:s3cret@%2Fno%2Fsuch%2Ffolder/db";
    let error = TestDatabase::at(url).try_open().await.err().unwrap();
    let said = format!("{error} {error:?}");
    assert!(matches!(error, StoreError::Database(_)), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

crate::on_both_engines![
    a_write_waits_for_a_locked_database,
    a_write_whose_time_is_over_is_refused_and_the_next_one_stored,
    text_that_a_database_cannot_keep_is_no_failure,
];
