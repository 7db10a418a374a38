//! Rooms as they stand in the database, read by a handful of queries however many there are.

use std::collections::BTreeMap;

use conclave_core::room::record::{StoredFilms, StoredRoom, StoredSeat, StoredStudy};
use conclave_wire::{
    FileId, Line, LineId, LineKind, Notice, NoticeId, ParticipantId, SharedFile,
    limits::{ANSWERS_KEPT, CHAT_PAGE_LINES},
};
use sqlx::{AnyPool, Connection, any::AnyRow};

use super::{
    StoreError,
    columns::{Columns, damaged, text},
    questions,
    records::RoomId,
    together,
};

/// Columns of a line, in the order of the table.
macro_rules! line_columns {
    () => {
        "room_id, id, participant_id, participant_name, message_type, file_id, message, \
         is_deleted, created_at_ms"
    };
}

pub(super) type Rooms = BTreeMap<RoomId, StoredRoom>;

pub(super) async fn open_rooms(readers: AnyPool) -> Result<Vec<StoredRoom>, StoreError> {
    // One transaction, so that all queries see the same moment.
    let mut connection = readers.acquire().await?;
    let begin = match connection.backend_name() {
        "SQLite" => "BEGIN",
        _ => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    let mut reader = connection.begin_with(begin).await?;
    let mut rooms = Rooms::new();
    let open = "SELECT id, slug, title, settings, locked, password_hash, host_key_hash, \
                created_at_ms, ends_at_ms FROM rooms WHERE ended_at_ms IS NULL";
    for row in sqlx::query(open).fetch_all(&mut *reader).await? {
        rooms.insert(row.text("id")?, room(&row)?);
    }

    let seats = "SELECT p.room_id, p.id, p.name, p.role, p.token_hash, p.is_held_mute, p.joined_at_ms, \
                 p.left_at_ms, p.stands_in_from, p.device_hash FROM participants p JOIN rooms r ON r.id = p.room_id \
                 WHERE r.ended_at_ms IS NULL ORDER BY p.room_id, p.id";
    for row in sqlx::query(seats).fetch_all(&mut *reader).await? {
        let Some(room) = of_room(&mut rooms, &row)? else {
            continue;
        };
        room.next_seat = row.id("id")?.saturating_add(1);
        if row.ms_or_null("left_at_ms")?.is_none() {
            room.seats.push(seat(&row)?);
        }
    }

    let newest = concat!(
        "SELECT ",
        line_columns!(),
        " FROM (SELECT c.*, ROW_NUMBER() OVER \
         (PARTITION BY c.room_id ORDER BY c.id DESC) AS age FROM chat_messages c \
         JOIN rooms r ON r.id = c.room_id WHERE r.ended_at_ms IS NULL) AS newest \
         WHERE age <= $1 ORDER BY room_id, id"
    );
    let newest = sqlx::query(newest).bind(page());
    for row in newest.fetch_all(&mut *reader).await? {
        let Some(room) = of_room(&mut rooms, &row)? else {
            continue;
        };
        let line = line(&row)?;
        room.next_line = line.id.0.saturating_add(1);
        room.lines.push(line);
    }

    let said = "SELECT room_id, participant_id, reference, id FROM (SELECT c.room_id, \
                c.participant_id, c.reference, c.id, ROW_NUMBER() OVER (PARTITION BY c.room_id, \
                c.participant_id ORDER BY c.id DESC) AS age FROM chat_messages c \
                JOIN participants p ON p.room_id = c.room_id AND p.id = c.participant_id \
                JOIN rooms r ON r.id = c.room_id WHERE r.ended_at_ms IS NULL \
                AND p.left_at_ms IS NULL AND c.reference IS NOT NULL) AS recent \
                WHERE age <= $1 ORDER BY room_id, id";
    let answers_kept = i64::try_from(ANSWERS_KEPT).unwrap_or(i64::MAX);
    let said = sqlx::query(said).bind(answers_kept);
    for row in said.fetch_all(&mut *reader).await? {
        if let Some(room) = of_room(&mut rooms, &row)? {
            let from = ParticipantId(row.id("participant_id")?);
            let reference = row.id("reference")?;
            room.said_references
                .push((from, reference, LineId(row.id("id")?)));
        }
    }

    let files = "SELECT f.room_id, f.id, f.participant_id, f.name, f.size_bytes, f.sha256, \
                 f.share_token, f.is_removed, f.created_at_ms FROM shared_files f \
                 JOIN rooms r ON r.id = f.room_id \
                 WHERE r.ended_at_ms IS NULL ORDER BY f.room_id, f.id";
    for row in sqlx::query(files).fetch_all(&mut *reader).await? {
        let Some(room) = of_room(&mut rooms, &row)? else {
            continue;
        };
        room.next_file = row.id("id")?.saturating_add(1);
        if !row.flag("is_removed")? {
            room.files.push(file(&row)?);
        }
    }

    let notices = "SELECT n.room_id, n.id, n.message, n.is_expired, n.created_at_ms FROM notices n \
                   JOIN rooms r ON r.id = n.room_id \
                   WHERE r.ended_at_ms IS NULL ORDER BY n.room_id, n.id";
    for row in sqlx::query(notices).fetch_all(&mut *reader).await? {
        let Some(room) = of_room(&mut rooms, &row)? else {
            continue;
        };
        let id = NoticeId(row.id("id")?);
        room.next_notice = id.0.saturating_add(1);
        if !row.flag("is_expired")? {
            room.notices.push(Notice {
                id,
                text: row.text("message")?,
                at_ms: row.ms("created_at_ms")?,
            });
        }
    }
    questions::read(&mut reader, &mut rooms).await?;
    together::read(&mut reader, &mut rooms).await?;
    let bans = "SELECT b.room_id, b.device_hash FROM bans b JOIN rooms r ON r.id = b.room_id \
                WHERE r.ended_at_ms IS NULL ORDER BY b.room_id, b.device_hash";
    for row in sqlx::query(bans).fetch_all(&mut *reader).await? {
        if let Some(room) = of_room(&mut rooms, &row)? {
            room.bans.push(row.hash("device_hash")?);
        }
    }
    reader.commit().await?;

    let mut rooms: Vec<StoredRoom> = rooms.into_values().collect();
    rooms.sort_by(|left, right| left.slug.cmp(&right.slug));
    Ok(rooms)
}

pub(super) async fn is_well(readers: AnyPool) -> Result<(), StoreError> {
    sqlx::query("SELECT 1").fetch_one(&readers).await?;
    Ok(())
}

pub(super) async fn lines_before(
    readers: AnyPool,
    slug: String,
    before: LineId,
    lines_max: u32,
) -> Result<(Vec<Line>, bool), StoreError> {
    let lines_max = i64::from(lines_max).min(page());
    let older = concat!(
        "SELECT ",
        line_columns!(),
        " FROM chat_messages WHERE room_id = \
         (SELECT id FROM rooms WHERE slug = $1 ORDER BY created_at_ms DESC LIMIT 1) \
         AND id < $2 ORDER BY id DESC LIMIT $3"
    );
    let rows = sqlx::query(older)
        .bind(text(&slug))
        .bind(i64::from(before.0))
        // One more than asked for tells whether there are more.
        .bind(lines_max + 1)
        .fetch_all(&readers)
        .await?;
    let asked = usize::try_from(lines_max).unwrap_or(CHAT_PAGE_LINES);
    let more = rows.len() > asked;
    let newest_first: Result<Vec<Line>, StoreError> = rows.iter().take(asked).map(line).collect();
    let mut lines = newest_first?;
    lines.reverse();
    Ok((lines, more))
}

fn page() -> i64 {
    i64::try_from(CHAT_PAGE_LINES).unwrap_or(i64::MAX)
}

pub(super) fn of_room<'a>(
    rooms: &'a mut Rooms,
    row: &AnyRow,
) -> Result<Option<&'a mut StoredRoom>, StoreError> {
    Ok(rooms.get_mut(&row.text("room_id")?))
}

fn room(row: &AnyRow) -> Result<StoredRoom, StoreError> {
    Ok(StoredRoom {
        slug: row.text("slug")?,
        title: row.text("title")?,
        settings: row.json("settings")?,
        locked: row.flag("locked")?,
        password_hash: row.text_or_null("password_hash")?,
        host_key_hash: row.hash("host_key_hash")?,
        opened_unix_ms: row.ms("created_at_ms")?,
        ends_unix_ms: row.ms_or_null("ends_at_ms")?,
        seats: Vec::new(),
        next_seat: 1,
        lines: Vec::new(),
        next_line: 1,
        said_references: Vec::new(),
        questions: Vec::new(),
        next_question: 1,
        asked_references: Vec::new(),
        bans: Vec::new(),
        files: Vec::new(),
        next_file: 1,
        notices: Vec::new(),
        next_notice: 1,
        study: StoredStudy::default(),
        films: StoredFilms::default(),
    })
}

fn seat(row: &AnyRow) -> Result<StoredSeat, StoreError> {
    Ok(StoredSeat {
        id: ParticipantId(row.id("id")?),
        name: row.text("name")?,
        role: row.enumerated("role")?,
        token_hash: row.hash("token_hash")?,
        device_hash: match row.text_or_null("device_hash")? {
            Some(_) => Some(row.hash("device_hash")?),
            None => None,
        },
        stands_in_from: match row.text_or_null("stands_in_from")? {
            Some(_) => Some(row.enumerated("stands_in_from")?),
            None => None,
        },
        held_mute: row.flag("is_held_mute")?,
        joined_unix_ms: row.ms("joined_at_ms")?,
    })
}

fn line(row: &AnyRow) -> Result<Line, StoreError> {
    let kind = match row.text("message_type")?.as_str() {
        "said" => LineKind::Said,
        "system" => LineKind::System,
        "file" => LineKind::File {
            file: FileId(row.id("file_id")?),
        },
        _ => return Err(damaged("message_type")),
    };
    Ok(Line {
        id: LineId(row.id("id")?),
        from: ParticipantId(row.id("participant_id")?),
        name: row.text("participant_name")?,
        kind,
        text: row.text("message")?,
        at_ms: row.ms("created_at_ms")?,
        deleted: row.flag("is_deleted")?,
    })
}

pub(super) fn file(row: &AnyRow) -> Result<SharedFile, StoreError> {
    Ok(SharedFile {
        id: FileId(row.id("id")?),
        owner: ParticipantId(row.id("participant_id")?),
        name: row.text("name")?,
        size_bytes: row.ms("size_bytes")?,
        sha256: row.text("sha256")?,
        shared_at_ms: row.ms("created_at_ms")?,
        share_token: row.text_or_null("share_token")?,
    })
}
