//! Counts over many meetings: rooms a day, how long they were, what they were used for (I4).

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AnyPool};

use super::{
    StoreError,
    columns::{Columns, number},
    records::run,
};

const MS_PER_DAY: u64 = 24 * 3_600_000;

/// Counts of the meetings that have ended since some time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Statistics {
    /// In order; days on which nothing was are left out.
    pub days: Vec<DayCount>,
    /// How many meetings used each feature, by its name.
    pub features: BTreeMap<String, u64>,
}

/// Of the meetings that began on one day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DayCount {
    /// Days since the Unix epoch (UTC).
    pub day: u64,
    pub rooms: u64,
    /// Of all rooms together.
    pub duration_ms: u64,
    pub people: u64,
    pub messages: u64,
    pub questions: u64,
    /// The most in one meeting.
    pub largest_meeting: u64,
    /// The most on the server at once, in all rooms.
    pub people_at_once: u64,
}

pub(super) async fn since(readers: AnyPool, since_unix_ms: u64) -> Result<Statistics, StoreError> {
    let mut days: BTreeMap<u64, DayCount> = BTreeMap::new();
    // Sums of PostgreSQL are of a wider type, and integers are divided without a rest.
    let counted = "SELECT created_at_ms / $2 AS day, COUNT(*) AS rooms, \
                   CAST(SUM(COALESCE(ended_at_ms - created_at_ms, \
                   session_duration_minutes * 60000, 0)) AS BIGINT) AS duration_ms, \
                   CAST(SUM(total_participants) AS BIGINT) AS people, \
                   CAST(SUM(total_messages) AS BIGINT) AS messages, \
                   CAST(SUM(total_questions) AS BIGINT) AS questions, \
                   MAX(max_concurrent_participants) AS largest FROM session_stats \
                   WHERE created_at_ms >= $1 GROUP BY 1 ORDER BY 1";
    let rows = sqlx::query(counted)
        .bind(number(since_unix_ms))
        .bind(number(MS_PER_DAY))
        .fetch_all(&readers)
        .await?;
    for row in &rows {
        let day = row.ms("day")?;
        let count = DayCount {
            day,
            rooms: row.ms("rooms")?,
            duration_ms: row.ms("duration_ms")?,
            people: row.ms("people")?,
            messages: row.ms("messages")?,
            questions: row.ms("questions")?,
            largest_meeting: row.ms("largest")?,
            people_at_once: 0,
        };
        days.insert(day, count);
    }
    let peaks = "SELECT day, people FROM daily_peaks WHERE day >= $1 ORDER BY day";
    let peaks = sqlx::query(peaks).bind(number(since_unix_ms / MS_PER_DAY));
    for row in &peaks.fetch_all(&readers).await? {
        let day = row.ms("day")?;
        let count = days.entry(day).or_default();
        count.day = day;
        count.people_at_once = row.ms("people")?;
    }
    let mut features: BTreeMap<String, u64> = BTreeMap::new();
    let used = "SELECT features, COUNT(*) AS rooms FROM session_stats \
                WHERE created_at_ms >= $1 AND features <> '' GROUP BY features";
    let used = sqlx::query(used).bind(number(since_unix_ms));
    for row in &used.fetch_all(&readers).await? {
        let rooms = row.ms("rooms")?;
        for feature in row.text("features")?.split(',') {
            *features.entry(feature.to_owned()).or_default() += rooms;
        }
    }
    Ok(Statistics {
        days: days.into_values().collect(),
        features,
    })
}

/// Keeps the most of each day.
pub(super) async fn note_people(
    connection: &mut AnyConnection,
    at_unix_ms: u64,
    people: u32,
) -> Result<(), StoreError> {
    let noted = "INSERT INTO daily_peaks (day, people) VALUES ($1, $2) ON CONFLICT (day) \
                 DO UPDATE SET people = excluded.people \
                 WHERE excluded.people > daily_peaks.people";
    let noted = sqlx::query(noted)
        .bind(number(at_unix_ms / MS_PER_DAY))
        .bind(i64::from(people));
    run(connection, noted).await
}
