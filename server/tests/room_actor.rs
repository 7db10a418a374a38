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
        file_hash: None,
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

/// What is left of the span by somebody's own reckoning: from what they were told, and the room clock since.
fn left_s(person: &Person, entered: tokio::time::Instant) -> u64 {
    let mut clock = person.welcome.snapshot.as_ref().unwrap().study.clock;
    for event in person.events() {
        if let Event::StudyClockChanged { clock: now, .. } = event {
            clock = now;
        }
    }
    let room_clock_ms = person.welcome.room_clock_ms + entered.elapsed().as_millis() as u64;
    let left_ms = clock
        .ends_at_ms
        .map_or(clock.left_ms, |ends| ends.saturating_sub(room_clock_ms));
    (left_ms + 500) / 1_000
}

#[actix::test]
async fn a_study_afternoon_of_four_cycles_with_two_late_comers_and_a_change_of_host() {
    tokio::time::pause();
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let building = Building::new();
    let plan = TimerPlan {
        focus_starts_itself: true,
        ..TimerPlan::default()
    };
    let settings = Settings {
        timer: Some(plan),
        ..Settings::default()
    };
    let room = building.room(settings, None);
    let began = tokio::time::Instant::now();
    let mut ada = Person::enter(&room, join_as_host("Ada")).await.unwrap();
    let bob = Person::enter(&room, join("Bob")).await.unwrap();
    ada.act(Command::StartFocus).await;
    assert_eq!(left_s(&bob, began), 25 * 60);

    // Somebody comes seven minutes into the second span of focus, somebody else two into the break behind it.
    tokio::time::sleep(minutes(37)).await;
    let cyd_came = tokio::time::Instant::now();
    let cyd = Person::enter(&room, join("Cyd")).await.unwrap();
    assert_eq!(left_s(&cyd, cyd_came), 18 * 60);
    tokio::time::sleep(minutes(20)).await;
    let dan_came = tokio::time::Instant::now();
    let dan = Person::enter(&room, join("Dan")).await.unwrap();
    assert_eq!(left_s(&dan, dan_came), 3 * 60);

    // The host goes; the clock does not notice.
    ada.act(Command::Leave).await;
    let host = Event::RoleChanged {
        id: bob.id,
        role: Role::Host,
        why: event::RoleChange::PassedOn,
    };
    assert!(bob.events().contains(&host));
    tokio::time::sleep(minutes(63)).await;
    for (person, came) in [(&bob, began), (&cyd, cyd_came), (&dan, dan_came)] {
        // After 120 minutes: four spans of focus, three short breaks, and 5 minutes of the long one.
        assert_eq!(left_s(person, came), 10 * 60);
    }
    let spans: Vec<_> = bob
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::StudyClockChanged { clock, .. } => Some(clock.phase),
            _ => None,
        })
        .collect();
    let pair = [StudyPhase::Focus, StudyPhase::ShortBreak];
    let mut expected: Vec<_> = pair.repeat(4);
    expected[7] = StudyPhase::LongBreak;
    assert_eq!(spans, expected);
    let counted = bob
        .events()
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::FocusCounted { room_ms, people } => Some((room_ms, people)),
            _ => None,
        });
    let (room_ms, people) = counted.unwrap();
    assert_eq!((room_ms + 30_000) / 60_000, 100);
    let of = |id| {
        let count = people.iter().find(|count| count.id == id);
        count.map(|count| (count.focus_ms + 30_000) / 60_000)
    };
    assert_eq!(of(bob.id), Some(100));
    // 18 of the second span, and the two after it; of these Dan has the two.
    assert_eq!((of(cyd.id), of(dan.id)), (Some(68), Some(50)));
    let stored = building
        .store
        .records()
        .into_iter()
        .filter_map(|record| match record {
            Record::StudyClockChanged { clock, .. } => Some(clock.phase),
            _ => None,
        });
    assert_eq!(stored.collect::<Vec<_>>(), expected);
}

#[actix::test]
async fn a_film_is_told_once_to_everybody_stored_and_said_again_to_who_comes() {
    tokio::time::pause();
    let building = Building::new();
    let settings = Settings {
        film: true,
        ..Settings::default()
    };
    let room = building.room(settings, None);
    let mut ada = Person::enter(&room, join_as_host("Ada")).await.unwrap();
    let bob = Person::enter(&room, join("Bob")).await.unwrap();
    let film = FilmFile {
        name: "film.mkv".to_owned(),
        size_bytes: 1_000,
        duration_ms: 60_000,
        sample: Some("5a".repeat(32)),
        sha256: None,
    };
    ada.act(Command::OpenFilm { film }).await;
    ada.act(Command::MarkFilm {
        readiness: FilmReadiness::Ready,
    })
    .await;
    ada.act(Command::PlayFilm { position_ms: None }).await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    let moves: Vec<_> = bob
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::FilmMoved { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    assert_eq!(moves, [FilmMove::Played, FilmMove::Ended]);
    let stored = building
        .store
        .records()
        .into_iter()
        .rev()
        .find_map(|record| match record {
            Record::FilmChanged { film } => film,
            _ => None,
        });
    let stored = stored.unwrap();
    assert_eq!((stored.position_ms, stored.playing), (60_000, false));
    let cyd = Person::enter(&room, join("Cyd")).await.unwrap();
    let anchor = cyd.welcome.pulse.unwrap().film.unwrap();
    assert_eq!((anchor.position_ms, anchor.playing), (60_000, false));
}
