//! People meet, lose their links, and come back with nothing lost and nothing done twice.

use conclave_client::{
    link::{control::OpenError, dial::DialError, invite::Fingerprint},
    session::{AskError, JoinError, SessionEvent},
};
use conclave_wire::{
    Command, Encoding, Event, LeaveReason, RefusalCode, Role, command::Reply, http::CreateRoom,
};

use crate::{
    seen::{Seen, line, lost, said, welcomed},
    served::{Served, session},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_chat_whatever_their_encodings() {
    let served = Served::start().await;
    let invite = served.invite("lobby");
    let mut ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let mut config = session(&invite, "Bob");
    config.encoding = Encoding::Json;
    let mut bob = Seen::join(config).await.unwrap();
    assert_ne!(ada.session.id(), bob.session.id());

    assert!(matches!(ada.say("hello").await, Reply::Line { .. }));
    assert_eq!(bob.until(line).await, "hello");
    bob.say("hello yourself").await;
    let heard = ada
        .until(|event| line(event).filter(|text| text.contains("yourself")))
        .await;
    assert_eq!(heard, "hello yourself");

    let hers = ada.state_where(|state| said(state).len() == 2).await;
    let his = bob.state_where(|state| said(state).len() == 2).await;
    assert_eq!(hers, his, "everybody has the same state");
    assert_eq!(his.members.len(), 2);
    ada.session.leave().await;
    bob.state_where(|state| state.members.len() == 1).await;
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_key_is_not_joined() {
    let served = Served::start().await;
    let mut invite = served.invite("lobby");
    invite.fingerprint = Fingerprint([7; 32]);
    let error = Seen::join(session(&invite, "Ada")).await.err().unwrap();
    assert!(
        matches!(
            error,
            JoinError::Link(OpenError::Dial(DialError::OtherKey { .. }))
        ),
        "{error}"
    );
    assert!(error.to_string().contains("another key"), "{error}");
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_joining_has_a_code() {
    let served = Served::start().await;
    let room = CreateRoom {
        title: "Secret".to_owned(),
        password: Some("open sesame".to_owned()),
        ..CreateRoom::default()
    };
    let host = served.room(room).await;
    let guest = host.for_room(&host.slug, None);
    let refused = async |invite, name, password: Option<&str>| {
        let mut config = session(invite, name);
        config.password = password.map(str::to_owned);
        match Seen::join(config).await {
            Err(JoinError::Refused(refusal)) => Some(refusal.code),
            Err(error) => panic!("{error}"),
            Ok(_) => None,
        }
    };
    let nowhere = served.invite("nowhere");
    for (invite, name, password, code) in [
        (&guest, "Ada", None, Some(RefusalCode::PasswordNeeded)),
        (
            &guest,
            "Ada",
            Some("guess"),
            Some(RefusalCode::PasswordWrong),
        ),
        (
            &guest,
            "",
            Some("open sesame"),
            Some(RefusalCode::NameInvalid),
        ),
        (&guest, "Ada", Some("open sesame"), None),
        (&nowhere, "Ada", None, Some(RefusalCode::RoomNotFound)),
    ] {
        assert_eq!(refused(invite, name, password).await, code, "{password:?}");
    }
    let ada = Seen::join(session(&host, "Ada")).await.unwrap();
    assert_eq!(ada.session.welcome().role, Role::Host);
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_comes_back_with_everything_that_was_missed() {
    let served = Served::start().await;
    let invite = served.invite("lobby");
    let ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let mut config = session(&invite, "Bob");
    config.encoding = Encoding::Json;
    let mut bob = Seen::join(config).await.unwrap();
    bob.until(welcomed).await;
    let first_media = bob.session.welcome().media.session.clone();
    let mut spoken = Vec::new();
    for round in 0..5 {
        bob.session.cut();
        bob.until(lost).await;
        for part in 0..5 {
            let text = format!("{round}.{part}");
            ada.say(&text).await;
            spoken.push(text);
        }
        bob.until(welcomed).await;
        let last = spoken.last().unwrap().clone();
        bob.until(|event| line(event).filter(|text| *text == last))
            .await;
    }
    let heard: Vec<_> = bob.told.iter().filter_map(line).collect();
    assert_eq!(heard, spoken, "in order, none twice, none missing");
    let numbers = bob.numbers();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let figures = *bob.session.figures().borrow();
    assert_eq!(figures.resumes, 5);
    assert_ne!(bob.session.welcome().media.session, first_media);
    let whole = |state: &conclave_wire::RoomState| {
        said(state).len() == spoken.len() && state.members.iter().all(|member| !member.away)
    };
    assert_eq!(ada.state_where(whole).await, bob.state_where(whole).await);
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_done_once_however_often_the_link_breaks() {
    let served = Served::start().await;
    let invite = served.invite("lobby");
    let ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let mut bob = Seen::join(session(&invite, "Bob")).await.unwrap();
    let mut spoken = Vec::new();
    for round in 0..30 {
        let text = format!("line {round}");
        // Before, while, and after it is sent.
        let breaking = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            ada.session.cut();
        };
        tokio::join!(ada.say(&text), breaking);
        spoken.push(text);
    }
    let last = spoken.last().unwrap().clone();
    bob.until(|event| line(event).filter(|text| *text == last))
        .await;
    let heard: Vec<_> = bob.told.iter().filter_map(line).collect();
    assert_eq!(heard, spoken);
    assert!(ada.session.figures().borrow().resumes > 0);
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_and_started_again_finds_everybody_and_everything() {
    let served = Served::start().await;
    let invite = served.invite("lobby");
    let mut ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let mut bob = Seen::join(session(&invite, "Bob")).await.unwrap();
    ada.say("before").await;
    bob.until(line).await;
    let (her_id, his_id) = (ada.session.id(), bob.session.id());

    let restarting = served.crash_and_start();
    let (served, _) = tokio::join!(restarting, async {
        ada.until(lost).await;
        // Said to nobody: it is kept, and done once when the server is back.
        ada.say("meanwhile").await
    });
    // As an event, or, where he was back later than she, with the snapshot.
    bob.state_where(|state| said(state).contains(&"meanwhile".to_owned()))
        .await;
    bob.say("after").await;
    let wanted = ["before", "meanwhile", "after"];
    let all = |state: &conclave_wire::RoomState| said(state) == wanted;
    let hers = ada.state_where(all).await;
    assert_eq!(hers.members.len(), 2);
    bob.state_where(all).await;
    assert_eq!((ada.session.id(), bob.session.id()), (her_id, his_id));
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_with_another_key_is_not_trusted() {
    let served = Served::start().await;
    let mut ada = Seen::join(session(&served.invite("lobby"), "Ada"))
        .await
        .unwrap();
    let served = served.replace(|_| false).await;
    let text = ada
        .until(|event| match event {
            SessionEvent::Ended { text, .. } => Some(text.clone()),
            _ => None,
        })
        .await;
    assert!(text.contains("another key"), "{text}");
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_forgotten_the_seat_says_so_once_and_for_all() {
    let served = Served::start().await;
    let mut ada = Seen::join(session(&served.invite("lobby"), "Ada"))
        .await
        .unwrap();
    let served = served.replace(|name| name.starts_with("authority")).await;
    let code = ada
        .until(|event| match event {
            SessionEvent::Refused(refusal) => Some(refusal.code),
            _ => None,
        })
        .await;
    assert_eq!(code, RefusalCode::SeatUnknown);
    assert_eq!(
        ada.session.ask(Command::AskFloor).await,
        Err(AskError::Ended)
    );
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_kicked_is_told_and_does_not_come_back() {
    let served = Served::start().await;
    let host = served
        .room(CreateRoom {
            title: "Class".to_owned(),
            ..CreateRoom::default()
        })
        .await;
    let ada = Seen::join(session(&host, "Ada")).await.unwrap();
    let guest = host.for_room(&host.slug, None);
    let mut bob = Seen::join(session(&guest, "Bob")).await.unwrap();
    let kick = Command::Kick {
        id: bob.session.id(),
        reason: "enough".to_owned(),
    };
    ada.session.ask(kick).await.unwrap();
    let reason = bob
        .until(|event| match event {
            SessionEvent::Ended { reason, .. } => Some(*reason),
            _ => None,
        })
        .await;
    assert_eq!(reason, LeaveReason::Kicked);
    let after = bob.session.ask(Command::AskFloor).await;
    assert_eq!(after, Err(AskError::Ended));
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_session_leaves_its_seat_away_and_a_left_one_leaves_none() {
    let served = Served::start().await;
    let invite = served.invite("lobby");
    let mut ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let bob = Seen::join(session(&invite, "Bob")).await.unwrap();
    let eve = Seen::join(session(&invite, "Eve")).await.unwrap();
    ada.state_where(|state| state.members.len() == 3).await;
    drop(bob);
    ada.state_where(|state| state.members.iter().any(|member| member.away))
        .await;
    eve.session.leave().await;
    let reason = ada
        .until(|event| match event {
            SessionEvent::Happened(numbered) => match numbered.event {
                Event::ParticipantLeft { reason, .. } => Some(reason),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(reason, LeaveReason::Left);
    served.running.stop().await;
}
