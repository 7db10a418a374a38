//! Questions and their votes as rows.

use conclave_core::room::record::StoredQuestion;
use conclave_wire::{Answer, ParticipantId, Question, QuestionId};
use sqlx::{Any, AnyConnection, Transaction, any::AnyRow};

use super::{
    StoreError,
    columns::{Columns, number},
    reading::{Rooms, of_room},
    records::{RoomId, Statement, run},
};

pub(super) fn asked(
    room: RoomId,
    question: &Question,
    author: ParticipantId,
    reference: u32,
) -> Statement {
    sqlx::query(
        "INSERT INTO questions (room_id, id, participant_id, participant_name, is_anonymous, \
         question, reference, is_in_review, created_at_ms, moment_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(room)
    .bind(i64::from(question.id.0))
    .bind(i64::from(author.0))
    .bind(question.name.clone())
    .bind(i64::from(question.from.is_none()))
    .bind(question.text.clone())
    .bind(i64::from(reference))
    .bind(i64::from(question.in_review))
    .bind(number(question.at_ms))
    .bind(number(question.moment_ms))
}

/// What stands about a question, but for its text and its votes.
pub(super) struct Changed<'a> {
    pub(super) id: QuestionId,
    pub(super) pinned: bool,
    pub(super) hidden: bool,
    pub(super) in_review: bool,
    pub(super) answer: Option<&'a Answer>,
}

pub(super) fn changed(room: RoomId, changed: &Changed<'_>) -> Statement {
    let answer = changed.answer;
    sqlx::query(
        "UPDATE questions SET is_pinned = $3, is_hidden = $4, is_in_review = $5, is_answered = $6, \
         answer = $7, answered_by = $8, answered_by_name = $9, answered_at_ms = $10, \
         answered_moment_ms = $11 WHERE room_id = $1 AND id = $2",
    )
    .bind(room)
    .bind(i64::from(changed.id.0))
    .bind(i64::from(changed.pinned))
    .bind(i64::from(changed.hidden))
    .bind(i64::from(changed.in_review))
    .bind(i64::from(answer.is_some()))
    .bind(answer.and_then(|answer| answer.text.clone()))
    .bind(answer.map(|answer| i64::from(answer.by.0)))
    .bind(answer.map(|answer| answer.name.clone()))
    .bind(answer.map(|answer| number(answer.at_ms)))
    .bind(answer.map(|answer| number(answer.moment_ms)))
}

pub(super) async fn taken_back(
    connection: &mut AnyConnection,
    room: RoomId,
    id: QuestionId,
) -> Result<(), StoreError> {
    let id = i64::from(id.0);
    let votes = "DELETE FROM question_votes WHERE room_id = $1 AND question_id = $2";
    run(connection, sqlx::query(votes).bind(room.clone()).bind(id)).await?;
    let emptied = "UPDATE questions SET is_taken_back = 1, question = '', participant_name = '', \
                   answer = NULL, answered_by_name = NULL, votes = 0 \
                   WHERE room_id = $1 AND id = $2";
    run(connection, sqlx::query(emptied).bind(room).bind(id)).await
}

pub(super) struct Voted {
    pub(super) id: QuestionId,
    pub(super) by: ParticipantId,
    pub(super) voted: bool,
    pub(super) votes: u32,
    pub(super) at_unix_ms: u64,
}

pub(super) async fn voted(
    connection: &mut AnyConnection,
    room: RoomId,
    vote: Voted,
) -> Result<(), StoreError> {
    let (id, by) = (i64::from(vote.id.0), i64::from(vote.by.0));
    let statement = match vote.voted {
        true => sqlx::query(
            "INSERT INTO question_votes (room_id, question_id, participant_id, created_at_ms) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(room.clone())
        .bind(id)
        .bind(by)
        .bind(number(vote.at_unix_ms)),
        false => sqlx::query(
            "DELETE FROM question_votes WHERE room_id = $1 AND question_id = $2 \
             AND participant_id = $3",
        )
        .bind(room.clone())
        .bind(id)
        .bind(by),
    };
    run(connection, statement).await?;
    let counted = "UPDATE questions SET votes = $3 WHERE room_id = $1 AND id = $2";
    let counted = sqlx::query(counted)
        .bind(room)
        .bind(id)
        .bind(i64::from(vote.votes));
    run(connection, counted).await
}

/// Adds the questions of open rooms.
pub(super) async fn read(
    reader: &mut Transaction<'_, Any>,
    rooms: &mut Rooms,
) -> Result<(), StoreError> {
    let questions = "SELECT q.room_id, q.id, q.participant_id, q.participant_name, q.is_anonymous, \
                     q.question, q.reference, q.is_answered, q.is_pinned, q.is_hidden, \
                     q.is_in_review, q.is_taken_back, q.answer, q.answered_by, \
                     q.answered_by_name, q.answered_at_ms, q.answered_moment_ms, \
                     q.created_at_ms, q.moment_ms FROM questions q \
                     JOIN rooms r ON r.id = q.room_id \
                     WHERE r.ended_at_ms IS NULL ORDER BY q.room_id, q.id";
    for row in sqlx::query(questions).fetch_all(&mut **reader).await? {
        let Some(room) = of_room(rooms, &row)? else {
            continue;
        };
        let id = QuestionId(row.id("id")?);
        let author = ParticipantId(row.id("participant_id")?);
        room.next_question = id.0.saturating_add(1);
        if let Some(reference) = row.integer_or_null("reference")? {
            let reference = u32::try_from(reference).unwrap_or(u32::MAX);
            room.asked_references.push((author, reference, id));
        }
        if !row.flag("is_taken_back")? {
            room.questions.push(StoredQuestion {
                question: question(&row, id, author)?,
                author,
                voters: Vec::new(),
            });
        }
    }
    let votes = "SELECT v.room_id, v.question_id, v.participant_id FROM question_votes v \
                 JOIN rooms r ON r.id = v.room_id WHERE r.ended_at_ms IS NULL \
                 ORDER BY v.room_id, v.question_id, v.participant_id";
    for row in sqlx::query(votes).fetch_all(&mut **reader).await? {
        let Some(room) = of_room(rooms, &row)? else {
            continue;
        };
        let id = QuestionId(row.id("question_id")?);
        let at = |stored: &StoredQuestion| stored.question.id;
        if let Ok(at) = room.questions.binary_search_by_key(&id, at) {
            let stored = &mut room.questions[at];
            stored.voters.push(ParticipantId(row.id("participant_id")?));
            stored.question.votes += 1;
        }
    }
    Ok(())
}

fn question(row: &AnyRow, id: QuestionId, author: ParticipantId) -> Result<Question, StoreError> {
    let answer = match row.flag("is_answered")? {
        true => Some(Answer {
            by: ParticipantId(row.id("answered_by")?),
            name: row.text_or_null("answered_by_name")?.unwrap_or_default(),
            text: row.text_or_null("answer")?,
            at_ms: row.ms("answered_at_ms")?,
            moment_ms: row.ms("answered_moment_ms")?,
        }),
        false => None,
    };
    Ok(Question {
        id,
        from: (!row.flag("is_anonymous")?).then_some(author),
        name: row.text("participant_name")?,
        text: row.text("question")?,
        at_ms: row.ms("created_at_ms")?,
        moment_ms: row.ms("moment_ms")?,
        votes: 0,
        pinned: row.flag("is_pinned")?,
        hidden: row.flag("is_hidden")?,
        in_review: row.flag("is_in_review")?,
        answer,
    })
}
