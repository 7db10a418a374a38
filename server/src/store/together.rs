//! Clocks of study and films as rows.

use conclave_core::room::{StoredFilm, record::StoredRoom};
use conclave_wire::{FilmFile, FocusCount, ParticipantId, StudyClock};
use serde::Serialize;
use sqlx::{Any, AnyConnection, Transaction};

use super::{
    StoreError,
    columns::{Columns, number, text, word},
    reading::{Rooms, of_room},
    records::{RoomId, Statement, run},
};

pub(super) fn clock_changed(
    room: RoomId,
    clock: &StudyClock,
    ends_unix_ms: Option<u64>,
) -> Statement {
    sqlx::query(
        "INSERT INTO study_clocks (room_id, phase, cycle, length_ms, ends_at_ms, left_ms, focus_done) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (room_id) DO UPDATE SET \
         phase = excluded.phase, cycle = excluded.cycle, length_ms = excluded.length_ms, \
         ends_at_ms = excluded.ends_at_ms, left_ms = excluded.left_ms, \
         focus_done = excluded.focus_done",
    )
    .bind(room)
    .bind(word(clock.phase))
    .bind(i64::from(clock.cycle))
    .bind(number(clock.length_ms))
    .bind(ends_unix_ms.map(number))
    .bind(number(clock.left_ms))
    .bind(i64::from(clock.focus_done))
}

pub(super) fn goal_set(room: RoomId, goal: &str) -> Statement {
    sqlx::query(
        "INSERT INTO study_clocks (room_id, goal) VALUES ($1, $2) \
         ON CONFLICT (room_id) DO UPDATE SET goal = excluded.goal",
    )
    .bind(room)
    .bind(text(goal))
}

pub(super) async fn focus_counted(
    connection: &mut AnyConnection,
    room: RoomId,
    room_ms: u64,
    people: &[FocusCount],
) -> Result<(), StoreError> {
    let whole = sqlx::query(
        "INSERT INTO study_clocks (room_id, focus_ms) VALUES ($1, $2) \
         ON CONFLICT (room_id) DO UPDATE SET focus_ms = excluded.focus_ms",
    );
    let whole = whole.bind(room.clone()).bind(number(room_ms));
    run(connection, whole).await?;
    for person in people {
        let one = sqlx::query(
            "INSERT INTO study_people (room_id, participant_id, focus_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (room_id, participant_id) DO UPDATE SET focus_ms = excluded.focus_ms",
        )
        .bind(room.clone())
        .bind(i64::from(person.id.0))
        .bind(number(person.focus_ms));
        run(connection, one).await?;
    }
    Ok(())
}

pub(super) fn film_changed(room: RoomId, film: Option<&StoredFilm>) -> Statement {
    let Some(film) = film else {
        return sqlx::query("DELETE FROM films WHERE room_id = $1").bind(room);
    };
    sqlx::query(
        "INSERT INTO films (room_id, film, leader, is_playing, position_ms, at_ms, rate_permille) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (room_id) DO UPDATE SET \
         film = excluded.film, leader = excluded.leader, is_playing = excluded.is_playing, \
         position_ms = excluded.position_ms, at_ms = excluded.at_ms, \
         rate_permille = excluded.rate_permille",
    )
    .bind(room)
    .bind(json(&film.file))
    .bind(film.leader.map(|leader| i64::from(leader.0)))
    .bind(i64::from(film.playing))
    .bind(number(film.position_ms))
    .bind(number(film.at_unix_ms))
    .bind(i64::from(film.rate_permille))
}

pub(super) fn playlist_changed(room: RoomId, playlist: &[FilmFile]) -> Statement {
    sqlx::query(
        "INSERT INTO film_playlists (room_id, playlist) VALUES ($1, $2) \
         ON CONFLICT (room_id) DO UPDATE SET playlist = excluded.playlist",
    )
    .bind(room)
    .bind(json(&playlist))
}

/// A room that is opened again begins to study and to watch anew.
pub(super) async fn room_ended(
    connection: &mut AnyConnection,
    room: &str,
) -> Result<(), StoreError> {
    for forgotten in [
        "DELETE FROM study_clocks WHERE room_id = $1",
        "DELETE FROM study_people WHERE room_id = $1",
        "DELETE FROM films WHERE room_id = $1",
        "DELETE FROM film_playlists WHERE room_id = $1",
    ] {
        run(connection, sqlx::query(forgotten).bind(room.to_owned())).await?;
    }
    Ok(())
}

pub(super) async fn read(
    reader: &mut Transaction<'_, Any>,
    rooms: &mut Rooms,
) -> Result<(), StoreError> {
    let clocks = "SELECT s.room_id, s.phase, s.cycle, s.length_ms, s.ends_at_ms, s.left_ms, \
                  s.focus_done, s.goal, s.focus_ms FROM study_clocks s \
                  JOIN rooms r ON r.id = s.room_id WHERE r.ended_at_ms IS NULL";
    for row in sqlx::query(clocks).fetch_all(&mut **reader).await? {
        let Some(room) = of_room(rooms, &row)? else {
            continue;
        };
        let study = &mut room.study;
        study.clock = StudyClock {
            phase: row.enumerated("phase")?,
            cycle: row.id("cycle")?,
            length_ms: row.ms("length_ms")?,
            ends_at_ms: None,
            left_ms: row.ms("left_ms")?,
            focus_done: row.id("focus_done")?,
        };
        study.ends_unix_ms = row.ms_or_null("ends_at_ms")?;
        study.goal = row.text("goal")?;
        study.focus_ms = row.ms("focus_ms")?;
    }
    // Of those whose seats are still theirs.
    let people = "SELECT s.room_id, s.participant_id, s.focus_ms FROM study_people s \
                  JOIN participants p ON p.room_id = s.room_id AND p.id = s.participant_id \
                  JOIN rooms r ON r.id = s.room_id \
                  WHERE r.ended_at_ms IS NULL AND p.left_at_ms IS NULL \
                  ORDER BY s.room_id, s.participant_id";
    for row in sqlx::query(people).fetch_all(&mut **reader).await? {
        if let Some(room) = of_room(rooms, &row)? {
            room.study.people.push(FocusCount {
                id: ParticipantId(row.id("participant_id")?),
                focus_ms: row.ms("focus_ms")?,
            });
        }
    }
    read_films(reader, rooms).await
}

async fn read_films(
    reader: &mut Transaction<'_, Any>,
    rooms: &mut Rooms,
) -> Result<(), StoreError> {
    let films = "SELECT f.room_id, f.film, f.leader, f.is_playing, f.position_ms, f.at_ms, \
                 f.rate_permille FROM films f JOIN rooms r ON r.id = f.room_id \
                 WHERE r.ended_at_ms IS NULL";
    for row in sqlx::query(films).fetch_all(&mut **reader).await? {
        let Some(room) = of_room(rooms, &row)? else {
            continue;
        };
        let leader = row.integer_or_null("leader")?;
        room.films.open = Some(StoredFilm {
            file: row.json("film")?,
            leader: leader.map(|id| ParticipantId(u32::try_from(id).unwrap_or_default())),
            playing: row.flag("is_playing")?,
            position_ms: row.ms("position_ms")?,
            at_unix_ms: row.ms("at_ms")?,
            rate_permille: row.id("rate_permille")?,
        });
    }
    let playlists = "SELECT l.room_id, l.playlist FROM film_playlists l \
                     JOIN rooms r ON r.id = l.room_id WHERE r.ended_at_ms IS NULL";
    for row in sqlx::query(playlists).fetch_all(&mut **reader).await? {
        let room: Option<&mut StoredRoom> = of_room(rooms, &row)?;
        if let Some(room) = room {
            room.films.playlist = row.json("playlist")?;
        }
    }
    Ok(())
}

/// What the protocol writes has no U+0000 in it: such names are refused.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
