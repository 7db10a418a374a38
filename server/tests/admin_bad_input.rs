//! Whatever stands in a form or an address, the server answers as the document says, and goes on.
#![allow(clippy::unwrap_used)]

mod https;
mod operator;

use std::collections::BTreeMap;

use conclave_server::server::Server;
use https::{Answer, Https};
use operator::*;
use serde_json::Value;

/// What has broken programs before.
const VALUES: [&str; 20] = [
    "",
    " ",
    "0",
    "-1",
    "1",
    "true",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "1e999",
    "NaN",
    "' OR '1'='1",
    "\"; DROP TABLE rooms; --",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "%00%0d%0aset-cookie: a=b",
    "\u{0}\u{1}\u{1b}[2J",
    "\r\nset-cookie: evil=1",
    "\u{202e}gpj.exe\u{200f}",
    "ﷺ🏴‍☠️e\u{301}\u{301}\u{301}",
    "x",
];
/// They would take the script's own token away; the tests of the guard try them.
const OWN_TOKEN: [&str; 2] = ["makeToken", "revokeToken"];

/// A script with the operator's token.
struct Script {
    https: Https,
    token: String,
}

impl Script {
    async fn of(ada: &Browser, https: Https) -> Script {
        let headers = [
            ("cookie", ada.cookie.as_str()),
            ("origin", &ada.origin),
            ("accept", "application/json"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let form = format!("csrf={}", ada.csrf);
        let made = ada
            .https
            .send("POST", "/admin/access/token", &headers, &form);
        let token = made.await.json()["token"].as_str().unwrap().to_owned();
        Script { https, token }
    }

    async fn send(&self, method: &str, path: &str, accept: &str, form: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("accept", accept),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.https.send(method, path, &headers, form).await
    }
}

/// One address with one method, as the document has it.
struct Target<'a> {
    method: String,
    path: &'a str,
    operation: &'a Value,
    /// A room of its own.
    slug: String,
}

impl Target<'_> {
    /// Names and schemas of what stands behind the `?`, or in the form.
    fn fields(&self) -> Vec<(&str, &Value)> {
        let form = &self.operation["requestBody"]["content"]["application/x-www-form-urlencoded"];
        let of_form = form["schema"]["properties"].as_object();
        let of_form = of_form.into_iter().flatten();
        let parameters = self.operation["parameters"].as_array().unwrap().iter();
        let of_query = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| (parameter["name"].as_str().unwrap(), &parameter["schema"]));
        of_form
            .map(|(name, schema)| (name.as_str(), schema))
            .chain(of_query)
            .collect()
    }

    /// A part of the path that leads somewhere, if anything does.
    fn right_part(&self, name: &str) -> String {
        match name {
            "slug" => self.slug.clone(),
            "file" if self.method == "GET" => "admin.css".to_owned(),
            _ => "1".to_owned(),
        }
    }

    /// The path with its parts, and the fields as they are sent.
    fn filled(
        &self,
        part: Option<&str>,
        field: impl Fn(&Value) -> Option<String>,
    ) -> (String, String) {
        let mut path = String::new();
        for (at, piece) in self.path.split(['{', '}']).enumerate() {
            match (at % 2, part) {
                (0, _) => path.push_str(piece),
                (_, Some(part)) => path.push_str(&encoded(part)),
                (_, None) => path.push_str(&self.right_part(piece)),
            }
        }
        let fields = self.fields();
        let pairs = fields.iter().filter_map(|(name, schema)| {
            let value = field(schema)?;
            Some(format!("{name}={}", encoded(&value)))
        });
        let fields = pairs.collect::<Vec<_>>().join("&");
        match self.method.as_str() {
            "GET" => (format!("{path}?{fields}"), String::new()),
            _ => (path, fields),
        }
    }

    /// What is wrong with an answer to a script that wanted JSON, or to one that did not.
    fn objection(&self, answer: &Answer, is_json: bool) -> Option<String> {
        let documented = &self.operation["responses"][answer.status.to_string()];
        if answer.status >= 500 || documented.is_null() {
            return Some(format!("{} is not documented", answer.status));
        }
        if answer.status != 303 && answer.header("set-cookie").is_some() {
            return Some("a cookie is set".to_owned());
        }
        if !is_json {
            let is_text = !answer.body.contains("<script>alert");
            return (!is_text).then(|| "what was sent is no text".to_owned());
        }
        let content = &documented["content"]["application/json"];
        if content.is_null() {
            return None;
        }
        let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
            return Some("the answer is no JSON".to_owned());
        };
        if answer.status < 400 {
            let is_right = body.is_object() || body.is_array();
            return (!is_right).then(|| "the answer is a bare value".to_owned());
        }
        let codes = content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array();
        let is_named = codes.unwrap().contains(&body["code"]) && body["message"].is_string();
        (!is_named).then(|| format!("{} is not documented", body["code"]))
    }
}

/// What the schema asks for.
fn right(schema: &Value) -> String {
    match (&schema["enum"][0], schema["type"].as_str()) {
        (Value::String(word), _) => word.clone(),
        (_, Some("integer")) => schema["minimum"].to_string(),
        _ => "words".to_owned(),
    }
}

/// The most that the schema allows, and one more.
fn edges(schema: &Value) -> [String; 2] {
    match (schema["maxLength"].as_u64(), schema["maximum"].as_u64()) {
        (Some(chars), _) => {
            [chars, chars + 1].map(|chars| "ä".repeat(usize::try_from(chars).unwrap()))
        }
        (_, Some(most)) => [most.to_string(), (u128::from(most) + 1).to_string()],
        _ => [right(schema), String::new()],
    }
}

#[tokio::test]
async fn whatever_is_sent_is_answered_as_the_document_says_and_breaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.handshakes_per_address_burst = 1_000_000;
    let running = Server::start(config).await.unwrap();
    let ada = Browser::set_up(&running, "Ada").await;
    let script = Script::of(&ada, Https::to(&running)).await;
    let document = script.send("GET", "/admin/openapi.json", "application/json", "");
    let document = document.await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let long = "x".repeat(10_000);
    let mut objections = BTreeMap::new();
    let (mut done, mut refused, mut number) = (0, 0, 0);
    for (path, of_path) in document["paths"].as_object().unwrap() {
        for (method, operation) in of_path.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let content = &operation["responses"]["200"]["content"];
            let is_endless = !content["text/event-stream"].is_null();
            if OWN_TOKEN.contains(&name) || is_endless {
                continue;
            }
            number += 1;
            let slug = format!("fuzz-{number}");
            let form = format!("title=Fuzz&slug={slug}");
            let opened = script
                .send("POST", "/admin/rooms", "application/json", &form)
                .await;
            assert_eq!(opened.status, 200, "{}", opened.body);
            let target = Target {
                method: method.to_uppercase(),
                path,
                operation,
                slug,
            };
            // Without a field or with all of them right, at the edges, and with what is wrong.
            let mut tries = vec![
                target.filled(None, |schema| Some(right(schema))),
                target.filled(None, |_| None),
                target.filled(None, |schema| Some(edges(schema)[0].clone())),
                target.filled(None, |schema| Some(edges(schema)[1].clone())),
            ];
            for value in VALUES.iter().copied().chain([long.as_str()]) {
                if !target.fields().is_empty() {
                    tries.push(target.filled(None, |_| Some(value.to_owned())));
                }
                if path.contains('{') && !value.is_empty() && value.len() < 1_000 {
                    tries.push(target.filled(Some(value), |schema| Some(right(schema))));
                }
            }
            for (turn, (path, form)) in tries.iter().enumerate() {
                let is_json = turn % 3 != 2;
                let accept = ["text/html", "application/json"][usize::from(is_json)];
                let answer = script.send(&target.method, path, accept, form).await;
                if let Some(why) = target.objection(&answer, is_json) {
                    let form: String = form.chars().take(200).collect();
                    let told: String = answer.body.chars().take(300).collect();
                    objections
                        .entry(format!("{name}: {why}"))
                        .or_insert(format!("{} {path} {form}\n  {told}", target.method));
                }
                match answer.status < 400 {
                    true => done += 1,
                    false => refused += 1,
                }
            }
        }
    }
    assert!(objections.is_empty(), "{objections:#?}");
    assert!(number > 30, "{number} operations");
    // It is no use to have tried only what is refused at once, or nothing that is.
    assert!(
        done > 200 && refused > 200,
        "{done} done, {refused} refused"
    );
    let health = script.https.get("/api/health").await;
    assert_eq!(health.status, 200, "{}", health.body);
    running.stop().await;
}

#[tokio::test]
async fn the_document_is_for_operators_alone() {
    let (_folder, running, ada) = start_with_operator().await;
    let path = "/admin/openapi.json";
    assert_eq!(ada.get(path).await.status, 200);
    assert_eq!(Browser::new(&running).get(path).await.status, 401);
    running.stop().await;
}
