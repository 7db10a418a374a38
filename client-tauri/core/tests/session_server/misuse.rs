//! Clients that flood or do not read cost themselves, and nobody else.

use conclave_client::link::{
    control::{ControlLink, OpenError},
    dial::Dialer,
    invite::Invite,
};
use conclave_wire::{
    ClientMessage, Command, Encoding, LeaveReason, ParticipantId, RefusalCode, RoomState,
    ServerMessage, message::Enter,
};
use tokio::time::timeout;

use crate::{
    seen::{Seen, line},
    served::{PATIENCE, Served, session},
};

/// A seat on a bare link.
async fn enter(invite: &Invite, name: &str) -> (ControlLink, String, ParticipantId) {
    let dialer = Dialer::new(invite).unwrap();
    let mut link = ControlLink::open(&dialer, Encoding::MessagePack)
        .await
        .unwrap();
    let enter = Enter::Join {
        slug: invite.slug.clone(),
        name: name.to_owned(),
        password: None,
        host_key: None,
        sound: true,
        device: None,
        file_hash: None,
    };
    let client = "test".to_owned();
    link.send(ClientMessage::Hello { enter, client }).unwrap();
    loop {
        if let ServerMessage::Welcome(welcome) = next(&mut link).await.unwrap() {
            return (link, welcome.seat_token, welcome.you);
        }
    }
}

/// `None` when the link is gone.
async fn next(link: &mut ControlLink) -> Option<ServerMessage> {
    timeout(PATIENCE, link.next()).await.unwrap().ok()
}

fn is_away(state: &RoomState, id: ParticipantId) -> bool {
    let mut members = state.members.iter();
    members.any(|member| member.id == id && member.away)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_is_slowed_then_refused_then_dropped_and_others_do_not_notice() {
    let served = Served::start().await;
    let invite = served.invite("lobby");
    let mut ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let (mut flood, _, id) = enter(&invite, "Mallory").await;
    let raise = |reference: u32| ClientMessage::Do {
        reference,
        command: Command::RaiseHand {
            raised: reference.is_multiple_of(2),
        },
    };
    // More than a burst: what is over the rate is slowed, and done all the same.
    for reference in 1..=80 {
        flood.send(raise(reference)).unwrap();
    }
    let mut done = 0;
    while done < 80 {
        match next(&mut flood).await.unwrap() {
            ServerMessage::Done { .. } => done += 1,
            ServerMessage::Refused { refusal, .. } => panic!("{refusal}"),
            _ => {}
        }
    }
    // Far more.
    let (mut refused, mut farewell) = (0, None);
    for reference in 81..=500 {
        flood.send(raise(reference)).unwrap();
    }
    while let Some(message) = next(&mut flood).await {
        match message {
            ServerMessage::Refused { refusal, .. } => {
                assert_eq!(refusal.code, RefusalCode::TooFast);
                refused += 1;
            }
            ServerMessage::Goodbye { reason, .. } => farewell = Some(reason),
            _ => {}
        }
    }
    assert!(refused > 0);
    assert_eq!(farewell, Some(LeaveReason::Flooding));
    ada.state_where(|state| is_away(state, id)).await;
    ada.say("all is well").await;
    assert_eq!(ada.until(line).await, "all is well");
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_says_who_they_are_is_sent_away() {
    let served = Served::start_with(|config| config.join_deadline_seconds = 1).await;
    let dialer = Dialer::new(&served.invite("lobby")).unwrap();
    let mut link = ControlLink::open(&dialer, Encoding::Json).await.unwrap();
    let message = next(&mut link).await;
    assert!(
        matches!(&message, Some(ServerMessage::Refused { refusal, .. })
            if refusal.code == RefusalCode::Timeout),
        "{message:?}"
    );
    assert_eq!(next(&mut link).await, None);
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_open_only_so_many_connections() {
    let served = Served::start_with(|config| config.connections_per_address_max = 3).await;
    let dialer = Dialer::new(&served.invite("lobby")).unwrap();
    let mut links = Vec::new();
    for _ in 0..3 {
        links.push(ControlLink::open(&dialer, Encoding::Json).await.unwrap());
    }
    let refused = ControlLink::open(&dialer, Encoding::Json).await.err();
    assert!(
        matches!(&refused, Some(OpenError::Refused(refusal))
            if refusal.code == RefusalCode::TooManyConnections),
        "{refused:?}"
    );
    // One that closes makes room for another, as soon as the server has noticed.
    links.pop().unwrap().close().await;
    let again = async {
        while ControlLink::open(&dialer, Encoding::Json).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.unwrap();
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_is_opened_by_another_link_takes_leave_of_the_first() {
    let served = Served::start().await;
    let invite = served.invite("lobby");
    let ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let (mut older, seat_token, id) = enter(&invite, "Bob").await;
    let dialer = Dialer::new(&invite).unwrap();
    let newer = ControlLink::open(&dialer, Encoding::Json).await.unwrap();
    let enter = Enter::Resume {
        seat_token,
        cursor: None,
    };
    let client = "test".to_owned();
    newer.send(ClientMessage::Hello { enter, client }).unwrap();
    let mut farewell = None;
    while let Some(message) = next(&mut older).await {
        if let ServerMessage::Goodbye { reason, .. } = message {
            farewell = Some(reason);
        }
    }
    assert_eq!(farewell, Some(LeaveReason::TakenOver));
    ada.state_where(|state| state.members.len() == 2 && !is_away(state, id))
        .await;
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_dropped_at_the_limit_and_others_do_not_notice() {
    let served = Served::start_with(|config| {
        config.outbox_messages_max = 64;
        config.commands_burst = 1_000;
    })
    .await;
    let invite = served.invite("lobby");
    let mut ada = Seen::join(session(&invite, "Ada")).await.unwrap();
    let mut bob = Seen::join(session(&invite, "Bob")).await.unwrap();
    // It goes on sending signs of life, so that only its not reading can give it away.
    let (frozen, _, id) = enter(&invite, "Mallory").await;
    let long = "x".repeat(4_000);
    let mut spoken = 0;
    loop {
        ada.say(&long).await;
        spoken += 1;
        bob.until(line).await;
        let _ = frozen.send(ClientMessage::Beat { sent_ms: 0 });
        if is_away(&ada.session.state().borrow(), id) {
            break;
        }
        assert!(spoken < 500, "it was never dropped");
    }
    assert!(spoken <= 80, "dropped only after {spoken} lines");
    let told = bob.told.iter().filter_map(line).count();
    assert_eq!(told, spoken);
    ada.until(line).await;
    served.running.stop().await;
}
