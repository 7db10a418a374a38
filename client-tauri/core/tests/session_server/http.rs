//! Rooms over HTTP, with the pinned key.

use conclave_client::link::{
    dial::Dialer,
    http::{HttpClient, HttpError, Upload},
    invite::{Fingerprint, Invite},
};
use conclave_wire::{
    RefusalCode, Role,
    http::{CreateRoom, JoinRoom},
};
use hyper::{Request, StatusCode};

use crate::served::Served;

fn refusal(error: HttpError) -> RefusalCode {
    match error {
        HttpError::Refused { status, refusal } => {
            assert_eq!(status, refusal.code.status());
            refusal.code
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_made_looked_at_joined_and_ended() {
    let served = Served::start().await;
    let http = served.http();
    let room = CreateRoom {
        title: "Physics".to_owned(),
        slug: Some("physics".to_owned()),
        ..CreateRoom::default()
    };
    let created = http.create_room(&room).await.unwrap();
    let host: Invite = created.host_link.parse().unwrap();
    assert_eq!(host.slug, "physics");
    assert_eq!(host.host_key.as_ref(), Some(&created.host_key));
    assert_eq!(host.fingerprint, served.invite("x").fingerprint);
    let again = http.create_room(&room).await.unwrap_err();
    assert_eq!(refusal(again), RefusalCode::SlugTaken);

    let look = http.look("physics").await.unwrap();
    assert_eq!((look.title.as_str(), look.members), ("Physics", 0));
    let join = JoinRoom {
        name: "Ada".to_owned(),
        password: None,
        host_key: None,
        device: None,
        file_hash: None,
    };
    let joined = http.join("physics", &join).await.unwrap();
    assert_eq!(joined.role, Role::Participant);
    assert_eq!(http.look("physics").await.unwrap().members, 1);

    let by_guest = http.end("physics", &joined.seat_token).await.unwrap_err();
    assert_eq!(refusal(by_guest), RefusalCode::NotAllowed);
    let ended = http.end("physics", &created.host_key).await.unwrap();
    assert_eq!(ended.slug, "physics");
    let after = http.join("physics", &join).await.unwrap_err();
    assert_eq!(refusal(after), RefusalCode::RoomEnded);
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_key_gets_no_request() {
    let served = Served::start().await;
    let mut invite = served.invite("lobby");
    invite.fingerprint = Fingerprint([0; 32]);
    let http = HttpClient::new(Dialer::new(&invite).unwrap());
    let error = http.look("lobby").await.unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
    served.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_used_again_and_replaced_when_the_server_has_closed_it() {
    let served = Served::start().await;
    let http = served.http();
    for _ in 0..3 {
        http.look("lobby").await.unwrap();
    }
    let request = Request::get("/api/rooms/lobby").header("connection", "close");
    let response = http
        .send(request.body(Upload::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().whole(100_000).await.unwrap();
    http.look("lobby").await.unwrap();
    let too_large = Request::get("/api/rooms/lobby")
        .body(Upload::empty())
        .unwrap();
    let response = http.send(too_large).await.unwrap();
    let whole = response.into_body().whole(3).await;
    assert!(matches!(whole, Err(HttpError::TooLarge)));
    served.running.stop().await;
}
