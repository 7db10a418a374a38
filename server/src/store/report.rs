//! What came of a meeting (I3): who was there and when, whose link was poor, what was asked and shared. A
//! meeting is the time from a room's opening, or its opening again, to its end.

use conclave_wire::{EndReason, LeaveReason, RefusalCode, Role};
use serde::Serialize;
use sqlx::{AnyConnection, AnyPool, any::AnyRow};
use utoipa::ToSchema;

use super::{
    StoreError,
    columns::{Columns, number, text},
    stats::peak,
};

/// Rows of each list of a report.
pub const REPORT_ROWS_MAX: u32 = 10_000;

/// A meeting that is over, as a list shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Meeting {
    pub room_id: String,
    /// `None` when the room is not kept any more.
    pub title: Option<String>,
    pub slug: Option<String>,
    pub opened_unix_ms: u64,
    pub duration_ms: u64,
    pub people: u64,
    pub people_at_once: u64,
    pub messages: u64,
    pub questions: u64,
    pub incidents: u64,
}

/// Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeetingReport {
    /// Empty, as the lists are, when the room is not kept any more: then only counts are.
    pub slug: String,
    pub title: String,
    pub presenter_name: String,
    pub opened_unix_ms: u64,
    /// `None` while the meeting goes on.
    pub ended_unix_ms: Option<u64>,
    pub end_reason: Option<EndReason>,
    /// Whether names, questions and files are still kept.
    pub is_whole: bool,
    pub total_people: u64,
    pub people_at_once: u64,
    pub total_messages: u64,
    pub total_questions: u64,
    pub total_votes: u64,
    pub total_files: u64,
    pub total_incidents: u64,
    /// Names of what was used.
    pub features: Vec<String>,
    pub people: Vec<Presence>,
    pub incidents: Vec<Incident>,
    pub questions: Vec<AskedQuestion>,
    pub files: Vec<SharedInMeeting>,
}

/// Somebody's time in a meeting; who comes back after leaving is there twice.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    pub participant: u32,
    pub name: String,
    pub role: Role,
    pub joined_unix_ms: u64,
    pub left_unix_ms: Option<u64>,
    pub leave_reason: Option<LeaveReason>,
}

/// A time at which somebody's link was poor.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    pub participant: u32,
    pub name: String,
    pub began_unix_ms: u64,
    pub until_unix_ms: u64,
    /// The worst of each figure.
    pub round_trip_ms: u32,
    pub jitter_ms: u32,
    pub loss_permille: u32,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskedQuestion {
    pub question: String,
    /// `None` when it was asked anonymously.
    pub name: Option<String>,
    pub asked_unix_ms: u64,
    /// On the room clock.
    pub moment_ms: u64,
    pub votes: u32,
    pub is_hidden: bool,
    pub is_answered: bool,
    /// `None` also when it was answered live.
    pub answer: Option<String>,
    pub answered_by: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SharedInMeeting {
    pub file_name: String,
    pub name: String,
    pub size_bytes: u64,
    pub sha256: String,
    pub shared_unix_ms: u64,
    pub is_removed: bool,
}

pub(super) async fn meetings(
    readers: AnyPool,
    now_unix_ms: u64,
    meetings_max: u32,
) -> Result<Vec<Meeting>, StoreError> {
    let newest = "SELECT s.room_id, r.title, r.slug, s.created_at_ms, s.ended_at_ms, \
                  s.session_duration_minutes, s.total_participants, s.max_concurrent_participants, \
                  s.total_messages, s.total_questions, s.total_incidents FROM session_stats s \
                  LEFT JOIN rooms r ON r.id = s.room_id \
                  AND (r.keep_until_ms IS NULL OR r.keep_until_ms > $1) \
                  ORDER BY s.created_at_ms DESC, s.room_id LIMIT $2";
    let rows = sqlx::query(newest)
        .bind(number(now_unix_ms))
        .bind(i64::from(meetings_max))
        .fetch_all(&readers)
        .await?;
    let meeting = |row: &AnyRow| {
        let opened_unix_ms = row.ms("created_at_ms")?;
        Ok(Meeting {
            room_id: row.text("room_id")?,
            title: row.text_or_null("title")?,
            slug: row.text_or_null("slug")?,
            opened_unix_ms,
            duration_ms: ended(row, opened_unix_ms)?.saturating_sub(opened_unix_ms),
            people: row.ms("total_participants")?,
            people_at_once: row.ms("max_concurrent_participants")?,
            messages: row.ms("total_messages")?,
            questions: row.ms("total_questions")?,
            incidents: row.ms("total_incidents")?,
        })
    };
    rows.iter().map(meeting).collect()
}

pub(super) async fn for_host(
    readers: AnyPool,
    slug: String,
    secret_hash: [u8; 32],
    now_unix_ms: u64,
) -> Result<Result<MeetingReport, RefusalCode>, StoreError> {
    let mut reader = readers.acquire().await?;
    let newest = "SELECT id, host_key_hash, created_at_ms, title FROM rooms WHERE slug = $1 \
                  AND (keep_until_ms IS NULL OR keep_until_ms > $2) \
                  ORDER BY created_at_ms DESC LIMIT 1";
    let newest = sqlx::query(newest)
        .bind(text(&slug))
        .bind(number(now_unix_ms));
    let Some(row) = newest.fetch_optional(&mut *reader).await? else {
        return Ok(Err(RefusalCode::RoomNotFound));
    };
    let room_id = row.text("id")?;
    if row.hash("host_key_hash")? != secret_hash {
        let seat = "SELECT COUNT(*) AS seats FROM participants \
                    WHERE token_hash = $2 AND room_id = $1 AND role = 'host'";
        let seat = sqlx::query(seat)
            .bind(room_id.clone())
            .bind(hex::encode(secret_hash));
        if seat.fetch_one(&mut *reader).await?.integer("seats")? == 0 {
            return Ok(Err(RefusalCode::HostKeyWrong));
        }
    }
    let opened = row.ms("created_at_ms")?;
    let report = read(&mut reader, room_id, opened, now_unix_ms).await?;
    Ok(report.ok_or(RefusalCode::RoomNotFound))
}

pub(super) async fn of_meeting(
    readers: AnyPool,
    room_id: String,
    opened_unix_ms: u64,
    now_unix_ms: u64,
) -> Result<Option<MeetingReport>, StoreError> {
    let mut reader = readers.acquire().await?;
    read(&mut reader, text(&room_id), opened_unix_ms, now_unix_ms).await
}

async fn read(
    reader: &mut AnyConnection,
    room_id: String,
    opened_unix_ms: u64,
    now_unix_ms: u64,
) -> Result<Option<MeetingReport>, StoreError> {
    let counts = "SELECT ended_at_ms, session_duration_minutes, max_concurrent_participants, \
                  total_participants, total_messages, total_questions, total_votes, total_files, \
                  total_incidents, features FROM session_stats \
                  WHERE room_id = $1 AND created_at_ms = $2";
    let counts = sqlx::query(counts)
        .bind(room_id.clone())
        .bind(number(opened_unix_ms))
        .fetch_optional(&mut *reader)
        .await?;
    let room = "SELECT slug, title, presenter_name, created_at_ms, end_reason FROM rooms \
                WHERE id = $1 AND (keep_until_ms IS NULL OR keep_until_ms > $2)";
    let room = sqlx::query(room)
        .bind(room_id.clone())
        .bind(number(now_unix_ms))
        .fetch_optional(&mut *reader)
        .await?;
    // The newest meeting of a room may go on; one that goes on has no counts yet.
    let newest = room.as_ref().map(|room| room.ms("created_at_ms"));
    let is_newest = newest.transpose()? == Some(opened_unix_ms);
    if counts.is_none() && !is_newest {
        return Ok(None);
    }
    let ended_unix_ms = match &counts {
        Some(counts) => Some(ended(counts, opened_unix_ms)?),
        None => None,
    };
    let within = Within {
        room_id,
        from: opened_unix_ms,
        until: ended_unix_ms.unwrap_or(now_unix_ms),
    };
    let mut report = MeetingReport {
        slug: String::new(),
        title: String::new(),
        presenter_name: String::new(),
        opened_unix_ms,
        ended_unix_ms,
        end_reason: None,
        is_whole: room.is_some(),
        total_people: 0,
        people_at_once: 0,
        total_messages: 0,
        total_questions: 0,
        total_votes: 0,
        total_files: 0,
        total_incidents: 0,
        features: Vec::new(),
        people: Vec::new(),
        incidents: Vec::new(),
        questions: Vec::new(),
        files: Vec::new(),
    };
    if let Some(room) = &room {
        report.slug = room.text("slug")?;
        report.title = room.text("title")?;
        report.presenter_name = room.text("presenter_name")?;
        if is_newest && room.text_or_null("end_reason")?.is_some() {
            report.end_reason = Some(room.enumerated("end_reason")?);
        }
        report.people = within.people(reader).await?;
        report.incidents = within.incidents(reader).await?;
        report.questions = within.questions(reader).await?;
        report.files = within.files(reader).await?;
    }
    match counts {
        Some(counts) => {
            report.total_people = counts.ms("total_participants")?;
            report.people_at_once = counts.ms("max_concurrent_participants")?;
            report.total_messages = counts.ms("total_messages")?;
            report.total_questions = counts.ms("total_questions")?;
            report.total_votes = counts.ms("total_votes")?;
            report.total_files = counts.ms("total_files")?;
            report.total_incidents = counts.ms("total_incidents")?;
            let features = counts.text("features")?;
            let features = features.split(',').filter(|feature| !feature.is_empty());
            report.features = features.map(str::to_owned).collect();
        }
        None => within.count(reader, &mut report).await?,
    }
    Ok(Some(report))
}

/// When a meeting ended; of old counts only the minutes are known.
fn ended(counts: &AnyRow, opened_unix_ms: u64) -> Result<u64, StoreError> {
    const MS_PER_MINUTE: u64 = 60_000;
    let minutes = counts.ms_or_null("session_duration_minutes")?.unwrap_or(0);
    let about = opened_unix_ms.saturating_add(minutes.saturating_mul(MS_PER_MINUTE));
    Ok(counts.ms_or_null("ended_at_ms")?.unwrap_or(about))
}

/// One meeting of a room: what of its rows belongs to it.
struct Within {
    room_id: String,
    from: u64,
    until: u64,
}

impl Within {
    async fn rows(
        &self,
        reader: &mut AnyConnection,
        statement: &'static str,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let rows = sqlx::query(statement)
            .bind(self.room_id.clone())
            .bind(number(self.from))
            .bind(number(self.until))
            .bind(i64::from(REPORT_ROWS_MAX));
        Ok(rows.fetch_all(reader).await?)
    }

    async fn people(&self, reader: &mut AnyConnection) -> Result<Vec<Presence>, StoreError> {
        let people = "SELECT id, name, role, joined_at_ms, left_at_ms, leave_reason \
                      FROM participants WHERE room_id = $1 AND joined_at_ms >= $2 \
                      AND joined_at_ms <= $3 ORDER BY id LIMIT $4";
        let rows = self.rows(reader, people).await?;
        let presence = |row: &AnyRow| {
            Ok(Presence {
                participant: row.id("id")?,
                name: row.text("name")?,
                role: row.enumerated("role")?,
                joined_unix_ms: row.ms("joined_at_ms")?,
                left_unix_ms: row.ms_or_null("left_at_ms")?,
                leave_reason: match row.text_or_null("leave_reason")? {
                    Some(_) => Some(row.enumerated("leave_reason")?),
                    None => None,
                },
            })
        };
        rows.iter().map(presence).collect()
    }

    async fn incidents(&self, reader: &mut AnyConnection) -> Result<Vec<Incident>, StoreError> {
        let incidents = "SELECT q.participant_id, p.name, q.began_at_ms, q.until_ms, \
                         q.round_trip_ms, q.jitter_ms, q.loss_permille FROM quality_incidents q \
                         LEFT JOIN participants p ON p.room_id = q.room_id AND p.id = q.participant_id \
                         WHERE q.room_id = $1 AND q.began_at_ms >= $2 AND q.began_at_ms <= $3 \
                         ORDER BY q.began_at_ms, q.participant_id LIMIT $4";
        let rows = self.rows(reader, incidents).await?;
        let incident = |row: &AnyRow| {
            Ok(Incident {
                participant: row.id("participant_id")?,
                name: row.text_or_null("name")?.unwrap_or_default(),
                began_unix_ms: row.ms("began_at_ms")?,
                until_unix_ms: row.ms("until_ms")?,
                round_trip_ms: row.id("round_trip_ms")?,
                jitter_ms: row.id("jitter_ms")?,
                loss_permille: row.id("loss_permille")?,
            })
        };
        rows.iter().map(incident).collect()
    }

    async fn questions(
        &self,
        reader: &mut AnyConnection,
    ) -> Result<Vec<AskedQuestion>, StoreError> {
        let questions = "SELECT question, participant_name, is_anonymous, created_at_ms, \
                         moment_ms, votes, is_hidden, is_answered, answer, answered_by_name \
                         FROM questions WHERE room_id = $1 AND created_at_ms >= $2 \
                         AND created_at_ms <= $3 AND is_taken_back = 0 \
                         ORDER BY votes DESC, created_at_ms, id LIMIT $4";
        let rows = self.rows(reader, questions).await?;
        let question = |row: &AnyRow| {
            let name = row.text("participant_name")?;
            Ok(AskedQuestion {
                question: row.text("question")?,
                name: (!row.flag("is_anonymous")?).then_some(name),
                asked_unix_ms: row.ms("created_at_ms")?,
                moment_ms: row.ms("moment_ms")?,
                votes: row.id("votes")?,
                is_hidden: row.flag("is_hidden")?,
                is_answered: row.flag("is_answered")?,
                answer: row.text_or_null("answer")?,
                answered_by: row.text_or_null("answered_by_name")?,
            })
        };
        rows.iter().map(question).collect()
    }

    async fn files(&self, reader: &mut AnyConnection) -> Result<Vec<SharedInMeeting>, StoreError> {
        let files = "SELECT f.name AS file_name, p.name, f.size_bytes, f.sha256, f.created_at_ms, \
                     f.is_removed FROM shared_files f \
                     LEFT JOIN participants p ON p.room_id = f.room_id AND p.id = f.participant_id \
                     WHERE f.room_id = $1 AND f.created_at_ms >= $2 AND f.created_at_ms <= $3 \
                     ORDER BY f.id LIMIT $4";
        let rows = self.rows(reader, files).await?;
        let file = |row: &AnyRow| {
            Ok(SharedInMeeting {
                file_name: row.text("file_name")?,
                name: row.text_or_null("name")?.unwrap_or_default(),
                size_bytes: row.ms("size_bytes")?,
                sha256: row.text("sha256")?,
                shared_unix_ms: row.ms("created_at_ms")?,
                is_removed: row.flag("is_removed")?,
            })
        };
        rows.iter().map(file).collect()
    }

    /// Counts a meeting that goes on.
    async fn count(
        &self,
        reader: &mut AnyConnection,
        report: &mut MeetingReport,
    ) -> Result<(), StoreError> {
        let seats: Vec<(u64, u64)> = report
            .people
            .iter()
            .map(|seat| (seat.joined_unix_ms, seat.left_unix_ms.unwrap_or(self.until)))
            .collect();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        report.total_people = count(seats.len());
        report.people_at_once = count(peak(&seats));
        report.total_questions = count(report.questions.len());
        report.total_votes = report
            .questions
            .iter()
            .map(|its| u64::from(its.votes))
            .sum();
        report.total_files = count(report.files.len());
        report.total_incidents = count(report.incidents.len());
        let said = "SELECT COUNT(*) AS total FROM chat_messages WHERE room_id = $1 \
                    AND created_at_ms >= $2 AND created_at_ms <= $3 AND message_type = 'said' LIMIT $4";
        let said = self.rows(reader, said).await?;
        report.total_messages = said.first().map_or(Ok(0), |row| row.ms("total"))?;
        let used =
            sqlx::query("SELECT feature FROM features_used WHERE room_id = $1 ORDER BY feature")
                .bind(self.room_id.clone());
        let used = used.fetch_all(&mut *reader).await?;
        let used: Result<Vec<String>, _> = used.iter().map(|row| row.text("feature")).collect();
        report.features = used?;
        Ok(())
    }
}
