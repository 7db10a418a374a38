//! How names are spelled: `like_this` in the words of the protocol, `likeThis` in the HTTP interface. Only
//! names of members change, never values.

use serde_json::{Map, Value};

/// Spells the names of all members, however deep, `likeThis`.
pub fn to_camel_case(value: Value) -> Value {
    spell(value, &camel)
}

/// Spells the names of all members, however deep, `like_this`; those that are spelled so already stay.
pub fn to_snake_case(value: Value) -> Value {
    spell(value, &snake)
}

fn spell(value: Value, word: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(members) => {
            let spelled: Map<String, Value> = members
                .into_iter()
                .map(|(name, value)| (word(&name), spell(value, word)))
                .collect();
            Value::Object(spelled)
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| spell(item, word)).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

fn camel(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    let mut is_first_of_word = false;
    for c in name.chars() {
        match c {
            '_' if !spelled.is_empty() => is_first_of_word = true,
            c if std::mem::take(&mut is_first_of_word) => spelled.push(c.to_ascii_uppercase()),
            c => spelled.push(c),
        }
    }
    spelled
}

fn snake(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !spelled.is_empty() {
            spelled.push('_');
        }
        spelled.push(c.to_ascii_lowercase());
    }
    spelled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_change_and_values_stay() {
        let words =
            json!({"has_password": true, "people": [{"joined_at_ms": 1, "role": "co_host"}]});
        let spelled =
            json!({"hasPassword": true, "people": [{"joinedAtMs": 1, "role": "co_host"}]});
        assert_eq!(to_camel_case(words.clone()), spelled);
        assert_eq!(to_snake_case(spelled.clone()), words);
        assert_eq!(to_camel_case(spelled.clone()), spelled);
        assert_eq!(to_snake_case(words.clone()), words);
    }
}
