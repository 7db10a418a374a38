//! A server that is killed and started again: everybody is back, nothing is lost, nothing is done twice.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::{fs, time::Instant};

use conclave_client::client::ClientEvent;
use conclave_client::{link::http::Upload, session::SessionEvent};
use conclave_scenario::{
    people::Person,
    postgres::Postgres,
    raw::{RawClient, join_as},
    seats::{Seat, guest},
    server::{DEADLINE, Server},
};
use conclave_wire::{
    ClientMessage, Command, Encoding, Event, LineId, ParticipantId, Role, RoomState, ServerMessage,
    command::Reply, message::Enter,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    task::JoinSet,
    time::timeout,
};

fn texts(state: &RoomState) -> Vec<&str> {
    state.lines.iter().map(|line| line.text.as_str()).collect()
}

fn say(text: &str) -> Command {
    Command::Say {
        text: text.to_owned(),
    }
}

/// How often somebody has been let in.
fn welcomes(person: &Person) -> usize {
    let events = person.events();
    let welcomed = events
        .iter()
        .filter(|event| matches!(event, ClientEvent::Session(SessionEvent::Welcomed(_))));
    welcomed.count()
}

/// Waits until everybody is in, in the eyes of everybody.
async fn all_are_here(people: &[Person]) {
    for person in people {
        let mut state = person.client.state();
        let here = state.wait_for(|state| {
            let here = state.members.iter().filter(|member| !member.away);
            here.count() == people.len()
        });
        let here = timeout(DEADLINE, here).await.map(|here| here.is_ok());
        assert!(matches!(here, Ok(true)), "not all are here");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_everybody_is_back_and_the_room_is_as_it_was() {
    let server = Server::start();
    let host = server.host_invite();
    let mut people = Vec::new();
    for name in ["Host", "Anna", "Bert", "Cara"] {
        let invite = if name == "Host" {
            host.clone()
        } else {
            server.invite()
        };
        people.push(Person::join(&invite, name).await);
    }
    let tokens: Vec<String> = people
        .iter()
        .map(|person| person.client.welcome().seat_token.clone())
        .collect();
    let ids: Vec<ParticipantId> = people.iter().map(Person::id).collect();
    people[1].client.say("before the storm").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("minutes.txt");
    fs::write(&path, b"what was said").unwrap();
    people[2]
        .client
        .files(None)
        .share(&path)
        .done()
        .await
        .unwrap();
    people[0]
        .client
        .ask(Command::Lock { locked: true })
        .await
        .unwrap();
    all_are_here(&people).await;
    let before = people[0].client.state().borrow().clone();
    let welcomed: Vec<usize> = people.iter().map(welcomes).collect();

    server.kill();
    server.start_again();
    let started = Instant::now();
    for (person, before) in people.iter().zip(welcomed) {
        let back = async {
            while welcomes(person) == before {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, back)
            .await
            .expect("they come back by themselves");
    }
    all_are_here(&people).await;
    println!("everybody is back after {:?}", started.elapsed());

    for (person, (id, token)) in people.iter().zip(ids.iter().zip(&tokens)) {
        assert_eq!(
            (person.id(), &person.client.welcome().seat_token),
            (*id, token)
        );
        let mut after = (**person.client.state().borrow()).clone();
        // Who is away comes and goes; everything else is as it was.
        let mut wanted = (*before).clone();
        for state in [&mut after, &mut wanted] {
            state
                .members
                .iter_mut()
                .for_each(|member| member.away = false);
            state
                .members
                .iter_mut()
                .for_each(|member| member.media = Default::default());
        }
        assert_eq!(after, wanted);
    }
    // Roles and the door too: the room is still locked, and the host still is host.
    people[3]
        .client
        .ask(Command::Lock { locked: false })
        .await
        .expect_err("only a host may");
    people[0]
        .client
        .ask(Command::Lock { locked: false })
        .await
        .unwrap();
    people[3].client.say("after the storm").await.unwrap();
    people[0]
        .sees("a new line", |numbered| match &numbered.event {
            Event::LineSaid { line } => (line.text == "after the storm").then_some(()),
            _ => None,
        })
        .await;
    let file = people[3].client.state().borrow().files[0].clone();
    let fetched = people[3]
        .client
        .files(None)
        .fetch(&file, folder.path())
        .done()
        .await
        .unwrap();
    assert_eq!(fs::read(fetched).unwrap(), b"what was said");
    for person in people {
        person.leave().await;
    }
}

#[tokio::test]
async fn a_command_that_was_answered_before_the_crash_is_not_done_again_after_it() {
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let server = Server::start();
        let invite = server.invite();
        let (mut client, welcome) = RawClient::join(&invite, "Anna", encoding).await;
        let first = client.ask_as(7, say("once")).await.unwrap();
        server.kill();
        server.start_again();
        let (mut client, welcome) =
            RawClient::resume(&invite, &welcome.seat_token, Some(welcome.cursor), encoding).await;
        // Its events are of another epoch, so that the whole state comes.
        let state = welcome.snapshot.expect("the room has begun anew");
        assert_eq!(texts(&state), ["once"]);
        let again = client.ask_as(7, say("once")).await.unwrap();
        assert_eq!(again, first);
        let Ok(Reply::Line { line }) = client.ask_as(8, say("twice")).await else {
            panic!("a line is answered by its number");
        };
        assert!(matches!(first, Reply::Line { line: before } if before < line));
        assert_eq!(all_lines(&mut client).await, ["once", "twice"]);
    }
}

async fn all_lines(client: &mut RawClient) -> Vec<String> {
    let list = Command::ListLines {
        before: LineId(u32::MAX),
        lines_max: 50,
    };
    match client.ask(list).await {
        Ok(Reply::Lines { lines, .. }) => lines
            .into_iter()
            .filter(|line| line.kind == conclave_wire::LineKind::Said)
            .map(|line| line.text)
            .collect(),
        other => panic!("no lines: {other:?}"),
    }
}

#[tokio::test]
async fn a_command_on_its_way_when_the_server_dies_is_done_once_whenever_it_dies() {
    let server = Server::start();
    let invite = server.invite();
    let (mut client, mut welcome) = RawClient::join(&invite, "Anna", Encoding::MessagePack).await;
    let mut expected = Vec::new();
    for round in 1..=6_u32 {
        let text = format!("line {round}");
        let command = say(&text);
        client
            .send(&ClientMessage::Do {
                reference: round,
                command: command.clone(),
            })
            .await;
        // Sometimes before it was read, sometimes between commit and answer, sometimes after.
        for _ in 0..(round - 1) * 20 {
            tokio::task::yield_now().await;
        }
        if round % 3 == 0 {
            client.answer(round).await.unwrap();
        }
        server.kill();
        server.start_again();
        (client, welcome) = RawClient::resume(
            &invite,
            &welcome.seat_token,
            Some(welcome.cursor),
            Encoding::MessagePack,
        )
        .await;
        client.ask_as(round, command).await.unwrap();
        expected.push(text);
        assert_eq!(all_lines_as(&mut client, 1_000 + round).await, expected);
        client
            .send(&ClientMessage::Ack {
                number: welcome.cursor.number,
            })
            .await;
    }
}

async fn all_lines_as(client: &mut RawClient, reference: u32) -> Vec<String> {
    let list = Command::ListLines {
        before: LineId(u32::MAX),
        lines_max: 50,
    };
    match client.ask_as(reference, list).await {
        Ok(Reply::Lines { lines, .. }) => lines
            .into_iter()
            .filter(|line| line.kind == conclave_wire::LineKind::Said)
            .map(|line| line.text)
            .collect(),
        other => panic!("no lines: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_while_the_server_is_down_is_done_once_when_it_is_back() {
    let server = Server::start();
    let anna = Person::join(&server.invite(), "Anna").await;
    let bert = Person::join(&server.invite(), "Bert").await;
    let anna = std::sync::Arc::new(anna);
    let mut asking = JoinSet::new();
    for number in 0..20 {
        let anna = anna.clone();
        asking.spawn(async move { anna.client.say(format!("line {number}")).await });
        if number == 10 {
            server.kill();
        }
        tokio::task::yield_now().await;
    }
    server.start_again();
    while let Some(answer) = asking.join_next().await {
        answer.unwrap().unwrap();
    }
    let state = anna.client.state().borrow().clone();
    let mut said: Vec<&str> = texts(&state)
        .into_iter()
        .filter(|text| text.starts_with("line "))
        .collect();
    let order = said.clone();
    said.sort_by_key(|text| text[5..].parse::<u32>().unwrap());
    let expected: Vec<String> = (0..20).map(|number| format!("line {number}")).collect();
    assert_eq!(said, expected, "each once");
    // Everybody sees the same, in the same order.
    let mut state = bert.client.state();
    let same = state.wait_for(|state| {
        let lines: Vec<&str> = texts(state)
            .into_iter()
            .filter(|text| text.starts_with("line "))
            .collect();
        lines == order
    });
    let same = timeout(DEADLINE, same).await.map(|same| same.is_ok());
    assert!(matches!(same, Ok(true)), "{order:?}");
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_keeps_the_room() {
    let server = Server::start();
    let invite = server.invite();
    let (mut client, welcome) = RawClient::join(&invite, "Anna", Encoding::Json).await;
    client.say("until tomorrow").await;
    assert!(server.stop().success());
    let last_words = client.closed().await;
    assert!(
        matches!(
            last_words.last(),
            Some(ServerMessage::Goodbye {
                reason: conclave_wire::LeaveReason::ServerStopping,
                ..
            })
        ),
        "{last_words:?}"
    );
    server.start_again();
    let (_, again) = RawClient::resume(&invite, &welcome.seat_token, None, Encoding::Json).await;
    assert_eq!(again.you, welcome.you);
    assert_eq!(texts(&again.snapshot.unwrap()), ["until tomorrow"]);
}

#[tokio::test]
async fn a_room_that_ended_and_a_seat_that_left_stay_so() {
    let server = Server::start();
    let ended = server.room().await;
    let (mut host, _) = RawClient::join(&ended, "Host", Encoding::Json).await;
    host.ask(Command::EndRoom).await.ok();
    host.closed().await;
    let (mut client, left) = RawClient::join(&server.invite(), "Anna", Encoding::Json).await;
    client.ask(Command::Leave).await.ok();
    client.closed().await;
    server.kill();
    server.start_again();

    let mut late = RawClient::open(&ended, Encoding::Json).await;
    late.hello(join_as(&ended, "Late")).await;
    assert_eq!(
        late.refused().await.code,
        conclave_wire::RefusalCode::RoomEnded
    );
    let mut back = RawClient::open(&server.invite(), Encoding::Json).await;
    back.hello(Enter::Resume {
        seat_token: left.seat_token,
        cursor: None,
    })
    .await;
    assert_eq!(
        back.refused().await.code,
        conclave_wire::RefusalCode::SeatUnknown
    );
    let (_, newcomer) = RawClient::join(&server.invite(), "Bert", Encoding::Json).await;
    assert!(newcomer.you > left.you, "a seat's id is never used again");
}

/// Chat, questions, votes, answers, roles and the door: whatever was answered before the kill.
async fn all_that_was_acknowledged_is_back(server: &Server) {
    let mut settings = conclave_wire::Settings::default();
    settings.questions.open = true;
    let invite = server
        .room_with(conclave_wire::http::CreateRoom {
            title: "Lecture".to_owned(),
            settings,
            ..Default::default()
        })
        .await;
    let host = Seat::join(&invite, "Host").await;
    let mut others = Vec::new();
    for name in ["Anna", "Bert", "Cara"] {
        others.push(Seat::join(&guest(&invite), name).await);
    }
    let [anna, bert, cara] = &others[..] else {
        panic!("three came");
    };
    let (co_host, presenter) = (anna.id(), bert.id());
    for (id, role) in [(co_host, Role::CoHost), (presenter, Role::Presenter)] {
        host.ask(Command::GiveRole { id, role }).await;
    }
    let why = cara.asks_question("Why?", false).await;
    let gone = cara.asks_question("Never mind.", false).await;
    for seat in [&host, anna, bert] {
        let question = why;
        let voted = true;
        seat.ask(Command::VoteQuestion { question, voted }).await;
    }
    bert.ask(Command::VoteQuestion {
        question: why,
        voted: false,
    })
    .await;
    cara.ask(Command::TakeBackQuestion { question: gone }).await;
    anna.ask(Command::AnswerQuestion {
        question: why,
        text: Some("Because.".to_owned()),
    })
    .await;
    anna.ask(Command::PinQuestion {
        question: why,
        pinned: true,
    })
    .await;
    cara.ask(say("before")).await;
    // Killed while somebody goes on talking: what is answered by then must be back.
    let mut said = vec!["before".to_owned()];
    for number in 0..20 {
        let text = format!("line {number}");
        cara.ask(say(&text)).await;
        said.push(text);
    }
    let before = host.state();
    server.kill();
    server.start_again();

    let newcomer = Seat::join(&guest(&invite), "Dora").await;
    let state = newcomer.state();
    let lines: Vec<&str> = state
        .lines
        .iter()
        .filter(|line| line.kind == conclave_wire::LineKind::Said)
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(lines, said);
    assert_eq!(state.questions, before.questions);
    let asked = &state.questions[0];
    assert_eq!(
        (state.questions.len(), asked.votes, asked.pinned),
        (1, 2, true)
    );
    assert_eq!(
        asked.answer.as_ref().unwrap().text.as_deref(),
        Some("Because.")
    );
    for (id, role) in [
        (host.id(), Role::Host),
        (co_host, Role::CoHost),
        (presenter, Role::Presenter),
        (cara.id(), Role::Participant),
    ] {
        newcomer.sees_role(id, role).await;
    }
    // And the votes are theirs still: one more is taken back, not counted twice.
    anna.ask(Command::VoteQuestion {
        question: why,
        voted: false,
    })
    .await;
    newcomer
        .sees("one vote", |state| {
            (state.questions[0].votes == 1).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_votes_and_roles_are_back_after_a_kill() {
    all_that_was_acknowledged_is_back(&Server::start()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_votes_and_roles_are_back_after_a_kill_from_postgresql() {
    let database = tokio::task::spawn_blocking(|| Some(Postgres::shared()?.database()));
    let Some(url) = database.await.unwrap() else {
        return;
    };
    let server = Server::with(&[&format!("database_url={url}")]);
    all_that_was_acknowledged_is_back(&server).await;
}

/// Waits until monitors are told so.
async fn health_is(server: &Server, status: u16) {
    let http = server.http();
    let told = async {
        loop {
            let asked = hyper::Request::get("/api/health").body(Upload::empty());
            let answer = http.send(asked.unwrap()).await.unwrap();
            if answer.status().as_u16() == status {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, told)
        .await
        .unwrap_or_else(|_| panic!("health never says {status}"));
}

/// A meeting whose database is away for a while: `away` takes it away, `back` gives it back.
async fn a_meeting_goes_on_without_its_database(
    server: &Server,
    away: impl Future<Output = ()>,
    back: impl Future<Output = ()>,
) {
    let invite = server.room().await;
    let anna = Seat::join(&invite, "Anna").await;
    let bert = Seat::join(&guest(&invite), "Bert").await;
    anna.ask(say("before")).await;
    away.await;
    health_is(server, 503).await;
    // What need not be stored goes on, and a line is seen at once, though it is not confirmed yet.
    anna.ask(Command::RaiseHand { raised: true }).await;
    let mut saying = Box::pin(anna.session.ask(say("during")));
    let seen = bert.sees("a hand and a line", |state| {
        let seen = state.lines.iter().any(|line| line.text == "during");
        (seen && !state.floor.hands.is_empty()).then_some(())
    });
    tokio::select! {
        biased;
        said = &mut saying => panic!("it is confirmed before it is stored: {said:?}"),
        () = seen => {}
    }
    back.await;
    timeout(DEADLINE, saying).await.unwrap().unwrap();
    health_is(server, 200).await;
    anna.ask(say("after")).await;
    server.kill();
    server.start_again();
    let newcomer = Seat::join(&guest(&invite), "Cara").await;
    let state = newcomer.state();
    let lines: Vec<&str> = texts(&state)
        .into_iter()
        .filter(|text| ["before", "during", "after"].contains(text))
        .collect();
    assert_eq!(lines, ["before", "during", "after"], "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_goes_on_while_another_program_locks_the_database() {
    let server = Server::start();
    let file = server.data().join("conclave.sqlite");
    // Python is there wherever the tests are prepared, and knows SQLite.
    const LOCK: &str = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        c.execute('BEGIN IMMEDIATE')\nprint('locked', flush=True)\nsys.stdin.read()\nc.execute('COMMIT')\n";
    let other = std::sync::Mutex::new(None);
    let away = async {
        let mut program = tokio::process::Command::new("python3")
            .args(["-c", LOCK])
            .arg(&file)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(program.stdout.take().unwrap()).lines();
        assert_eq!(said.next_line().await.unwrap().as_deref(), Some("locked"));
        *other.lock().unwrap() = Some(program);
    };
    let back = async {
        let program = other.lock().unwrap().take().unwrap();
        // It ends with its input.
        assert!(program.wait_with_output().await.unwrap().status.success());
    };
    a_meeting_goes_on_without_its_database(&server, away, back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_goes_on_while_postgresql_is_gone() {
    let Some(database) = tokio::task::spawn_blocking(Postgres::start).await.unwrap() else {
        return;
    };
    let database = std::sync::Arc::new(database);
    let url = database.database();
    let server = Server::with(&[&format!("database_url={url}")]);
    let (stopped, started) = (database.clone(), database.clone());
    let away = async {
        tokio::task::spawn_blocking(move || stopped.stop(true))
            .await
            .unwrap();
    };
    let back = async {
        tokio::task::spawn_blocking(move || started.start_again())
            .await
            .unwrap();
    };
    a_meeting_goes_on_without_its_database(&server, away, back).await;
}
