//! A lecture: one who presents, two co-hosts, thirty who listen, of whom five wait at the door; questions
//! with votes; silence for everybody.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use conclave_client::link::http::{HttpClient, Upload};
use conclave_scenario::{
    people::Person,
    postgres::Postgres,
    seats::{AtDoor, Seat, guest},
    server::{DEADLINE, Server},
};
use conclave_wire::{
    Command, LeaveReason, MediaState, Question, QuestionId, QuestionSettings, RefusalCode, Role,
    RoomState, Settings, Template, http::CreateRoom,
};
use serde_json::Value;

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
    lecture(&Server::start()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lecture_that_is_kept_in_postgresql() {
    let database = tokio::task::spawn_blocking(|| Some(Postgres::shared()?.database()));
    let Some(url) = database.await.unwrap() else {
        return;
    };
    lecture(&Server::with(&[&format!("database_url={url}")])).await;
}

async fn lecture(server: &Server) {
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

    // A script that has a seat reads along.
    let http = server.http();
    let slug = &invite.slug;
    let token = presenter.session.welcome().seat_token.clone();
    let room = read(&http, &format!("/api/rooms/{slug}"), &token).await;
    let there = room["participants"].as_array().map(Vec::len);
    assert_eq!(
        (there, &room["isActive"]),
        (Some(1 + 2 + LISTENERS), &true.into())
    );

    // The end, and what came of it.
    presenter.ask(Command::EndRoom).await;
    let listener_token = listeners[20].session.welcome().seat_token.clone();
    for seat in listeners.into_iter().chain(co_hosts) {
        assert_eq!(seat.ended().await.0, LeaveReason::RoomEnded);
    }
    let path = format!("/api/rooms/{slug}/report");
    let host_key = invite.host_key.as_deref().unwrap();
    // Everybody is told of the end at once; it is stored a moment later.
    let stored = async {
        while read(&http, &path, host_key).await["endReason"].is_null() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, stored)
        .await
        .expect("the end is stored");
    for secret in [host_key, &token] {
        let report = read(&http, &path, secret).await;
        assert_eq!(report["totalPeople"], 1 + 2 + LISTENERS, "{report}");
        assert_eq!(report["peopleAtOnce"], 1 + 2 + LISTENERS);
        assert_eq!(report["endReason"], "host_ended");
        assert_eq!(report["presenterName"], "Presenter");
        let asked = report["questions"].as_array().unwrap();
        assert_eq!(asked[0]["question"], "Will this be in the exam?");
        assert_eq!(
            (&asked[0]["name"], &asked[0]["votes"]),
            (&Value::Null, &exam_votes.into())
        );
        assert_eq!(asked[1]["answer"], "Rayleigh scattering.");
        let people = report["people"].as_array().unwrap();
        assert!(people.iter().all(|person| person["leftUnixMs"].is_u64()));
        let features: Vec<&str> = report["features"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for used in ["questions", "screen", "voice", "votes", "waiting_room"] {
            assert!(features.contains(&used), "{used}: {features:?}");
        }
    }
    let refused = try_read(&http, &path, &listener_token).await;
    assert_eq!(refused.unwrap_err().0, 403);
    assert!(try_read(&http, &path, "of nobody").await.is_err());
}

/// # Panics
/// When it is refused.
async fn read(http: &HttpClient, path: &str, secret: &str) -> Value {
    let answer = try_read(http, path, secret).await;
    answer.unwrap_or_else(|(status, text)| panic!("{path}: {status} {text}"))
}

async fn try_read(http: &HttpClient, path: &str, secret: &str) -> Result<Value, (u16, String)> {
    let asked = hyper::Request::get(path).header("authorization", format!("Bearer {secret}"));
    let answer = http
        .send(asked.body(Upload::empty()).unwrap())
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().whole(1 << 20).await.unwrap();
    match status {
        200 => Ok(serde_json::from_slice(&body).unwrap()),
        _ => Err((status, String::from_utf8_lossy(&body).into_owned())),
    }
}

/// Files below a folder that hold these bytes, or have them in their names.
fn holding(folder: &Path, mark: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let named = entry.file_name().to_string_lossy().contains(mark);
        if path.is_dir() {
            found.extend(holding(&path, mark));
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let mut windows = bytes.windows(mark.len());
        if named || windows.any(|window| window == mark.as_bytes()) {
            found.push(path);
        }
    }
    found
}

/// No row, no file, no line of a log: nothing of it is in any byte that the server has written.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_meeting_that_keeps_nothing() {
    const MARK: &str = "zanzibar";
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    // As an operator runs it: debug lines may name rooms.
    let folder_of_logs = format!("log_folder={}", logs.display());
    let server = Server::with(&[&folder_of_logs, "log_level=info"]);
    let mut settings = Settings {
        keep_hours: 0,
        ..Settings::default()
    };
    settings.questions.open = true;
    let invite = server
        .room_with(CreateRoom {
            title: format!("The {MARK} plan"),
            slug: Some(format!("{MARK}-room")),
            settings,
            ..CreateRoom::default()
        })
        .await;
    let host = Person::join(&invite, &format!("Host of {MARK}")).await;
    let guest = Seat::join(&guest(&invite), &format!("Guest of {MARK}")).await;
    host.client.say(format!("We go to {MARK}.")).await.unwrap();
    let question = guest.asks_question(&format!("Why {MARK}?"), false).await;
    guest.ask(vote(question, true)).await;
    let answer = Command::AnswerQuestion {
        question,
        text: Some(format!("It is {MARK}.")),
    };
    host.client.ask(answer).await.unwrap();
    let announce = Command::Announce {
        text: format!("To {MARK}!"),
    };
    host.client.ask(announce).await.unwrap();
    let file = folder.path().join(format!("{MARK}.txt"));
    fs::write(&file, MARK.repeat(1_000)).unwrap();
    host.client.files(None).share(&file).done().await.unwrap();
    assert!(
        !holding(server.data(), MARK).is_empty(),
        "a crash must not lose it"
    );

    host.client.ask(Command::EndRoom).await.unwrap();
    assert_eq!(guest.ended().await.0, LeaveReason::RoomEnded);
    let forgotten = async {
        while !holding(server.data(), MARK).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let forgotten = tokio::time::timeout(DEADLINE, forgotten).await;
    assert!(forgotten.is_ok(), "{:?}", holding(server.data(), MARK));
    let http = server.http();
    let key = invite.host_key.as_deref().unwrap();
    let path = format!("/api/rooms/{}/report", invite.slug);
    assert_eq!(try_read(&http, &path, key).await.unwrap_err().0, 404);
    assert!(server.stop().success());
    assert_eq!(holding(server.data(), MARK), Vec::<PathBuf>::new());
    assert!(fs::read_dir(&logs).unwrap().count() > 0, "there are logs");
    assert_eq!(holding(&logs, MARK), Vec::<PathBuf>::new());
}
