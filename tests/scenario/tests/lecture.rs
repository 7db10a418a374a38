//! A lecture: one who presents, two co-hosts, thirty who listen, of whom five wait at the door; questions
//! with votes; silence for everybody.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use conclave_scenario::{
    seats::{AtDoor, Seat, guest},
    server::Server,
};
use conclave_wire::{
    Command, LeaveReason, MediaState, Question, QuestionId, QuestionSettings, RefusalCode, Role,
    RoomState, Settings, Template, http::CreateRoom,
};

const LISTENERS: usize = 30;
const LATE: usize = 5;

fn vote(question: QuestionId, voted: bool) -> Command {
    Command::VoteQuestion { question, voted }
}

fn question(state: &RoomState, id: QuestionId) -> Option<Question> {
    let mut questions = state.questions.iter();
    questions.find(|question| question.id == id).cloned()
}

/// As a panel shows them: pinned ones first, then by votes, then by age.
fn in_order(state: &RoomState) -> Vec<QuestionId> {
    let mut questions = state.questions.clone();
    questions.sort_by_key(|question| {
        let votes = std::cmp::Reverse(question.votes);
        (!question.pinned, votes, question.id)
    });
    questions.iter().map(|question| question.id).collect()
}

async fn sees_votes(who: &Seat, id: QuestionId, votes: u32) {
    who.sees(&format!("{votes} votes"), |state| {
        question(state, id).filter(|question| question.votes == votes)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lecture_with_a_door_questions_and_silence() {
    let server = Server::start();
    let invite = server
        .room_with(CreateRoom {
            title: "Lecture".to_owned(),
            template: Some("presentation".to_owned()),
            ..CreateRoom::default()
        })
        .await;
    let guests = guest(&invite);

    // The door.
    let presenter = Seat::join(&invite, "Presenter").await;
    let mut waiting = Vec::new();
    for name in ["Co-host 1", "Co-host 2"] {
        waiting.push(AtDoor::knock(&guests, name));
    }
    for number in 0..LISTENERS - LATE {
        waiting.push(AtDoor::knock(&guests, &format!("Listener {number}")));
    }
    presenter
        .sees("everybody at the door", |state| {
            (state.waiting.len() == 2 + LISTENERS - LATE).then_some(())
        })
        .await;
    presenter.ask(Command::AdmitAll).await;
    let mut seats = Vec::new();
    for person in waiting {
        seats.push(person.let_in().await);
    }
    let mut listeners = seats.split_off(2);
    let co_hosts = seats;
    for co_host in &co_hosts {
        let id = co_host.id();
        presenter
            .ask(Command::GiveRole {
                id,
                role: Role::CoHost,
            })
            .await;
    }
    assert!(
        listeners
            .iter()
            .all(|seat| seat.me().role == Role::Observer)
    );
    presenter.ask(Command::TakeFloor).await;

    // Five come late; the co-hosts look after the door.
    let mut late = Vec::new();
    for number in 0..LATE {
        late.push(AtDoor::knock(&guests, &format!("Late {number}")));
    }
    let mut stranger = None;
    let door = co_hosts[0]
        .sees("the late ones", |state| {
            (state.waiting.len() == LATE).then(|| state.waiting.clone())
        })
        .await;
    assert_eq!(listeners[0].state().waiting, []);
    for waiter in &door[..2] {
        co_hosts[0].ask(Command::Admit { id: waiter.id }).await;
    }
    let refused = listeners[0].refused(Command::AdmitAll).await;
    assert_eq!(refused, RefusalCode::NotAllowed);
    let outsider = stranger.insert(AtDoor::knock(&guests, "Stranger"));
    outsider.stands_at(LATE as u32 - 1).await;
    let outsider = co_hosts[1]
        .sees("the stranger", |state| {
            let mut waiting = state.waiting.iter();
            waiting.find(|waiter| waiter.name == "Stranger").cloned()
        })
        .await;
    let reason = "Students only.".to_owned();
    co_hosts[1]
        .ask(Command::TurnAway {
            id: outsider.id,
            reason: reason.clone(),
        })
        .await;
    let turned_away = stranger.unwrap().turned_away().await;
    assert_eq!(turned_away, (RefusalCode::TurnedAway, reason));
    co_hosts[1].ask(Command::AdmitAll).await;
    for person in late {
        listeners.push(person.let_in().await);
    }
    assert_eq!(listeners.len(), LISTENERS);
    presenter
        .sees("everybody", |state| {
            (state.members.len() == 1 + 2 + LISTENERS).then_some(())
        })
        .await;

    // Questions.
    let why = listeners[0]
        .asks_question("Why is the sky blue?", false)
        .await;
    let nameless = Command::AskQuestion {
        text: "Will this be in the exam?".to_owned(),
        anonymous: true,
    };
    let refused = listeners[1].refused(nameless).await;
    assert_eq!(refused, RefusalCode::NamelessForbidden);
    let presentation = Template::builtin().swap_remove(1).settings;
    presenter
        .ask(Command::ChangeSettings {
            settings: Settings {
                questions: QuestionSettings {
                    anonymous: true,
                    ..presentation.questions
                },
                ..presentation.clone()
            },
        })
        .await;
    let exam = listeners[1]
        .asks_question("Will this be in the exam?", true)
        .await;
    let off_topic = listeners[2].asks_question("Is there coffee?", false).await;

    // Everybody votes at once, some twice; some take it back.
    let mut votes = Vec::new();
    for (number, listener) in listeners.iter().enumerate() {
        votes.push(listener.session.ask(vote(exam, true)));
        if number % 2 == 0 {
            votes.push(listener.session.ask(vote(exam, true)));
        }
        if number % 3 == 0 {
            votes.push(listener.session.ask(vote(why, true)));
        }
    }
    for voted in futures_util::future::join_all(votes).await {
        voted.unwrap();
    }
    for listener in &listeners[..3] {
        listener.ask(vote(exam, false)).await;
    }
    let exam_votes = LISTENERS as u32 - 3;
    for who in [&presenter, &co_hosts[0], &listeners[29]] {
        sees_votes(who, exam, exam_votes).await;
        sees_votes(who, why, LISTENERS as u32 / 3).await;
        assert_eq!(in_order(&who.state()), [exam, why, off_topic]);
    }
    assert_eq!(question(&presenter.state(), exam).unwrap().from, None);
    assert_eq!(listeners[0].state().mine.votes, [why]);
    assert_eq!(listeners[3].state().mine.votes, [why, exam]);

    // Answered, pinned, hidden.
    presenter
        .ask(Command::AnswerQuestion {
            question: exam,
            text: None,
        })
        .await;
    co_hosts[0]
        .ask(Command::AnswerQuestion {
            question: why,
            text: Some("Rayleigh scattering.".to_owned()),
        })
        .await;
    co_hosts[0]
        .ask(Command::PinQuestion {
            question: why,
            pinned: true,
        })
        .await;
    co_hosts[1]
        .ask(Command::HideQuestion {
            question: off_topic,
            hidden: true,
        })
        .await;
    let listener = &listeners[20];
    listener
        .sees("the panel", |state| {
            (in_order(state) == [why, exam]).then_some(())
        })
        .await;
    let live = question(&listener.state(), exam).unwrap().answer.unwrap();
    assert_eq!((live.by, live.text), (presenter.id(), None));
    let hidden = |state: &RoomState| question(state, off_topic).filter(|kept| kept.hidden);
    listeners[2].sees("one's own", hidden).await;
    let not_theirs = Command::AnswerQuestion {
        question: why,
        text: None,
    };
    assert_eq!(listener.refused(not_theirs).await, RefusalCode::NotAllowed);

    // Two are asked to speak, and then there is silence.
    let speak = |microphone| Command::SetMedia {
        media: MediaState {
            microphone,
            camera: false,
            sound: true,
        },
    };
    assert_eq!(listener.refused(speak(true)).await, RefusalCode::NotAllowed);
    let speakers = &listeners[..2];
    for speaker in speakers {
        let id = speaker.id();
        presenter
            .ask(Command::GiveRole {
                id,
                role: Role::Participant,
            })
            .await;
        presenter.ask(Command::AllowUnmute { id }).await;
        speaker.ask(speak(true)).await;
    }
    presenter.ask(Command::MuteAll { may_unmute: false }).await;
    for speaker in speakers {
        let silent = |state: &RoomState| {
            let mut members = state.members.iter();
            let me = members.find(|member| member.id == speaker.id())?;
            (!me.media.microphone && me.held_mute).then_some(())
        };
        speaker.sees("silence", silent).await;
        assert_eq!(speaker.refused(speak(true)).await, RefusalCode::MutedByHost);
    }

    // The end.
    presenter.ask(Command::EndRoom).await;
    for seat in listeners.into_iter().chain(co_hosts) {
        assert_eq!(seat.ended().await.0, LeaveReason::RoomEnded);
    }
}
