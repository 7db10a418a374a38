//! Stories of the interface, and what tries to break it.

pub mod document;
pub mod fuzz;
pub mod limits;
pub mod people;
pub mod problems;
pub mod schema;

use serde_json::{Value, json};

use super::https::{Answer, Https};

/// A room with two people who have no links.
pub struct Meeting<'a> {
    pub https: &'a Https,
    pub slug: String,
    pub host_key: String,
    pub invite: String,
    pub host: String,
    pub guest: String,
}

impl<'a> Meeting<'a> {
    pub async fn with(https: &'a Https, room: Value) -> Meeting<'a> {
        let made = https.post("/api/rooms", &room.to_string()).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        let word = |name: &str| made[name].as_str().unwrap().to_owned();
        let (slug, host_key) = (word("slug"), word("hostKey"));
        let join_url = word("joinUrl");
        let invite = join_url
            .split("&i=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap();
        let mut meeting = Meeting {
            https,
            slug,
            host_key: host_key.clone(),
            invite: invite.to_owned(),
            host: String::new(),
            guest: String::new(),
        };
        let host = meeting
            .join(json!({"name": "Host", "hostKey": host_key}))
            .await;
        let guest = meeting.join(json!({"name": "Guest"})).await;
        (meeting.host, meeting.guest) = (seat_token(&host), seat_token(&guest));
        meeting
    }

    pub async fn open(https: &'a Https, slug: &str) -> Meeting<'a> {
        let settings = json!({"questions": {"open": true}});
        Meeting::with(
            https,
            json!({"title": "Board", "slug": slug, "settings": settings}),
        )
        .await
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/rooms/{}{rest}", self.slug)
    }

    pub async fn join(&self, who: Value) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("conclave-invite", &*self.invite),
        ];
        self.https
            .send("POST", &self.path("/join"), &headers, &who.to_string())
            .await
    }

    /// What the seat of that token asks for.
    pub async fn ask(&self, token: &str, method: &str, rest: &str, body: Value) -> Answer {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", authorization.as_str()),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.https
            .send(method, &self.path(rest), &headers, &body)
            .await
    }

    pub async fn done(&self, token: &str, method: &str, rest: &str, body: Value) -> Value {
        let answer = self.ask(token, method, rest, body).await;
        assert!(
            (200..300).contains(&answer.status),
            "{method} {rest}: {}",
            answer.body
        );
        answer.json()
    }

    /// Status and code of a refusal.
    pub async fn refused(
        &self,
        token: &str,
        method: &str,
        rest: &str,
        body: Value,
    ) -> (u16, String) {
        let answer = self.ask(token, method, rest, body).await;
        (answer.status, answer.code())
    }
}

pub fn seat_token(joined: &Answer) -> String {
    assert_eq!(joined.status, 201, "{}", joined.body);
    joined.json()["seatToken"].as_str().unwrap().to_owned()
}
