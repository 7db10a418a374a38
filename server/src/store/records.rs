//! Each record of a room as statements.

use conclave_core::room::record::Record;
use conclave_wire::{EndReason, LeaveReason, Line, LineKind, Role, Settings};
use sqlx::{Any, AnyConnection, query::Query};

use super::{
    StoreError,
    columns::{Columns, number, word},
    questions, stats, together,
};
use crate::auth::token::random_bytes;

/// The key of a room's rows. A slug may name several rooms, one after the other.
pub(super) type RoomId = String;

const MS_PER_HOUR: u64 = 3_600_000;

/// Stores one record. `room` is the room's key when it is known already; it is returned.
pub(super) async fn store(
    connection: &mut AnyConnection,
    slug: &str,
    room: Option<&RoomId>,
    record: &Record,
) -> Result<RoomId, StoreError> {
    if let Record::RoomOpened { .. } = record {
        let room = hex::encode(random_bytes::<16>());
        open_room(connection, slug, &room, record).await?;
        return Ok(room);
    }
    let room = match room {
        Some(room) => room.clone(),
        None => find(connection, slug).await?,
    };
    change(connection, &room, record).await?;
    Ok(room)
}

async fn find(connection: &mut AnyConnection, slug: &str) -> Result<RoomId, StoreError> {
    let newest = "SELECT id FROM rooms WHERE slug = $1 ORDER BY created_at_ms DESC, \
                  CASE WHEN ended_at_ms IS NULL THEN 0 ELSE 1 END LIMIT 1";
    let row = sqlx::query(newest)
        .bind(slug)
        .fetch_optional(connection)
        .await?;
    row.ok_or(StoreError::NoSuchRoom)?.text("id")
}

async fn open_room(
    connection: &mut AnyConnection,
    slug: &str,
    room: &str,
    record: &Record,
) -> Result<(), StoreError> {
    let Record::RoomOpened {
        title,
        settings,
        locked,
        password_hash,
        host_key_hash,
        opened_unix_ms,
        ends_unix_ms,
    } = record
    else {
        return Ok(());
    };
    run(
        connection,
        sqlx::query(
            "INSERT INTO rooms (id, slug, title, settings, locked, password_hash, host_key_hash, \
             created_at_ms, ends_at_ms, max_participants) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(room.to_owned())
        .bind(slug.to_owned())
        .bind(title.clone())
        .bind(json(settings))
        .bind(i64::from(*locked))
        .bind(password_hash.clone())
        .bind(hex::encode(host_key_hash))
        .bind(number(*opened_unix_ms))
        .bind(ends_unix_ms.map(number))
        .bind(i64::from(settings.members_max)),
    )
    .await
}

async fn change(
    connection: &mut AnyConnection,
    room: &str,
    record: &Record,
) -> Result<(), StoreError> {
    let room = room.to_owned();
    let statement = match record {
        Record::RoomOpened { .. } => return Ok(()),
        Record::RoomChanged {
            title,
            settings,
            locked,
            password_hash,
            ends_unix_ms,
        } => sqlx::query(
            "UPDATE rooms SET title = $2, settings = $3, locked = $4, password_hash = $5, \
             ends_at_ms = $6, max_participants = $7 WHERE id = $1",
        )
        .bind(room)
        .bind(title.clone())
        .bind(json(settings))
        .bind(i64::from(*locked))
        .bind(password_hash.clone())
        .bind(ends_unix_ms.map(number))
        .bind(i64::from(settings.members_max)),
        Record::RoomEnded { reason, at_unix_ms } => {
            return end_room(connection, room, *reason, *at_unix_ms).await;
        }
        Record::SeatTaken {
            id,
            name,
            role,
            token_hash,
            device_hash,
            joined_unix_ms,
        } => {
            note_presenter(connection, &room, name, *role).await?;
            // Whoever comes in is silent until they have switched something on.
            sqlx::query(
                "INSERT INTO participants (room_id, id, name, role, token_hash, joined_at_ms, \
                 device_hash, is_muted) VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
            )
            .bind(room)
            .bind(i64::from(id.0))
            .bind(name.clone())
            .bind(word(role))
            .bind(hex::encode(token_hash))
            .bind(number(*joined_unix_ms))
            .bind(device_hash.map(hex::encode))
        }
        Record::SeatChanged {
            id,
            name,
            role,
            held_mute,
            stands_in_from,
        } => {
            note_presenter(connection, &room, name, *role).await?;
            sqlx::query(
                "UPDATE participants SET name = $3, role = $4, is_held_mute = $5, \
                 stands_in_from = $6 WHERE room_id = $1 AND id = $2",
            )
            .bind(room)
            .bind(i64::from(id.0))
            .bind(name.clone())
            .bind(word(role))
            .bind(i64::from(*held_mute))
            .bind(stands_in_from.map(word))
        }
        Record::MediaSwitched {
            id,
            microphone,
            camera,
        } => sqlx::query(
            "UPDATE participants SET is_muted = $3, is_video_on = $4 WHERE room_id = $1 AND id = $2",
        )
        .bind(room)
        .bind(i64::from(id.0))
        .bind(i64::from(!microphone))
        .bind(i64::from(*camera)),
        Record::FeatureUsed { feature } => sqlx::query(
            "INSERT INTO features_used (room_id, feature) VALUES ($1, $2) \
             ON CONFLICT (room_id, feature) DO NOTHING",
        )
        .bind(room)
        .bind(feature.name()),
        Record::LinkPoor {
            id,
            began_unix_ms,
            until_unix_ms,
            worst,
        } => sqlx::query(
            "INSERT INTO quality_incidents (room_id, participant_id, began_at_ms, until_ms, \
             round_trip_ms, jitter_ms, loss_permille) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (room_id, participant_id, began_at_ms) DO UPDATE SET \
             until_ms = excluded.until_ms, round_trip_ms = excluded.round_trip_ms, \
             jitter_ms = excluded.jitter_ms, loss_permille = excluded.loss_permille",
        )
        .bind(room)
        .bind(i64::from(id.0))
        .bind(number(*began_unix_ms))
        .bind(number(*until_unix_ms))
        .bind(i64::from(worst.round_trip_ms))
        .bind(i64::from(worst.jitter_ms))
        .bind(i64::from(worst.loss_permille)),
        Record::SeatLeft {
            id,
            reason,
            at_unix_ms,
        } => sqlx::query(
            "UPDATE participants SET left_at_ms = $3, leave_reason = $4, is_muted = 1, \
             is_video_on = 0 WHERE room_id = $1 AND id = $2",
        )
        .bind(room)
        .bind(i64::from(id.0))
        .bind(number(*at_unix_ms))
        .bind(word(reason)),
        Record::Banned {
            device_hash,
            at_unix_ms,
        } => sqlx::query(
            "INSERT INTO bans (room_id, device_hash, created_at_ms) VALUES ($1, $2, $3)",
        )
        .bind(room)
        .bind(hex::encode(device_hash))
        .bind(number(*at_unix_ms)),
        Record::BansLifted => sqlx::query("DELETE FROM bans WHERE room_id = $1").bind(room),
        Record::QuestionAsked {
            question,
            author,
            reference,
        } => questions::asked(room, question, *author, *reference),
        Record::QuestionChanged {
            question,
            pinned,
            hidden,
            in_review,
            answer,
        } => questions::changed(
            room,
            &questions::Changed {
                id: *question,
                pinned: *pinned,
                hidden: *hidden,
                in_review: *in_review,
                answer: answer.as_ref(),
            },
        ),
        Record::QuestionTakenBack { question } => {
            return questions::taken_back(connection, room, *question).await;
        }
        Record::QuestionVoted {
            question,
            by,
            voted,
            votes,
            at_unix_ms,
        } => {
            let vote = questions::Voted {
                id: *question,
                by: *by,
                voted: *voted,
                votes: *votes,
                at_unix_ms: *at_unix_ms,
            };
            return questions::voted(connection, room, vote).await;
        }
        Record::LineSaid { line, reference } => line_said(room, line, *reference),
        Record::LineDeleted { line } => sqlx::query(
            "UPDATE chat_messages SET is_deleted = 1, message = '' WHERE room_id = $1 AND id = $2",
        )
        .bind(room)
        .bind(i64::from(line.0)),
        Record::NoticePosted { notice } => sqlx::query(
            "INSERT INTO notices (room_id, id, message, created_at_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind(room)
        .bind(i64::from(notice.id.0))
        .bind(notice.text.clone())
        .bind(number(notice.at_ms)),
        Record::NoticeExpired { notice } => {
            sqlx::query("UPDATE notices SET is_expired = 1 WHERE room_id = $1 AND id = $2")
                .bind(room)
                .bind(i64::from(notice.0))
        }
        Record::FileShared { file } => sqlx::query(
            "INSERT INTO shared_files (room_id, id, participant_id, name, size_bytes, sha256, \
             share_token, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(room)
        .bind(i64::from(file.id.0))
        .bind(i64::from(file.owner.0))
        .bind(file.name.clone())
        .bind(number(file.size_bytes))
        .bind(file.sha256.clone())
        .bind(file.share_token.clone())
        .bind(number(file.shared_at_ms)),
        Record::ShareRevoked { file } => {
            sqlx::query("UPDATE shared_files SET share_token = NULL WHERE room_id = $1 AND id = $2")
                .bind(room)
                .bind(i64::from(file.0))
        }
        Record::StudyClockChanged {
            clock,
            ends_unix_ms,
        } => together::clock_changed(room, clock, *ends_unix_ms),
        Record::GoalSet { text } => together::goal_set(room, text),
        Record::FocusCounted { room_ms, people } => {
            return together::focus_counted(connection, room, *room_ms, people).await;
        }
        Record::FilmChanged { film } => together::film_changed(room, film.as_ref()),
        Record::PlaylistChanged { playlist } => together::playlist_changed(room, playlist),
        Record::FileRemoved { file } => sqlx::query(
            "UPDATE shared_files SET is_removed = 1, share_token = NULL \
             WHERE room_id = $1 AND id = $2",
        )
        .bind(room)
        .bind(i64::from(file.0)),
    };
    run(connection, statement).await
}

/// Keeps the name of whoever is host now.
async fn note_presenter(
    connection: &mut AnyConnection,
    room: &str,
    name: &str,
    role: Role,
) -> Result<(), StoreError> {
    if role != Role::Host {
        return Ok(());
    }
    let presenter = sqlx::query("UPDATE rooms SET presenter_name = $2 WHERE id = $1")
        .bind(room.to_owned())
        .bind(name.to_owned());
    run(connection, presenter).await
}

fn line_said(room: RoomId, line: &Line, reference: Option<u32>) -> Statement {
    let (kind, file) = match &line.kind {
        LineKind::Said => ("said", None),
        LineKind::System => ("system", None),
        LineKind::File { file } => ("file", Some(i64::from(file.0))),
    };
    sqlx::query(
        "INSERT INTO chat_messages (room_id, id, participant_id, participant_name, message_type, \
         file_id, message, reference, is_deleted, created_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(room)
    .bind(i64::from(line.id.0))
    .bind(i64::from(line.from.0))
    .bind(line.name.clone())
    .bind(kind)
    .bind(file)
    .bind(line.text.clone())
    .bind(reference.map(i64::from))
    .bind(i64::from(line.deleted))
    .bind(number(line.at_ms))
}

/// Marks the end, and until when the room is kept. A room that keeps nothing loses all at once, but for
/// the fact that it was there, which the next purge forgets.
async fn end_room(
    connection: &mut AnyConnection,
    room: RoomId,
    reason: EndReason,
    at_unix_ms: u64,
) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT settings FROM rooms WHERE id = $1")
        .bind(room.clone())
        .fetch_one(&mut *connection)
        .await?;
    let settings: Settings = row.json("settings")?;
    if settings.keep_hours > 0 {
        stats::room_ended(connection, room.clone(), at_unix_ms).await?;
    }
    // A room that is opened again begins anew.
    together::room_ended(connection, &room).await?;
    let used = sqlx::query("DELETE FROM features_used WHERE room_id = $1").bind(room.clone());
    run(connection, used).await?;
    // Nobody comes back to a seat, should the room be opened again.
    let left = "UPDATE participants SET left_at_ms = $2, leave_reason = $3, is_muted = 1, \
                is_video_on = 0 \
                WHERE room_id = $1 AND left_at_ms IS NULL";
    let left = sqlx::query(left)
        .bind(room.clone())
        .bind(number(at_unix_ms))
        .bind(word(LeaveReason::RoomEnded));
    run(connection, left).await?;
    let kept_ms = u64::from(settings.keep_hours) * MS_PER_HOUR;
    run(
        connection,
        sqlx::query(
            "UPDATE rooms SET ended_at_ms = $2, end_reason = $3, keep_until_ms = $4, \
             is_active = 0 WHERE id = $1",
        )
        .bind(room.clone())
        .bind(number(at_unix_ms))
        .bind(word(reason))
        .bind(number(at_unix_ms.saturating_add(kept_ms))),
    )
    .await?;
    if settings.keep_hours > 0 {
        return Ok(());
    }
    for emptied in [
        "DELETE FROM participants WHERE room_id = $1",
        "DELETE FROM chat_messages WHERE room_id = $1",
        "DELETE FROM notices WHERE room_id = $1",
        "DELETE FROM question_votes WHERE room_id = $1",
        "DELETE FROM questions WHERE room_id = $1",
        "DELETE FROM bans WHERE room_id = $1",
        "DELETE FROM quality_incidents WHERE room_id = $1",
        // Rows of files stay until the purge has named them for removal from the disk.
        "UPDATE shared_files SET name = '', share_token = NULL, is_removed = 1 WHERE room_id = $1",
        "UPDATE rooms SET title = '', presenter_name = '', password_hash = NULL WHERE id = $1",
    ] {
        run(connection, sqlx::query(emptied).bind(room.clone())).await?;
    }
    Ok(())
}

pub(super) type Statement = Query<'static, Any, <Any as sqlx::Database>::Arguments>;

pub(super) async fn run(
    connection: &mut AnyConnection,
    statement: Statement,
) -> Result<(), StoreError> {
    statement.execute(connection).await?;
    Ok(())
}

fn json(settings: &Settings) -> String {
    serde_json::to_string(settings).expect("settings hold only words, numbers and flags")
}
