//! The page in a browser, measured by the browser's own stories (`tests/browser/bench`), which leave their figures
//! in files.

use std::{fs, path::Path, process::Stdio};

use serde::Deserialize;
use tokio::process::Command;

use crate::{
    Outcome,
    load::Load,
    page::{Requirement, Row, Section},
};

/// What is measured, in the order of the page; each leaves a file of this name.
const MEASURES: [&str; 5] = ["1-first", "2-pictures", "3-nine", "4-words", "5-leaks"];
const STORIES: &str = "tests/browser";

const ABOUT: &str = "Chromium without a window or a graphics processor, which paints in software, against the \
server, on loopback; browsers, publishers and server share the cores. Cameras and screens film a clock: its time is \
taken before a picture is captured and read again from what is drawn, at the browser's next frame. The fields are \
32 bits of milliseconds, so encoding, the server, decoding and painting are all in it. Pictures are as heavy as \
faces. Nine cameras are nine native clients in one process. Sound is *heard* when the samples that the page plays \
rise above silence.";

/// What one of the stories found.
#[derive(Deserialize)]
struct Figures {
    rows: Vec<Row>,
    at_most: Vec<AtMost>,
}

#[derive(Deserialize)]
struct AtMost {
    what: String,
    limit: f64,
    measured: f64,
    unit: String,
    why: String,
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let folder = tempfile::Builder::new()
        .prefix("conclave-bench-page")
        .tempdir()?;
    let mut command = Command::new("npm");
    command
        .args(["--prefix", STORIES, "run", "--silent", "bench"])
        .env("CONCLAVE_BENCH_OUT", folder.path())
        .env("CONCLAVE_PROGRAMS", "release")
        .env("CONCLAVE_BENCH_QUICK", if load.quick { "1" } else { "0" })
        // Only the section may stand on this process's output.
        .stdout(Stdio::null())
        .kill_on_drop(true);
    // A story that fails leaves no file, which is told below.
    command
        .status()
        .await
        .map_err(|error| format!("npm does not start: {error}"))?;
    let mut section = Section::new("The page", ABOUT);
    for name in MEASURES {
        add(&mut section, name, folder.path());
    }
    Ok(section)
}

fn add(section: &mut Section, name: &str, folder: &Path) {
    let read = fs::read_to_string(folder.join(format!("{name}.json")));
    let figures = read
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    match figures {
        Ok(Figures { rows, at_most }) => {
            section.rows.extend(rows);
            for one in at_most {
                section.at_most(&one.what, one.limit, one.measured, &one.unit, &one.why);
            }
        }
        Err(why) => section.requirements.push(Requirement {
            what: format!("Page: {name}"),
            must: "to be measured".to_owned(),
            measured: "nothing".to_owned(),
            met: false,
            why,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_story_become_rows_and_requirements_and_a_missing_story_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"rows": [{"what": "chat", "figure": "p95 9 ms"}],
            "at_most": [{"what": "Page: chat", "limit": 50, "measured": 9, "unit": "ms", "why": "slow"}]}"#;
        fs::write(folder.path().join("4-words.json"), text).unwrap();
        let mut section = Section::new("The page", ABOUT);
        add(&mut section, "4-words", folder.path());
        add(&mut section, "5-leaks", folder.path());
        assert_eq!(section.rows.len(), 1);
        let met: Vec<bool> = section.requirements.iter().map(|one| one.met).collect();
        assert_eq!(met, [true, false]);
    }
}
