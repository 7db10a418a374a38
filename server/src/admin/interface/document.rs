//! The OpenAPI 3.1 document of the operator's pages, for scripts that show the token.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    ALL,
    entry::{Entry, Field, Gives, Kind, Who},
};
use crate::admin::refused::Refused;

const ABOUT: &str = "\
A script shows the token of the page Access in `Authorization: Bearer`, and asks with `Accept: application/json`; it \
needs no form token. People sign in instead, with a cookie, and their forms carry the field `csrf` and the origin of \
the page. What is refused has a `code` that never changes and a `message` for people.";

/// The whole document.
pub fn document(server_name: &str) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for entry in ALL {
        let of_path = paths.entry(format!("/admin{}", entry.path)).or_default();
        of_path.insert(entry.method.to_lowercase(), operation(entry));
    }
    let word = json!({"type": "string"});
    let refusal = json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": word, "message": word},
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Operator's pages of {}", server_name.trim()),
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {"Refusal": refusal},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The token for scripts."},
            },
        },
    })
}

fn operation(entry: &Entry) -> Value {
    let mut operation = json!({
        "operationId": entry.operation,
        "summary": entry.summary,
        "parameters": parameters(entry),
        "responses": responses(entry),
        "security": match entry.who {
            Who::Anybody => json!([]),
            Who::Operator => json!([{"token": []}]),
        },
    });
    if entry.is_form() && !entry.fields.is_empty() {
        let properties: Map<String, Value> = entry
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), schema(field)))
            .collect();
        let needed = entry.fields.iter().filter(|field| field.is_needed);
        let needed: Vec<&str> = needed.map(|field| field.name).collect();
        let schema = json!({"type": "object", "properties": properties, "required": needed});
        let content = json!({"application/x-www-form-urlencoded": {"schema": schema}});
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

fn parameters(entry: &Entry) -> Vec<Value> {
    let names = entry
        .path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let of_path = names.map(|name| {
        let schema = match name {
            "id" | "file" if entry.is_form() => {
                json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
            }
            "opened" => json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
            _ => json!({"type": "string"}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let query = match entry.is_form() {
        true => &[][..],
        false => entry.fields,
    };
    let of_query = query.iter().map(|field| {
        json!({"name": field.name, "in": "query", "required": field.is_needed, "schema": schema(field)})
    });
    of_path.chain(of_query).collect()
}

fn schema(field: &Field) -> Value {
    let mut schema = match field.kind {
        Kind::Text(chars_max) => json!({"type": "string", "maxLength": chars_max}),
        Kind::Integer(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
        Kind::OneOf(words) => json!({"type": "string", "enum": words}),
    };
    schema["description"] = field.says.into();
    schema
}

fn responses(entry: &Entry) -> Map<String, Value> {
    let html = || json!({"text/html": {}});
    let (status, content) = match entry.gives {
        // Rows of tables get more columns with time: what they are called does not change.
        Gives::Page(status) => (
            status,
            json!({"application/json": {"schema": {"type": ["object", "array"]}}, "text/html": {}}),
        ),
        Gives::Html => (200, html()),
        Gives::Way => (303, json!({})),
        Gives::Bytes(kind) => (200, json!({kind: {}})),
    };
    let mut responses = Map::new();
    responses.insert(
        status.to_string(),
        json!({"description": "Done.", "content": content}),
    );
    if entry.is_form() && entry.gives == Gives::Page(200) {
        let way = json!({"description": "Done, for people: the way to a page that says so."});
        responses.insert("303".to_owned(), way);
    }
    let mut by_status: BTreeMap<u16, Vec<Refused>> = BTreeMap::new();
    for refused in entry.refusals() {
        by_status
            .entry(refused.status().as_u16())
            .or_default()
            .push(refused);
    }
    for (status, refusals) in by_status {
        responses.insert(status.to_string(), refusal(&refusals));
    }
    responses
}

fn refusal(refusals: &[Refused]) -> Value {
    let says = refusals
        .iter()
        .map(|refused| format!("`{}`: {}", refused.code(), refused.sentence()));
    let codes: Vec<String> = refusals.iter().map(Refused::code).collect();
    let schema = json!({
        "allOf": [
            {"$ref": "#/components/schemas/Refusal"},
            {"type": "object", "properties": {"code": {"enum": codes}}},
        ],
    });
    json!({
        "description": says.collect::<Vec<_>>().join("\n\n"),
        "content": {"application/json": {"schema": schema}},
    })
}
