//! The lobby: rooms by their address, a cap, an end, and a restart.
#![allow(clippy::unwrap_used)]

mod room;

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use conclave_core::room::Limits;
use conclave_server::{
    actors::{lobby::*, room::*},
    store::Store,
};
use conclave_wire::*;
use room::*;

fn create(title: &str, slug: Option<&str>) -> CreateRoom {
    let room = http::CreateRoom {
        title: title.to_owned(),
        slug: slug.map(str::to_owned),
        ..http::CreateRoom::default()
    };
    CreateRoom {
        room,
        after_ended: false,
    }
}

async fn code<M, T>(lobby: &Addr<LobbyActor>, message: M) -> Option<RefusalCode>
where
    M: Message<Result = Result<T, Refusal>> + Send + 'static,
    LobbyActor: Handler<M>,
    T: Send + 'static,
    <LobbyActor as Actor>::Context: actix::dev::ToEnvelope<LobbyActor, M>,
{
    lobby
        .send(message)
        .await
        .unwrap()
        .err()
        .map(|refusal| refusal.code)
}

fn find(slug: &str) -> FindRoom {
    FindRoom {
        slug: slug.to_owned(),
    }
}

#[actix::test]
async fn a_room_is_found_by_its_slug_and_has_it_alone() {
    let building = Building::new();
    let lobby = LobbyActor::open(building.lobby_services(10)).start();
    let made = lobby
        .send(create("Stand-up, daily", None))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(made.slug, "stand-up-daily");
    assert_eq!(code(&lobby, find("stand-up-daily")).await, None);
    assert_eq!(
        code(&lobby, find("other")).await,
        Some(RefusalCode::RoomNotFound)
    );
    assert_eq!(
        code(&lobby, find("../etc")).await,
        Some(RefusalCode::RoomNotFound)
    );

    let taken = create("Another", Some("stand-up-daily"));
    assert_eq!(code(&lobby, taken).await, Some(RefusalCode::SlugTaken));
    let again = lobby
        .send(create("Stand-up, daily", None))
        .await
        .unwrap()
        .unwrap();
    assert!(again.slug.starts_with("stand-up-daily-"), "{}", again.slug);
    let listed: Vec<_> = lobby.send(ListRooms).await.unwrap();
    assert_eq!(listed.len(), 2);
}

#[actix::test]
async fn what_is_wrong_with_a_room_is_said() {
    let building = Building::new();
    let lobby = LobbyActor::open(building.lobby_services(1)).start();
    assert_eq!(
        code(&lobby, create(" ", None)).await,
        Some(RefusalCode::TitleInvalid)
    );
    assert_eq!(
        code(&lobby, create("T", Some("Ä"))).await,
        Some(RefusalCode::SlugInvalid)
    );
    let mut long = create("T", None);
    long.room.password = Some("x".repeat(73));
    assert_eq!(code(&lobby, long).await, Some(RefusalCode::PasswordTooLong));
    let mut large = create("T", None);
    large.room.settings.members_max = 1_000_000;
    assert_eq!(code(&lobby, large).await, Some(RefusalCode::Invalid));

    assert_eq!(code(&lobby, create("T", None)).await, None);
    assert_eq!(
        code(&lobby, create("U", None)).await,
        Some(RefusalCode::TooManyRooms)
    );
}

#[actix::test]
async fn a_claim_ends_when_the_store_cannot_keep_the_room() {
    let building = Building::new();
    let lobby = LobbyActor::open(building.lobby_services(1)).start();
    building.store.set(State::DiskFull);
    assert_eq!(
        code(&lobby, create("T", Some("t"))).await,
        Some(RefusalCode::DiskFull)
    );
    building.store.set(State::Commits);
    assert_eq!(code(&lobby, create("T", Some("t"))).await, None);
}

#[actix::test]
async fn a_room_where_nobody_comes_ends() {
    tokio::time::pause();
    let mut building = Building::new();
    let idle_max = Duration::from_secs(600);
    building.limits = Limits {
        idle_max,
        ..Limits::default()
    };
    let lobby = LobbyActor::open(building.lobby_services(1)).start();
    lobby.send(create("T", Some("t"))).await.unwrap().unwrap();
    tokio::time::sleep(idle_max - Duration::from_secs(1)).await;
    assert_eq!(code(&lobby, find("t")).await, None);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(code(&lobby, find("t")).await, Some(RefusalCode::RoomEnded));

    // The place under the cap is free; the address is not, but for the operator.
    assert_eq!(
        code(&lobby, create("T", Some("t"))).await,
        Some(RefusalCode::SlugTaken)
    );
    let mut again = create("T", Some("t"));
    again.after_ended = true;
    assert_eq!(code(&lobby, again).await, None);
    assert_eq!(code(&lobby, find("t")).await, None);
}

#[actix::test]
async fn the_operators_room_waits_for_ever() {
    tokio::time::pause();
    let building = Building::new();
    let lobby = LobbyActor::open(building.lobby_services(1)).start();
    lobby
        .send(create("Always", Some("always")))
        .await
        .unwrap()
        .unwrap();
    tokio::time::sleep(10 * building.limits.idle_max).await;
    assert_eq!(code(&lobby, find("always")).await, None);
}

#[actix::test]
async fn when_the_server_stops_everybody_is_told_and_no_room_opens() {
    let building = Building::new();
    let lobby = LobbyActor::open(building.lobby_services(4)).start();
    let made = lobby.send(create("T", Some("t"))).await.unwrap().unwrap();
    let ada = Person::enter(&made.room, join("Ada")).await.unwrap();
    lobby
        .send(StopAll {
            reason: EndReason::ServerStopping,
            text: String::new(),
        })
        .await
        .unwrap();
    settle().await;
    assert_eq!(ada.goodbye(), Some(LeaveReason::ServerStopping));
    assert_eq!(
        code(&lobby, create("U", None)).await,
        Some(RefusalCode::Stopping)
    );
    assert_eq!(code(&lobby, find("t")).await, Some(RefusalCode::Stopping));
}

/// With the real store.
#[actix::test]
async fn a_share_link_works_until_it_is_revoked() {
    let building = Building::new();
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(&data.path().join("db")).await.unwrap();
    let services = LobbyServices {
        store: Arc::new(store),
        ..building.lobby_services(4)
    };
    let lobby = LobbyActor::open(services).start();
    let made = lobby.send(create("T", Some("t"))).await.unwrap().unwrap();
    let mut ada = Person::enter(&made.room, join("Ada")).await.unwrap();
    let share = ShareFile {
        owner: ada.id,
        name: "a.txt".to_owned(),
        size_bytes: 7,
        sha256: "ab".to_owned(),
        share_token: "token".to_owned(),
    };
    let file = made.room.send(share).await.unwrap().unwrap();
    let find = |token: &str| FindShareToken {
        token: token.to_owned(),
    };
    let found = lobby.send(find("token")).await.unwrap().unwrap();
    assert_eq!(found, ("t".to_owned(), file.clone()));
    assert_eq!(
        code(&lobby, find("other")).await,
        Some(RefusalCode::FileNotFound)
    );

    let reference = ada.act(Command::RevokeShare { file: file.id }).await;
    while ada.answer(reference).is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(
        code(&lobby, find("token")).await,
        Some(RefusalCode::FileNotFound)
    );
}

/// With the real store: what was there is there again, and a command sent again is not done twice.
#[actix::test]
async fn after_a_restart_rooms_seats_and_lines_are_there() {
    let building = Building::new();
    let data = tempfile::tempdir().unwrap();
    let services = |store: Store| LobbyServices {
        store: Arc::new(store),
        ..building.lobby_services(4)
    };
    let say = Command::Say {
        text: "hello".to_owned(),
    };

    let store = Store::open(&data.path().join("db")).await.unwrap();
    let lobby = LobbyActor::open(services(store.clone())).start();
    let made = lobby.send(create("T", Some("t"))).await.unwrap().unwrap();
    let mut ada = Person::enter(&made.room, join("Ada")).await.unwrap();
    let reference = ada.act(say.clone()).await;
    while ada.answer(reference).is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let answered = ada.answer(reference);
    lobby
        .send(StopAll {
            reason: EndReason::ServerStopping,
            text: String::new(),
        })
        .await
        .unwrap();
    store.close().await;

    let store = Store::open(&data.path().join("db")).await.unwrap();
    let lobby = LobbyActor::open(services(store)).start();
    assert_eq!(lobby.send(RestoreRooms).await.unwrap().unwrap(), 1);
    let room = lobby.send(find("t")).await.unwrap().unwrap();
    let resume = ada.resume(Some(ada.welcome.cursor));
    let ada = Person::enter(&room, resume).await.unwrap();
    let snapshot = ada.welcome.snapshot.clone().expect("the epoch is another");
    assert_eq!(snapshot.members.len(), 1);
    assert_eq!(snapshot.lines.len(), 1);
    let again = Act {
        id: ada.id,
        attachment: ada.attachment,
        reference,
        command: say,
    };
    room.send(again).await.unwrap();
    settle().await;
    assert_eq!(ada.answer(reference), answered);
    assert_eq!(ada.events(), []);
}

fn visit(slug: &str) -> VisitRoom {
    VisitRoom {
        slug: slug.to_owned(),
    }
}

#[actix::test]
async fn a_visited_link_opens_its_room_only_where_that_is_allowed() {
    let building = Building::new();
    let lobby = LobbyActor::open(building.lobby_services(10)).start();
    assert_eq!(
        code(&lobby, visit("library")).await,
        Some(RefusalCode::RoomNotFound)
    );

    let mut services = building.lobby_services(2);
    services.limits.visited_links_open_rooms = true;
    let lobby = LobbyActor::open(services).start();
    // A class opens the link at the same moment: all come into one room.
    let visits = (0..5).map(|_| lobby.send(visit("library")));
    let mut rooms = Vec::new();
    for visited in futures_util::future::join_all(visits).await {
        rooms.push(visited.unwrap().unwrap());
    }
    assert!(rooms.iter().all(|room| *room == rooms[0]));
    let look = rooms[0].send(DescribeRoom).await.unwrap();
    assert_eq!((look.title.as_str(), look.members), ("library", 0));
    // What is only looked for is not opened, nor what no link can name.
    assert_eq!(
        code(&lobby, find("canteen")).await,
        Some(RefusalCode::RoomNotFound)
    );
    assert_eq!(
        code(&lobby, visit("../etc")).await,
        Some(RefusalCode::RoomNotFound)
    );
    // The cap on rooms holds.
    assert_eq!(code(&lobby, visit("canteen")).await, None);
    assert_eq!(
        code(&lobby, visit("office")).await,
        Some(RefusalCode::TooManyRooms)
    );
}
