//! Figures of a meeting that goes on, as they will be kept when it ends.

use sqlx::AnyPool;

use super::{
    StoreError,
    columns::{Columns, number},
    stats::peak,
};
use crate::clock::unix_ms;

const MS_PER_MINUTE: u64 = 60_000;

/// How a meeting goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionFigures {
    /// The most who were there at once, and all who were.
    pub people_max: u64,
    pub people: u64,
    pub messages: u64,
    pub questions: u64,
    pub minutes: u64,
}

/// How the meeting in this room goes; nothing of a room that is not stored.
pub(super) async fn session_figures(
    readers: AnyPool,
    slug: String,
) -> Result<Option<SessionFigures>, StoreError> {
    // One transaction, so that all queries see the same moment.
    let mut reader = readers.begin().await?;
    let room = "SELECT id, created_at_ms FROM rooms WHERE slug = $1 AND ended_at_ms IS NULL";
    let room = sqlx::query(room)
        .bind(slug)
        .fetch_optional(&mut *reader)
        .await?;
    let Some(room) = room else {
        return Ok(None);
    };
    let (id, opened) = (room.text("id")?, room.ms("created_at_ms")?);
    let now = unix_ms();
    // A room that was opened again has people and lines of before.
    let seats = "SELECT joined_at_ms, left_at_ms FROM participants \
                 WHERE room_id = $1 AND joined_at_ms >= $2";
    let seats = sqlx::query(seats).bind(id.clone()).bind(number(opened));
    let mut spans = Vec::new();
    for row in seats.fetch_all(&mut *reader).await? {
        spans.push((
            row.ms("joined_at_ms")?,
            row.ms_or_null("left_at_ms")?.unwrap_or(now),
        ));
    }
    let counted = "SELECT (SELECT COUNT(*) FROM chat_messages WHERE room_id = $1 \
                   AND created_at_ms >= $2 AND message_type = 'said') AS said_count, \
                   (SELECT COUNT(*) FROM questions WHERE room_id = $1 \
                   AND created_at_ms >= $2) AS asked_count";
    let counted = sqlx::query(counted).bind(id).bind(number(opened));
    let counted = counted.fetch_one(&mut *reader).await?;
    Ok(Some(SessionFigures {
        people_max: peak(&spans) as u64,
        people: spans.len() as u64,
        messages: counted.ms("said_count")?,
        questions: counted.ms("asked_count")?,
        minutes: now.saturating_sub(opened) / MS_PER_MINUTE,
    }))
}
