//! The OpenAPI 3.1 document, from the table of endpoints.

use std::collections::BTreeMap;

use conclave_wire::RefusalCode;
use serde_json::{Map, Value, json};

use super::{
    endpoint::{Answer, Body, Endpoint, Parameter, ParameterKind, Who},
    endpoints,
    schema::Shape,
};
use crate::gateway::http::{
    callers::{INVITE_HEADER, Spend},
    problem::{PROBLEM_TYPE, Problem, word},
};

const ABOUT: &str = "\
Whoever has a seat acts with its token in `Authorization: Bearer`; a body never says who acts. A seat that was \
taken here is away until a control link opens it, and is given up 30 s after the last request that showed its \
token. What is refused is a problem (RFC 9457) with a `code` that never changes. Strangers are limited by \
address; whoever shows the invite of the room (`Conclave-Invite`, the `i` of its link) or a seat token is not a \
stranger.";

/// The whole document.
pub fn document(server_name: &str) -> Value {
    let mut schemas = BTreeMap::new();
    Shape::of::<Problem>().collect(&mut schemas);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints() {
        if let Body::Json { shape, .. } = endpoint.body {
            shape.collect(&mut schemas);
        }
        if let Answer::Json(shape) = endpoint.answer {
            shape.collect(&mut schemas);
        }
        let of_path = paths.entry(endpoint.path).or_default();
        of_path.insert(endpoint.method.to_lowercase(), operation(endpoint));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Interface of {}", server_name.trim()),
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "seat": {"type": "http", "scheme": "bearer", "description": "The token of a seat."},
                "host": {"type": "http", "scheme": "bearer", "description": "The host key of a room."},
            },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({
        "operationId": endpoint.operation,
        "tags": [endpoint.group],
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint),
    });
    let security = match endpoint.who {
        Who::Anybody => json!([]),
        Who::AnybodyOrSeat => json!([{}, {"seat": []}]),
        Who::Seat => json!([{"seat": []}]),
        Who::Host => json!([{"host": []}]),
        Who::SeatOrHost => json!([{"seat": []}, {"host": []}]),
    };
    operation["security"] = security;
    match endpoint.body {
        Body::None => {}
        Body::Json { shape, is_required } => {
            let content = json!({"application/json": {"schema": shape.reference()}});
            operation["requestBody"] = json!({"required": is_required, "content": content});
        }
        Body::Bytes { kind } => {
            let content = json!({kind: {"schema": {"type": "string", "format": "binary"}}});
            operation["requestBody"] = json!({"required": true, "content": content});
        }
    }
    operation
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let names = endpoint
        .path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let of_path = names.map(|name| {
        let schema = match name {
            "slug" => json!({"type": "string", "pattern": "^[a-z0-9-]{1,50}$"}),
            "upload" => json!({"type": "string"}),
            _ => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let invite = Parameter {
        name: INVITE_HEADER,
        says: "The invite of the room, from its link.",
        kind: ParameterKind::Text,
        is_required: false,
        is_header: true,
    };
    let invites = endpoint.path.contains("{slug}") && endpoint.spends != Spend::Nothing;
    let own = endpoint
        .parameters
        .iter()
        .copied()
        .chain(invites.then_some(invite));
    let own = own.map(|parameter| {
        let schema = match parameter.kind {
            ParameterKind::Text => json!({"type": "string"}),
            ParameterKind::Integer(from, to) => {
                json!({"type": "integer", "minimum": from, "maximum": to})
            }
        };
        json!({
            "name": parameter.name,
            "in": if parameter.is_header { "header" } else { "query" },
            "required": parameter.is_required,
            "description": parameter.says,
            "schema": schema,
        })
    });
    of_path.chain(own).collect()
}

fn responses(endpoint: &Endpoint) -> Map<String, Value> {
    let mut responses = Map::new();
    for status in endpoint.statuses.iter().copied().chain([endpoint.status]) {
        let mut response = json!({"description": "Done."});
        match endpoint.answer {
            Answer::Json(shape) => {
                response["content"] = json!({"application/json": {"schema": shape.reference()}});
            }
            Answer::Bytes { kind } => {
                let schema = match kind {
                    "application/json" => json!({"type": "object"}),
                    _ => json!({"type": "string", "format": "binary"}),
                };
                response["content"] = json!({kind: {"schema": schema}});
            }
            Answer::Empty => {}
        }
        responses.insert(status.to_string(), response);
    }
    let mut by_status: BTreeMap<u16, Vec<RefusalCode>> = BTreeMap::new();
    for code in endpoint.codes() {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        // A state that is told with its status, as by the health.
        if responses.contains_key(&status.to_string()) {
            continue;
        }
        responses.insert(status.to_string(), refusal(&codes));
    }
    responses
}

/// A problem with one of these codes.
fn refusal(codes: &[RefusalCode]) -> Value {
    let says = codes
        .iter()
        .map(|code| format!("`{}`: {}", word(*code), code.sentence()));
    let words: Vec<String> = codes.iter().map(|code| word(*code)).collect();
    let schema = json!({
        "allOf": [
            Shape::of::<Problem>().reference(),
            {"type": "object", "properties": {"code": {"enum": words}}},
        ],
    });
    let mut response = json!({
        "description": says.collect::<Vec<_>>().join("\n\n"),
        "content": {PROBLEM_TYPE: {"schema": schema}},
    });
    if codes.iter().any(|code| code.status() == 429) {
        let seconds = json!({"type": "integer", "minimum": 1});
        response["headers"] = json!({"Retry-After": {"schema": seconds}});
    }
    response
}
