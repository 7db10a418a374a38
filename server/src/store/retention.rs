//! What is kept of rooms that have ended, and for how long.

use std::collections::BTreeSet;

use conclave_wire::{EndReason, SharedFile};
use sqlx::{AnyConnection, AnyPool, Executor};

use super::{
    StoreError,
    columns::{Columns, number, text},
    reading::file,
    writer::begin,
};

/// Counts of meetings, which hold no names, are kept for so long.
pub const STATISTICS_KEPT_DAYS: u32 = 400;
const MS_PER_DAY: u64 = 24 * 3_600_000;

/// Content that no room of this slug refers to any more: it can go from the disk.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Unreferenced {
    pub slug: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub size_bytes: u64,
}

pub(super) async fn ended(readers: AnyPool, slug: String) -> Result<Option<EndReason>, StoreError> {
    let newest = "SELECT end_reason FROM rooms WHERE slug = $1 ORDER BY created_at_ms DESC, \
                  CASE WHEN ended_at_ms IS NULL THEN 0 ELSE 1 END LIMIT 1";
    let row = sqlx::query(newest)
        .bind(text(&slug))
        .fetch_optional(&readers)
        .await?;
    match row {
        Some(row) if row.text_or_null("end_reason")?.is_some() => {
            row.enumerated("end_reason").map(Some)
        }
        Some(_) | None => Ok(None),
    }
}

/// The file of a share link and the slug of its room, open or kept.
pub(super) async fn shared_by_token(
    readers: AnyPool,
    token: String,
    now_unix_ms: u64,
) -> Result<Option<(String, SharedFile)>, StoreError> {
    let shared = "SELECT r.slug, f.id, f.participant_id, f.name, f.size_bytes, f.sha256, \
                  f.created_at_ms, f.share_token FROM shared_files f JOIN rooms r ON r.id = f.room_id \
                  WHERE f.share_token = $1 AND f.is_removed = 0 \
                  AND (r.keep_until_ms IS NULL OR r.keep_until_ms > $2)";
    let row = sqlx::query(shared)
        .bind(text(&token))
        .bind(number(now_unix_ms))
        .fetch_optional(&readers)
        .await?;
    row.map(|row| Ok((row.text("slug")?, file(&row)?)))
        .transpose()
}

/// Slug and SHA-256 of every file that some room has, until the room's row is gone.
pub(super) async fn contents(readers: AnyPool) -> Result<BTreeSet<(String, String)>, StoreError> {
    let shared = "SELECT DISTINCT r.slug, f.sha256 FROM shared_files f \
                  JOIN rooms r ON r.id = f.room_id WHERE f.is_removed = 0";
    let rows = sqlx::query(shared).fetch_all(&readers).await?;
    rows.iter()
        .map(|row| Ok((row.text("slug")?, row.text("sha256")?)))
        .collect()
}

pub(super) async fn purge(
    connection: &mut AnyConnection,
    now_unix_ms: u64,
    kept_ms_max: u64,
) -> Result<Vec<Unreferenced>, StoreError> {
    let mut transaction = begin(connection).await?;
    let bounded = "UPDATE rooms SET keep_until_ms = ended_at_ms + $1 \
                   WHERE keep_until_ms > ended_at_ms + $1";
    transaction
        .execute(sqlx::query(bounded).bind(number(kept_ms_max)))
        .await?;
    let unreferenced = "SELECT DISTINCT r.slug, f.sha256, f.size_bytes FROM shared_files f \
                        JOIN rooms r ON r.id = f.room_id WHERE r.keep_until_ms <= $1 \
                        AND NOT EXISTS (SELECT 1 FROM shared_files g JOIN rooms s ON s.id = g.room_id \
                        WHERE s.slug = r.slug AND g.sha256 = f.sha256 AND g.is_removed = 0 \
                        AND (s.keep_until_ms IS NULL OR s.keep_until_ms > $1)) \
                        ORDER BY r.slug, f.sha256";
    let rows = sqlx::query(unreferenced)
        .bind(number(now_unix_ms))
        .fetch_all(&mut *transaction)
        .await?;
    let gone = rows
        .iter()
        .map(|row| {
            Ok(Unreferenced {
                slug: row.text("slug")?,
                sha256: row.text("sha256")?,
                size_bytes: row.ms("size_bytes")?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    // Everything else of a room goes with its row.
    let over = sqlx::query("DELETE FROM rooms WHERE keep_until_ms <= $1").bind(number(now_unix_ms));
    let removed = transaction.execute(over).await?.rows_affected();
    let old_ms = u64::from(STATISTICS_KEPT_DAYS) * MS_PER_DAY;
    let before = number(now_unix_ms.saturating_sub(old_ms));
    let counts = sqlx::query("DELETE FROM session_stats WHERE created_at_ms < $1").bind(before);
    transaction.execute(counts).await?;
    let day = before / number(MS_PER_DAY);
    let peaks = sqlx::query("DELETE FROM daily_peaks WHERE day < $1").bind(day);
    transaction.execute(peaks).await?;
    transaction.commit().await?;
    if removed > 0 {
        forget_log(connection).await?;
    }
    Ok(gone)
}

/// What was deleted must not be found in the log of writes either. A reader that is busy puts it off to the
/// next time.
async fn forget_log(connection: &mut AnyConnection) -> Result<(), StoreError> {
    if connection.backend_name() == "SQLite" {
        connection
            .execute("PRAGMA wal_checkpoint(TRUNCATE)")
            .await?;
    }
    Ok(())
}
