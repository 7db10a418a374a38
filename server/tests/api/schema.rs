//! Schemas: whether a value is what one says, and values that are, nearly are, and are not.

use serde_json::{Map, Value, json};

/// Numbers by chance, the same for the same seed (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }

    /// Whether one in `many` is it.
    pub fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub fn of<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len())]
    }
}

/// Texts that have broken programs.
pub const ODD: [&str; 16] = [
    "",
    " ",
    "\u{0}",
    "\u{202e}reversed",
    "a\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦",
    "\u{feff}bom",
    "\u{ffff}",
    "'; DROP TABLE rooms; --",
    "\" OR 1=1 --",
    "../../../../etc/passwd",
    "%00%ff%2e",
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}",
    "\r\nSet-Cookie: a=b",
    "𝒜𝓁𝓁 𝓂𝒶𝓉𝒽",
];

/// Where a reference leads.
pub fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            let name = reference.rsplit('/').next().unwrap();
            resolved(document, &document["components"]["schemas"][name])
        }
        None => schema,
    }
}

/// Why a value is not what a schema says.
pub fn mismatch(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = resolved(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        if let Some(why) = mismatch(document, part, value) {
            return Some(why);
        }
    }
    for any in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[any].as_array()
            && parts
                .iter()
                .all(|part| mismatch(document, part, value).is_some())
        {
            return Some(format!("{value} is none of {any}"));
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Some(format!("{value} is not one of {allowed:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    if !types.iter().any(|kind| is_of(kind, value)) {
        return Some(format!("{value} is no {types:?}"));
    }
    match value {
        Value::Object(members) => {
            let required = schema["required"].as_array().into_iter().flatten();
            for name in required.filter_map(Value::as_str) {
                if !members.contains_key(name) {
                    return Some(format!("{name} is missing in {value}"));
                }
            }
            let properties = schema["properties"].as_object();
            for (name, value) in members {
                if let Some(schema) = properties.and_then(|properties| properties.get(name))
                    && let Some(why) = mismatch(document, schema, value)
                {
                    return Some(format!("{name}: {why}"));
                }
            }
            None
        }
        Value::Array(items) => items
            .iter()
            .find_map(|item| mismatch(document, &schema["items"], item)),
        _ => None,
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("a schema has the type {other}"),
    }
}

/// How good a value is meant to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Aim {
    Valid,
    Edge,
    Wrong,
}

/// A value for a schema.
pub fn value(document: &Value, schema: &Value, aim: Aim, chance: &mut Chance) -> Value {
    let schema = resolved(document, schema);
    if aim == Aim::Wrong && chance.one_in(3) {
        return wrong(chance);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(members) = value(document, part, aim, chance) {
                whole.extend(members);
            }
        }
        return Value::Object(whole);
    }
    for any in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[any].as_array() {
            let part = chance.of(parts).clone();
            return value(document, &part, aim, chance);
        }
    }
    if let Some(allowed) = schema["enum"].as_array() {
        return chance.of(allowed).clone();
    }
    let kind = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => chance.of(several).as_str().unwrap().to_owned(),
        _ => "string".to_owned(),
    };
    match kind.as_str() {
        "null" => Value::Null,
        "boolean" => json!(chance.one_in(2)),
        "integer" | "number" => number(schema, aim, chance),
        "array" => {
            let most = if aim == Aim::Edge { 60 } else { 3 };
            let items = 0..chance.below(most);
            items
                .map(|_| value(document, &schema["items"], aim, chance))
                .collect()
        }
        "object" => object(document, schema, aim, chance),
        _ => json!(text(schema, aim, chance)),
    }
}

fn object(document: &Value, schema: &Value, aim: Aim, chance: &mut Chance) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut members = Map::new();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let must = required.contains(&json!(name));
        let there = match aim {
            Aim::Valid | Aim::Edge => must || chance.one_in(2),
            Aim::Wrong => !chance.one_in(4),
        };
        if there {
            members.insert(name.clone(), value(document, schema, aim, chance));
        }
    }
    if aim != Aim::Valid && chance.one_in(4) {
        members.insert((*chance.of(&ODD)).to_owned(), wrong(chance));
    }
    Value::Object(members)
}

fn number(schema: &Value, aim: Aim, chance: &mut Chance) -> Value {
    let least = schema["minimum"].as_u64().unwrap_or(0);
    let most = schema["maximum"].as_u64().unwrap_or(1_000);
    match aim {
        Aim::Valid => json!(least + chance.next() % (most - least).clamp(1, 50)),
        Aim::Edge => json!(*chance.of(&[least, most, least + 1, most.saturating_sub(1)])),
        Aim::Wrong => chance
            .of(&[
                json!(-1),
                json!(0),
                json!(1.5),
                json!(1e300),
                json!(u64::MAX),
                json!(i64::MIN),
            ])
            .clone(),
    }
}

pub fn text(schema: &Value, aim: Aim, chance: &mut Chance) -> String {
    let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(1)).unwrap();
    let most = usize::try_from(schema["maxLength"].as_u64().unwrap_or(40)).unwrap();
    let letters = |length: usize, chance: &mut Chance| -> String {
        (0..length)
            .map(|_| char::from(b'a' + u8::try_from(chance.below(26)).unwrap()))
            .collect()
    };
    match aim {
        Aim::Valid => letters(least + chance.below((most - least).min(20)), chance),
        Aim::Edge => {
            let length = *chance.of(&[least, most]);
            match chance.one_in(3) {
                true => "é".repeat(length / 2),
                false => letters(length, chance),
            }
        }
        Aim::Wrong => match chance.below(3) {
            0 => "x".repeat(most + 1),
            1 => "y".repeat(9_000),
            _ => (*chance.of(&ODD)).to_owned(),
        },
    }
}

/// A value of any kind.
fn wrong(chance: &mut Chance) -> Value {
    match chance.below(8) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e308),
        4 => json!([[[[[[[[]]]]]]]]),
        5 => json!({"": {"": {"": {}}}}),
        6 => json!([1, "a", null, {}]),
        _ => json!(chance.of(&ODD)),
    }
}
