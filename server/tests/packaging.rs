//! What the packages bring beside the program fits the program.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use conclave_server::{
    config::{Config, Flags},
    server::Server,
};
use tempfile::tempdir;

mod https;
use https::Https;

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(file)
}

#[test]
fn the_settings_of_the_package_are_right() {
    let file = packaging("conclave.toml");
    let flags = ["conclave-server", "--config", file.to_str().unwrap()];
    let config = Flags::from_arguments(flags).unwrap().load().unwrap();
    assert_eq!(config.data, Path::new("/var/lib/conclave"));
    assert_eq!(
        config.log_folder.as_deref(),
        Some(Path::new("/var/log/conclave"))
    );
    let unit = fs::read_to_string(packaging("systemd/conclave.service")).unwrap();
    for line in [
        "StateDirectory=conclave",
        "LogsDirectory=conclave",
        "ExecStart=/usr/bin/conclave-server --config /etc/conclave/conclave.toml",
    ] {
        assert!(unit.lines().any(|its| its == line), "{line}");
    }
}

/// Everything in a text that looks like the name of a figure.
fn figures_in(text: &str) -> BTreeSet<String> {
    let is_part = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    let words = text.split(|char: char| !is_part(char));
    let figures = words.filter(|word| word.starts_with("conclave_"));
    figures.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_dashboard_and_the_alert_rules_ask_for_figures_that_there_are() {
    let folder = tempdir().unwrap();
    let running = Server::start(Config {
        data: folder.path().to_owned(),
        tcp_bind: "127.0.0.1".parse().unwrap(),
        udp_bind: "127.0.0.1".parse().unwrap(),
        tcp_port: 0,
        udp_port: 0,
        ..Config::default()
    })
    .await
    .unwrap();
    let there = figures_in(&Https::to(&running).get("/metrics").await.body);
    for file in ["grafana/conclave.json", "prometheus/alerts.yml"] {
        let asked = figures_in(&fs::read_to_string(packaging(file)).unwrap());
        assert!(asked.len() > 5, "{file}");
        let missing: Vec<&String> = asked.difference(&there).collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}");
    }
    let dashboard = fs::read_to_string(packaging("grafana/conclave.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&dashboard).unwrap();
    running.stop().await;
}

#[test]
fn examples_name_the_servers_port_and_can_be_read() {
    let port = Config::default().tcp_port.to_string();
    let examples = ["firewall", "proxy"].map(packaging);
    let examples = examples
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut seen = 0;
    for path in examples.map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(&port), "{}", path.display());
        // Two hyphens end nothing but are forbidden in a comment (XML 1.0 section 2.5).
        let comments = text.split("<!--").skip(1);
        for comment in comments.filter_map(|rest| rest.split_once("-->")) {
            assert!(!comment.0.contains("--"), "{}", path.display());
        }
        seen += 1;
    }
    assert!(seen >= 8, "{seen} examples");
}

#[test]
fn the_service_is_kept_from_what_it_does_not_need() {
    let unit = packaging("systemd/conclave.service");
    // At most 2.0 of 10, where less is better.
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--threshold=20", "--no-pager"])
        .arg(unit)
        .output();
    match judged {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("there is no systemd-analyze here: the unit was not judged");
        }
        judged => {
            let judged = judged.unwrap();
            let said = String::from_utf8_lossy(&judged.stdout).into_owned();
            assert!(judged.status.success(), "{said}");
        }
    }
}
