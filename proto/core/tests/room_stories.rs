//! What happens in a room, one story a test.
#![allow(clippy::unwrap_used)]

mod room_world;

use std::time::Duration;

use conclave_core::room::*;
use conclave_wire::{command::Reply, *};
use room_world::*;

fn speak() -> Command {
    Command::SetMedia {
        media: MediaState {
            microphone: true,
            sound: true,
            ..MediaState::default()
        },
    }
}

fn floor(world: &World) -> (Option<ParticipantId>, Vec<ParticipantId>) {
    let floor = world.room.snapshot().floor;
    (floor.presenter, floor.queue)
}

// door

#[test]
fn the_door_says_why_somebody_does_not_come_in() {
    let mut world = World::new(Settings {
        members_max: 2,
        ..Settings::default()
    });
    let host = world.join_as_host("host");
    let invalid = world.newcomer("  ");
    assert_eq!(world.enter(invalid), Err(RefusalCode::NameInvalid));
    let impostor = Newcomer {
        host_key_hash: Some([1; 32]),
        ..world.newcomer("impostor")
    };
    assert_eq!(world.enter(impostor), Err(RefusalCode::HostKeyWrong));

    world.ask(host, Command::Lock { locked: true }).unwrap();
    let late = world.newcomer("late");
    assert_eq!(world.enter(late), Err(RefusalCode::RoomLocked));
    world.ask(host, Command::Lock { locked: false }).unwrap();

    world
        .ask(
            host,
            Command::SetPassword {
                password: Some("sesame".to_owned()),
            },
        )
        .unwrap();
    let hash = "hash of sesame".to_owned();
    for (proof, code) in [
        (PasswordProof::NotGiven, RefusalCode::PasswordNeeded),
        (
            PasswordProof::Compared {
                hash: hash.clone(),
                right: false,
            },
            RefusalCode::PasswordWrong,
        ),
        (
            PasswordProof::Compared {
                hash: "an older hash".to_owned(),
                right: true,
            },
            RefusalCode::PasswordWrong,
        ),
    ] {
        let newcomer = Newcomer {
            password: proof,
            ..world.newcomer("ada")
        };
        assert_eq!(world.enter(newcomer), Err(code));
    }
    let right = PasswordProof::Compared { hash, right: true };
    let newcomer = Newcomer {
        password: right,
        ..world.newcomer("ada")
    };
    world.enter(newcomer).unwrap();

    let host_again = Newcomer {
        host_key_hash: Some(HOST_KEY),
        ..world.newcomer("host")
    };
    assert_eq!(
        world.enter(host_again),
        Err(RefusalCode::RoomFull),
        "not even a host fits in a full room"
    );
}

#[test]
fn the_host_key_opens_locks_and_makes_host_again() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    world.ask(host, Command::Lock { locked: true }).unwrap();
    world
        .ask(
            host,
            Command::SetPassword {
                password: Some("sesame".to_owned()),
            },
        )
        .unwrap();
    world.ask(host, Command::Leave).unwrap();
    assert_eq!(world.clients[host].goodbye, Some(LeaveReason::Left));
    let again = world.join_as_host("host");
    assert_eq!(world.member(again).role, Role::Host);
    assert_ne!(
        world.clients[again].id, world.clients[host].id,
        "ids are never used again"
    );
}

#[test]
fn who_was_taken_out_does_not_come_back_to_the_seat() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let id = world.clients[ada].id;
    world
        .ask(
            host,
            Command::Kick {
                id,
                reason: "noise".to_owned(),
            },
        )
        .unwrap();
    assert_eq!(world.clients[ada].goodbye, Some(LeaveReason::Kicked));
    assert_eq!(world.resume(ada, None), Err(RefusalCode::Kicked));
    let own = world.clients[host].id;
    let myself = Command::Kick {
        id: own,
        reason: String::new(),
    };
    assert_eq!(world.ask(host, myself), Err(RefusalCode::Invalid));
}

#[test]
fn settings_that_would_lie_are_refused() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    world.join("ada");
    for settings in [
        Settings {
            members_max: 1,
            ..Settings::default()
        },
        Settings {
            members_max: 0,
            ..Settings::default()
        },
        Settings {
            members_max: LIMITS.members_max + 1,
            ..Settings::default()
        },
        Settings {
            newcomers: Role::Host,
            ..Settings::default()
        },
        Settings {
            keep_hours: u32::MAX,
            ..Settings::default()
        },
    ] {
        assert_eq!(
            world.ask(host, Command::ChangeSettings { settings }),
            Err(RefusalCode::Invalid)
        );
    }
}

// seats

#[test]
fn an_away_seat_is_kept_for_thirty_seconds_and_its_media_for_five() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let id = world.clients[ada].id;
    world.ask(ada, speak()).unwrap();
    world.lose_link(ada);
    assert!(world.member(ada).away);

    world.wait(4_999);
    assert!(
        !world.voice.contains(&VoiceOrder::Leave { seat: id }),
        "a short loss is not heard"
    );
    world.wait(1);
    assert_eq!(world.voice.last(), Some(&VoiceOrder::Leave { seat: id }));

    world.wait(24_999);
    assert_eq!(world.room.members(), 2);
    world.wait(1);
    assert_eq!(world.room.members(), 1);
    let left = Event::ParticipantLeft {
        id,
        reason: LeaveReason::LinkLost,
    };
    assert_eq!(world.clients[bob].events.last(), Some(&left));
    assert_eq!(world.resume(ada, None), Err(RefusalCode::SeatUnknown));
}

#[test]
fn who_is_back_at_once_never_left_the_mixer() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    world.ask(ada, speak()).unwrap();
    world.voice.clear();
    world.lose_link(ada);
    world.wait(2_000);
    world.resume(ada, None).unwrap();
    assert_eq!(world.voice, []);
    world.wait(60_000);
    assert_eq!(world.voice, []);
}

#[test]
fn who_is_back_later_finds_the_mixer_as_it_was() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let (id, of) = (world.clients[ada].id, world.clients[bob].id);
    world.ask(ada, speak()).unwrap();
    world
        .ask(ada, Command::SetVolume { of, percent: 30 })
        .unwrap();
    world.lose_link(ada);
    world.wait(10_000);
    world.voice.clear();
    world.resume(ada, None).unwrap();
    let expected = [
        VoiceOrder::Enter {
            seat: id,
            ears: true,
        },
        VoiceOrder::Volume {
            listener: id,
            of,
            percent: 30,
        },
        VoiceOrder::Allow {
            seat: id,
            may_speak: true,
        },
    ];
    assert_eq!(world.voice, expected);
}

#[test]
fn an_older_cursor_than_the_log_brings_a_snapshot() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let cursor = world.clients[ada].cursor;
    world.lose_link(ada);
    for raised in [true, false].repeat(LOG_EVENTS_MAX / 2) {
        world.send(bob, Command::RaiseHand { raised });
    }
    let before = world.clients[ada].events.len();
    world.resume(ada, Some(cursor)).unwrap();
    assert_eq!(
        world.clients[ada].events.len(),
        before,
        "a snapshot, not events"
    );
    assert_eq!(world.clients[ada].cursor, world.room.cursor());
}

#[test]
fn a_reference_that_is_too_old_to_know_is_refused() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    for _ in 0..=limits::ANSWERS_KEPT {
        world.ask(ada, Command::RaiseHand { raised: true }).unwrap();
    }
    world.send_as(ada, 1, Command::RaiseHand { raised: false });
    let answers = &world.clients[ada].answers[&1];
    assert_eq!(answers[1].as_ref().unwrap_err().code, RefusalCode::Invalid);
    assert_eq!(world.room.snapshot().floor.hands.len(), 1);
}

#[test]
fn a_command_whose_effect_is_not_stored_yet_is_not_done_again() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    let say = Command::Say {
        text: "once".to_owned(),
    };
    let reference = world.send(ada, say.clone());
    world.lose_link(ada);
    let cursor = world.clients[ada].cursor;
    world.resume(ada, Some(cursor)).unwrap();
    world.send_as(ada, reference, say);
    assert!(!world.clients[ada].answers.contains_key(&reference));
    world.finish_jobs(usize::MAX);
    assert_eq!(world.clients[ada].answers[&reference].len(), 1);
    assert_eq!(world.clients[ada].state.lines.len(), 1);
}

// floor

#[test]
fn the_slot_is_asked_for_granted_handed_over_and_released() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    let id = |world: &World, client: usize| world.clients[client].id;
    let (a, b) = (id(&world, ada), id(&world, bob));

    assert_eq!(
        world.ask(ada, Command::TakeFloor),
        Err(RefusalCode::NotAllowed)
    );
    world.ask(ada, Command::AskFloor).unwrap();
    world.ask(bob, Command::AskFloor).unwrap();
    assert_eq!(
        world.ask(bob, Command::AskFloor),
        Err(RefusalCode::AlreadyQueued)
    );
    assert_eq!(
        floor(&world),
        (None, vec![a, b]),
        "they wait to be granted it"
    );

    world.ask(host, Command::GrantFloor { id: a }).unwrap();
    assert_eq!(floor(&world), (Some(a), vec![b]));
    assert_eq!(
        world.ask(bob, Command::HandOverFloor { id: b }),
        Err(RefusalCode::NotPresenting)
    );
    world.ask(ada, Command::HandOverFloor { id: b }).unwrap();
    assert_eq!(floor(&world), (Some(b), vec![]));
    world.ask(bob, Command::ReleaseFloor).unwrap();
    assert_eq!(floor(&world), (None, vec![]));
    assert_eq!(
        world.ask(bob, Command::ReleaseFloor),
        Err(RefusalCode::NotPresenting)
    );
    assert_eq!(
        world.ask(host, Command::StopShare),
        Err(RefusalCode::NotPresenting)
    );
}

#[test]
fn where_nobody_must_ask_the_queue_moves_by_itself() {
    let mut world = World::new(Settings {
        present_by_asking: false,
        ..Settings::default()
    });
    let (host, ada, bob, cyd) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
        world.join("cyd"),
    );
    let ids: Vec<_> = world.clients.iter().map(|client| client.id).collect();
    for client in [ada, bob, cyd] {
        world.ask(client, Command::AskFloor).unwrap();
    }
    assert_eq!(floor(&world), (Some(ids[ada]), vec![ids[bob], ids[cyd]]));
    assert_eq!(
        world.ask(cyd, Command::TakeFloor),
        Err(RefusalCode::FloorTaken)
    );
    world.ask(ada, Command::Leave).unwrap();
    assert_eq!(floor(&world), (Some(ids[bob]), vec![ids[cyd]]));
    world.ask(host, Command::StopShare).unwrap();
    assert_eq!(floor(&world), (Some(ids[cyd]), vec![]));
    world.ask(host, Command::TakeFloor).unwrap();
    assert_eq!(floor(&world), (Some(ids[host]), vec![]));
    assert_eq!(world.presenter, Some(ids[host]));
}

#[test]
fn hands_are_in_the_order_in_which_they_went_up() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    for client in [bob, ada, bob] {
        world
            .ask(client, Command::RaiseHand { raised: true })
            .unwrap();
    }
    let (a, b) = (world.clients[ada].id, world.clients[bob].id);
    assert_eq!(world.clients[host].state.floor.hands, [b, a]);
    world.ask(host, Command::LowerHand { id: b }).unwrap();
    assert_eq!(world.clients[host].state.floor.hands, [a]);
}

// voice

#[test]
fn a_mute_by_the_host_is_enforced_until_the_host_lifts_it() {
    let mut world = World::new(Settings::default());
    let (host, ada) = (world.join_as_host("host"), world.join("ada"));
    let id = world.clients[ada].id;
    world.ask(ada, speak()).unwrap();
    assert_eq!(
        world.voice.last(),
        Some(&VoiceOrder::Allow {
            seat: id,
            may_speak: true
        })
    );
    world.ask(host, hold(id)).unwrap();
    assert_eq!(
        world.voice.last(),
        Some(&VoiceOrder::Allow {
            seat: id,
            may_speak: false
        })
    );
    assert_eq!(world.ask(ada, speak()), Err(RefusalCode::MutedByHost));

    world.finish_jobs(usize::MAX);
    world.restart();
    let cursor = world.clients[ada].cursor;
    world.resume(ada, Some(cursor)).unwrap();
    world.resume(host, None).unwrap();
    assert_eq!(
        world.ask(ada, speak()),
        Err(RefusalCode::MutedByHost),
        "a restart lifts nothing"
    );
    world.ask(host, Command::AllowUnmute { id }).unwrap();
    assert!(world.ask(ada, speak()).is_ok());
}

#[test]
fn mute_all_spares_hosts_and_who_asks() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    for client in [host, ada, bob] {
        world.ask(client, speak()).unwrap();
    }
    world
        .ask(host, Command::MuteAll { may_unmute: false })
        .unwrap();
    let microphones =
        |world: &World| [host, ada, bob].map(|client| world.member(client).media.microphone);
    assert_eq!(microphones(&world), [true, false, false]);
    assert_eq!(world.ask(ada, speak()), Err(RefusalCode::MutedByHost));
    world
        .ask(host, Command::MuteAll { may_unmute: true })
        .unwrap();
    assert!(world.ask(ada, speak()).is_ok());
}

#[test]
fn a_volume_is_for_one_listener_and_has_bounds() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let of = world.clients[bob].id;
    let kept = Ok(Reply::VolumeKept { mixed: true });
    assert_eq!(
        world.ask(ada, Command::SetVolume { of, percent: 200 }),
        kept
    );
    assert_eq!(
        world.ask(ada, Command::SetVolume { of, percent: 201 }),
        Err(RefusalCode::VolumeInvalid)
    );
    let nobody = ParticipantId(99);
    assert_eq!(
        world.ask(
            ada,
            Command::SetVolume {
                of: nobody,
                percent: 50
            }
        ),
        Err(RefusalCode::NoSuchPerson)
    );
}

// chat

#[test]
fn a_line_is_deleted_by_its_author_or_a_host() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    for text in ["one", "two"] {
        world
            .ask(
                ada,
                Command::Say {
                    text: text.to_owned(),
                },
            )
            .unwrap();
    }
    let delete = |line: u32| Command::DeleteLine { line: LineId(line) };
    assert_eq!(world.ask(bob, delete(1)), Err(RefusalCode::NotAllowed));
    assert_eq!(world.ask(bob, delete(3)), Err(RefusalCode::NoSuchLine));
    world.ask(ada, delete(1)).unwrap();
    world.ask(host, delete(2)).unwrap();
    for line in &world.clients[bob].state.lines {
        assert_eq!((line.text.as_str(), line.deleted), ("", true));
    }
}

#[test]
fn a_line_that_memory_has_forgotten_can_still_be_deleted_by_its_author() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    for _ in 0..=LINES_IN_MEMORY {
        world
            .ask(
                ada,
                Command::Say {
                    text: "text".to_owned(),
                },
            )
            .unwrap();
    }
    let delete = Command::DeleteLine { line: LineId(1) };
    assert_eq!(world.ask(bob, delete.clone()), Err(RefusalCode::NotAllowed));
    assert!(!world.store.lines[0].deleted);
    assert_eq!(world.ask(ada, delete), Ok(Reply::Nothing));
    assert!(world.store.lines[0].deleted);
}

#[test]
fn history_is_paged_from_memory_and_from_the_store() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    let lines = LINES_IN_MEMORY as u32 + 60;
    for number in 1..=lines {
        world
            .ask(
                ada,
                Command::Say {
                    text: number.to_string(),
                },
            )
            .unwrap();
    }
    assert_eq!(
        world.clients[ada].state.lines.len(),
        limits::CHAT_PAGE_LINES
    );
    let mut before = world.clients[ada].state.lines[0].id;
    let mut read = limits::CHAT_PAGE_LINES as u32;
    loop {
        let list = Command::ListLines {
            before,
            lines_max: 1_000,
        };
        let Ok(Reply::Lines { lines: page, more }) = world.ask(ada, list) else {
            panic!("no page");
        };
        assert!(page.len() <= limits::CHAT_PAGE_LINES);
        assert_eq!(page.last().unwrap().id.0, before.0 - 1);
        before = page[0].id;
        read += page.len() as u32;
        if !more {
            break;
        }
    }
    assert_eq!((read, before), (lines, LineId(1)));
}

#[test]
fn typing_ends_by_itself() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let typing = |world: &World| -> Vec<bool> {
        let people = world.clients[bob]
            .signs
            .iter()
            .flat_map(|signs| &signs.people);
        people.filter_map(|person| person.typing).collect()
    };
    world.ask(ada, Command::SetTyping { typing: true }).unwrap();
    world.wait(4_000);
    world.ask(ada, Command::SetTyping { typing: true }).unwrap();
    world.wait(5_999);
    assert_eq!(typing(&world), [true]);
    world.wait(1);
    assert_eq!(typing(&world), [true, false]);
    world.ask(ada, Command::SetTyping { typing: true }).unwrap();
    world.wait(1_000);
    world
        .ask(
            ada,
            Command::Say {
                text: "done".to_owned(),
            },
        )
        .unwrap();
    world.wait(1_000);
    assert_eq!(typing(&world), [true, false, true, false]);
}

#[test]
fn signs_leave_at_most_four_times_a_second() {
    let mut world = World::new(Settings::default());
    let (ada, bob) = (world.join("ada"), world.join("bob"));
    let id = world.clients[ada].id;
    for step in 0..100u8 {
        world.drive(|room, now, out| room.speaking(&[(id, step % 2 == 0, step)], now, out));
        world.wait(10);
    }
    let batches = world.clients[bob].signs.len();
    assert!((4..=5).contains(&batches), "{batches} batches in a second");
}

#[test]
fn a_newcomer_hears_who_speaks_already() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    let id = world.clients[ada].id;
    world.drive(|room, now, out| room.speaking(&[(id, true, 30)], now, out));
    world.wait(1_000);
    let bob = world.join("bob");
    world.wait(1_000);
    let signs = &world.clients[bob].signs;
    assert!(
        signs
            .iter()
            .flat_map(|signs| &signs.people)
            .any(|person| person.id == id && person.speaking == Some(true))
    );
}

// agenda

#[test]
fn the_meeting_ends_in_order_at_its_limit() {
    let mut world = World::with(Settings::default(), Some(Duration::from_secs(60)));
    let ada = world.join("ada");
    assert_eq!(world.clients[ada].state.agenda.ends_at_ms, Some(60_000));
    world.wait(59_999);
    assert_eq!(world.ended, None);
    world.wait(1);
    assert_eq!(world.ended, Some(EndReason::TimeLimit));
    let client = &world.clients[ada];
    assert_eq!(
        client.events.last(),
        Some(&Event::MeetingEnded {
            reason: EndReason::TimeLimit
        })
    );
    assert_eq!(client.goodbye, Some(LeaveReason::RoomEnded));
    world.finish_jobs(usize::MAX);
    assert_eq!(world.store.ended, Some(EndReason::TimeLimit));
    let late = world.newcomer("late");
    assert_eq!(world.enter(late), Err(RefusalCode::RoomEnded));
    assert_eq!(world.room.next_wakeup(), None);
}

#[test]
fn a_limit_that_ran_out_while_the_server_was_down_ends_the_room() {
    let mut world = World::with(Settings::default(), Some(Duration::from_secs(60)));
    world.finish_jobs(usize::MAX);
    world.now.unix_ms += 61_000;
    world.restart();
    assert_eq!(world.ended, Some(EndReason::TimeLimit));
}

#[test]
fn a_limit_can_be_moved_and_taken_away() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    world.wait(1_000);
    world
        .ask(
            host,
            Command::SetTimeLimit {
                in_ms: Some(30_000),
            },
        )
        .unwrap();
    assert_eq!(
        world.clients[host].state.agenda.ends_at_ms,
        Some(31_000),
        "on the room clock"
    );
    for in_ms in [Some(0), Some(u64::MAX)] {
        assert_eq!(
            world.ask(host, Command::SetTimeLimit { in_ms }),
            Err(RefusalCode::Invalid)
        );
    }
    world
        .ask(host, Command::SetTimeLimit { in_ms: None })
        .unwrap();
    world.wait(120_000);
    assert_eq!(world.ended, None);
}

#[test]
fn notices_expire_and_the_oldest_makes_room() {
    let mut world = World::new(Settings::default());
    let host = world.join_as_host("host");
    for number in 0..=NOTICES_MAX {
        world
            .ask(
                host,
                Command::Announce {
                    text: number.to_string(),
                },
            )
            .unwrap();
    }
    let notices = &world.clients[host].state.agenda.notices;
    assert_eq!(
        (notices.len(), notices[0].text.as_str()),
        (NOTICES_MAX, "1")
    );
    world.wait(NOTICE_SHOWN.as_millis() as u64);
    assert_eq!(world.clients[host].state.agenda.notices, []);
}

#[test]
fn a_room_where_nobody_is_ends() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    world.wait(2 * LIMITS.idle_max.as_millis() as u64);
    assert_eq!(world.ended, None, "somebody is there");
    world.lose_link(ada);
    world.wait(LIMITS.idle_max.as_millis() as u64);
    assert_eq!(world.ended, Some(EndReason::Idle));
}

// files

#[test]
fn files_keep_to_the_rooms_space() {
    let mut world = World::new(Settings::default());
    let (host, ada, bob) = (
        world.join_as_host("host"),
        world.join("ada"),
        world.join("bob"),
    );
    let (owner, other) = (world.clients[ada].id, world.clients[bob].id);
    assert_eq!(
        world.room.reserve_file(owner, "../a", 1),
        Err(RefusalCode::FileNameInvalid)
    );
    world.room.reserve_file(owner, "a", 600).unwrap();
    assert_eq!(
        world.room.reserve_file(other, "b", 600),
        Err(RefusalCode::RoomQuotaReached)
    );
    world.room.release_file(owner, 600);
    world.room.reserve_file(other, "b", 600).unwrap();
    let upload = Upload {
        owner: other,
        name: "b".to_owned(),
        size_bytes: 600,
        sha256: "00".to_owned(),
        share_token: "token".to_owned(),
    };
    let shared =
        |world: &mut World| world.drive(|room, now, out| room.share_file(upload.clone(), now, out));
    let file = shared(&mut world).unwrap();
    assert_eq!(shared(&mut world), Err(RefusalCode::RoomQuotaReached));
    assert_eq!(world.clients[host].state.files, std::slice::from_ref(&file));
    assert_eq!(
        world.clients[host].state.lines[0].kind,
        LineKind::File { file: file.id }
    );

    let (revoke, remove) = (
        Command::RevokeShare { file: file.id },
        Command::RemoveFile { file: file.id },
    );
    assert_eq!(world.ask(ada, revoke.clone()), Err(RefusalCode::NotAllowed));
    let share_token = |world: &World| world.room.file(file.id).unwrap().share_token.clone();
    assert_eq!(share_token(&world).as_deref(), Some("token"));
    world.ask(bob, revoke).unwrap();
    assert_eq!(share_token(&world), None);
    assert_eq!(world.ask(ada, remove.clone()), Err(RefusalCode::NotAllowed));
    world.ask(host, remove.clone()).unwrap();
    assert_eq!(world.deleted.len(), 1);
    assert_eq!(world.ask(host, remove), Err(RefusalCode::FileNotFound));
    world.room.reserve_file(owner, "a", 1_000).unwrap();
}

#[test]
fn content_that_was_shared_twice_is_deleted_with_the_last() {
    let mut world = World::new(Settings::default());
    let ada = world.join("ada");
    let owner = world.clients[ada].id;
    let ids = ["a", "b"].map(|name| {
        let upload = Upload {
            owner,
            name: name.to_owned(),
            size_bytes: 1,
            sha256: "00".to_owned(),
            share_token: name.to_owned(),
        };
        world
            .drive(|room, now, out| room.share_file(upload, now, out))
            .unwrap()
            .id
    });
    world
        .ask(ada, Command::RemoveFile { file: ids[0] })
        .unwrap();
    assert_eq!(world.deleted, []);
    world
        .ask(ada, Command::RemoveFile { file: ids[1] })
        .unwrap();
    assert_eq!(world.deleted.len(), 1);
}

#[test]
fn whoever_has_a_poor_link_is_told_what_is_wrong_and_nobody_else_is() {
    use event::{Advice, Quality, QualityVerdict};
    let mut world = World::new(Settings::default());
    let ada = world.join_as_host("ada");
    let bob = world.join("bob");
    let id = world.clients[bob].id;
    let camera = MediaState {
        camera: true,
        sound: true,
        ..MediaState::default()
    };
    world.ask(bob, Command::SetMedia { media: camera }).unwrap();
    let poor = Quality {
        verdict: QualityVerdict::Poor,
        loss_permille: 120,
        ..Quality::default()
    };
    for quality in [poor, poor, Quality::default()] {
        world.drive(|room, now, out| room.quality(id, quality, now, out));
        world.wait(1_000);
    }
    let told = |client: usize| {
        let signs = world.clients[client].signs.iter();
        signs.filter_map(|signs| signs.advice).collect::<Vec<_>>()
    };
    let loss = Advice::Loss {
        permille: 120,
        camera: true,
    };
    assert_eq!(told(bob), [loss, Advice::Fine]);
    assert_eq!(told(ada), []);
}

#[test]
fn a_seat_without_a_link_stays_while_its_token_is_shown_and_no_longer() {
    let mut world = World::new(Settings::default());
    let script = Newcomer {
        linked: false,
        ..world.newcomer("Script")
    };
    let script = world.enter(script).unwrap();
    let id = world.clients[script].id;
    for _ in 0..3 {
        world.wait(AWAY_MAX.as_millis() as u64 - 1_000);
        world.drive(|room, now, _| room.seen(id, now.moment));
    }
    assert!(world.room.role(id).is_some());
    world.wait(AWAY_MAX.as_millis() as u64);
    assert_eq!(world.room.role(id), None);
}

#[test]
fn a_command_apart_is_answered_and_leaves_the_references_of_a_link_alone() {
    let mut world = World::new(Settings::default());
    let ada = world.join("Ada");
    for drawn in 0..100 {
        let line = Command::Say {
            text: format!("line {drawn}"),
        };
        world.send_as(ada, REFERENCES_APART + drawn, line);
    }
    world.finish_jobs(usize::MAX);
    assert_eq!(
        world.ask(ada, Command::RaiseHand { raised: true }),
        Ok(Reply::Nothing)
    );
}
