//! Rooms that have ended and are opened again while they are kept.

use conclave_wire::RefusalCode;
use sqlx::{AnyConnection, Executor};

use super::{
    StoreError,
    columns::{Columns, number, text},
    writer::begin,
};

/// Opens the newest room of a slug again, with all that is kept of it, as if it were opened now.
///
/// # Errors
/// When the database fails. Inside: `RoomNotFound` when nothing is kept, `SlugTaken` when it is open,
/// `HostKeyWrong`.
pub(super) async fn reopen(
    connection: &mut AnyConnection,
    slug: &str,
    host_key_hash: &[u8; 32],
    now_unix_ms: u64,
) -> Result<Result<(), RefusalCode>, StoreError> {
    let mut transaction = begin(connection).await?;
    let newest = "SELECT id, host_key_hash, ended_at_ms, keep_until_ms FROM rooms WHERE slug = $1 \
                  ORDER BY created_at_ms DESC, \
                  CASE WHEN ended_at_ms IS NULL THEN 0 ELSE 1 END LIMIT 1";
    let newest = sqlx::query(newest).bind(text(slug));
    let Some(row) = newest.fetch_optional(&mut *transaction).await? else {
        return Ok(Err(RefusalCode::RoomNotFound));
    };
    if row.ms_or_null("ended_at_ms")?.is_none() {
        return Ok(Err(RefusalCode::SlugTaken));
    }
    let kept = row.ms_or_null("keep_until_ms")?;
    if kept.is_none_or(|until| until <= now_unix_ms) {
        return Ok(Err(RefusalCode::RoomNotFound));
    }
    if row.hash("host_key_hash")? != *host_key_hash {
        return Ok(Err(RefusalCode::HostKeyWrong));
    }
    let opened = "UPDATE rooms SET created_at_ms = $2, ended_at_ms = NULL, end_reason = NULL, \
                  ends_at_ms = NULL, keep_until_ms = NULL, is_active = 1 WHERE id = $1";
    let opened = sqlx::query(opened)
        .bind(row.text("id")?)
        .bind(number(now_unix_ms));
    transaction.execute(opened).await?;
    transaction.commit().await?;
    Ok(Ok(()))
}
