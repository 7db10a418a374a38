//! Every no is a problem (RFC 9457) with our code, whoever says it: the rules, the readers, the framework.

use serde_json::{Value, json};

use super::Meeting;
use crate::{start, start_with};

#[tokio::test]
async fn whatever_is_refused_is_a_problem_with_a_code() {
    let (_folder, running, https) = start().await;
    let deep = format!("{{\"title\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let long = " ".repeat(70_000);
    let json_type: &[(&str, &str)] = &[("content-type", "application/json")];
    let text_type: &[(&str, &str)] = &[("content-type", "text/plain")];
    let none: &[(&str, &str)] = &[];
    for (method, path, headers, body, status, code) in [
        ("GET", "/api", none, "", 404, "no_such_endpoint"),
        ("GET", "/api/nothing", none, "", 404, "no_such_endpoint"),
        ("GET", "/api/rooms/none", none, "", 404, "room_not_found"),
        ("PUT", "/api/rooms", none, "", 405, "method_not_allowed"),
        ("BREW", "/api/rooms", none, "", 405, "method_not_allowed"),
        (
            "POST",
            "/api/rooms",
            text_type,
            "{}",
            415,
            "media_type_unsupported",
        ),
        (
            "POST",
            "/api/rooms",
            none,
            "{}",
            415,
            "media_type_unsupported",
        ),
        ("POST", "/api/rooms", json_type, "{", 400, "malformed"),
        (
            "POST",
            "/api/rooms",
            json_type,
            deep.as_str(),
            400,
            "too_deep",
        ),
        (
            "POST",
            "/api/rooms",
            json_type,
            long.as_str(),
            413,
            "too_large",
        ),
        (
            "PUT",
            "/api/rooms/none/questions/x/vote",
            none,
            "",
            404,
            "no_such_endpoint",
        ),
    ] {
        let answer = https.send(method, path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{method} {path}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/api/docs#{code}"));
        assert_eq!(problem["title"], code.replace('_', " "));
        assert!(problem["detail"].is_string() && problem["detail"] == problem["message"]);
        assert!(answer.header("x-request-id").is_some(), "{path}");
    }
    let answer = https.send("PUT", "/api/rooms", &[], "").await;
    assert_eq!(answer.header("allow"), Some("POST, GET"));
    running.stop().await;
}

#[tokio::test]
async fn titles_of_200_characters_are_accepted_and_201_are_not() {
    let (_folder, running, https) = start().await;
    for (title, status) in [
        ("é".repeat(200), 201),
        ("é".repeat(201), 422),
        (" ".repeat(3), 422),
    ] {
        let body = json!({"title": title}).to_string();
        let answer = https.post("/api/rooms", &body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 422 {
            assert_eq!(answer.code(), "title_invalid");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn slugs_of_other_letters_name_no_room_and_none_can_be_made_with_them() {
    let (_folder, running, https) = start_with(|config| config.rooms_made_per_stranger = 100).await;
    let long = "a".repeat(51);
    let odd = [
        "Ünïcode",
        "ｆｕｌｌ",
        "room\u{200b}",
        "ro\u{202e}om",
        "😀",
        "a b",
        "a/b",
        "../a",
        "",
        "A",
        "a_b",
        "٣",
        "ß",
        "a\u{0}",
        "'; DROP TABLE rooms;--",
        long.as_str(),
    ];
    for slug in odd {
        let body = json!({"title": "Odd", "slug": slug}).to_string();
        let answer = https.post("/api/rooms", &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "slug_invalid"),
            "{slug}"
        );
    }
    for path in [
        "%F0%9F%98%80",
        "%C3%BC",
        "A",
        "%27%3B%20DROP%20TABLE",
        "%00",
        "%FF",
        "a%2Fb",
    ] {
        let answer = https.get(&format!("/api/rooms/{path}")).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    // Two rooms of one title do not collide; the same slug does.
    let made = https
        .post("/api/rooms", &json!({"title": "Maths"}).to_string())
        .await
        .json();
    let again = https
        .post("/api/rooms", &json!({"title": "Maths"}).to_string())
        .await
        .json();
    assert_eq!(made["slug"], "maths");
    assert_ne!(again["slug"], made["slug"]);
    assert!(
        again["slug"].as_str().unwrap().starts_with("maths-"),
        "{again}"
    );
    let taken = https
        .post(
            "/api/rooms",
            &json!({"title": "x", "slug": "maths"}).to_string(),
        )
        .await;
    assert_eq!((taken.status, taken.code().as_str()), (409, "slug_taken"));
    running.stop().await;
}

#[tokio::test]
async fn numbers_that_cannot_be_are_invalid_and_sql_is_only_text() {
    let (_folder, running, https) = start().await;
    let meeting = Meeting::open(&https, "board").await;
    for query in [
        "limit=-1",
        "limit=0",
        "limit=51",
        "limit=x",
        "before=-1",
        "limit=1e9",
        "before=4294967296",
    ] {
        let refused = meeting
            .refused(
                &meeting.host,
                "GET",
                &format!("/messages?{query}"),
                Value::Null,
            )
            .await;
        assert_eq!(refused, (422, "invalid".to_owned()), "{query}");
    }
    let sql = "'); DROP TABLE chat_messages; --";
    meeting
        .done(&meeting.host, "POST", "/messages", json!({"text": sql}))
        .await;
    let page = meeting
        .done(&meeting.host, "GET", "/messages", Value::Null)
        .await;
    assert_eq!(
        page["messages"].as_array().unwrap().last().unwrap()["text"],
        sql
    );
    let room = json!({"title": "a", "maxParticipants": 0}).to_string();
    let refused = https.post("/api/rooms", &room).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"));
    running.stop().await;
}

#[tokio::test]
async fn pages_of_named_sites_may_speak_and_others_may_not() {
    let named = "https://school.example";
    let (_folder, running, https) = start_with(|config| {
        config.allowed_origins = vec![named.to_owned()];
    })
    .await;
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type,conclave-invite",
            ),
        ];
        https.send("OPTIONS", "/api/rooms", &headers, "").await
    };
    let allowed = preflight(named).await;
    assert_eq!(allowed.status, 200, "{}", allowed.body);
    assert_eq!(allowed.header("access-control-allow-origin"), Some(named));
    assert_eq!(allowed.header("access-control-allow-credentials"), None);
    let other = preflight("https://evil.example").await;
    assert_eq!(other.header("access-control-allow-origin"), None);
    let headers = [("origin", named), ("content-type", "application/json")];
    let body = json!({"title": "School"}).to_string();
    let made = https.send("POST", "/api/rooms", &headers, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.header("access-control-allow-origin"), Some(named));
    let headers = [
        ("origin", "https://evil.example"),
        ("content-type", "application/json"),
    ];
    let refused = https.send("POST", "/api/rooms", &headers, &body).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "origin_refused")
    );
    assert_eq!(refused.header("access-control-allow-origin"), None);
    running.stop().await;
}
