//! The one place that says what an event changes in the state that clients hold.

use conclave_wire::{
    Event, FilmMark, FilmReadiness, Member, ParticipantId, Pulse, Question, QuestionId, RoomState,
    StudyPerson, limits::CHAT_PAGE_LINES,
};

/// Brings a client's state up to an event. Events must be applied in the order of their numbers, each
/// once; one about something that the state does not have changes nothing.
pub fn apply(state: &mut RoomState, event: &Event) {
    match event {
        Event::ParticipantJoined { member } => join(state, member),
        Event::ParticipantLeft { id, .. } => leave(state, *id),
        Event::ParticipantAway { id, away } => change(state, *id, |member| member.away = *away),
        Event::ParticipantRenamed { id, name } => {
            change(state, *id, |member| member.name.clone_from(name))
        }
        Event::RoleChanged { id, role, why: _ } => change(state, *id, |member| member.role = *role),
        Event::MediaChanged {
            id,
            media,
            held_mute,
        } => change(state, *id, |member| {
            member.media = *media;
            member.held_mute = *held_mute;
        }),

        Event::RoomRetitled { title } => state.title.clone_from(title),
        Event::RoomLocked { locked } => state.locked = *locked,
        Event::PasswordChanged { has_password } => state.has_password = *has_password,
        Event::SettingsChanged { settings } => state.settings = settings.clone(),
        Event::WaitingArrived { waiter } => {
            state.waiting.retain(|kept| kept.id != waiter.id);
            state.waiting.push(waiter.clone());
        }
        Event::WaitingLeft { id } => state.waiting.retain(|kept| kept.id != *id),

        Event::FloorChanged { floor, why: _ } => state.floor = floor.clone(),
        Event::HandRaised { id } => state.floor.hands.push(*id),
        Event::HandLowered { id } => state.floor.hands.retain(|hand| hand != id),
        Event::HandsLowered => state.floor.hands.clear(),
        Event::SpotlightChanged { id } => state.spotlight = *id,

        Event::QuestionAsked { question } => {
            let at = |kept: &Question| kept.id;
            match state.questions.binary_search_by_key(&question.id, at) {
                Ok(at) => state.questions[at] = question.clone(),
                Err(at) => state.questions.insert(at, question.clone()),
            }
        }
        Event::QuestionWithdrawn { question } => {
            state.questions.retain(|kept| kept.id != *question);
        }
        Event::QuestionTakenBack { question } => {
            state.questions.retain(|kept| kept.id != *question);
            state.mine.questions.retain(|mine| mine != question);
            state.mine.votes.retain(|mine| mine != question);
        }
        Event::QuestionPinned { question, pinned } => {
            change_question(state, *question, |kept| kept.pinned = *pinned);
        }
        Event::QuestionHidden { question, hidden } => {
            change_question(state, *question, |kept| kept.hidden = *hidden);
        }
        Event::QuestionApproved { question } => {
            change_question(state, *question, |kept| kept.in_review = false);
        }
        Event::QuestionAnswered { question, answer } => {
            change_question(state, *question, |kept| kept.answer = Some(answer.clone()));
        }
        Event::VotesCounted { counts } => {
            for count in counts {
                change_question(state, count.question, |kept| kept.votes = count.votes);
            }
        }
        Event::QuestionMine { question } => {
            set_listed(&mut state.mine.questions, *question, true);
        }
        Event::VoteChanged { question, voted } => {
            set_listed(&mut state.mine.votes, *question, *voted);
        }

        Event::LineSaid { line } => {
            state.lines.push(line.clone());
            let over = state.lines.len().saturating_sub(CHAT_PAGE_LINES);
            state.lines.drain(..over);
        }
        Event::LineDeleted { line } => {
            if let Some(line) = state.lines.iter_mut().find(|kept| kept.id == *line) {
                line.deleted = true;
                line.text.clear();
            }
        }

        Event::TimeLimitSet { ends_at_ms } => state.agenda.ends_at_ms = *ends_at_ms,
        Event::NoticePosted { notice } => state.agenda.notices.push(notice.clone()),
        Event::NoticeExpired { notice } => state.agenda.notices.retain(|kept| kept.id != *notice),
        // The seats are dismissed with it: what stood last may stay on the screen.
        Event::MeetingEnded { reason: _ } => {}

        Event::StudyClockChanged { clock, why: _ } => state.study.clock = *clock,
        Event::FocusCounted { room_ms, people } => {
            state.study.focus_ms = *room_ms;
            for count in people {
                change_student(state, count.id, |person| person.focus_ms = count.focus_ms);
            }
        }
        Event::GoalSet { text } => state.study.goal.clone_from(text),
        Event::StudyShared { id, shared } => {
            change_student(state, *id, |person| person.shared.clone_from(shared));
        }

        Event::FilmOpened {
            file,
            leader,
            anchor,
        } => {
            state.film.file.clone_from(file);
            state.film.leader = *leader;
            state.film.anchor.clone_from(anchor);
            state.film.marks.clear();
        }
        Event::FilmMoved {
            anchor,
            why: _,
            by: _,
        } => state.film.anchor.clone_from(anchor),
        Event::FilmIdentified { sha256 } => {
            if let Some(file) = &mut state.film.file {
                file.sha256 = Some(sha256.clone());
            }
        }
        Event::FilmMarked { marks } => {
            for mark in marks {
                set_mark(state, *mark);
            }
        }
        Event::FilmLeadChanged { leader } => state.film.leader = *leader,
        Event::PlaylistChanged { playlist } => state.film.playlist.clone_from(playlist),

        Event::FileShared { file } => state.files.push(file.clone()),
        Event::ShareRevoked { file } => {
            if let Some(file) = state.files.iter_mut().find(|kept| kept.id == *file) {
                file.share_token = None;
            }
        }
        Event::FileRemoved { file } => state.files.retain(|kept| kept.id != *file),
    }
}

/// Takes over how clock and film stand, as every beat says it again. What it is silent about stays.
pub fn apply_pulse(state: &mut RoomState, pulse: &Pulse) {
    if let Some(clock) = &pulse.clock {
        state.study.clock = *clock;
    }
    if let Some(anchor) = &pulse.film {
        state.film.anchor.clone_from(anchor);
    }
}

fn join(state: &mut RoomState, newcomer: &Member) {
    match state
        .members
        .binary_search_by_key(&newcomer.id, |member| member.id)
    {
        Ok(at) => state.members[at] = newcomer.clone(),
        Err(at) => state.members.insert(at, newcomer.clone()),
    }
}

/// Who leaves waits for nothing and holds nothing; a `FloorChanged` follows if they held the slot.
fn leave(state: &mut RoomState, gone: ParticipantId) {
    state.members.retain(|member| member.id != gone);
    state.floor.queue.retain(|id| *id != gone);
    state.floor.hands.retain(|id| *id != gone);
    state.spotlight = state.spotlight.filter(|id| *id != gone);
    state.study.people.retain(|person| person.id != gone);
    state.film.marks.retain(|mark| mark.id != gone);
    if state.floor.presenter == Some(gone) {
        state.floor.presenter = None;
    }
}

fn change(state: &mut RoomState, id: ParticipantId, change: impl FnOnce(&mut Member)) {
    if let Ok(at) = state.members.binary_search_by_key(&id, |member| member.id) {
        change(&mut state.members[at]);
    }
}

fn change_question(state: &mut RoomState, id: QuestionId, change: impl FnOnce(&mut Question)) {
    let at = |kept: &Question| kept.id;
    if let Ok(at) = state.questions.binary_search_by_key(&id, at) {
        change(&mut state.questions[at]);
    }
}

/// Changes what is known of somebody's studies; who has nothing to show is not listed.
fn change_student(state: &mut RoomState, id: ParticipantId, change: impl FnOnce(&mut StudyPerson)) {
    let people = &mut state.study.people;
    let at = match people.binary_search_by_key(&id, |person| person.id) {
        Ok(at) => at,
        Err(at) => {
            let person = StudyPerson {
                id,
                ..StudyPerson::default()
            };
            people.insert(at, person);
            at
        }
    };
    change(&mut people[at]);
    if people[at].focus_ms == 0 && people[at].shared.is_none() {
        people.remove(at);
    }
}

fn set_mark(state: &mut RoomState, mark: FilmMark) {
    let marks = &mut state.film.marks;
    let closed = mark.readiness == FilmReadiness::Closed;
    match (marks.binary_search_by_key(&mark.id, |kept| kept.id), closed) {
        (Ok(at), true) => drop(marks.remove(at)),
        (Ok(at), false) => marks[at] = mark,
        (Err(at), false) => marks.insert(at, mark),
        (Err(_), true) => {}
    }
}

/// Puts an id into an ordered list, or takes it out.
fn set_listed(list: &mut Vec<QuestionId>, id: QuestionId, listed: bool) {
    match (list.binary_search(&id), listed) {
        (Ok(at), false) => drop(list.remove(at)),
        (Err(at), true) => list.insert(at, id),
        (Ok(_), true) | (Err(_), false) => {}
    }
}
