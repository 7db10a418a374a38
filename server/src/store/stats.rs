//! Figures of a meeting that is over: how many, how long, how much was said.

use sqlx::AnyConnection;

use super::{
    StoreError,
    columns::{Columns, number},
    records::{RoomId, run},
};

const MS_PER_MINUTE: u64 = 60_000;

/// Stores the figures of a room that ends now. Call it while its rows are still there.
pub(super) async fn room_ended(
    connection: &mut AnyConnection,
    room: RoomId,
    at_unix_ms: u64,
) -> Result<(), StoreError> {
    let opened = sqlx::query("SELECT created_at_ms FROM rooms WHERE id = $1")
        .bind(room.clone())
        .fetch_one(&mut *connection)
        .await?
        .ms("created_at_ms")?;
    // A room that was opened again has people and lines of before.
    let seats = "SELECT joined_at_ms, left_at_ms FROM participants \
                 WHERE room_id = $1 AND joined_at_ms >= $2";
    let rows = sqlx::query(seats)
        .bind(room.clone())
        .bind(number(opened))
        .fetch_all(&mut *connection)
        .await?;
    let mut seats = Vec::with_capacity(rows.len());
    for row in &rows {
        let left = row.ms_or_null("left_at_ms")?.unwrap_or(at_unix_ms);
        seats.push((row.ms("joined_at_ms")?, left));
    }
    let said = "SELECT COUNT(*) AS total FROM chat_messages \
                WHERE room_id = $1 AND created_at_ms >= $2 AND message_type = 'said'";
    let said = count(connection, said, &room, opened).await?;
    let asked = "SELECT COUNT(*) AS total FROM questions \
                 WHERE room_id = $1 AND created_at_ms >= $2";
    let asked = count(connection, asked, &room, opened).await?;
    let voted = "SELECT COUNT(*) AS total FROM question_votes \
                 WHERE room_id = $1 AND created_at_ms >= $2";
    let voted = count(connection, voted, &room, opened).await?;
    let shared = "SELECT COUNT(*) AS total FROM shared_files \
                  WHERE room_id = $1 AND created_at_ms >= $2";
    let shared = count(connection, shared, &room, opened).await?;
    let incidents = "SELECT COUNT(*) AS total FROM quality_incidents \
                     WHERE room_id = $1 AND began_at_ms >= $2";
    let incidents = count(connection, incidents, &room, opened).await?;
    let features = features(connection, &room).await?.join(",");
    let stats = "INSERT INTO session_stats (room_id, max_concurrent_participants, \
                 total_participants, total_messages, total_questions, session_duration_minutes, \
                 created_at_ms, ended_at_ms, total_votes, total_files, total_incidents, features) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let minutes = at_unix_ms.saturating_sub(opened) / MS_PER_MINUTE;
    let stats = sqlx::query(stats)
        .bind(room)
        .bind(number(peak(&seats)))
        .bind(number(seats.len()))
        .bind(said)
        .bind(asked)
        .bind(number(minutes))
        .bind(number(opened))
        .bind(number(at_unix_ms))
        .bind(voted)
        .bind(shared)
        .bind(incidents)
        .bind(features);
    run(connection, stats).await
}

/// What the room was used for since it was opened.
async fn features(connection: &mut AnyConnection, room: &str) -> Result<Vec<String>, StoreError> {
    let used = "SELECT feature FROM features_used WHERE room_id = $1 ORDER BY feature";
    let used = sqlx::query(used).bind(room.to_owned());
    let rows = used.fetch_all(&mut *connection).await?;
    rows.iter().map(|row| row.text("feature")).collect()
}

async fn count(
    connection: &mut AnyConnection,
    query: &'static str,
    room: &str,
    opened_unix_ms: u64,
) -> Result<i64, StoreError> {
    let counted = sqlx::query(query)
        .bind(room.to_owned())
        .bind(number(opened_unix_ms));
    counted.fetch_one(&mut *connection).await?.integer("total")
}

/// The most that were there at once, of (came, left). Who leaves makes room before another comes.
pub(super) fn peak(seats: &[(u64, u64)]) -> usize {
    let came = seats.iter().map(|&(came, _)| (came, true));
    let left = seats.iter().map(|&(_, left)| (left, false));
    let mut moves: Vec<_> = came.chain(left).collect();
    moves.sort_unstable();
    let (mut there, mut peak) = (0_usize, 0);
    for (_, comes) in moves {
        there = match comes {
            true => there + 1,
            false => there.saturating_sub(1),
        };
        peak = peak.max(there);
    }
    peak
}

#[cfg(test)]
mod tests {
    use super::peak;

    #[test]
    fn the_peak_is_the_most_that_were_there_at_once() {
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[(1, 5), (2, 3), (4, 9)]), 2);
        assert_eq!(peak(&[(1, 5), (5, 9)]), 1, "one goes as the other comes");
    }
}
