//! Lines, history, and signs of life.

use conclave_core::room::*;
use conclave_wire::{command::Reply, *};

use crate::room_world::*;

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
