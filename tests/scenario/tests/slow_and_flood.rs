//! Who does not read, or says too much, harms only themselves.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::time::Duration;

use conclave_client::link::invite::Invite;
use conclave_scenario::{
    raw::{RawClient, lines_in},
    server::{DEADLINE, Server},
};
use conclave_wire::{
    ClientMessage, Command, Encoding, Event, LeaveReason, LineId, ParticipantId, RefusalCode,
    ServerMessage,
};
use tokio::time::timeout;

const MIB: u64 = 1024 * 1024;

fn guest(invite: &Invite) -> Invite {
    Invite {
        host_key: None,
        ..invite.clone()
    }
}

/// Waits until somebody's link is gone.
async fn sees_away(client: &mut RawClient, who: ParticipantId) {
    client
        .until("that somebody is away", |message| {
            went(message, who).then_some(())
        })
        .await;
}

fn went(message: &ServerMessage, who: ParticipantId) -> bool {
    let ServerMessage::Events { events } = message else {
        return false;
    };
    events.iter().any(|numbered| match numbered.event {
        Event::ParticipantAway { id, away } => id == who && away,
        Event::ParticipantLeft { id, .. } => id == who,
        _ => false,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_reading_is_dropped_at_the_limit_of_bytes_and_nobody_else_notices() {
    let server = Server::with(&["commands_burst=10000", "commands_per_second=10000"]);
    let invite = server.invite();
    let (mut speaker, _) = RawClient::join(&invite, "Speaker", Encoding::MessagePack).await;
    let (mut listener, _) = RawClient::join(&invite, "Listener", Encoding::Json).await;
    let mut deaf = Vec::new();
    for encoding in [Encoding::Json, Encoding::MessagePack, Encoding::Json] {
        let (client, welcome) = RawClient::join(&invite, "Deaf", encoding).await;
        client.stop_reading();
        deaf.push((client, welcome.you));
    }
    let before = server.memory_bytes();

    // Three times what may wait for one of them (outbox_bytes_max).
    let lines = 3 * 2 * MIB as usize / 4_000;
    let mut missing: Vec<ParticipantId> = deaf.iter().map(|(_, id)| *id).collect();
    let mut memory = before;
    for number in 0..lines {
        let text = format!("{number:06}{}", "x".repeat(3_994));
        speaker.say(&text).await;
        listener
            .until("every line, in order", |message| {
                missing.retain(|who| !went(message, *who));
                let mut lines = lines_in(message).peekable();
                lines
                    .peek()
                    .is_some()
                    .then(|| assert!(lines.any(|line| line == text), "line {number} is missing"))
            })
            .await;
        if number % 100 == 0 {
            memory = memory.max(server.memory_bytes());
        }
    }
    for who in missing {
        sees_away(&mut listener, who).await;
    }
    let grown = memory.saturating_sub(before) / MIB;
    assert!(grown < 48, "three people who do not read cost {grown} MiB");
    listener.say("we all heard everything").await;
    speaker.hears("we all heard everything").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_reading_in_a_quiet_room_is_dropped_at_the_limit_of_time() {
    let server = Server::start();
    let invite = server.invite();
    let (mut witness, _) = RawClient::join(&invite, "Witness", Encoding::MessagePack).await;
    let (mut deaf, welcome) = RawClient::join(&invite, "Deaf", Encoding::MessagePack).await;
    deaf.stop_reading();
    // They still show signs of life, so that only the unread pings tell.
    let beats = async {
        loop {
            let beat = Encoding::MessagePack.encode(&ClientMessage::Beat { sent_ms: 1 });
            if !deaf
                .try_send(tokio_tungstenite::tungstenite::Message::Binary(beat.into()))
                .await
            {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let dropped = async {
        timeout(DEADLINE, sees_away(&mut witness, welcome.you))
            .await
            .expect("the limit is 10 seconds");
    };
    tokio::select! {
        () = dropped => {}
        () = beats => {}
    }
    witness.say("just me now").await;
}

#[tokio::test]
async fn a_seat_whose_link_was_dropped_is_taken_up_again_without_a_loss() {
    let server = Server::with(&[
        "commands_burst=10000",
        "commands_per_second=10000",
        "outbox_bytes_max=65536",
    ]);
    let invite = server.invite();
    let (mut speaker, _) = RawClient::join(&invite, "Speaker", Encoding::MessagePack).await;
    let (deaf, welcome) = RawClient::join(&invite, "Deaf", Encoding::MessagePack).await;
    deaf.stop_reading();
    let text = |number| format!("{number:03}{}", "x".repeat(997));
    for number in 0..200 {
        speaker.say(&text(number)).await;
    }
    let (mut back, again) = RawClient::resume(
        &invite,
        &welcome.seat_token,
        Some(welcome.cursor),
        Encoding::MessagePack,
    )
    .await;
    assert_eq!(again.you, welcome.you);
    assert!(again.snapshot.is_none(), "the events since are still there");
    let mut next = 0;
    while next < 200 {
        back.until("the lines missed, in order", |message| {
            for line in lines_in(message) {
                assert_eq!(line, text(next));
                next += 1;
            }
            Some(())
        })
        .await;
    }
}

fn ask_history(reference: u32) -> ClientMessage {
    ClientMessage::Do {
        reference,
        command: Command::ListLines {
            before: LineId(1),
            lines_max: 1,
        },
    }
}

#[tokio::test]
async fn who_says_too_much_is_slowed_then_refused_then_dropped() {
    let server = Server::with(&["commands_burst=10", "commands_per_second=100"]);
    let invite = server.invite();
    let (mut witness, _) = RawClient::join(&guest(&invite), "Witness", Encoding::Json).await;
    let (mut flooder, welcome) =
        RawClient::join(&guest(&invite), "Flooder", Encoding::MessagePack).await;

    // More than may pass at once, and few enough to wait: all are done.
    let slowed: Vec<_> = (1..=30).map(ask_history).collect();
    assert!(flooder.flood(&slowed).await);
    for reference in 1..=30 {
        flooder.answer(reference).await.expect("it is only slowed");
    }

    // More than may wait: the rest is refused, and says when to come back.
    let refused: Vec<_> = (31..=150).map(ask_history).collect();
    assert!(flooder.flood(&refused).await);
    let mut answers = (0, 0);
    while answers.0 + answers.1 < 120 {
        match flooder.next().await.expect("the link stands") {
            ServerMessage::Done { .. } => answers.0 += 1,
            ServerMessage::Refused {
                reference: Some(_),
                refusal,
            } => {
                assert_eq!(refusal.code, RefusalCode::TooFast);
                assert!(refusal.retry_after_ms.is_some_and(|ms| ms > 0));
                answers.1 += 1;
            }
            _ => {}
        }
    }
    assert!(answers.0 >= 10 && answers.1 > 0, "{answers:?}");
    witness.say("do you hear that noise?").await;
    flooder
        .ask(Command::React {
            emoji: "👍".into()
        })
        .await
        .expect("the storm is over");

    // And on, whatever is said: dropped.
    let mut reference = 1_000;
    loop {
        let more: Vec<_> = (reference..reference + 100).map(ask_history).collect();
        reference += 100;
        if !flooder.flood(&more).await {
            break;
        }
        assert!(reference < 1_000_000, "it is never dropped");
    }
    let last_words = flooder.closed().await;
    let told = last_words.iter().any(|message| {
        matches!(message, ServerMessage::Goodbye { reason: LeaveReason::Flooding, .. })
            || matches!(message, ServerMessage::Refused { reference: None, refusal } if refusal.code == RefusalCode::TooFast)
    });
    // Whoever goes on while the link is closed may lose the last words with it.
    let refused = last_words.iter().any(|message| {
        matches!(message, ServerMessage::Refused { refusal, .. } if refusal.code == RefusalCode::TooFast)
    });
    assert!(told || refused, "{:?}", last_words.last());
    sees_away(&mut witness, welcome.you).await;
    witness.say("quiet again").await;
}

#[tokio::test]
async fn signs_of_life_can_flood_too() {
    let server = Server::start();
    let invite = server.invite();
    let (mut witness, _) = RawClient::join(&guest(&invite), "Witness", Encoding::Json).await;
    let (mut flooder, welcome) =
        RawClient::join(&guest(&invite), "Flooder", Encoding::MessagePack).await;
    let beats = vec![ClientMessage::Beat { sent_ms: 0 }; 100];
    let mut sent = 0;
    while flooder.flood(&beats).await {
        sent += 1;
        assert!(sent < 10_000, "it is never dropped");
    }
    sees_away(&mut witness, welcome.you).await;
    witness.say("quiet again").await;
}
