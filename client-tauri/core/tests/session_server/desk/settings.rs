//! What the settings keep.

use conclave_client::desk::{SettingsTrouble, Told};
use conclave_wire::limits::{FOCUS_ON_CHARS_MAX, GOALS_MAX};
use serde_json::{Value, json};

use super::{Page, code};

const NEW: &str = "config/settings.json.new";

fn stored(page: &Page) -> Value {
    let file = page.folder.path().join("config/settings.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

async fn keeps(page: &Page, focus_on: &str) {
    let study = json!({ "focusOn": focus_on, "goals": [], "shares": false, "days": {} });
    page.ask(json!({ "type": "keep_study", "payload": { "study": study } }))
        .await
        .unwrap();
}

/// How the settings stand on the disk, when that is another thing.
async fn trouble(page: &mut Page) -> Option<SettingsTrouble> {
    let changed = |told: &Told| match told {
        Told::Settings { trouble } => Some(trouble.clone()),
        _ => None,
    };
    page.heard(changed).await
}

#[tokio::test]
async fn our_own_studies_stay_in_the_settings() {
    let page = Page::open();
    let found = page.ask(json!({ "type": "own_study" })).await.unwrap();
    assert_eq!(found, Value::Null);
    let keep = |study: &Value| json!({ "type": "keep_study", "payload": { "study": study } });
    let goal = |id: usize| json!({ "id": id, "text": format!("Page {id}"), "done": id == 1 });
    let study = json!({
        "focusOn": "Waves", "goals": [goal(1), goal(2)], "shares": true, "days": { "2026-03-01": 60_000 },
    });
    page.ask(keep(&study)).await.unwrap();

    // More than a room takes of anybody is refused, and what was kept stays.
    let mut many = study.clone();
    many["goals"] = (1..=GOALS_MAX + 1).map(goal).collect();
    let mut long = study.clone();
    long["focusOn"] = "x".repeat(FOCUS_ON_CHARS_MAX + 1).into();
    let mut odd = study.clone();
    odd["days"] = json!({ "some day": 60_000 });
    for wrong in [many, long, odd] {
        let refused = page.ask(keep(&wrong)).await.unwrap_err();
        assert_eq!(code(&refused), "invalid");
    }

    page.desk.close().await;
    assert_eq!(stored(&page)["study"], study);
    let found = page.ask(json!({ "type": "own_study" })).await.unwrap();
    assert_eq!(found, study);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_once_and_what_was_set_is_written_when_there_is_room() {
    let mut page = Page::open();
    // A device that is always full stands in for a disk that is.
    let new = page.folder.path().join(NEW);
    std::os::unix::fs::symlink("/dev/full", &new).unwrap();
    keeps(&page, "Li").await;
    let told = trouble(&mut page).await.unwrap();
    assert_eq!(told.code, "settings_disk_full");
    assert!(told.text.contains("make room"), "{}", told.text);
    keeps(&page, "Light").await;
    // The program cannot write it at its end either.
    page.desk.close().await;
    assert_eq!(stored(&page)["study"], Value::Null);
    let found = page.ask(json!({ "type": "own_study" })).await.unwrap();
    assert_eq!(found["focusOn"], "Light");
    let hello = page.ask(json!({ "type": "hello" })).await.unwrap();
    assert_eq!(hello["settingsTrouble"]["code"], "settings_disk_full");

    std::fs::remove_file(&new).unwrap();
    page.desk.close().await;
    assert_eq!(stored(&page)["study"]["focusOn"], "Light");
    assert_eq!(trouble(&mut page).await, None, "and nothing in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_written_are_written_with_the_next_change() {
    let mut page = Page::open();
    // A folder in the place of the new file stops everybody, whatever they may do.
    let new = page.folder.path().join(NEW);
    std::fs::create_dir(&new).unwrap();
    keeps(&page, "Heat").await;
    let told = trouble(&mut page).await.unwrap();
    assert_eq!(told.code, "settings_unwritable");
    let folder = page.folder.path().join("config");
    assert!(
        told.text.contains(&*folder.to_string_lossy()),
        "{}",
        told.text
    );
    std::fs::remove_dir(&new).unwrap();
    keeps(&page, "Heat again").await;
    assert_eq!(trouble(&mut page).await, None);
    assert_eq!(stored(&page)["study"]["focusOn"], "Heat again");
}

/// What is written goes into a pipe, whose other end nobody reads at first.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_disk_that_stands_still_and_the_newest_is_what_stays() {
    let page = Page::open();
    let (new, aside) = (
        page.folder.path().join(NEW),
        page.folder.path().join("pipe"),
    );
    let made = std::process::Command::new("mkfifo").arg(&new).status();
    assert!(made.unwrap().success());
    for step in 0..50 {
        keeps(&page, &format!("step {step}")).await;
    }
    std::fs::rename(&new, &aside).unwrap();
    // Open for both, so that it is open at once, and whoever writes goes on.
    let mut both = std::fs::OpenOptions::new();
    let pipe = both.read(true).write(true).open(&aside).unwrap();
    page.desk.close().await;
    drop(pipe);
    assert_eq!(stored(&page)["study"]["focusOn"], "step 49");
}
