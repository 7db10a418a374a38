//! What a store makes of records, in memory.

use std::collections::BTreeSet;

use conclave_core::room::*;
use conclave_wire::*;

/// Kept as a database would keep it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    pub room: Option<StoredRoom>,
    pub lines: Vec<Line>,
    pub ended: Option<EndReason>,
    said: BTreeSet<(ParticipantId, u32)>,
    asked: BTreeSet<(ParticipantId, u32)>,
}

impl MemoryStore {
    pub fn lines_before(&self, before: LineId, lines_max: u32) -> (Vec<Line>, bool) {
        let end = self.lines.partition_point(|line| line.id < before);
        let start = end.saturating_sub(lines_max as usize);
        (self.lines[start..end].to_vec(), start > 0)
    }

    pub fn keep(&mut self, record: Record) {
        if let Record::RoomOpened {
            title,
            settings,
            locked,
            password_hash,
            host_key_hash,
            opened_unix_ms,
            ends_unix_ms,
        } = record
        {
            assert!(self.room.is_none(), "a room is opened once");
            self.room = Some(StoredRoom {
                slug: "room".to_owned(),
                title,
                settings,
                locked,
                password_hash,
                host_key_hash,
                opened_unix_ms,
                ends_unix_ms,
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
            });
            return;
        }
        let room = self.room.as_mut().expect("the room is opened first");
        match record {
            Record::RoomOpened { .. } => unreachable!("handled above"),
            Record::RoomChanged {
                title,
                settings,
                locked,
                password_hash,
                ends_unix_ms,
            } => {
                *room = StoredRoom {
                    title,
                    settings,
                    locked,
                    password_hash,
                    ends_unix_ms,
                    ..room.clone()
                };
            }
            Record::RoomEnded { reason, .. } => self.ended = Some(reason),
            Record::SeatTaken {
                id,
                name,
                role,
                token_hash,
                device_hash,
                joined_unix_ms,
            } => {
                assert!(id.0 >= room.next_seat, "ids are never used again");
                room.next_seat = id.0 + 1;
                room.seats.push(StoredSeat {
                    id,
                    name,
                    role,
                    token_hash,
                    device_hash,
                    held_mute: false,
                    stands_in_from: None,
                    joined_unix_ms,
                });
            }
            Record::SeatChanged {
                id,
                name,
                role,
                held_mute,
                stands_in_from,
            } => {
                let seat = room
                    .seats
                    .iter_mut()
                    .find(|seat| seat.id == id)
                    .expect("it is taken");
                *seat = StoredSeat {
                    name,
                    role,
                    held_mute,
                    stands_in_from,
                    ..seat.clone()
                };
            }
            Record::SeatLeft { id, .. } => {
                room.seats.retain(|seat| seat.id != id);
                room.study.people.retain(|person| person.id != id);
            }
            Record::StudyClockChanged {
                clock,
                ends_unix_ms,
            } => {
                room.study.clock = StudyClock {
                    ends_at_ms: None,
                    ..clock
                };
                room.study.ends_unix_ms = ends_unix_ms;
            }
            Record::GoalSet { text } => room.study.goal = text,
            Record::FocusCounted { room_ms, people } => {
                room.study.focus_ms = room_ms;
                for count in people {
                    room.study.people.retain(|kept| kept.id != count.id);
                    room.study.people.push(count);
                    room.study.people.sort_by_key(|kept| kept.id);
                }
            }
            Record::FilmChanged { film } => room.films.open = film,
            Record::PlaylistChanged { playlist } => room.films.playlist = playlist,
            Record::LineSaid { line, reference } => {
                if let Some(reference) = reference {
                    assert!(
                        self.said.insert((line.from, reference)),
                        "a line was said twice"
                    );
                    room.said_references.push((line.from, reference, line.id));
                }
                assert_eq!(line.id.0, room.next_line);
                room.next_line += 1;
                self.lines.push(line);
            }
            Record::LineDeleted { line } => {
                let line = self
                    .lines
                    .iter_mut()
                    .find(|kept| kept.id == line)
                    .expect("it was said");
                line.deleted = true;
                line.text.clear();
            }
            Record::Banned { device_hash, .. } => room.bans.push(device_hash),
            Record::BansLifted => room.bans.clear(),
            // Reports are read by nobody here.
            Record::MediaSwitched { .. } | Record::FeatureUsed { .. } | Record::LinkPoor { .. } => {
            }
            Record::QuestionAsked {
                question,
                author,
                reference,
            } => {
                assert!(
                    self.asked.insert((author, reference)),
                    "a question was asked twice"
                );
                assert_eq!(question.id.0, room.next_question);
                room.next_question += 1;
                room.asked_references.push((author, reference, question.id));
                room.questions.push(StoredQuestion {
                    question,
                    author,
                    voters: Vec::new(),
                });
            }
            Record::QuestionChanged {
                question,
                pinned,
                hidden,
                in_review,
                answer,
            } => {
                let question = &mut stored_question(room, question).question;
                *question = Question {
                    pinned,
                    hidden,
                    in_review,
                    answer,
                    ..question.clone()
                };
            }
            Record::QuestionTakenBack { question } => {
                room.questions.retain(|kept| kept.question.id != question);
            }
            Record::QuestionVoted {
                question,
                by,
                voted,
                votes,
                ..
            } => {
                let stored = stored_question(room, question);
                match (stored.voters.binary_search(&by), voted) {
                    (Err(at), true) => stored.voters.insert(at, by),
                    (Ok(at), false) => drop(stored.voters.remove(at)),
                    (Ok(_), true) | (Err(_), false) => panic!("a vote was counted twice"),
                }
                assert_eq!(stored.voters.len(), votes as usize);
            }
            Record::NoticePosted { notice } => {
                room.next_notice = notice.id.0 + 1;
                room.notices.push(notice);
            }
            Record::NoticeExpired { notice } => room.notices.retain(|kept| kept.id != notice),
            Record::FileShared { file } => {
                room.next_file = file.id.0 + 1;
                room.files.push(file);
            }
            Record::ShareRevoked { file } => {
                let file = room
                    .files
                    .iter_mut()
                    .find(|kept| kept.id == file)
                    .expect("it was shared");
                file.share_token = None;
            }
            Record::FileRemoved { file } => room.files.retain(|kept| kept.id != file),
        }
        let skip = self.lines.len().saturating_sub(limits::CHAT_PAGE_LINES);
        room.lines = self.lines[skip..].to_vec();
    }
}

fn stored_question(room: &mut StoredRoom, id: QuestionId) -> &mut StoredQuestion {
    let mut questions = room.questions.iter_mut();
    questions
        .find(|kept| kept.question.id == id)
        .expect("it was asked")
}
