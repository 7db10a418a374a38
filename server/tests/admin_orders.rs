//! What operators have done, as people in rooms and other operators see it.
#![allow(clippy::unwrap_used)]

mod https;
mod operator;
mod room;

use std::time::Duration;

use conclave_server::{
    actors::{lobby::FindRoom, room::RoomActor},
    server::Running,
};
use conclave_wire::{
    EndReason, Event, LeaveReason, RefusalCode, ServerMessage, Settings, Template,
};
use https::Answer;
use operator::*;
use room::{Person, join};
use serde_json::json;

async fn find(running: &Running, slug: &str) -> actix::Addr<RoomActor> {
    let slug = slug.to_owned();
    running
        .state
        .lobby
        .send(FindRoom { slug })
        .await
        .unwrap()
        .unwrap()
}

/// Waits until somebody has got what is looked for.
async fn got(person: &Person, found: impl Fn(&ServerMessage) -> bool) {
    for _ in 0..500 {
        if person.got().iter().any(&found) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come: {:?}", person.got());
}

fn goes_to(answer: &Answer, path: &str) {
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("location"), Some(path));
}

#[actix::test]
async fn somebody_is_taken_out_with_a_reason_and_cannot_open_the_seat_again() {
    let (_folder, running, ada) = start_with_operator().await;
    let lobby = find(&running, "lobby").await;
    let eve = Person::enter(&lobby, join("Eve")).await.unwrap();
    let path = format!("/admin/rooms/lobby/people/{}/kick", eve.id.0);
    let taken = ada
        .post(&path, &[("reason", "Singing & <b>dancing</b>")])
        .await;
    goes_to(&taken, "/admin/rooms/lobby?done=kicked");
    got(&eve, |message| {
        matches!(message, ServerMessage::Goodbye { reason: LeaveReason::Kicked, text }
            if text == "Singing & <b>dancing</b>")
    })
    .await;
    let back = Person::enter(&lobby, eve.resume(None)).await;
    assert_eq!(back.err(), Some(RefusalCode::Kicked));
    let again = ada.post(&path, &[("reason", "")]).await;
    assert_eq!(again.status, 404);
    let entry = entered(&running, "kick", "done").await;
    assert_eq!(entry.operator, "Ada");
    assert_eq!(entry.target, format!("lobby / person {}", eve.id.0));
    assert_eq!(entry.detail, "Singing & <b>dancing</b>");
    entered(&running, "kick", "no_such_person").await;
    running.stop().await;
}

#[actix::test]
async fn somebody_is_banned() {
    let (_folder, running, ada) = start_with_operator().await;
    let lobby = find(&running, "lobby").await;
    let eve = Person::enter(&lobby, join("Eve")).await.unwrap();
    let path = format!("/admin/rooms/lobby/people/{}/kick", eve.id.0);
    let banned = ada.post(&path, &[("reason", ""), ("ban", "yes")]).await;
    goes_to(&banned, "/admin/rooms/lobby?done=kicked");
    let back = Person::enter(&lobby, eve.resume(None)).await;
    assert_eq!(back.err(), Some(RefusalCode::Banned));
    entered(&running, "ban", "done").await;
    running.stop().await;
}

#[actix::test]
async fn a_notice_reaches_one_room_or_all() {
    let (_folder, running, ada) = start_with_operator().await;
    ada.open_room("math", "Mathematics").await;
    let (lobby, math) = (find(&running, "lobby").await, find(&running, "math").await);
    let bob = Person::enter(&lobby, join("Bob")).await.unwrap();
    let eve = Person::enter(&math, join("Eve")).await.unwrap();
    let notice = |person: &Person| {
        let texts = person.events().into_iter().filter_map(|event| match event {
            Event::NoticePosted { notice } => Some(notice.text),
            _ => None,
        });
        texts.collect::<Vec<_>>()
    };
    let is = |text: &'static str| {
        move |message: &ServerMessage| {
            room::events(std::slice::from_ref(message))
                .iter()
                .any(|event| matches!(event, Event::NoticePosted { notice } if notice.text == text))
        }
    };
    let fields = [("room", "math"), ("text", "Only for you")];
    goes_to(
        &ada.post("/admin/notices", &fields).await,
        "/admin/notices?done=notice_posted",
    );
    let fields = [("room", ""), ("text", "For all")];
    ada.post("/admin/notices", &fields).await;
    got(&bob, is("For all")).await;
    got(&eve, is("For all")).await;
    assert_eq!(notice(&bob), ["For all"]);
    assert_eq!(notice(&eve), ["Only for you", "For all"]);
    let empty = ada
        .post("/admin/notices", &[("room", ""), ("text", " ")])
        .await;
    assert_eq!(empty.status, 422);
    let nowhere = ada.post("/admin/notices", &[("room", "no"), ("text", "x")]);
    assert_eq!(nowhere.await.status, 404);
    running.stop().await;
}

#[actix::test]
async fn two_operators_see_what_the_other_did() {
    let (_folder, running, ada) = start_with_operator().await;
    let bob = Browser::sign_in(&running, "Bob").await;
    ada.open_room("math", "Mathematics").await;
    let eve = Person::enter(&find(&running, "math").await, join("Eve"))
        .await
        .unwrap();
    assert!(bob.get("/admin/rooms").await.body.contains("Mathematics"));

    goes_to(
        &ada.post("/admin/rooms/math/end", &[]).await,
        "/admin/rooms?done=room_ended",
    );
    got(&eve, |message| {
        room::events(std::slice::from_ref(message)).contains(&Event::MeetingEnded {
            reason: EndReason::OperatorEnded,
        })
    })
    .await;
    assert_eq!(bob.get("/admin/rooms/math").await.status, 410);
    assert_eq!(bob.post("/admin/rooms/math/end", &[]).await.status, 410);
    let audit = bob.json("/admin/audit").await;
    let acts: Vec<_> = audit
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "end_room")
        .map(|entry| (entry["operator"].clone(), entry["outcome"].clone()))
        .collect();
    assert_eq!(
        acts,
        [
            (json!("Bob"), json!("room_ended")),
            (json!("Ada"), json!("done"))
        ]
    );
    running.stop().await;
}

#[actix::test]
async fn a_room_is_opened_with_its_links_locked_and_limited() {
    let (_folder, running, ada) = start_with_operator().await;
    let fields = [("title", "Board"), ("slug", "board"), ("minutes", "30")];
    let opened = ada.post("/admin/rooms", &fields).await;
    assert!(opened.body.contains("/r/board#k="), "{}", opened.body);
    assert!(opened.body.contains("&#38;h="), "{}", opened.body);
    assert!(opened.body.contains("<svg class=\"code\""));
    let taken = ada.post("/admin/rooms", &fields).await;
    assert_eq!(taken.status, 409);

    let ends_in = |room: &serde_json::Value| room["room"]["ends_in_s"].as_u64();
    let room = ada.json("/admin/rooms/board").await;
    assert!((1_700..=1_800).contains(&ends_in(&room).unwrap()), "{room}");
    let countdowns = ada.json("/admin/countdowns").await;
    assert_eq!(countdowns[0]["slug"], "board");

    let locked = ada
        .post("/admin/rooms/board/lock", &[("locked", "true")])
        .await;
    goes_to(&locked, "/admin/rooms/board?done=room_locked");
    let board = find(&running, "board").await;
    let refused = Person::enter(&board, join("Eve")).await;
    assert_eq!(refused.err(), Some(RefusalCode::RoomLocked));
    ada.post("/admin/rooms/board/lock", &[("locked", "false")])
        .await;
    assert!(Person::enter(&board, join("Eve")).await.is_ok());

    let limited = ada
        .post("/admin/rooms/board/limit", &[("minutes", "")])
        .await;
    goes_to(&limited, "/admin/rooms/board?done=limit_lifted");
    assert_eq!(ends_in(&ada.json("/admin/rooms/board").await), None);
    for minutes in ["-1", "x", "99999999999"] {
        let refused = ada
            .post("/admin/rooms/board/limit", &[("minutes", minutes)])
            .await;
        assert_eq!(refused.status, 400, "{minutes}");
    }
    let refused = ada
        .post("/admin/rooms/board/limit", &[("minutes", "999999")])
        .await;
    assert_eq!(refused.status, 422);
    running.stop().await;
}

#[actix::test]
async fn a_template_is_deleted_whoever_has_saved_it() {
    let (_folder, running, ada) = start_with_operator().await;
    let template = Template {
        name: "Ours & <b>theirs</b>".to_owned(),
        settings: Settings::default(),
        time_limit_ms: None,
    };
    let saved = running.state.store.save_template(template, [1; 32]);
    saved.await.unwrap();
    let page = ada.get("/admin/storage").await.body;
    assert!(page.contains("Ours &#38; &#60;b&#62;theirs"), "{page}");
    let name = [("name", "Ours & <b>theirs</b>")];
    let deleted = ada.post("/admin/templates/delete", &name).await;
    goes_to(&deleted, "/admin/storage?done=template_deleted");
    assert_eq!(running.state.store.templates().await.unwrap(), []);
    let again = ada.post("/admin/templates/delete", &name).await;
    assert_eq!(again.status, 404);
    entered(&running, "delete_template", "done").await;
    entered(&running, "delete_template", "no_such_template").await;
    running.stop().await;
}
