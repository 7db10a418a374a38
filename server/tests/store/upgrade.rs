//! Databases of earlier versions, and the tables as they were asked for.

use conclave_core::room::record::{Record, StoredRoom};
use conclave_server::store::Store;
use conclave_wire::{
    ParticipantId, Role, Settings,
    limits::{NAME_CHARS_MAX, SLUG_BYTES_MAX, TITLE_CHARS_MAX},
};
use sqlx::{Connection, Executor, Row};

use crate::database::TestDatabase;

async fn only_room(store: &Store) -> StoredRoom {
    let mut rooms = store.open_rooms().await.unwrap();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    rooms.remove(0)
}

/// Tables, rows and the ledger of what was brought up to date, as a version left them that knew no more
/// than these migrations.
async fn made_by(database: &TestDatabase, versions: impl Fn(i64) -> bool) {
    let all = sqlx::migrate!("./migrations");
    let old = sqlx::migrate::Migrator {
        migrations: all
            .iter()
            .filter(|migration| versions(migration.version))
            .cloned()
            .collect::<Vec<_>>()
            .into(),
        ..sqlx::migrate::Migrator::DEFAULT
    };
    let mut connection = database.connect().await;
    old.run_direct(None, &mut connection, false).await.unwrap();
    let settings = r#"{"newcomers":"presenter","members_max":9,"muted_on_entry":true}"#;
    let room = format!(
        "INSERT INTO rooms (id, slug, title, settings, host_key_hash, created_at_ms) \
         VALUES ('r', 'old', 'Old', '{settings}', '{}', 1)",
        "07".repeat(32)
    );
    connection.execute(sqlx::AssertSqlSafe(room)).await.unwrap();
    for (id, name, role, muted) in [(1, "Ada", "host", 0), (2, "Bob", "participant", 1)] {
        let seat = format!(
            "INSERT INTO participants (room_id, id, name, role, token_hash, is_muted, joined_at_ms) \
             VALUES ('r', {id}, '{name}', '{role}', '{}', {muted}, 2)",
            "01".repeat(32)
        );
        connection.execute(sqlx::AssertSqlSafe(seat)).await.unwrap();
    }
    let line = "INSERT INTO chat_messages (room_id, id, participant_id, participant_name, \
                message_type, message, created_at_ms) VALUES ('r', 1, 1, 'Ada', 'said', 'hello', 3)";
    connection.execute(line).await.unwrap();
    connection.close().await.unwrap();
}

async fn stands(database: &TestDatabase) {
    let store = database.open().await;
    let room = only_room(&store).await;
    assert_eq!(room.title, "Old");
    assert_eq!(
        room.settings,
        Settings {
            newcomers: Role::Presenter,
            members_max: 9,
            muted_on_entry: true,
            ..Settings::default()
        }
    );
    let seats: Vec<_> = room
        .seats
        .iter()
        .map(|seat| (seat.name.as_str(), seat.role, seat.held_mute))
        .collect();
    assert_eq!(
        seats,
        [("Ada", Role::Host, false), ("Bob", Role::Participant, true)]
    );
    assert_eq!(room.lines[0].text, "hello");
    let muted = Record::SeatChanged {
        id: ParticipantId(1),
        name: "Ada".to_owned(),
        role: Role::Host,
        held_mute: true,
        stands_in_from: None,
    };
    store.write("old", vec![muted]).await.unwrap();
    assert!(only_room(&store).await.seats[0].held_mute);
    store.close().await;
    let mut connection = database.connect().await;
    let presenter = connection
        .fetch_one("SELECT presenter_name FROM rooms")
        .await
        .unwrap();
    assert_eq!(presenter.get::<String, _>(0), "Ada");
}

async fn a_database_of_the_first_version_is_brought_up_to_date(database: TestDatabase) {
    made_by(&database, |version| version <= 3).await;
    stands(&database).await;
}

/// Numbers were given out by part: later ones came before these.
async fn a_database_that_has_later_migrations_gets_the_earlier_ones(database: TestDatabase) {
    made_by(&database, |version| version <= 4 || version == 10).await;
    stands(&database).await;
}

async fn a_database_of_a_newer_version_is_left_alone(database: TestDatabase) {
    database.open().await.close().await;
    let mut connection = database.connect().await;
    let newer = "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1";
    connection.execute(newer).await.unwrap();
    connection.close().await.unwrap();
    assert!(database.try_open().await.is_err());
}

/// What was asked for: table by table, the columns, and the indexes by name.
async fn the_tables_have_every_column_and_index_that_was_asked_for(database: TestDatabase) {
    database.open().await.close().await;
    let mut connection = database.connect().await;
    for asked in [
        "SELECT id, slug, title, presenter_name, password_hash, max_participants, is_active, \
         settings, created_at_ms, ended_at_ms FROM rooms",
        "SELECT room_id, id, name, token_hash, role, is_muted, is_video_on, joined_at_ms, \
         left_at_ms FROM participants",
        "SELECT room_id, id, participant_id, message, message_type, created_at_ms \
         FROM chat_messages",
        "SELECT room_id, id, participant_id, question, is_answered, is_pinned, votes, answer, \
         answered_at_ms, created_at_ms FROM questions",
        "SELECT room_id, question_id, participant_id, created_at_ms FROM question_votes",
        "SELECT room_id, max_concurrent_participants, total_participants, total_messages, \
         total_questions, session_duration_minutes, created_at_ms FROM session_stats",
    ] {
        connection.execute(asked).await.unwrap();
    }
    let indexes = match database.is_server() {
        true => "SELECT CAST(indexname AS TEXT) AS name FROM pg_indexes",
        false => "SELECT name FROM sqlite_master WHERE type = 'index'",
    };
    let rows = connection.fetch_all(indexes).await.unwrap();
    let indexes: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    for asked in [
        "idx_rooms_slug",
        "idx_rooms_active",
        "idx_participants_room",
        "idx_participants_token",
        "idx_chat_room_time",
        "idx_questions_room",
    ] {
        assert!(indexes.iter().any(|index| index == asked), "{asked}");
    }
    let defaults = "INSERT INTO rooms (id, slug, title, settings, host_key_hash, created_at_ms) \
                    VALUES ('r', 's', 't', '{}', '', 1)";
    connection.execute(defaults).await.unwrap();
    let row = connection
        .fetch_one("SELECT max_participants, is_active FROM rooms")
        .await
        .unwrap();
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (50, 1));
    // Lengths are bounds of the types that texts are parsed into.
    assert_eq!(
        (SLUG_BYTES_MAX, TITLE_CHARS_MAX, NAME_CHARS_MAX),
        (50, 200, 100)
    );
}

crate::on_both_engines![
    a_database_of_the_first_version_is_brought_up_to_date,
    a_database_that_has_later_migrations_gets_the_earlier_ones,
    a_database_of_a_newer_version_is_left_alone,
    the_tables_have_every_column_and_index_that_was_asked_for,
];
