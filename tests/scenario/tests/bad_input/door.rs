//! The door, over HTTP and on the control link.

use super::*;

fn refusal(result: Result<impl std::fmt::Debug, HttpError>) -> (u16, RefusalCode) {
    match result {
        Err(HttpError::Refused { status, refusal }) => (status, refusal.code),
        other => panic!("not refused: {other:?}"),
    }
}

/// Sends any bytes to any path.
async fn post(
    http: &HttpClient,
    path: &str,
    body: impl Into<bytes::Bytes>,
) -> Result<(), HttpError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Upload::bytes(body))
        .unwrap();
    success(http.send(request).await?).await.map(drop)
}

#[tokio::test]
async fn http_bodies_that_cannot_be_read_are_refused() {
    let server = SERVER.get();
    let http = server.http();
    let invite = server.room().await;
    let join = format!("/api/rooms/{}/join", invite.slug);
    for path in ["/api/rooms", &join] {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{\"title\": 5, \"name\": 5}",
            "{\"title\": \"a\", \"name\": \"a\", \"password\": {\"deep\": []}}",
            "\u{0}\u{1}",
        ] {
            let refused = refusal(post(&http, path, body).await);
            assert_eq!(refused, (400, RefusalCode::Malformed), "{body} to {path}");
        }
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(
            refusal(post(&http, path, deep).await),
            (400, RefusalCode::TooDeep)
        );
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
        assert_eq!(
            refusal(post(&http, path, large).await),
            (413, RefusalCode::TooLarge)
        );
    }
    let (mut client, _) = RawClient::join(&invite, "Well", Encoding::Json).await;
    client.say("all well").await;
}

#[tokio::test]
async fn a_door_over_http_refuses_with_a_code() {
    let server = SERVER.get();
    let http = server.http();
    let who = |password: Option<&str>| JoinRoom {
        name: "Anna".to_owned(),
        password: password.map(str::to_owned),
        host_key: None,
        device: None,
        file_hash: None,
    };

    let unknown = http.join("no-such-room", &who(None)).await;
    assert_eq!(refusal(unknown), (404, RefusalCode::RoomNotFound));
    assert_eq!(
        refusal(http.look("no-such-room").await),
        (404, RefusalCode::RoomNotFound)
    );
    for slug in ["UPPER", "..", "%2e%2e", &"x".repeat(200)] {
        let (status, code) = refusal(http.look(slug).await);
        assert_eq!((status, code), (404, RefusalCode::RoomNotFound), "{slug}");
    }

    let secret = server
        .room_with(CreateRoom {
            title: "Secret".to_owned(),
            password: Some("open sesame".to_owned()),
            ..CreateRoom::default()
        })
        .await
        .slug;
    let join = |password| {
        let (http, secret, who) = (&http, &secret, who(password));
        async move { http.join(secret, &who).await }
    };
    assert_eq!(
        refusal(join(None).await),
        (401, RefusalCode::PasswordNeeded)
    );
    assert_eq!(
        refusal(join(Some("wrong")).await),
        (401, RefusalCode::PasswordWrong)
    );
    let long = "x".repeat(100);
    let (status, code) = refusal(join(Some(&long)).await);
    assert!(
        matches!(
            (status, code),
            (401, RefusalCode::PasswordWrong) | (422, RefusalCode::PasswordTooLong)
        ),
        "{status} {code:?}"
    );
    join(Some("open sesame"))
        .await
        .expect("the right password opens");

    let small = server
        .room_with(CreateRoom {
            title: "Small".to_owned(),
            settings: Settings {
                members_max: 1,
                ..Settings::default()
            },
            ..CreateRoom::default()
        })
        .await;
    let (mut only, _) = RawClient::join(&small, "Only", Encoding::Json).await;
    assert_eq!(
        refusal(http.join(&small.slug, &who(None)).await),
        (409, RefusalCode::RoomFull)
    );

    only.ask(Command::Lock { locked: true }).await.unwrap();
    assert_eq!(
        refusal(http.join(&small.slug, &who(None)).await),
        (403, RefusalCode::RoomLocked)
    );

    only.ask(Command::EndRoom).await.ok();
    only.closed().await;
    assert_eq!(
        refusal(http.join(&small.slug, &who(None)).await),
        (410, RefusalCode::RoomEnded)
    );

    let room = server.room().await;
    for name in ["", "   ", &"x".repeat(101)] {
        let join = JoinRoom {
            name: name.to_owned(),
            ..who(None)
        };
        let refused = refusal(http.join(&room.slug, &join).await);
        assert_eq!(refused, (422, RefusalCode::NameInvalid), "{name:?}");
    }
    let wrong_key = JoinRoom {
        host_key: Some("guess".to_owned()),
        ..who(None)
    };
    let refused = refusal(http.join(&room.slug, &wrong_key).await);
    assert_eq!(refused, (403, RefusalCode::HostKeyWrong));
    let refused = refusal(http.end(&room.slug, "guess").await);
    assert!(
        matches!(
            refused,
            (401, RefusalCode::SeatUnknown) | (403, RefusalCode::HostKeyWrong)
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_same_door_on_the_control_link_refuses_with_the_same_codes() {
    let server = SERVER.get();
    let room = server
        .room_with(CreateRoom {
            title: "Secret".to_owned(),
            password: Some("open sesame".to_owned()),
            ..CreateRoom::default()
        })
        .await;
    let enter = |password: Option<&str>| Enter::Join {
        slug: room.slug.clone(),
        name: "Anna".to_owned(),
        password: password.map(str::to_owned),
        host_key: None,
        sound: true,
        device: None,
        file_hash: None,
    };
    for encoding in BOTH {
        for (enter, code) in [
            (enter(None), RefusalCode::PasswordNeeded),
            (enter(Some("wrong")), RefusalCode::PasswordWrong),
            (
                Enter::Resume {
                    seat_token: format!("{}.guess", room.slug),
                    cursor: None,
                },
                RefusalCode::SeatUnknown,
            ),
            (
                Enter::Resume {
                    seat_token: "nonsense".to_owned(),
                    cursor: None,
                },
                RefusalCode::SeatUnknown,
            ),
            (
                Enter::Join {
                    slug: "no-such-room".to_owned(),
                    name: "Anna".to_owned(),
                    password: None,
                    host_key: None,
                    sound: true,
                    device: None,
                    file_hash: None,
                },
                RefusalCode::RoomNotFound,
            ),
        ] {
            let mut client = RawClient::open(&room, encoding).await;
            client.hello(enter.clone()).await;
            assert_eq!(client.refused().await.code, code, "{enter:?}");
            client.closed().await;
        }
    }
}

#[tokio::test]
async fn rooms_that_cannot_be_made_are_refused() {
    let server = SERVER.get();
    let room = |title: &str, slug: Option<&str>| CreateRoom {
        title: title.to_owned(),
        slug: slug.map(str::to_owned),
        ..CreateRoom::default()
    };
    let taken = server.room().await.slug;
    for (room, status, code) in [
        (room("", None), 422, RefusalCode::TitleInvalid),
        (room(&"x".repeat(201), None), 422, RefusalCode::TitleInvalid),
        (
            room("Room", Some("Not A Slug")),
            422,
            RefusalCode::SlugInvalid,
        ),
        (room("Room", Some("")), 422, RefusalCode::SlugInvalid),
        (
            room("Room", Some("../../etc")),
            422,
            RefusalCode::SlugInvalid,
        ),
        (room("Room", Some(&taken)), 409, RefusalCode::SlugTaken),
        (
            CreateRoom {
                password: Some("x".repeat(73)),
                ..room("Room", None)
            },
            422,
            RefusalCode::PasswordTooLong,
        ),
    ] {
        let made = server.try_room(room.clone()).await;
        assert_eq!(refusal(made), (status, code), "{room:?}");
    }
}

#[tokio::test]
async fn a_server_with_another_key_is_told_nothing() {
    let server = SERVER.get();
    let mut invite = server.invite();
    invite.fingerprint.0[0] ^= 1;
    let dialer = Dialer::new(&invite).unwrap();
    let refused = HttpClient::new(dialer).look("lobby").await.unwrap_err();
    assert!(
        matches!(
            refused,
            HttpError::Dial(conclave_client::link::dial::DialError::OtherKey { .. })
        ),
        "{refused:?}"
    );
}
