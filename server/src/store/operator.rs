//! What the operator's pages keep and read: sessions, the audit log, the files of all rooms.

use conclave_wire::{FileId, SharedFile};
use sqlx::{AnyConnection, AnyPool, Executor};

use super::{
    StoreError, Unreferenced,
    columns::{Columns, number, text},
    reading::file,
    writer::begin,
};

/// Entries that the audit log keeps; the oldest go.
pub const AUDIT_ENTRIES_MAX: u32 = 100_000;

/// One line of the audit log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditEntry {
    /// Counts from 1; 0 before it is stored.
    pub number: u64,
    /// Milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// Who, as they called themselves; empty for somebody who was not let in.
    pub operator: String,
    pub address: String,
    pub action: String,
    /// What it was done to, without names of people.
    pub target: String,
    /// `done`, or the code of a refusal.
    pub outcome: String,
    /// What the operator wrote.
    pub detail: String,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredSession {
    /// SHA-256 of the cookie's token.
    pub token_hash: [u8; 32],
    pub operator: String,
    pub opened_unix_ms: u64,
    pub ends_unix_ms: u64,
}

/// What the operator's pages change.
#[derive(Clone, Debug)]
pub enum OperatorRecord {
    SessionOpened(StoredSession),
    SessionClosed { token_hash: [u8; 32] },
    Audited(AuditEntry),
}

/// A file of an open room, or of one that is still kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptFile {
    pub room_id: String,
    pub slug: String,
    pub room_ended: bool,
    /// Until when an ended room is kept.
    pub keep_until_unix_ms: Option<u64>,
    pub file: SharedFile,
}

/// Which files come first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FileOrder {
    #[default]
    Largest,
    Oldest,
    Newest,
    Room,
}

/// Files of all rooms of one address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomFiles {
    pub slug: String,
    pub files: u64,
    pub bytes: u64,
}

pub(super) async fn store(
    connection: &mut AnyConnection,
    record: &OperatorRecord,
) -> Result<(), StoreError> {
    match record {
        OperatorRecord::SessionOpened(session) => {
            let opened = "INSERT INTO operator_sessions (token_hash, operator, opened_at_ms, ends_at_ms) \
                          VALUES ($1, $2, $3, $4)";
            let opened = sqlx::query(opened)
                .bind(hex::encode(session.token_hash))
                .bind(text(&session.operator))
                .bind(number(session.opened_unix_ms))
                .bind(number(session.ends_unix_ms));
            connection.execute(opened).await?;
        }
        OperatorRecord::SessionClosed { token_hash } => {
            let closed = "DELETE FROM operator_sessions WHERE token_hash = $1";
            connection
                .execute(sqlx::query(closed).bind(hex::encode(token_hash)))
                .await?;
        }
        OperatorRecord::Audited(entry) => audited(connection, entry).await?,
    }
    Ok(())
}

async fn audited(connection: &mut AnyConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    let mut transaction = begin(connection).await?;
    let newest = "SELECT COALESCE(MAX(number), 0) AS newest FROM operator_audit";
    let newest = sqlx::query(newest).fetch_one(&mut *transaction).await?;
    let next = newest.integer("newest")?.saturating_add(1);
    let entered = "INSERT INTO operator_audit \
                   (number, at_ms, operator, address, action, target, outcome, detail) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let entered = sqlx::query(entered)
        .bind(next)
        .bind(number(entry.at_unix_ms))
        .bind(text(&entry.operator))
        .bind(text(&entry.address))
        .bind(text(&entry.action))
        .bind(text(&entry.target))
        .bind(text(&entry.outcome))
        .bind(text(&entry.detail));
    transaction.execute(entered).await?;
    let too_old = next.saturating_sub(i64::from(AUDIT_ENTRIES_MAX));
    let forgotten = sqlx::query("DELETE FROM operator_audit WHERE number <= $1").bind(too_old);
    transaction.execute(forgotten).await?;
    transaction.commit().await?;
    Ok(())
}

/// Sessions whose time is not over.
pub(super) async fn sessions(
    readers: AnyPool,
    now_unix_ms: u64,
) -> Result<Vec<StoredSession>, StoreError> {
    let open = "SELECT token_hash, operator, opened_at_ms, ends_at_ms FROM operator_sessions \
                WHERE ends_at_ms > $1 ORDER BY opened_at_ms";
    let rows = sqlx::query(open)
        .bind(number(now_unix_ms))
        .fetch_all(&readers)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(StoredSession {
                token_hash: row.hash("token_hash")?,
                operator: row.text("operator")?,
                opened_unix_ms: row.ms("opened_at_ms")?,
                ends_unix_ms: row.ms("ends_at_ms")?,
            })
        })
        .collect()
}

/// The newest entries before one, newest first.
pub(super) async fn audit(
    readers: AnyPool,
    before: u64,
    entries_max: u32,
) -> Result<Vec<AuditEntry>, StoreError> {
    let newest = "SELECT number, at_ms, operator, address, action, target, outcome, detail \
                  FROM operator_audit WHERE number < $1 ORDER BY number DESC LIMIT $2";
    let rows = sqlx::query(newest)
        .bind(number(before))
        .bind(i64::from(entries_max))
        .fetch_all(&readers)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(AuditEntry {
                number: row.ms("number")?,
                at_unix_ms: row.ms("at_ms")?,
                operator: row.text("operator")?,
                address: row.text("address")?,
                action: row.text("action")?,
                target: row.text("target")?,
                outcome: row.text("outcome")?,
                detail: row.text("detail")?,
            })
        })
        .collect()
}

/// At most `files_max` files of all rooms, or of those of one address.
pub(super) async fn files(
    readers: AnyPool,
    slug: Option<String>,
    order: FileOrder,
    files_max: u32,
) -> Result<Vec<KeptFile>, StoreError> {
    macro_rules! ordered {
        ($order:literal) => {
            concat!(
                "SELECT r.id AS room_id, r.slug, r.ended_at_ms, r.keep_until_ms, f.id, \
                 f.participant_id, f.name, f.size_bytes, f.sha256, f.created_at_ms, f.share_token \
                 FROM shared_files f JOIN rooms r ON r.id = f.room_id \
                 WHERE f.is_removed = 0 AND ($1 = '' OR r.slug = $1) ORDER BY ",
                $order,
                ", r.slug, f.id LIMIT $2"
            )
        };
    }
    let statement = match order {
        FileOrder::Largest => ordered!("f.size_bytes DESC"),
        FileOrder::Oldest => ordered!("f.created_at_ms"),
        FileOrder::Newest => ordered!("f.created_at_ms DESC"),
        FileOrder::Room => ordered!("r.slug"),
    };
    let rows = sqlx::query(statement)
        .bind(text(&slug.unwrap_or_default()))
        .bind(i64::from(files_max))
        .fetch_all(&readers)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(KeptFile {
                room_id: row.text("room_id")?,
                slug: row.text("slug")?,
                room_ended: row.ms_or_null("ended_at_ms")?.is_some(),
                keep_until_unix_ms: row.ms_or_null("keep_until_ms")?,
                file: file(row)?,
            })
        })
        .collect()
}

/// The addresses whose files take most, largest first.
pub(super) async fn files_by_room(
    readers: AnyPool,
    rooms_max: u32,
) -> Result<Vec<RoomFiles>, StoreError> {
    let sums = "SELECT r.slug, COUNT(*) AS files, CAST(SUM(f.size_bytes) AS BIGINT) AS bytes \
                FROM shared_files f JOIN rooms r ON r.id = f.room_id WHERE f.is_removed = 0 \
                GROUP BY r.slug ORDER BY bytes DESC, r.slug LIMIT $1";
    let rows = sqlx::query(sums)
        .bind(i64::from(rooms_max))
        .fetch_all(&readers)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(RoomFiles {
                slug: row.text("slug")?,
                files: row.ms("files")?,
                bytes: row.ms("bytes")?,
            })
        })
        .collect()
}

/// Forgets a file of a room that has ended. Answers with its content, if no room of the same address
/// has it any more; `NoSuchRoom` when there is no such file, or the room is open.
pub(super) async fn remove_kept_file(
    connection: &mut AnyConnection,
    room_id: &str,
    id: FileId,
) -> Result<Option<Unreferenced>, StoreError> {
    let mut transaction = begin(connection).await?;
    let kept = "SELECT r.slug, f.sha256, f.size_bytes FROM shared_files f \
                JOIN rooms r ON r.id = f.room_id WHERE f.room_id = $1 AND f.id = $2 \
                AND f.is_removed = 0 AND r.ended_at_ms IS NOT NULL";
    let row = sqlx::query(kept)
        .bind(text(room_id))
        .bind(i64::from(id.0))
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(StoreError::NoSuchRoom)?;
    let gone = Unreferenced {
        slug: row.text("slug")?,
        sha256: row.text("sha256")?,
        size_bytes: row.ms("size_bytes")?,
    };
    let removed = "UPDATE shared_files SET is_removed = 1, share_token = NULL \
                   WHERE room_id = $1 AND id = $2";
    let removed = sqlx::query(removed)
        .bind(room_id.to_owned())
        .bind(i64::from(id.0));
    transaction.execute(removed).await?;
    let others = "SELECT COUNT(*) AS others FROM shared_files f JOIN rooms r ON r.id = f.room_id \
                  WHERE r.slug = $1 AND f.sha256 = $2 AND f.is_removed = 0";
    let others = sqlx::query(others)
        .bind(gone.slug.clone())
        .bind(gone.sha256.clone())
        .fetch_one(&mut *transaction)
        .await?
        .integer("others")?;
    transaction.commit().await?;
    Ok((others == 0).then_some(gone))
}

/// Forgets the files of all rooms. Their bytes are removed by whoever has the folder.
pub(super) async fn clear_files(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let cleared = "UPDATE shared_files SET is_removed = 1, share_token = NULL WHERE is_removed = 0";
    connection.execute(cleared).await?;
    Ok(())
}
