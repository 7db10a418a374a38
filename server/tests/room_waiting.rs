//! A room's door, with the links of those who wait at it.
#![allow(clippy::unwrap_used)]

mod room;

use std::time::Duration;

use actix::prelude::*;
use conclave_core::room::{AWAY_MAX, WAITING_MAX};
use conclave_server::actors::room::*;
use conclave_wire::*;
use room::*;
use tokio::task::JoinHandle;

fn waiting_room() -> Settings {
    Settings {
        waiting_room: true,
        ..Settings::default()
    }
}

/// Somebody who knocks and has no answer yet.
struct Knocking {
    seat: Seat,
    addr: Addr<Seat>,
    answer: JoinHandle<Result<Admitted, Refusal>>,
}

impl Knocking {
    async fn at(room: &Addr<RoomActor>, enter: Entrance) -> Knocking {
        let seat = Seat::default();
        let addr = seat.clone().start();
        let message = EnterRoom {
            enter,
            seat: Some(addr.clone().recipient()),
            client: "test".to_owned(),
        };
        let sent = room.send(message);
        let answer = actix_rt::spawn(async move { sent.await.unwrap() });
        settle().await;
        Knocking { seat, addr, answer }
    }

    fn places(&self) -> Vec<AtTheDoor> {
        let got = self.seat.got.lock().unwrap();
        let place = |message: &ServerMessage| match message {
            ServerMessage::Waiting(place) => Some(place.clone()),
            _ => None,
        };
        got.iter()
            .filter_map(|shared| place(&shared.message))
            .collect()
    }
}

fn waiting(person: &Person) -> usize {
    let arrived = |event: &Event| matches!(event, Event::WaitingArrived { .. });
    let left = |event: &Event| matches!(event, Event::WaitingLeft { .. });
    let events = person.events();
    let count = |of: &dyn Fn(&Event) -> bool| events.iter().filter(|event| of(event)).count();
    count(&arrived) - count(&left)
}

#[actix::test]
async fn who_is_let_in_is_welcomed_once_that_is_stored_and_misses_nothing() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(waiting_room(), None);
    let mut host = Person::enter(&room, join_as_host("Host")).await.unwrap();
    let ada = Knocking::at(&room, join("Ada")).await;
    assert_eq!(ada.places()[0].position, 1);

    building.store.set(State::HoldsBack);
    host.act(Command::AdmitAll).await;
    let said = Command::Say {
        text: "Welcome!".to_owned(),
    };
    host.act(said).await;
    assert!(!ada.answer.is_finished(), "the seat is not stored yet");
    building.store.set(State::Commits);
    let admitted = ada.answer.await.unwrap().unwrap();
    settle().await;

    let snapshot = admitted.welcome.snapshot.unwrap();
    assert_eq!(snapshot.members.len(), 2);
    assert!(snapshot.lines.is_empty());
    let got: Vec<_> = {
        let got = ada.seat.got.lock().unwrap();
        got.iter().map(|shared| shared.message.clone()).collect()
    };
    let told = events(&got);
    assert!(
        matches!(&told[..], [Event::LineSaid { line }] if line.text == "Welcome!"),
        "{told:?}"
    );
}

#[actix::test]
async fn a_seat_that_cannot_be_stored_is_not_given() {
    let building = Building::new();
    let room = building.room(waiting_room(), None);
    let mut host = Person::enter(&room, join_as_host("Host")).await.unwrap();
    let ada = Knocking::at(&room, join("Ada")).await;
    building.store.set(State::DiskFull);
    host.act(Command::AdmitAll).await;
    let refused = ada.answer.await.unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::DiskFull);
    settle().await;
    assert_eq!(room.send(DescribeRoom).await.unwrap().members, 1);
}

#[actix::test]
async fn a_participant_that_ends_at_the_door_loses_its_place_after_a_while() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(waiting_room(), None);
    let host = Person::enter(&room, join_as_host("Host")).await.unwrap();
    let ada = Knocking::at(&room, join("Ada")).await;
    let bob = Knocking::at(&room, join("Bob")).await;
    assert_eq!(waiting(&host), 2);
    ada.addr.send(Die).await.unwrap();
    // It is found out within a second, and the place kept for whoever has the token.
    tokio::time::sleep(AWAY_MAX - Duration::from_secs(1)).await;
    settle().await;
    assert_eq!(waiting(&host), 2);
    tokio::time::sleep(Duration::from_secs(3)).await;
    settle().await;
    assert_eq!(waiting(&host), 1);
    let positions: Vec<_> = bob.places().iter().map(|place| place.position).collect();
    assert_eq!(positions, [2, 1]);
}

#[actix::test]
async fn a_newer_link_takes_a_place_at_the_door_over() {
    let building = Building::new();
    let room = building.room(waiting_room(), None);
    let mut host = Person::enter(&room, join_as_host("Host")).await.unwrap();
    let first = Knocking::at(&room, join("Ada")).await;
    let seat_token = first.places()[0].seat_token.clone();
    let resume = Entrance::Resume {
        seat_token: seat_token.clone(),
        cursor: None,
    };
    let second = Knocking::at(&room, resume).await;
    let refused = first.answer.await.unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::TakenOver);
    assert_eq!(second.places()[0].position, 1);
    host.act(Command::AdmitAll).await;
    let admitted = second.answer.await.unwrap().unwrap();
    assert_eq!(admitted.welcome.seat_token, seat_token);
}

#[actix::test]
async fn nobody_waits_for_ever() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(waiting_room(), None);
    let _host = Person::enter(&room, join_as_host("Host")).await.unwrap();
    let ada = Knocking::at(&room, join("Ada")).await;
    tokio::time::sleep(WAITING_MAX + Duration::from_secs(1)).await;
    let refused = ada.answer.await.unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::WaitedTooLong);
}

#[actix::test]
async fn a_stopping_server_sends_everybody_at_the_door_away() {
    let building = Building::new();
    let room = building.room(waiting_room(), None);
    let ada = Knocking::at(&room, join("Ada")).await;
    let stop = StopRoom {
        reason: EndReason::ServerStopping,
        text: String::new(),
    };
    room.send(stop).await.unwrap();
    let refused = ada.answer.await.unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::Stopping);
}
