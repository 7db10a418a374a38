//! Who may have a file, pass it on, and take it away.

use super::*;

#[tokio::test]
async fn a_share_link_works_until_it_is_revoked() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut host = Person::join(&server, &invite, "Host").await;
    let guest = invite.for_room(&invite.slug, None);
    let mut owner = Person::join(&server, &guest, "Owner").await;
    let mut other = Person::join(&server, &guest, "Other").await;
    for revoker in ["owner", "host"] {
        let text = format!("revoked by the {revoker}");
        let file = owner.share("a.txt", text.as_bytes()).await;
        let token = file.share_token.clone().expect("a fresh file has a link");
        let link = format!("/s/{token}");
        assert_eq!(other.get(&link, None).await.unwrap(), text);
        let revoke = Command::RevokeShare { file: file.id };
        let refused = other.control.ask(revoke.clone()).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::NotAllowed);
        assert_eq!(other.get(&link, None).await.unwrap(), text);
        match revoker {
            "owner" => owner.control.ask(revoke).await.unwrap(),
            _ => host.control.ask(revoke).await.unwrap(),
        };
        assert_eq!(
            code(other.get(&link, None).await),
            RefusalCode::FileNotFound
        );
        // For people in the room it is still there.
        let path = other.path_of(&file);
        assert_eq!(other.get(&path, Some(&other.token)).await.unwrap(), text);
    }
    let guess = "A".repeat(43);
    assert_eq!(
        code(other.get(&format!("/s/{guess}"), None).await),
        RefusalCode::FileNotFound
    );
}

#[tokio::test]
async fn a_file_is_removed_by_its_owner_or_the_host_and_nobody_else() {
    let server = Server::start();
    let invite = server.host_invite();
    let mut host = Person::join(&server, &invite, "Host").await;
    let mut owner = Person::join(&server, &server.invite(), "Owner").await;
    let mut other = Person::join(&server, &server.invite(), "Other").await;
    for remover in ["owner", "host"] {
        let file = owner.share("a.txt", remover.as_bytes()).await;
        let link = format!("/s/{}", file.share_token.clone().unwrap());
        let remove = Command::RemoveFile { file: file.id };
        let refused = other.control.ask(remove.clone()).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::NotAllowed);
        match remover {
            "owner" => owner.control.ask(remove).await.unwrap(),
            _ => host.control.ask(remove).await.unwrap(),
        };
        other.sees_removed(file.id).await;
        let gone = other.get(&other.path_of(&file), Some(&other.token)).await;
        assert_eq!(code(gone), RefusalCode::FileNotFound);
        assert_eq!(
            code(other.get(&link, None).await),
            RefusalCode::FileNotFound
        );
        nothing_on_disk(&server).await;
    }
}

#[tokio::test]
async fn the_same_content_twice_is_two_files_and_removing_one_keeps_the_other() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut person = Person::join(&server, &invite, "Person").await;
    let first = person.share("first.txt", b"the same").await;
    let second = person.share("second.txt", b"the same").await;
    assert_ne!(first.id, second.id);
    person
        .control
        .ask(Command::RemoveFile { file: first.id })
        .await
        .unwrap();
    let path = person.path_of(&second);
    assert_eq!(
        person.get(&path, Some(&person.token)).await.unwrap(),
        "the same"
    );
}

#[tokio::test]
async fn a_stranger_gets_no_file_and_sends_none() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut owner = Person::join(&server, &invite, "Owner").await;
    let file = owner.share("secret.txt", b"for us alone").await;
    let elsewhere = server.room().await;
    let stranger = Person::join(&server, &elsewhere, "Stranger").await;
    let path = owner.path_of(&file);
    for token in [None, Some("nonsense"), Some(&*stranger.token), Some("")] {
        let got = owner.get(&path, token).await;
        assert_eq!(code(got), RefusalCode::SeatUnknown, "{token:?}");
    }
    // With their own token for a room that is not theirs.
    let intruder = Person {
        slug: owner.slug.clone(),
        ..stranger
    };
    assert_eq!(
        code(intruder.begin("a.txt", 1, None).await),
        RefusalCode::SeatUnknown
    );

    // And who was taken out has nothing more to look for there.
    let guest = invite.for_room(&invite.slug, None);
    let mut kicked = Person::join(&server, &guest, "Kicked").await;
    assert_eq!(
        kicked.get(&path, Some(&kicked.token)).await.unwrap(),
        "for us alone"
    );
    let id = member_id(&mut owner, "Kicked").await;
    let kick = Command::Kick {
        id,
        reason: String::new(),
    };
    owner.control.ask(kick).await.unwrap();
    kicked.control.closed().await;
    let got = kicked.get(&path, Some(&kicked.token)).await;
    assert_eq!(code(got), RefusalCode::Kicked);
}

async fn member_id(owner: &mut Person, name: &str) -> conclave_wire::ParticipantId {
    owner
        .control
        .until("the newcomer", |message| {
            let ServerMessage::Events { events } = message else {
                return None;
            };
            events.iter().find_map(|numbered| match &numbered.event {
                Event::ParticipantJoined { member } if member.name == name => Some(member.id),
                _ => None,
            })
        })
        .await
}

#[tokio::test]
async fn who_may_not_share_files_is_refused() {
    let server = SERVER.get();
    let invite = server.room().await;
    let mut host = Person::join(&server, &invite, "Host").await;
    let guest = Person::join(&server, &invite.for_room(&invite.slug, None), "Guest").await;
    let mut settings = conclave_wire::Settings::default();
    settings.participants.files = false;
    host.control
        .ask(Command::ChangeSettings { settings })
        .await
        .unwrap();
    assert_eq!(
        code(guest.begin("a.txt", 1, None).await),
        RefusalCode::NotAllowed
    );
    assert!(host.begin("a.txt", 1, None).await.is_ok());
}

#[tokio::test]
async fn files_end_with_their_room() {
    let server = Server::start();
    let keep_nothing = conclave_wire::Settings {
        keep_hours: 0,
        ..conclave_wire::Settings::default()
    };
    let invite = server
        .room_with(conclave_wire::http::CreateRoom {
            title: "Short".to_owned(),
            settings: keep_nothing,
            ..Default::default()
        })
        .await;
    let mut host = Person::join(&server, &invite, "Host").await;
    let file = host.share("a.txt", b"soon gone").await;
    host.control.ask(Command::EndRoom).await.ok();
    host.control.closed().await;
    let got = code(host.get(&host.path_of(&file), Some(&host.token)).await);
    assert!(
        matches!(got, RefusalCode::RoomEnded | RefusalCode::RoomNotFound),
        "{got:?}"
    );
    nothing_on_disk(&server).await;
}
