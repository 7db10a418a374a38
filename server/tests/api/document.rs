//! The document and its page say what is there, and nothing is there that they do not say.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::start_with;

/// Method and path of every operation, in their order.
pub fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, of_path) in document["paths"].as_object().unwrap() {
        for (method, operation) in of_path.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn every_operation_is_there_and_other_methods_are_not() {
    let (_folder, running, https) =
        start_with(|config| config.requests_per_stranger = 10_000).await;
    let document = https.get("/api/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let operations = operations(&document);
    assert!(operations.len() > 30, "{}", operations.len());
    let known: BTreeSet<_> = operations
        .iter()
        .map(|(method, path, _)| (method.as_str(), path.as_str()))
        .collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in &operations {
        assert!(
            ids.insert(operation["operationId"].to_string()),
            "{path}: its id is taken"
        );
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|summary| !summary.is_empty())
        );
        let real = path
            .replace("{slug}", "none")
            .replace("{upload}", &"0".repeat(32));
        let real = real
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part });
        let real = real.collect::<Vec<_>>().join("/");
        let answer = https.send(method, &real, &[], "").await;
        assert_ne!(answer.status, 405, "{method} {path}");
        let is_there = !answer.body.contains("\"code\":\"no_such_endpoint\"");
        assert!(is_there, "{method} {path}: {}", answer.body);
        for other in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if !known.contains(&(other, path.as_str())) {
                let answer = https.send(other, &real, &[], "").await;
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (405, "method_not_allowed"),
                    "{other} {path}"
                );
                let allowed = answer.header("allow").unwrap().to_owned();
                assert!(
                    allowed.split(", ").any(|allowed| allowed == method),
                    "{path}: {allowed}"
                );
            }
        }
    }
    running.stop().await;
}

/// Routes are registered from the table that the document is written from; this finds any other.
#[test]
fn nothing_under_api_is_registered_beside_the_table() {
    fn look(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let squeezed: String = text.split_whitespace().collect();
                for call in ["resource(\"/api", "route(\"/api", "scope(\"/api"] {
                    if squeezed.contains(call) {
                        found.push(format!("{} has {call}", path.display()));
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    look(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn the_page_says_all_of_it_without_a_script_under_the_strictest_policy() {
    let (_folder, running, https) = start_with(|config| {
        config.server_name = "<b>School</b>".to_owned();
    })
    .await;
    let document = https.get("/api/openapi.json").await.json();
    let page = https.get("/api/docs").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(!page.body.contains("<script") && !page.body.contains("style="));
    assert!(!page.body.contains("<b>School") && page.body.contains("School"));
    for (method, path, _) in operations(&document) {
        assert!(
            page.body.contains(&format!("<code>{method} {path}</code>")),
            "{method} {path}"
        );
    }
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(
            page.body.contains(&format!("id=\"shape-{name}\"")),
            "{name}"
        );
    }
    // Where the `type` of a problem leads.
    assert!(page.body.contains("id=\"room_not_found\""));
    running.stop().await;
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_names_are_spelled_as_they_are_sent() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let document = https.get("/api/openapi.json").await.json();
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(!document["components"]["schemas"][name].is_null(), "{name}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        for property in schema["properties"].as_object().into_iter().flatten() {
            // The refusal in a problem is spelled as on control links.
            let spelled = !property.0.contains('_') || property.0 == "retry_after_ms";
            assert!(spelled, "{name}.{}", property.0);
        }
    }
    running.stop().await;
}
