//! Everything that the document says is tried with values that are right, at the edge, and wrong. Nothing
//! may break, and every answer must be one that the document names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Meeting,
    document::operations,
    schema::{Aim, Chance, ODD, mismatch, text, value},
};
use crate::{
    https::{Answer, Https},
    start_with,
};

/// Requests for each operation.
const TRIES: usize = 24;
const SEED: u64 = 20_260_101;

#[tokio::test]
async fn no_request_breaks_the_server_and_every_answer_is_documented() {
    let (_folder, running, https) = start_with(|config| {
        config.rooms_made_per_stranger = 1_000_000;
        config.joins_per_stranger = 1_000_000;
        config.messages_per_stranger = 1_000_000;
        config.requests_per_stranger = 1_000_000;
        config.commands_burst = 1_000_000;
        config.commands_per_second = 1_000_000;
        config.wrong_passwords_per_address_burst = 1_000_000;
        config.handshakes_per_address_burst = 1_000_000;
        config.list_rooms = true;
    })
    .await;
    let document = https.get("/api/openapi.json").await.json();
    let mut chance = Chance(SEED);
    let (mut done, mut refused) = (0, 0);
    let mut objections: BTreeMap<String, String> = BTreeMap::new();
    for (number, (method, path, operation)) in operations(&document).into_iter().enumerate() {
        // What one operation ends, another finds again.
        let meeting = Meeting::open(&https, &format!("fuzz-{number}")).await;
        meeting
            .done(
                &meeting.guest,
                "POST",
                "/questions",
                json!({"question": "Why?"}),
            )
            .await;
        meeting
            .done(
                &meeting.guest,
                "POST",
                "/messages",
                json!({"text": "Hello"}),
            )
            .await;
        let target = Target {
            https: &https,
            document: &document,
            meeting: &meeting,
            method: &method,
            path: &path,
            operation: &operation,
        };
        for turn in 0..TRIES {
            let aim = [Aim::Valid, Aim::Edge, Aim::Wrong, Aim::Wrong][turn % 4];
            let (sent, answer) = target.attempt(aim, &mut chance).await;
            if let Some(why) = target.objection(&answer) {
                let told: String = answer.body.chars().take(300).collect();
                let first = format!("{sent}\n  {} {told}", answer.status);
                objections
                    .entry(format!("{method} {path}: {why}"))
                    .or_insert(first);
            }
            match answer.status < 400 {
                true => done += 1,
                false => refused += 1,
            }
        }
    }
    assert!(objections.is_empty(), "{objections:#?}");
    // It is no use to have tried only what is refused at once, or nothing that is.
    assert!(
        done > 100 && refused > 100,
        "{done} done, {refused} refused"
    );
    assert_eq!(https.get("/api/health").await.status, 200);
    running.stop().await;
}

struct Target<'a> {
    https: &'a Https,
    document: &'a Value,
    meeting: &'a Meeting<'a>,
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

impl Target<'_> {
    async fn attempt(&self, aim: Aim, chance: &mut Chance) -> (String, Answer) {
        let mut path = self.path.to_owned();
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for parameter in self.operation["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let word = self.word(name, &parameter["schema"], aim, chance);
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &escaped(&word)),
                "query" => {
                    if chance.one_in(2) {
                        query.push(format!("{name}={}", escaped(&word)));
                    }
                }
                _ => {
                    if parameter["required"] == true || chance.one_in(3) {
                        headers.push((name.to_owned(), printable(&word)));
                    }
                }
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        if let Some(token) = self.token(aim, chance) {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let (kind, body) = self.body(aim, chance);
        headers.extend(kind.map(|kind| ("content-type".to_owned(), kind)));
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let answer = self.https.send(self.method, &path, &headers, &body).await;
        let shown: String = body.chars().take(400).collect();
        (
            format!("{} {path} {headers:?} {shown}", self.method),
            answer,
        )
    }

    /// A parameter's value: what is there, or what is not.
    fn word(&self, name: &str, schema: &Value, aim: Aim, chance: &mut Chance) -> String {
        let known = match name {
            "slug" => Some(self.meeting.slug.as_str()),
            "conclave-invite" => Some(self.meeting.invite.as_str()),
            "Tus-Resumable" => Some("1.0.0"),
            "Upload-Metadata" => Some("filename YS50eHQ="),
            "Upload-Length" | "Upload-Offset" => Some("0"),
            "question" | "message" | "file" => Some("1"),
            _ => None,
        };
        match (known, aim) {
            (Some(known), Aim::Valid | Aim::Edge) => known.to_owned(),
            (Some(known), Aim::Wrong) if !chance.one_in(3) => known.to_owned(),
            _ => match value(self.document, schema, aim, chance) {
                Value::String(text) => text,
                other => other.to_string(),
            },
        }
    }

    fn token(&self, aim: Aim, chance: &mut Chance) -> Option<String> {
        let security = self.operation["security"].as_array().unwrap();
        if security.is_empty() && !chance.one_in(8) {
            return None;
        }
        let host_key = security.iter().any(|way| way.get("host").is_some());
        match (aim, chance.below(6)) {
            (Aim::Valid | Aim::Edge, 0) if host_key => Some(self.meeting.host_key.clone()),
            (Aim::Valid | Aim::Edge, 0..=3) => Some(self.meeting.host.clone()),
            (Aim::Wrong, 0) => None,
            (Aim::Wrong, 1) => Some(printable(&text(&json!({}), Aim::Wrong, chance))),
            (Aim::Wrong, 2) => Some(format!("{}.{}", self.meeting.slug, "A".repeat(43))),
            _ => Some(self.meeting.guest.clone()),
        }
    }

    /// A media type, and the body.
    fn body(&self, aim: Aim, chance: &mut Chance) -> (Option<String>, String) {
        let content = &self.operation["requestBody"]["content"];
        let Some((kind, schema)) = content.as_object().and_then(|kinds| kinds.iter().next()) else {
            return (None, String::new());
        };
        if kind != "application/json" {
            return (Some(kind.clone()), "x".repeat(chance.below(3)));
        }
        let mut body = value(self.document, &schema["schema"], aim, chance);
        if aim != Aim::Wrong && self.path == "/api/rooms/{slug}/commands" {
            body = chance.of(&commands()).clone();
        }
        let body = body.to_string();
        if aim != Aim::Wrong || chance.one_in(2) {
            return (Some(kind.clone()), body);
        }
        let odd = chance.of(&ODD).to_string();
        match chance.below(9) {
            0 => (Some("text/plain".to_owned()), body),
            1 => (None, body),
            2 => (
                Some("application/x-www-form-urlencoded".to_owned()),
                "title=a".to_owned(),
            ),
            3 => (Some(kind.clone()), "[".repeat(30_000)),
            4 => (
                Some(kind.clone()),
                format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500)),
            ),
            5 => (Some(kind.clone()), format!("\"{}\"", "z".repeat(70_000))),
            6 => (
                Some(kind.clone()),
                format!("{{\"title\":{}}}", "9".repeat(400)),
            ),
            7 => (Some(kind.clone()), odd),
            _ => (Some(kind.clone()), body[..body.len() / 2].chars().collect()),
        }
    }

    /// What is wrong with an answer.
    fn objection(&self, answer: &Answer) -> Option<String> {
        if answer.status >= 500 {
            return Some("the server broke".to_owned());
        }
        // What no path of the document matches is answered for none of them.
        let code = (answer.status >= 400 && !answer.body.is_empty()).then(|| answer.code());
        let status = match code.as_deref() {
            // As tus wants it.
            Some("unsupported_version") => "426".to_owned(),
            _ => answer.status.to_string(),
        };
        let documented = &self.operation["responses"][&status];
        if documented.is_null() {
            let elsewhere = matches!(code.as_deref(), Some("method_not_allowed"));
            return (!elsewhere)
                .then(|| format!("{} {}: {status} is not documented", self.method, self.path));
        }
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        if answer.status >= 400 && self.method != "HEAD" {
            if kind != "application/problem+json" {
                return Some(format!("the refusal is a {kind}"));
            }
            let schema = &documented["content"]["application/problem+json"]["schema"];
            return mismatch(self.document, schema, &answer.json());
        }
        let schema = &documented["content"]["application/json"]["schema"];
        match schema.is_null() || self.method == "HEAD" {
            true => None,
            false => mismatch(self.document, schema, &answer.json()),
        }
    }
}

/// Commands that leave the room as it is, more or less.
fn commands() -> [Value; 6] {
    [
        json!({"type": "raise_hand", "payload": {"raised": true}}),
        json!({"type": "say", "payload": {"text": "Hello"}}),
        json!({"type": "list_lines", "payload": {"before": 9, "lines_max": 9}}),
        json!({"type": "set_volume", "payload": {"of": 1, "percent": 50}}),
        json!({"type": "ask_floor"}),
        json!({"type": "set_password", "payload": {"password": "a"}}),
    ]
}

/// All of it but letters and digits.
fn escaped(word: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() || byte == b'-' {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    word.bytes().map(byte).collect()
}

/// As much of it as may stand in a header.
fn printable(word: &str) -> String {
    let may = |c: &char| c.is_ascii_graphic() || *c == ' ';
    word.chars().filter(may).take(4_000).collect()
}
