//! How much strangers may ask, and who is none.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::Meeting;
use crate::{https::Https, start, start_with};

#[tokio::test]
async fn a_stranger_makes_ten_rooms_in_a_quarter_of_an_hour() {
    let (_folder, running, https) = start().await;
    for number in 0..10 {
        let room = json!({"title": format!("Room {number}")}).to_string();
        assert_eq!(
            https.post("/api/rooms", &room).await.status,
            201,
            "{number}"
        );
    }
    let refused = https
        .post("/api/rooms", &json!({"title": "One more"}).to_string())
        .await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_fast"));
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=90).contains(&seconds), "{seconds}");
    // Other things are counted apart.
    assert_eq!(https.get("/api/rooms/room-1").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn a_class_behind_one_address_gets_in_by_its_invite_and_a_stranger_does_not() {
    let (_folder, running, https) = start_with(|config| {
        config.joins_per_stranger = 3;
        config.requests_per_stranger = 3;
    })
    .await;
    let meeting = Meeting::open(&https, "class").await;
    let join = json!({"name": "Somebody"}).to_string();
    for _ in 0..3 {
        assert_eq!(https.post("/api/rooms/class/join", &join).await.status, 201);
    }
    assert_eq!(
        https.post("/api/rooms/class/join", &join).await.code(),
        "too_fast"
    );
    for _ in 0..10 {
        assert_eq!(meeting.join(json!({"name": "Pupil"})).await.status, 201);
    }
    // The invite of another room is none to this one, and an invented one is none at all.
    let elsewhere = running.state.links.join("elsewhere");
    let elsewhere = elsewhere.split("&i=").nth(1).unwrap().to_owned();
    for invite in [elsewhere.as_str(), "AAAAAAAAAAAAAAAAAAAAAA", ""] {
        let headers = [
            ("content-type", "application/json"),
            ("conclave-invite", invite),
        ];
        let refused = https
            .send("POST", "/api/rooms/class/join", &headers, &join)
            .await;
        assert_eq!(refused.status, 429, "{invite}");
    }
    for _ in 0..3 {
        assert_eq!(https.get("/api/rooms/class").await.status, 200);
    }
    assert_eq!(https.get("/api/rooms/class").await.status, 429);
    let invited = format!("/api/rooms/class?invite={}", meeting.invite);
    assert_eq!(https.get(&invited).await.status, 200);
    // Who has a seat is no stranger either, and has a limit of their own.
    assert_eq!(
        meeting
            .ask(&meeting.guest, "GET", "", Value::Null)
            .await
            .status,
        200
    );
    // What monitors and pages ask all day is not counted.
    for path in [
        "/api/health",
        "/api/server",
        "/api/openapi.json",
        "/api/docs",
    ] {
        assert_eq!(https.get(path).await.status, 200, "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn somebody_with_a_seat_is_limited_by_it_and_nobody_else_pays() {
    let (_folder, running, https) = start_with(|config| {
        config.commands_burst = 5;
        config.commands_per_second = 1;
    })
    .await;
    let meeting = Meeting::open(&https, "board").await;
    let mut refused = 0;
    for _ in 0..20 {
        let answer = meeting
            .ask(&meeting.guest, "GET", "/timers", Value::Null)
            .await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some());
            refused += 1;
        }
    }
    assert!(refused > 0, "nothing was refused");
    assert_eq!(
        meeting
            .ask(&meeting.host, "GET", "/timers", Value::Null)
            .await
            .status,
        200
    );
    running.stop().await;
}

#[tokio::test]
async fn a_control_link_counts_as_a_join() {
    let (_folder, running, https) = start_with(|config| config.joins_per_stranger = 2).await;
    let meeting = Meeting::open(&https, "class").await;
    let enter = async |query: &str| {
        let url = format!("wss://127.0.0.1:{}/ws{query}", running.tcp_port);
        let mut request = url.into_client_request().unwrap();
        let json = "conclave.1.json".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", json);
        let stream = Https::to(&running).connect().await.unwrap();
        let (mut socket, _) = client_async(request, stream).await.unwrap();
        let join = json!({"slug": "class", "name": "Pupil", "sound": true});
        let hello = json!({"type": "hello", "payload": {"client": "test",
            "enter": {"type": "join", "payload": join}}});
        socket.send(Message::text(hello.to_string())).await.unwrap();
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => break serde_json::from_str::<Value>(&text).unwrap(),
                _ => continue,
            }
        }
    };
    for _ in 0..2 {
        assert_eq!(enter("").await["type"], "welcome");
    }
    let refused = enter("").await;
    assert_eq!(refused["type"], "refused");
    assert_eq!(refused["payload"]["refusal"]["code"], "too_fast");
    assert_eq!(enter("?invite=wrong").await["type"], "refused");
    for _ in 0..5 {
        let invited = enter(&format!("?invite={}", meeting.invite)).await;
        assert_eq!(invited["type"], "welcome");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_named_proxy_says_whose_request_it_is_and_nobody_else_can() {
    let asks = async |https: &Https, from: &str| {
        let headers = [("x-forwarded-for", from)];
        https
            .send("GET", "/api/rooms/none", &headers, "")
            .await
            .status
    };
    let (_folder, running, https) = start_with(|config| {
        config.requests_per_stranger = 1;
        config.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
    })
    .await;
    for from in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        assert_eq!(asks(&https, from).await, 404, "{from}");
        assert_eq!(asks(&https, from).await, 429, "{from}");
    }
    assert_eq!(
        asks(&https, "2001:db8::2").await,
        429,
        "the same network of 64 bits"
    );
    running.stop().await;

    let (_folder, running, https) = start_with(|config| config.requests_per_stranger = 1).await;
    assert_eq!(asks(&https, "192.0.2.1").await, 404);
    assert_eq!(asks(&https, "192.0.2.2").await, 429);
    running.stop().await;
}
