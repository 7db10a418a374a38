//! A room's actor: it delivers, stores and forgets as the rules say, under paused time.
#![allow(clippy::unwrap_used)]

mod room;

use std::{sync::Arc, time::Duration};

use conclave_core::{
    media::voices::PERSONAL_MIXES_MAX,
    room::{AWAY_MAX, Record, SIGNS_INTERVAL},
};
use conclave_server::{
    actors::room::*,
    files::{Ticket, UploadId},
};
use conclave_wire::{command::Reply, event::Hint, *};
use room::*;

fn said(events: &[Event]) -> Vec<String> {
    let text = |event: &Event| match event {
        Event::LineSaid { line } => Some(line.text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

fn say(text: &str) -> Command {
    Command::Say {
        text: text.to_owned(),
    }
}

#[actix::test]
async fn an_hour_long_meeting_ends_on_time() {
    tokio::time::pause();
    let building = Building::new();
    let limit = Duration::from_secs(3_600);
    let room = building.room(Settings::default(), Some(limit));
    let ada = Person::enter(&room, join("Ada")).await.unwrap();

    tokio::time::sleep(limit - Duration::from_secs(1)).await;
    assert_eq!(ada.goodbye(), None);
    tokio::time::sleep(Duration::from_secs(2)).await;

    assert_eq!(
        ada.events(),
        [Event::MeetingEnded {
            reason: EndReason::TimeLimit
        }]
    );
    assert_eq!(ada.goodbye(), Some(LeaveReason::RoomEnded));
    assert_eq!(
        Person::enter(&room, join("Bob")).await.err(),
        Some(RefusalCode::RoomEnded)
    );
    let closed = building.closed.0.lock().unwrap().clone();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].ended, Some(EndReason::TimeLimit));
}

#[actix::test]
async fn who_stops_reading_is_dropped_and_nobody_else_notices() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    let bob = Person::enter_with(&room, join("Bob"), 2).await.unwrap();
    bob.addr.do_send(StopReading);
    settle().await;

    for number in 0..20 {
        ada.act(say(&format!("{number}"))).await;
    }
    assert_eq!(said(&ada.events()).len(), 20);
    let bob_is_away = Event::ParticipantAway {
        id: bob.id,
        away: true,
    };
    assert_eq!(
        ada.events()
            .iter()
            .filter(|event| **event == bob_is_away)
            .count(),
        1
    );

    // Coming back in time, nothing is lost.
    let cursor = bob.welcome.cursor;
    let bob = Person::enter(&room, bob.resume(Some(cursor)))
        .await
        .unwrap();
    assert_eq!(bob.welcome.snapshot, None);
    let missed: Vec<_> = bob
        .missed
        .iter()
        .map(|shared| shared.message.clone())
        .collect();
    assert_eq!(said(&events(&missed)).len(), 20);
}

#[actix::test]
async fn what_all_get_is_one_message_that_is_encoded_once() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    let bob = Person::enter(&room, join("Bob")).await.unwrap();
    let cyd = Person::enter(&room, join("Cyd")).await.unwrap();
    let reference = ada.act(say("hello")).await;
    assert_eq!(
        ada.answer(reference),
        Some(Ok(Reply::Line { line: LineId(1) }))
    );
    let last = |member: &Person| member.seat.got.lock().unwrap().last().unwrap().clone();
    assert!(Arc::ptr_eq(&last(&bob), &last(&cyd)));
}

#[actix::test]
async fn events_go_out_at_once_and_the_answer_after_the_commit() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    building.store.set(State::HoldsBack);
    let reference = ada.act(say("hello")).await;
    assert_eq!(said(&ada.events()), ["hello"]);
    assert_eq!(ada.answer(reference), None);

    building.store.set(State::Commits);
    settle().await;
    assert_eq!(
        ada.answer(reference),
        Some(Ok(Reply::Line { line: LineId(1) }))
    );
    assert!(building.store.records().iter().any(|record| matches!(
        record,
        Record::LineSaid { reference: Some(of), .. } if *of == reference
    )));
}

#[actix::test]
async fn a_full_disk_refuses_what_must_be_kept() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    building.store.set(State::DiskFull);
    let reference = ada.act(say("hello")).await;
    assert_eq!(ada.answer(reference), Some(Err(RefusalCode::DiskFull)));
    let reference = ada.act(Command::RaiseHand { raised: true }).await;
    assert_eq!(
        ada.answer(reference),
        Some(Ok(Reply::Nothing)),
        "hands are not kept"
    );

    assert_eq!(
        Person::enter(&room, join("Bob")).await.err(),
        Some(RefusalCode::DiskFull)
    );
    let look = room.send(DescribeRoom).await.unwrap();
    assert_eq!(look.members, 1, "a seat that cannot be kept is not taken");
}

#[actix::test]
async fn a_room_is_closed_only_when_its_end_is_stored() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let ada = Person::enter(&room, join("Ada")).await.unwrap();
    building.store.set(State::DiskFull);
    let key = EndKey::Host(HOST_KEY.to_owned());
    let refused = room.send(EndRoomBy { key }).await.unwrap();
    assert_eq!(refused.unwrap_err().code, RefusalCode::DiskFull);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(ada.goodbye(), Some(LeaveReason::RoomEnded));
    assert!(building.closed.0.lock().unwrap().is_empty());

    building.store.set(State::Commits);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ends = building.store.records();
    let ends = ends
        .iter()
        .filter(|record| matches!(record, Record::RoomEnded { .. }));
    assert_eq!(ends.count(), 1);
    let closed = building.closed.0.lock().unwrap().clone();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].ended, Some(EndReason::HostEnded));
}

#[actix::test]
async fn a_newer_link_takes_a_seat_over() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut older = Person::enter(&room, join("Ada")).await.unwrap();
    let mut newer = Person::enter(&room, older.resume(None)).await.unwrap();
    settle().await;
    assert_eq!(older.goodbye(), Some(LeaveReason::TakenOver));
    assert_ne!(older.welcome.media.session, newer.welcome.media.session);

    let ignored = older.act(say("from the older link")).await;
    assert_eq!(older.answer(ignored), None);
    room.send(LinkLost {
        id: older.id,
        attachment: older.attachment,
        reason: LeaveReason::LinkLost,
    })
    .await
    .unwrap();
    newer.act(say("from the newer one")).await;
    assert_eq!(said(&newer.events()), ["from the newer one"]);
    assert!(
        !newer
            .events()
            .iter()
            .any(|event| matches!(event, Event::ParticipantAway { .. }))
    );
}

#[actix::test]
async fn a_lost_link_leaves_the_seat_away_and_then_gone() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let ada = Person::enter(&room, join("Ada")).await.unwrap();
    let bob = Person::enter(&room, join("Bob")).await.unwrap();
    room.send(LinkLost {
        id: bob.id,
        attachment: bob.attachment,
        reason: LeaveReason::LinkLost,
    })
    .await
    .unwrap();
    settle().await;
    assert_eq!(
        ada.events().last(),
        Some(&Event::ParticipantAway {
            id: bob.id,
            away: true
        })
    );

    tokio::time::sleep(AWAY_MAX + Duration::from_secs(1)).await;
    let left = Event::ParticipantLeft {
        id: bob.id,
        reason: LeaveReason::LinkLost,
    };
    assert_eq!(ada.events().last(), Some(&left));
    let resumed = Person::enter(&room, bob.resume(None)).await;
    assert_eq!(resumed.err(), Some(RefusalCode::SeatUnknown));
}

/// A participant that ends before it has its welcome can tell nobody.
#[actix::test]
async fn a_link_that_died_at_the_door_is_found_out() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let ada = Person::enter(&room, join("Ada")).await.unwrap();
    let bob = Person::enter(&room, join("Bob")).await.unwrap();
    let id = bob.id;
    bob.addr.send(Die).await.unwrap();
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(
        ada.events().last(),
        Some(&Event::ParticipantAway { id, away: true })
    );
}

#[actix::test]
async fn a_seat_taken_over_http_waits_for_its_link() {
    tokio::time::pause();
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let message = EnterRoom {
        enter: join("Ada"),
        seat: None,
        client: "test".to_owned(),
    };
    let admitted = room.send(message).await.unwrap().unwrap();
    let members = admitted.welcome.snapshot.unwrap().members;
    assert!(members[0].away);

    let resume = Entrance::Resume {
        seat_token: admitted.welcome.seat_token,
        cursor: None,
    };
    let ada = Person::enter(&room, resume).await.unwrap();
    assert_eq!(ada.id, admitted.welcome.you);
    assert!(!ada.welcome.snapshot.unwrap().members[0].away);
    assert!(!ada.welcome.media.session.is_empty());
}

#[actix::test]
async fn a_password_is_asked_for_and_the_host_key_needs_none() {
    let building = Building::new();
    let passwords = conclave_server::auth::password::PasswordChecker::start(4).unwrap();
    let hash = passwords.hash("sesame").await.unwrap();
    let room = building.room_with(Settings::default(), None, Some(hash));
    let with = |password: Option<&str>| Entrance::Join {
        name: "Ada".to_owned(),
        password: password.map(str::to_owned),
        host_key: None,
        sound: true,
        device: None,
    };
    for (password, expected) in [
        (None, Some(RefusalCode::PasswordNeeded)),
        (Some("wrong"), Some(RefusalCode::PasswordWrong)),
        (Some("sesame"), None),
    ] {
        assert_eq!(
            Person::enter(&room, with(password)).await.err(),
            expected,
            "{password:?}"
        );
    }
    let long = "x".repeat(73);
    assert_eq!(
        Person::enter(&room, with(Some(&long))).await.err(),
        Some(RefusalCode::PasswordTooLong)
    );
    let host = Person::enter(&room, join_as_host("Host")).await.unwrap();
    assert_eq!(host.welcome.role, Role::Host);
    assert_eq!(host.welcome.host_key.as_deref(), Some(HOST_KEY));
}

#[actix::test]
async fn older_lines_come_from_the_store() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    for number in 1..=260 {
        ada.act(say(&format!("{number}"))).await;
    }
    let list = Command::ListLines {
        before: LineId(11),
        lines_max: 3,
    };
    let reference = ada.act(list).await;
    let Some(Ok(Reply::Lines { lines, more })) = ada.answer(reference) else {
        panic!("no lines: {:?}", ada.answer(reference));
    };
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!((texts, more), (vec!["8", "9", "10"], true));

    let reference = ada.act(Command::DeleteLine { line: LineId(9) }).await;
    assert_eq!(ada.answer(reference), Some(Ok(Reply::Nothing)));
    let last = building.store.records().pop();
    assert_eq!(last, Some(Record::LineDeleted { line: LineId(9) }));
}

#[actix::test]
async fn a_removed_file_goes_from_the_disk_after_the_commit() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    let shelf = building.uploads.shelf().clone();
    let upload = building.uploads.folder().join("upload");
    std::fs::write(&upload, b"content").unwrap();
    let hold = shelf.hold("room", "ab");
    hold.put(&upload).unwrap();
    hold.keep();
    let reserve = ReserveFile {
        owner: ada.id,
        size_bytes: 7,
        name: "a.txt".to_owned(),
    };
    room.send(reserve).await.unwrap().unwrap();
    let share = ShareFile {
        owner: ada.id,
        name: "a.txt".to_owned(),
        size_bytes: 7,
        sha256: "ab".to_owned(),
        share_token: "token".to_owned(),
    };
    let file = room.send(share).await.unwrap().unwrap();
    let find = FindFile { file: file.id };
    assert_eq!(room.send(find).await.unwrap().unwrap(), file);

    building.store.set(State::HoldsBack);
    let reference = ada.act(Command::RemoveFile { file: file.id }).await;
    assert_eq!(
        ada.events().last(),
        Some(&Event::FileRemoved { file: file.id })
    );
    assert!(shelf.path("room", "ab").exists());
    building.store.set(State::Commits);
    while ada.answer(reference).is_none() || shelf.path("room", "ab").exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[actix::test]
async fn uploads_end_with_their_person_and_with_the_room() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join_as_host("Ada")).await.unwrap();
    let ben = Person::enter(&room, join("Ben")).await.unwrap();
    for owner in [ada.id, ben.id] {
        let ticket = Ticket {
            slug: "room".to_owned(),
            owner,
            name: "a.txt".to_owned(),
            size_bytes: 7,
            sha256: None,
        };
        let id = UploadId::draw();
        building.uploads.admit(&id, &ticket).unwrap();
    }
    let kick = Command::Kick {
        id: ben.id,
        reason: String::new(),
    };
    ada.act(kick).await;
    while building.uploads.taken_bytes() != 7 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ada.act(Command::EndRoom).await;
    while building.uploads.taken_bytes() != 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[actix::test]
async fn a_file_that_is_shared_again_while_it_is_removed_keeps_its_content() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    let shelf = building.uploads.shelf().clone();
    let upload = building.uploads.folder().join("upload");
    std::fs::write(&upload, b"content").unwrap();
    let share = ShareFile {
        owner: ada.id,
        name: "a.txt".to_owned(),
        size_bytes: 7,
        sha256: "ab".to_owned(),
        share_token: "token".to_owned(),
    };
    let hold = shelf.hold("room", "ab");
    hold.put(&upload).unwrap();
    let file = room.send(share.clone()).await.unwrap().unwrap();
    hold.keep();

    building.store.set(State::HoldsBack);
    let reference = ada.act(Command::RemoveFile { file: file.id }).await;
    let again = shelf.hold("room", "ab");
    again.put(&upload).unwrap();
    let sharing = room.send(share);
    building.store.set(State::Commits);
    sharing.await.unwrap().unwrap();
    again.keep();
    while ada.answer(reference).is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Whatever the removal still does, it does before its hold is gone.
    assert_eq!(shelf.hold("room", "ab").give_up().unwrap(), 0);
    assert!(shelf.path("room", "ab").exists());
}

#[actix::test]
async fn a_seat_token_says_who_one_is() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join_as_host("Ada")).await.unwrap();
    ada.act(Command::TakeFloor).await;
    let token = ada.welcome.seat_token.clone();
    let pass = room
        .send(AuthenticateSeat { token })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (pass.id, pass.role, pass.presenting),
        (ada.id, Role::Host, true)
    );
    let token = "room.nobody".to_owned();
    let refused = room.send(AuthenticateSeat { token }).await.unwrap();
    assert_eq!(refused.err().unwrap().code, RefusalCode::SeatUnknown);
}

#[actix::test]
async fn only_a_host_ends_the_room_and_the_end_is_stored() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let ada = Person::enter(&room, join("Ada")).await.unwrap();
    for (key, code) in [
        (
            EndKey::Seat(ada.welcome.seat_token.clone()),
            RefusalCode::NotAllowed,
        ),
        (EndKey::Host("wrong".to_owned()), RefusalCode::HostKeyWrong),
        (
            EndKey::Seat("room.nobody".to_owned()),
            RefusalCode::SeatUnknown,
        ),
    ] {
        let refused = room.send(EndRoomBy { key }).await.unwrap();
        assert_eq!(refused.unwrap_err().code, code);
    }
    let key = EndKey::Host(HOST_KEY.to_owned());
    let ended = room.send(EndRoomBy { key }).await.unwrap().unwrap();
    assert_eq!((ended.slug.as_str(), ended.members), ("room", 1));
    assert!(
        building
            .store
            .records()
            .iter()
            .any(|record| matches!(record, Record::RoomEnded { .. }))
    );
    settle().await;
    assert_eq!(ada.goodbye(), Some(LeaveReason::RoomEnded));
}

#[actix::test]
async fn a_volume_is_answered_by_the_mixer() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let mut ada = Person::enter(&room, join("Ada")).await.unwrap();
    let bob = Person::enter(&room, join("Bob")).await.unwrap();
    let reference = ada
        .act(Command::SetVolume {
            of: bob.id,
            percent: 50,
        })
        .await;
    assert_eq!(
        ada.answer(reference),
        Some(Ok(Reply::VolumeKept { mixed: true }))
    );
}

#[actix::test]
async fn a_volume_without_a_mix_to_spare_is_kept_and_its_listener_is_told_why() {
    let building = Building::new();
    let room = building.room(Settings::default(), None);
    let bob = Person::enter(&room, join("Bob")).await.unwrap();
    let quieter = Command::SetVolume {
        of: bob.id,
        percent: 50,
    };
    for n in 0..PERSONAL_MIXES_MAX {
        let mut listener = Person::enter(&room, join(&format!("Listener {n}")))
            .await
            .unwrap();
        let reference = listener.act(quieter.clone()).await;
        let mixed = Some(Ok(Reply::VolumeKept { mixed: true }));
        assert_eq!(listener.answer(reference), mixed);
    }
    tokio::time::pause();
    let mut last = Person::enter(&room, join("Last")).await.unwrap();
    let reference = last.act(quieter).await;
    let kept = Some(Ok(Reply::VolumeKept { mixed: false }));
    assert_eq!(last.answer(reference), kept);
    tokio::time::sleep(SIGNS_INTERVAL * 2).await;
    let hint = last.got().into_iter().find_map(|message| match message {
        ServerMessage::Signs(signs) => signs.hint,
        _ => None,
    });
    assert_eq!(hint, Some(Hint::PersonalMixesFull));
}
