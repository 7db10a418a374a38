//! The table of media sessions under paused time.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod media;

use actix::prelude::*;
use conclave_core::Moment;
use conclave_server::{
    clock::Clock,
    media::{
        routes::CameraRoutes,
        seat::{MediaSeat, RoomKey},
        sessions::{MediaSessions, OLD_SESSION_LIVES},
    },
};
use conclave_wire::{MediaSession, ParticipantId};
use media::*;

fn id_of(session: &MediaSession) -> u64 {
    u64::from_str_radix(&session.session, 16).unwrap()
}

fn seat(room: RoomKey, id: ParticipantId, ear: &Addr<RoomEar>) -> MediaSeat {
    MediaSeat {
        room,
        id,
        voice: ear.clone().recipient(),
        reports: ear.clone().recipient(),
        udp: ear.clone().recipient(),
        cameras: CameraRoutes::new(),
        room_opened: Moment::default(),
    }
}

#[actix::test]
async fn a_replaced_session_lives_five_seconds_and_no_longer() {
    tokio::time::pause();
    let sessions = MediaSessions::new(Clock::start());
    let (ear, _told) = RoomEar::start_one();
    let room = sessions.next_room();
    let first = id_of(&sessions.open(seat(room, ANNA, &ear)));
    let second = id_of(&sessions.open(seat(room, ANNA, &ear)));
    tokio::time::advance(OLD_SESSION_LIVES / 2).await;
    sessions.sweep();
    assert!(sessions.find(first).is_some() && sessions.find(second).is_some());
    tokio::time::advance(OLD_SESSION_LIVES / 2).await;
    sessions.sweep();
    assert!(sessions.find(first).is_none() && sessions.find(second).is_some());
    tokio::time::advance(100 * OLD_SESSION_LIVES).await;
    sessions.sweep();
    assert!(
        sessions.find(second).is_some(),
        "the seat's own does not age"
    );
}

#[actix::test]
async fn a_room_that_ends_takes_its_sessions_with_it_and_no_others() {
    let sessions = MediaSessions::new(Clock::start());
    let (ear, _told) = RoomEar::start_one();
    let (ours, other) = (sessions.next_room(), sessions.next_room());
    assert_ne!(ours, other);
    sessions.open(seat(ours, ANNA, &ear));
    sessions.open(seat(ours, ANNA, &ear));
    sessions.open(seat(ours, BERT, &ear));
    let kept = id_of(&sessions.open(seat(other, ANNA, &ear)));
    sessions.close_room(ours);
    assert_eq!(sessions.len(), 1);
    assert!(sessions.find(kept).is_some());
}

#[actix::test]
async fn each_session_has_a_name_and_a_secret_of_its_own() {
    let sessions = MediaSessions::new(Clock::start());
    sessions.set_addresses(vec!["192.0.2.1:7443".to_owned()]);
    let (ear, _told) = RoomEar::start_one();
    let room = sessions.next_room();
    let first = sessions.open(seat(room, ANNA, &ear));
    let second = sessions.open(seat(room, ANNA, &ear));
    assert_ne!(first.session, second.session);
    assert_ne!(first.secret, second.secret);
    assert_eq!((first.session.len(), first.secret.len()), (16, 64));
    assert_eq!(first.addresses, ["192.0.2.1:7443"]);
}
