//! Roles, the door and questions between real clients and a real server.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use conclave_client::session::JoinError;
use conclave_scenario::{
    network::TcpProxy,
    seats::{AtDoor, Seat, config, guest, member},
    server::{Server, SharedServer, through},
};
use conclave_wire::{
    Command, LeaveReason, ParticipantId, QuestionSettings, RefusalCode, Role, Settings,
    http::{CreateRoom, JoinRoom},
};

static SERVER: SharedServer = SharedServer::new(&[]);

fn room(settings: Settings) -> CreateRoom {
    CreateRoom {
        title: "Roles".to_owned(),
        settings,
        ..CreateRoom::default()
    }
}

fn waiting_room() -> Settings {
    Settings {
        waiting_room: true,
        ..Settings::default()
    }
}

fn give(id: ParticipantId, role: Role) -> Command {
    Command::GiveRole { id, role }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_role_passes_on_when_the_host_leaves_and_back_when_they_return() {
    let server = SERVER.get();
    let invite = server.room().await;
    let host = Seat::join(&invite, "Host").await;
    let ada = Seat::join(&guest(&invite), "Ada").await;
    let bob = Seat::join(&guest(&invite), "Bob").await;
    host.ask(give(bob.id(), Role::CoHost)).await;
    ada.sees_role(bob.id(), Role::CoHost).await;
    assert_eq!(
        bob.refused(give(ada.id(), Role::CoHost)).await,
        RefusalCode::NotAllowed
    );
    bob.ask(give(ada.id(), Role::Presenter)).await;
    ada.ask(Command::TakeFloor).await;

    host.session.leave().await;
    ada.sees_role(bob.id(), Role::Host).await;
    bob.ask(Command::Lock { locked: true }).await;

    let again = Seat::join(&invite, "Host").await;
    ada.sees_role(bob.id(), Role::CoHost).await;
    assert_eq!(again.me().role, Role::Host);
    assert!(again.state().locked);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_wait_at_the_door_and_are_let_in_or_turned_away() {
    let server = SERVER.get();
    let invite = server.room_with(room(waiting_room())).await;
    let host = Seat::join(&invite, "Host").await;
    let look = server.http().look(&invite.slug).await.unwrap();
    assert!(look.waiting_room);

    let mut ada = AtDoor::knock(&guest(&invite), "Ada");
    assert_eq!(ada.stands_at(1).await.title, "Roles");
    let mut bob = AtDoor::knock(&guest(&invite), "Bob");
    bob.stands_at(2).await;
    let waiting = host
        .sees("both at the door", |state| {
            (state.waiting.len() == 2).then(|| state.waiting.clone())
        })
        .await;
    assert_eq!(
        [waiting[0].name.as_str(), waiting[1].name.as_str()],
        ["Ada", "Bob"]
    );

    let reason = "This is a closed meeting.".to_owned();
    let id = waiting[0].id;
    host.ask(Command::TurnAway {
        id,
        reason: reason.clone(),
    })
    .await;
    assert_eq!(ada.turned_away().await, (RefusalCode::TurnedAway, reason));
    bob.stands_at(1).await;
    host.ask(Command::Admit { id: waiting[1].id }).await;
    let bob = bob.let_in().await;
    host.sees("Bob", |state| member(state, bob.id())).await;
    assert!(bob.state().waiting.is_empty());
    bob.ask(Command::Say {
        text: "I am in".to_owned(),
    })
    .await;
    host.sees("the line", |state| {
        state
            .lines
            .iter()
            .find(|line| line.text == "I am in")
            .cloned()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_at_the_door_keeps_its_place() {
    let server = SERVER.get();
    let invite = server.room_with(room(waiting_room())).await;
    let host = Seat::join(&invite, "Host").await;
    let proxy = TcpProxy::start().await.unwrap();
    proxy.lead_to(server.tcp());
    let shaky = through(&guest(&invite), proxy.address());
    let mut ada = AtDoor::knock(&shaky, "Ada");
    ada.stands_at(1).await;
    let mut bob = AtDoor::knock(&guest(&invite), "Bob");
    bob.stands_at(2).await;

    proxy.cut();
    // Told again on the new link, where nobody has taken the place.
    ada.stands_at(1).await;
    let waiting = host.state().waiting.clone();
    host.ask(Command::Admit { id: waiting[0].id }).await;
    let ada = ada.let_in().await;
    assert_eq!(ada.me().name, "Ada");
    bob.stands_at(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_from_the_door_is_gone_from_the_list() {
    let server = SERVER.get();
    let invite = server.room_with(room(waiting_room())).await;
    let host = Seat::join(&invite, "Host").await;
    let mut ada = AtDoor::knock(&guest(&invite), "Ada");
    ada.stands_at(1).await;
    let mut bob = AtDoor::knock(&guest(&invite), "Bob");
    bob.stands_at(2).await;
    // Once the host has opened to those who are there, whoever comes later waits again.
    host.ask(Command::AdmitAll).await;
    let (ada, bob) = (ada.let_in().await, bob.let_in().await);
    host.sees("an empty door", |state| {
        state.waiting.is_empty().then_some(())
    })
    .await;
    assert_eq!([ada.me().role, bob.me().role], [Role::Participant; 2]);
    let mut cyd = AtDoor::knock(&guest(&invite), "Cyd");
    cyd.stands_at(1).await;
    host.ask(Command::EndRoom).await;
    assert_eq!(cyd.turned_away().await.0, RefusalCode::RoomEnded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_program_stays_out_until_the_bans_are_lifted() {
    let server = SERVER.get();
    let invite = server.room().await;
    let host = Seat::join(&invite, "Host").await;
    let ada = Seat::join(&guest(&invite), "Ada").await;
    host.ask(Command::Ban {
        id: ada.id(),
        reason: "Enough.".to_owned(),
    })
    .await;
    assert_eq!(
        ada.ended().await,
        (LeaveReason::Banned, "Enough.".to_owned())
    );
    // Under another name it is still the same program.
    let mut again = config(&guest(&invite), "Ada");
    again.name = "Eve".to_owned();
    match Seat::try_join(again.clone()).await {
        Err(JoinError::Refused(refusal)) => assert_eq!(refusal.code, RefusalCode::Banned),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }
    Seat::join(&guest(&invite), "Bob").await;
    host.ask(Command::LiftBans).await;
    Seat::try_join(again).await.map(drop).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_brings_roles_questions_votes_and_answers_back() {
    let server = Server::start();
    let invite = server
        .room_with(room(Settings {
            questions: QuestionSettings {
                open: true,
                anonymous: true,
                reviewed: false,
            },
            ..Settings::default()
        }))
        .await;
    let host = Seat::join(&invite, "Host").await;
    let ada = Seat::join(&guest(&invite), "Ada").await;
    let bob = Seat::join(&guest(&invite), "Bob").await;
    host.ask(give(ada.id(), Role::Presenter)).await;
    let first = bob.asks_question("Why?", true).await;
    let second = bob.asks_question("And how?", false).await;
    for voter in [&host, &ada, &bob] {
        voter
            .ask(Command::VoteQuestion {
                question: first,
                voted: true,
            })
            .await;
    }
    bob.ask(Command::VoteQuestion {
        question: first,
        voted: false,
    })
    .await;
    ada.ask(Command::AnswerQuestion {
        question: second,
        text: Some("Slowly.".to_owned()),
    })
    .await;
    let resumes = bob.session.figures().borrow().resumes;

    server.kill();
    server.start_again();

    let mut figures = bob.session.figures();
    figures
        .wait_for(|figures| figures.resumes > resumes && figures.connected)
        .await
        .unwrap();
    let questions = bob
        .sees("both questions", |state| {
            (state.questions.len() == 2).then(|| state.questions.clone())
        })
        .await;
    assert_eq!((questions[0].votes, questions[0].from), (2, None));
    let answer = questions[1].answer.clone().unwrap();
    assert_eq!(answer.text.as_deref(), Some("Slowly."));
    let mine = bob.state().mine.clone();
    assert_eq!(mine.questions, [first, second]);
    assert!(mine.votes.is_empty());
    bob.sees_role(ada.id(), Role::Presenter).await;
    let third = bob.asks_question("More?", false).await;
    assert!(third > second, "numbers are never used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_made_by_a_saved_template() {
    let server = SERVER.get();
    let invite = server
        .room_with(room(Settings {
            members_max: 3,
            ..waiting_room()
        }))
        .await;
    let host = Seat::join(&invite, "Host").await;
    host.ask(Command::SaveTemplate {
        name: "Small and careful".to_owned(),
    })
    .await;
    let by = |template: &str| CreateRoom {
        title: "By template".to_owned(),
        template: Some(template.to_owned()),
        ..CreateRoom::default()
    };
    let made = server.room_with(by("Small and careful")).await;
    let host = Seat::join(&made, "Host").await;
    let settings = host.state().settings.clone();
    assert_eq!((settings.members_max, settings.waiting_room), (3, true));
    let unknown = server.try_room(by("nobody's")).await.unwrap_err();
    assert!(unknown.to_string().contains("no template"), "{unknown}");

    let delete = || Command::DeleteTemplate {
        name: "Small and careful".to_owned(),
    };
    host.ask(delete()).await;
    assert_eq!(host.refused(delete()).await, RefusalCode::NoSuchTemplate);
    let unknown = server.try_room(by("Small and careful")).await.unwrap_err();
    assert!(unknown.to_string().contains("no template"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_has_ended_is_opened_again_with_its_history_by_its_host() {
    let server = SERVER.get();
    let invite = server
        .room_with(room(Settings {
            questions: QuestionSettings {
                open: true,
                ..QuestionSettings::default()
            },
            ..Settings::default()
        }))
        .await;
    let host = Seat::join(&invite, "Host").await;
    let say = Command::Say {
        text: "To be continued".to_owned(),
    };
    host.ask(say).await;
    let question = host.asks_question("When?", false).await;
    let key = invite.host_key.clone().unwrap();
    host.session.ask(Command::EndRoom).await.ok();
    assert_eq!(host.ended().await.0, LeaveReason::RoomEnded);
    match Seat::try_join(config(&invite, "Host")).await {
        Err(JoinError::Refused(refusal)) => assert_eq!(refusal.code, RefusalCode::RoomEnded),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }

    let http = server.http();
    let stranger = http.reopen(&invite.slug, "guess").await.unwrap_err();
    assert!(stranger.to_string().contains("host's key"), "{stranger}");
    let again = http.reopen(&invite.slug, &key).await.unwrap();
    assert_eq!(again.slug, invite.slug);
    let host = Seat::join(&invite, "Host").await;
    let state = host.state();
    assert!(
        state
            .lines
            .iter()
            .any(|line| line.text == "To be continued")
    );
    assert_eq!(state.questions[0].id, question);
    assert_eq!(state.members.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_listed_and_a_script_does_not_wait_at_a_door() {
    let server = SERVER.get();
    let http = server.http();
    let listed = http.templates().await.unwrap().templates;
    let names: Vec<_> = listed
        .iter()
        .map(|template| template.name.as_str())
        .collect();
    assert_eq!(
        names[..5],
        ["meeting", "presentation", "study", "watch", "open_house"]
    );
    let invite = server.room_with(room(waiting_room())).await;
    let script = JoinRoom {
        name: "Script".to_owned(),
        password: None,
        host_key: None,
        device: None,
        file_hash: None,
    };
    let refused = http.join(&invite.slug, &script).await.unwrap_err();
    assert!(
        refused.to_string().contains("wait at the door"),
        "{refused}"
    );
}
