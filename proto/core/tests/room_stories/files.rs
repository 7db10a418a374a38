//! Files of the room, and the space they take.

use conclave_core::room::*;
use conclave_wire::*;

use crate::room_world::*;

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
