//! Who may see the operator's pages, and who may not, through the real server.
#![allow(clippy::unwrap_used)]

mod https;
mod operator;

use conclave_server::{
    admin::{COOKIE, guard::ATTEMPTS_FREE},
    server::Server,
};
use https::Https;
use operator::*;

/// Every address with what it takes.
const PAGES: [&str; 14] = [
    "/admin",
    "/admin/rooms",
    "/admin/rooms/lobby",
    "/admin/people",
    "/admin/notices",
    "/admin/countdowns",
    "/admin/quality",
    "/admin/storage",
    "/admin/logs",
    "/admin/audit",
    "/admin/settings",
    "/admin/access",
    "/admin/server",
    "/admin/live",
];
const ORDERS: [&str; 15] = [
    "/admin/rooms",
    "/admin/rooms/lobby/end",
    "/admin/rooms/lobby/lock",
    "/admin/rooms/lobby/limit",
    "/admin/rooms/lobby/people/1/kick",
    "/admin/rooms/lobby/files/1/remove",
    "/admin/notices",
    "/admin/storage/x/1/remove",
    "/admin/templates/delete",
    "/admin/access/password",
    "/admin/access/sign-out-others",
    "/admin/access/token",
    "/admin/access/token/revoke",
    "/admin/sign-out",
    "/admin/server/stop",
];

#[tokio::test]
async fn before_a_password_is_set_only_the_link_opens_anything() {
    let (_folder, running) = start().await;
    let stranger = Browser::new(&running);
    for page in PAGES {
        assert_eq!(stranger.get(page).await.status, 403, "{page}");
    }
    assert_eq!(stranger.get("/admin/sign-in").await.status, 403);
    let wrong = stranger.try_password("", PASSWORD).await;
    assert_eq!(wrong.status, 403);
    let wrong = stranger.get("/admin/setup/wrong").await;
    assert_eq!(wrong.status, 403);
    entered(&running, "set_up", "setup_link_wrong").await;
    assert_eq!(stranger.get(&setup_path(&running)).await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn the_link_sets_one_password_and_a_session_has_a_cookie_that_scripts_cannot_read() {
    let (_folder, running) = start().await;
    let path = setup_path(&running);
    let stranger = Browser::new(&running);
    let short = [("password", "short"), ("again", "short")];
    assert_eq!(stranger.post(&path, &short).await.status, 422);
    let differ = [("password", PASSWORD), ("again", "correct horse cattery")];
    assert_eq!(stranger.post(&path, &differ).await.status, 422);

    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    let let_in = stranger.post(&path, &fields).await;
    assert_eq!(let_in.status, 303);
    let cookie = let_in.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("{COOKIE}=")), "{cookie}");
    for word in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");

    let again = stranger.post(&path, &fields).await;
    assert_eq!(again.status, 410);
    assert_eq!(stranger.get(&path).await.status, 410);
    entered(&running, "set_up", "done").await;
    entered(&running, "set_up", "setup_link_used").await;
    running.stop().await;
}

#[tokio::test]
async fn two_who_send_the_link_at_once_do_not_both_come_in() {
    let (_folder, running) = start().await;
    let path = setup_path(&running);
    let (one, other) = (Browser::new(&running), Browser::new(&running));
    let fields = [("password", PASSWORD), ("again", PASSWORD)];
    let (one, other) = tokio::join!(one.post(&path, &fields), other.post(&path, &fields));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
    running.stop().await;
}

#[tokio::test]
async fn without_a_session_or_with_a_wrong_one_nothing_is_shown_and_nothing_is_done() {
    let (_folder, running, _ada) = start_with_operator().await;
    let mut stranger = Browser::new(&running);
    for cookie in ["", "other=1", &format!("{COOKIE}={}", "x".repeat(43))] {
        stranger.cookie = cookie.to_owned();
        for page in PAGES {
            let answer = stranger.get(page).await;
            assert_eq!(answer.status, 401, "{page}");
            assert!(!answer.body.contains("csrf"), "{page}");
        }
        for order in ORDERS {
            assert_eq!(stranger.post(order, &[]).await.status, 401, "{order}");
        }
        assert_eq!(stranger.get("/admin/nowhere").await.status, 401);
    }
    let entry = entered(&running, "request", "session_needed").await;
    assert_eq!(
        (entry.operator.as_str(), entry.address.as_str()),
        ("", "127.0.0.1")
    );
    running.stop().await;
}

#[tokio::test]
async fn no_order_is_taken_without_its_form_token() {
    let (_folder, running, ada) = start_with_operator().await;
    for order in ORDERS {
        for csrf in ["", "0", &"0".repeat(64)] {
            let answer = ada.post_as(order, &[], &ada.origin, csrf).await;
            assert_eq!(answer.status, 403, "{order}");
            assert!(answer.body.contains("form_expired"), "{order}");
        }
    }
    let entry = entered(&running, "request", "form_expired").await;
    assert_eq!(entry.operator, "Ada");
    assert_eq!(
        ada.get("/admin/rooms/lobby").await.status,
        200,
        "it is open"
    );
    running.stop().await;
}

#[tokio::test]
async fn no_order_is_taken_from_another_site() {
    let (_folder, running, ada) = start_with_operator().await;
    let other_port = "https://127.0.0.1:1".to_owned();
    for order in ORDERS {
        for origin in ["", "null", "https://evil.example", &other_port] {
            let answer = ada.post_as(order, &[], origin, &ada.csrf).await;
            assert_eq!(answer.status, 403, "{order} from {origin}");
            assert!(answer.body.contains("origin_refused"), "{order}");
        }
    }
    entered(&running, "request", "origin_refused").await;
    let fields = [("password", PASSWORD)];
    let login = ada
        .post_as("/admin/sign-in", &fields, "https://evil.example", "")
        .await;
    assert_eq!(login.status, 403);
    running.stop().await;
}

#[tokio::test]
async fn other_methods_are_refused_and_that_is_entered() {
    let (_folder, running, ada) = start_with_operator().await;
    let headers = [("cookie", ada.cookie.as_str())];
    for (method, path, allow) in [
        ("DELETE", "/admin", "GET"),
        ("PUT", "/admin/rooms", "GET, POST"),
        ("GET", "/admin/rooms/lobby/end", "POST"),
        ("GET", "/admin/server/stop", "POST"),
        ("POST", "/admin/logs", "GET"),
        ("PATCH", "/admin/sign-in", "GET, POST"),
    ] {
        let answer = ada.https.send(method, path, &headers, "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    let entry = entered(&running, "request", "method_refused").await;
    assert_eq!(entry.operator, "Ada");
    assert_eq!(ada.get("/admin/nowhere").await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn wrong_passwords_wait_longer_each_time() {
    let (_folder, running, _ada) = start_with_operator().await;
    let stranger = Browser::new(&running);
    for _ in 0..ATTEMPTS_FREE {
        assert_eq!(stranger.try_password("Eve", "wrong").await.status, 401);
    }
    let waits = stranger.try_password("Eve", PASSWORD).await;
    assert_eq!(waits.status, 429, "not even the right one");
    assert_eq!(waits.header("retry-after"), Some("1"));
    entered(&running, "sign_in", "operator_password_wrong").await;
    let entry = entered(&running, "sign_in", "too_many_attempts").await;
    assert_eq!(entry.operator, "", "what a stranger says is not believed");
    assert_eq!(Browser::new(&running).get("/admin").await.status, 401);
    running.stop().await;
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_ends_when_it_is_signed_out() {
    let (folder, running, mut ada) = start_with_operator().await;
    running.stop().await;
    let running = Server::start(config(folder.path())).await.unwrap();
    assert!(
        running.admin_link.ends_with("/admin"),
        "{}",
        running.admin_link
    );
    let cookie = ada.cookie.clone();
    ada = Browser {
        cookie: cookie.clone(),
        csrf: ada.csrf,
        ..Browser::new(&running)
    };
    assert_eq!(ada.get("/admin").await.status, 200);
    let gone = ada.post("/admin/sign-out", &[]).await;
    assert_eq!(gone.status, 303);
    assert!(gone.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(ada.get("/admin").await.status, 401);
    running.stop().await;

    let running = Server::start(config(folder.path())).await.unwrap();
    let ada = Browser {
        cookie,
        ..Browser::new(&running)
    };
    assert_eq!(ada.get("/admin").await.status, 401, "also after a restart");
    running.stop().await;
}

#[tokio::test]
async fn nothing_that_opens_the_pages_lies_readable_in_the_data_folder() {
    let (folder, running, ada) = start_with_operator().await;
    let secret = ada.cookie.split_once('=').unwrap().1.to_owned();
    running.stop().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            for secret in [secret.as_bytes(), PASSWORD.as_bytes()] {
                let found = bytes.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "{:?}", entry.file_name());
            }
        }
    }
}

#[tokio::test]
async fn a_new_password_signs_everybody_else_out() {
    let (_folder, running, ada) = start_with_operator().await;
    let bob = Browser::sign_in(&running, "Bob").await;
    let new = "another long password";
    let wrong = [("password", "wrong"), ("new", new), ("again", new)];
    let refused = ada.post("/admin/access/password", &wrong).await;
    assert_eq!(refused.status, 401);
    let right = [("password", PASSWORD), ("new", new), ("again", new)];
    let changed = ada.post("/admin/access/password", &right).await;
    assert_eq!(changed.status, 303);
    assert_eq!(ada.get("/admin").await.status, 200);
    assert_eq!(bob.get("/admin").await.status, 401);
    assert_eq!(bob.try_password("Bob", PASSWORD).await.status, 401);
    assert_eq!(bob.try_password("Bob", new).await.status, 303);
    running.stop().await;
}

#[tokio::test]
async fn a_script_has_a_token_that_needs_no_form_token_and_can_be_taken_back() {
    let (_folder, running, ada) = start_with_operator().await;
    let page = ada.post("/admin/access/token", &[]).await;
    assert_eq!(page.status, 200);
    let after = page.body.split("<code class=\"long\">").nth(1).unwrap();
    let token = after.split('<').next().unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("accept", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let https = Https::to(&running);
    let rooms = https.send("GET", "/admin/rooms", &headers, "").await;
    assert_eq!(rooms.json()[0]["slug"], "lobby");
    let path = "/admin/rooms/lobby/lock";
    let locked = https.send("POST", path, &headers, "locked=true").await;
    assert_eq!(
        (locked.status, locked.json()["done"].as_str()),
        (200, Some("room_locked"))
    );
    let wrong = [("authorization", "Bearer x"), headers[1]];
    let refused = https.send("GET", "/admin/rooms", &wrong, "").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "token_wrong")
    );
    let missing = https.send("POST", "/admin/rooms/no/lock", &headers, "locked=true");
    let missing = missing.await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (404, "room_not_found")
    );

    assert_eq!(
        ada.post("/admin/access/token/revoke", &[]).await.status,
        303
    );
    let refused = https.send("GET", "/admin/rooms", &headers, "").await;
    assert_eq!(refused.status, 401);
    running.stop().await;
}

#[tokio::test]
async fn pages_on_a_port_of_their_own_answer_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.admin_port = Some(0);
    let running = Server::start(config).await.unwrap();
    let everybody = Https::to(&running);
    for page in PAGES
        .iter()
        .chain(&["/admin/sign-in", "/admin/assets/admin.css"])
    {
        assert_eq!(everybody.get(page).await.status, 404, "{page}");
    }
    let setup = setup_path(&running);
    assert_eq!(everybody.get(&setup).await.status, 404);
    for order in ORDERS {
        assert_eq!(everybody.post(order, "").await.status, 404, "{order}");
    }
    let ada = Browser::set_up(&running, "Ada").await;
    assert_eq!(ada.get("/admin/rooms").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let (_folder, running, ada) = start_with_operator().await;
    let long = "x".repeat(20_000);
    let too_long = ada.post("/admin/notices", &[("text", &long)]).await;
    assert_eq!(too_long.status, 413);
    let missing = ada.post("/admin/notices", &[]).await;
    assert_eq!(missing.status, 400);
    let headers = [
        ("cookie", ada.cookie.as_str()),
        ("origin", ada.origin.as_str()),
    ];
    for body in ["%", "csrf", "\u{0}", "csrf=1&csrf=2", "%ff%fe=%00"] {
        let answer = ada.https.send("POST", "/admin/notices", &headers, body);
        let status = answer.await.status;
        assert!(status == 400 || status == 403, "{body}: {status}");
    }
    for path in [
        "/admin/rooms?page=x&page=y",
        "/admin/people?name=%ff",
        "/admin/rooms/%00",
        "/admin/rooms/..%2f..",
        "/admin/rooms/lobby/people/x/kick",
    ] {
        let status = ada.get(path).await.status;
        assert!((200..500).contains(&status), "{path}: {status}");
    }
    running.stop().await;
}
