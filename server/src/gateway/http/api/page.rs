//! The document as a page: all of it is text, so that it needs no script and works under the strictest policy.

use askama::Template;
use conclave_wire::RefusalCode;
use serde_json::Value;

use crate::gateway::http::problem::word;

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    title: String,
    version: String,
    about: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
    codes: Vec<Code>,
}

struct Group {
    name: String,
    endpoints: Vec<Endpoint>,
}

struct Endpoint {
    id: String,
    method: String,
    path: String,
    summary: String,
    parameters: Vec<Parameter>,
    /// Name of the schema.
    body: Option<String>,
    answers: Vec<Answer>,
}

struct Parameter {
    name: String,
    place: String,
    kind: String,
    says: String,
}

struct Answer {
    status: String,
    /// Name of the schema.
    shape: Option<String>,
    /// Codes of refusals.
    codes: Vec<String>,
}

struct Schema {
    name: String,
    json: String,
}

struct Code {
    word: String,
    status: u16,
    sentence: &'static str,
}

/// Writes the page of a document.
pub fn page(document: &Value) -> Result<String, askama::Error> {
    let mut groups: Vec<Group> = Vec::new();
    for (path, operations) in members(&document["paths"]) {
        for (method, operation) in members(operations) {
            let name = text(&operation["tags"][0]);
            let endpoint = endpoint(path, method, operation);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.endpoints.push(endpoint),
                None => groups.push(Group {
                    name,
                    endpoints: vec![endpoint],
                }),
            }
        }
    }
    let schemas = members(&document["components"]["schemas"]).map(|(name, schema)| Schema {
        name: name.to_owned(),
        json: serde_json::to_string_pretty(schema).unwrap_or_default(),
    });
    let codes = RefusalCode::ALL.iter().map(|&code| Code {
        word: word(code),
        status: code.status(),
        sentence: code.sentence(),
    });
    ApiPage {
        title: text(&document["info"]["title"]),
        version: text(&document["info"]["version"]),
        about: text(&document["info"]["description"]).replace('`', ""),
        groups,
        schemas: schemas.collect(),
        codes: codes.collect(),
    }
    .render()
}

fn endpoint(path: &str, method: &str, operation: &Value) -> Endpoint {
    let parameters = items(&operation["parameters"]).map(|parameter| Parameter {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: text(&parameter["schema"]["type"]),
        says: text(&parameter["description"]),
    });
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let answers = members(&operation["responses"]).map(|(status, answer)| {
        let problem = &answer["content"]["application/problem+json"]["schema"]["allOf"][1];
        Answer {
            status: status.to_owned(),
            shape: name_of(&answer["content"]["application/json"]["schema"]),
            codes: items(&problem["properties"]["code"]["enum"])
                .map(text)
                .collect(),
        }
    });
    Endpoint {
        id: text(&operation["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        parameters: parameters.collect(),
        body: name_of(body),
        answers: answers.collect(),
    }
}

/// The last part of a reference.
fn name_of(schema: &Value) -> Option<String> {
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    Some(name.to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}
