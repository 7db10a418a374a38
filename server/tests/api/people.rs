//! People who use the interface alone: a script in the place of a program.

use serde_json::{Value, json};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{Meeting, seat_token};
use crate::{https::Https, start};

#[tokio::test]
async fn a_script_holds_a_meeting_from_the_first_request_to_the_figures() {
    let (_folder, running, https) = start().await;
    let meeting = Meeting::open(&https, "board").await;
    let (host, guest) = (meeting.host.as_str(), meeting.guest.as_str());

    let look = meeting.done(guest, "GET", "", Value::Null).await;
    assert_eq!(look["room"]["membersMax"], 50);
    assert_eq!(look["isActive"], true);
    let names: Vec<_> = look["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["name"])
        .collect();
    assert_eq!(names, ["Host", "Guest"]);
    let stranger = https.get("/api/rooms/board").await.json();
    assert_eq!(stranger["room"]["title"], "Board");
    assert!(stranger.get("participants").is_none() && stranger.get("settings").is_none());

    for text in ["one", "two", "three"] {
        meeting
            .done(guest, "POST", "/messages", json!({"text": text}))
            .await;
    }
    let page = meeting
        .done(host, "GET", "/messages?limit=2", Value::Null)
        .await;
    let texts = |page: &Value| {
        let lines = page["messages"].as_array().unwrap().clone();
        lines
            .iter()
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (texts(&page), &page["hasMore"]),
        (vec!["two".into(), "three".into()], &json!(true))
    );
    let first = page["messages"][0]["id"].as_u64().unwrap();
    let page = meeting
        .done(
            host,
            "GET",
            &format!("/messages?limit=1&before={first}"),
            Value::Null,
        )
        .await;
    assert_eq!(texts(&page), ["one"]);
    let said = page["messages"][0]["id"].as_u64().unwrap();
    meeting
        .done(guest, "DELETE", &format!("/messages/{said}"), Value::Null)
        .await;

    // A body that says who acts is not believed.
    let asked = json!({"question": "Why?", "participantId": 1});
    let asked = meeting.done(guest, "POST", "/questions", asked).await;
    let question = format!("/questions/{}", asked["questionId"]);
    let vote = format!("{question}/vote");
    for (token, body, votes) in [
        (host, Value::Null, 1),
        (host, json!({"participantId": 2}), 1),
        (guest, json!({"voted": true}), 2),
        (guest, json!({"voted": false}), 1),
    ] {
        let voted = meeting.done(token, "PUT", &vote, body).await;
        assert_eq!(voted, json!({"votes": votes}));
    }
    let answer = json!({"answer": "Because."});
    let refused = meeting
        .refused(guest, "POST", &format!("{question}/answer"), answer.clone())
        .await;
    assert_eq!(refused, (403, "not_allowed".to_owned()));
    let done = meeting
        .done(host, "POST", &format!("{question}/answer"), answer)
        .await;
    assert_eq!(done, json!({"success": true}));
    meeting
        .done(host, "PATCH", &question, json!({"pinned": true}))
        .await;
    let questions = meeting.done(guest, "GET", "/questions", Value::Null).await;
    let kept = &questions["questions"][0];
    assert_eq!(
        (&kept["answer"]["text"], &kept["pinned"]),
        (&json!("Because."), &json!(true))
    );
    assert_eq!(kept["from"], 2);
    assert_eq!(
        (&questions["asked"], &questions["voted"]),
        (&json!([asked["questionId"]]), &json!([]))
    );

    let media = json!({"microphone": true, "camera": false, "sound": true});
    let media = meeting.done(guest, "PUT", "/media", media).await;
    assert_eq!(
        (&media["microphone"], &media["heldMute"]),
        (&json!(true), &json!(false))
    );
    meeting
        .done(host, "PUT", "/timers/limit", json!({"inMs": 600_000}))
        .await;
    let timers = meeting.done(guest, "GET", "/timers", Value::Null).await;
    let left = timers["timeLimit"]["leftMs"].as_u64().unwrap();
    assert!((500_000..=600_000).contains(&left), "{left}");
    meeting
        .done(host, "PUT", "/timers/limit", json!({"inMs": null}))
        .await;

    let done = meeting
        .done(
            guest,
            "POST",
            "/commands",
            json!({"type": "raise_hand", "payload": {"raised": true}}),
        )
        .await;
    assert_eq!(done["reply"]["type"], "nothing");
    let look = meeting.done(host, "GET", "", Value::Null).await;
    assert_eq!(look["floor"]["hands"], json!([2]));

    let refused = meeting.refused(guest, "DELETE", "", Value::Null).await;
    assert_eq!(refused, (403, "not_allowed".to_owned()));
    let over = meeting.done(host, "DELETE", "", Value::Null).await;
    assert_eq!(over["success"], true);
    let stats = &over["sessionStats"];
    assert_eq!(stats["totalParticipants"], 2);
    assert_eq!(stats["maxConcurrentParticipants"], 2);
    assert_eq!(
        (&stats["totalMessages"], &stats["totalQuestions"]),
        (&json!(3), &json!(1))
    );
    running.stop().await;
}

#[tokio::test]
async fn a_room_is_changed_by_its_host_and_what_is_not_named_stays() {
    let (_folder, running, https) = start().await;
    let meeting = Meeting::open(&https, "board").await;
    let part = json!({
        "title": " A new \u{1f3db} title ",
        "locked": true,
        "settings": {"membersMax": 9, "participants": {"chat": false}},
    });
    let changed = meeting.done(&meeting.host, "PATCH", "", part).await;
    assert_eq!(changed["room"]["title"], "A new \u{1f3db} title");
    assert_eq!(
        (&changed["room"]["locked"], &changed["room"]["membersMax"]),
        (&json!(true), &json!(9))
    );
    assert_eq!(changed["settings"]["questions"]["open"], true);
    assert_eq!(changed["settings"]["participants"]["speak"], true);
    let refused = meeting
        .refused(&meeting.guest, "POST", "/messages", json!({"text": "a"}))
        .await;
    assert_eq!(refused, (403, "not_allowed".to_owned()));
    let refused = meeting.join(json!({"name": "Late"})).await;
    assert_eq!(refused.code(), "room_locked");

    meeting
        .done(
            &meeting.host,
            "PATCH",
            "",
            json!({"locked": false, "password": "sesame"}),
        )
        .await;
    assert_eq!(
        meeting.join(json!({"name": "Late"})).await.code(),
        "password_needed"
    );
    meeting
        .done(&meeting.host, "PATCH", "", json!({"password": null}))
        .await;
    assert_eq!(meeting.join(json!({"name": "Late"})).await.status, 201);

    for (body, status, code) in [
        (json!({"settings": {"membersMax": 0}}), 422, "invalid"),
        (
            json!({"settings": {"version": 99}}),
            422,
            "settings_version",
        ),
        (json!({"settings": []}), 400, "malformed"),
        (json!({"title": "x".repeat(201)}), 422, "title_invalid"),
        (json!({"title": " "}), 422, "title_invalid"),
        (json!({"slug": "another"}), 400, "malformed"),
        (
            json!({"password": "x".repeat(73)}),
            422,
            "password_too_long",
        ),
    ] {
        let refused = meeting
            .refused(&meeting.host, "PATCH", "", body.clone())
            .await;
        assert_eq!(refused, (status, code.to_owned()), "{body}");
    }
    for body in [json!({"locked": true}), json!({"title": "Mine"})] {
        let refused = meeting.refused(&meeting.guest, "PATCH", "", body).await;
        assert_eq!(refused, (403, "not_allowed".to_owned()));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_seat_acts_in_its_own_room_and_only_while_it_is_there() {
    let (_folder, running, https) = start().await;
    let meeting = Meeting::open(&https, "board").await;
    let other = Meeting::open(&https, "other").await;
    for token in [other.host.as_str(), "board.wrong", "wrong", ""] {
        let refused = meeting
            .refused(token, "GET", "/messages", Value::Null)
            .await;
        assert_eq!(refused, (401, "seat_unknown".to_owned()), "{token}");
    }
    meeting
        .done(&meeting.guest, "POST", "/leave", Value::Null)
        .await;
    let refused = meeting
        .refused(&meeting.guest, "POST", "/messages", json!({"text": "a"}))
        .await;
    assert_eq!(refused, (401, "seat_unknown".to_owned()));
    let kick = json!({"type": "kick", "payload": {"id": 3, "reason": "Enough"}});
    let third = seat_token(&meeting.join(json!({"name": "Third"})).await);
    meeting.done(&meeting.host, "POST", "/commands", kick).await;
    let refused = meeting
        .refused(&third, "GET", "/questions", Value::Null)
        .await;
    assert_eq!(refused, (403, "kicked".to_owned()));
    running.stop().await;
}

#[tokio::test]
async fn a_link_takes_over_a_seat_with_what_the_token_endpoint_gives() {
    let (_folder, running, https) = start().await;
    let meeting = Meeting::open(&https, "board").await;
    let before = meeting.done(&meeting.host, "GET", "", Value::Null).await;
    assert_eq!(before["participants"][1]["away"], true);
    let pass = meeting
        .done(&meeting.guest, "POST", "/token", Value::Null)
        .await;
    assert_eq!(
        (&pass["participantId"], &pass["name"]),
        (&json!(2), &json!("Guest"))
    );
    let url = pass["controlUrl"].as_str().unwrap();
    assert_eq!(url, format!("wss://127.0.0.1:{}/ws", running.tcp_port));

    let mut request = url.into_client_request().unwrap();
    let json = pass["subprotocols"][1].as_str().unwrap().parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", json);
    let stream = Https::to(&running).connect().await.unwrap();
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    use futures_util::{SinkExt, StreamExt};
    let hello = pass["hello"].as_str().unwrap();
    socket.send(Message::text(hello)).await.unwrap();
    let welcome = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => break serde_json::from_str::<Value>(&text).unwrap(),
            _ => continue,
        }
    };
    assert_eq!(welcome["type"], "welcome");
    assert_eq!(welcome["payload"]["you"], 2);
    assert_ne!(welcome["payload"]["media"]["session"], "");
    let after = meeting.done(&meeting.host, "GET", "", Value::Null).await;
    assert_eq!(after["participants"][1]["away"], false);
    running.stop().await;
}

#[tokio::test]
async fn files_are_listed_and_removed_by_who_may() {
    let (_folder, running, https) = start().await;
    let meeting = Meeting::open(&https, "board").await;
    let authorization = format!("Bearer {}", meeting.guest);
    let headers = [
        ("authorization", authorization.as_str()),
        ("tus-resumable", "1.0.0"),
        ("upload-length", "0"),
        ("upload-metadata", "filename YS50eHQ="),
    ];
    let begun = https
        .send("POST", &meeting.path("/files"), &headers, "")
        .await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let files = meeting
        .done(&meeting.host, "GET", "/files", Value::Null)
        .await;
    let file = &files["files"][0];
    assert_eq!(
        (&file["name"], &file["sizeBytes"]),
        (&json!("a.txt"), &json!(0))
    );
    let path = file["downloadPath"].as_str().unwrap();
    let rest = path.strip_prefix("/api/rooms/board").unwrap();
    assert_eq!(
        meeting
            .ask(&meeting.host, "GET", rest, Value::Null)
            .await
            .status,
        200
    );
    meeting
        .done(
            &meeting.guest,
            "DELETE",
            &format!("{rest}/link"),
            Value::Null,
        )
        .await;
    meeting
        .done(&meeting.host, "DELETE", rest, Value::Null)
        .await;
    let refused = meeting
        .refused(&meeting.host, "DELETE", rest, Value::Null)
        .await;
    assert_eq!(refused, (404, "file_not_found".to_owned()));
    running.stop().await;
}
