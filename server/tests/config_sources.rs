//! Settings from every source, and what the operator is told about a mistake.
#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

use conclave_server::config::{Config, ConfigError, Flags};
use tempfile::tempdir;

fn flags(arguments: &[&str]) -> Flags {
    Flags::from_arguments([&["conclave-server"], arguments].concat()).unwrap()
}

fn load(arguments: &[&str]) -> Result<Config, ConfigError> {
    flags(arguments).load()
}

fn from_file(text: &str) -> Result<Config, String> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("conclave.toml");
    fs::write(&path, text).unwrap();
    let loaded = load(&["--config", path.to_str().unwrap()]);
    loaded.map_err(|error| error.to_string().replace(path.to_str().unwrap(), "FILE"))
}

#[test]
fn defaults_are_right_as_they_are() {
    assert_eq!(load(&[]).unwrap(), Config::default());
    let config = Config::default();
    assert_eq!((config.tcp_port, config.udp_port), (7443, 7443));
    assert_eq!(config.admin_port, None);
}

#[test]
fn the_example_file_is_what_the_program_prints() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/conclave.example.toml");
    let written = fs::read_to_string(example).unwrap();
    assert_eq!(
        written,
        Config::default().to_toml(),
        "write it anew with: conclave-server --print-config > server/conclave.example.toml"
    );
}

#[test]
fn the_example_file_loads_as_the_defaults_and_explains_every_key() {
    let example = Config::default().to_toml();
    assert_eq!(from_file(&example), Ok(Config::default()));
    for key in Config::keys() {
        let mentioned = example.lines().any(|line| {
            line.trim_start_matches("# ")
                .starts_with(&format!("{key} "))
        });
        assert!(mentioned, "{key}");
    }
}

#[test]
fn a_flag_is_stronger_than_the_file() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("conclave.toml");
    fs::write(&path, "tcp_port = 1000\nudp_port = 2000\nrooms_max = 3\n").unwrap();
    let config = load(&[
        "--config",
        path.to_str().unwrap(),
        "--tcp-port",
        "1111",
        "--data",
        "/elsewhere",
        "--set",
        "rooms_max=4",
        "--set",
        "first_room_title=Monday meeting",
        "--set",
        "advertised_addresses=[\"meet.example.org\"]",
    ])
    .unwrap();
    assert_eq!((config.tcp_port, config.udp_port), (1111, 2000));
    assert_eq!(config.rooms_max, 4);
    assert_eq!(config.first_room_title, "Monday meeting");
    assert_eq!(config.advertised_addresses, ["meet.example.org"]);
    assert_eq!(config.data, PathBuf::from("/elsewhere"));
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_that_exists() {
    assert_eq!(
        from_file("tcp_prot = 1"),
        Err("there is no setting tcp_prot in FILE; did you mean tcp_port?".to_owned())
    );
    assert_eq!(
        load(&["--set", "room_max=1"]).unwrap_err().to_string(),
        "there is no setting room_max; did you mean rooms_max?"
    );
    assert_eq!(
        from_file("zzz = 1"),
        Err("there is no setting zzz in FILE; see --print-config for all keys".to_owned())
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_its_key() {
    let error = from_file("tcp_port = \"high\"").unwrap_err();
    assert!(error.starts_with("tcp_port in FILE must be u16"), "{error}");
    let error = from_file("udp_port = 70000").unwrap_err();
    assert!(error.starts_with("udp_port in FILE"), "{error}");
    let error = from_file("tcp_bind = \"nowhere\"").unwrap_err();
    assert!(error.starts_with("tcp_bind in FILE"), "{error}");
}

#[test]
fn every_mistake_is_one_line() {
    for text in [
        "tcp_port = ",
        "= 3",
        "[tcp_port]\na = 1",
        "tcp_port = 1\ntcp_port = 2",
        "first_room = \"Not A Slug\"",
        "first_room_title = \"\"",
        "rooms_max = 0",
        "log_level = \"info,=,\"",
        "tcp_port = 5\nadmin_port = 5",
        "store_durability = \"eternal\"",
        "log_format = \"xml\"",
        "log_file_bytes_max = 10\nlog_files_bytes_max = 9",
        "tls_certificate = \"only-this.pem\"",
        "tls_key = \"only-this.pem\"",
        "theme_color = \"green\"",
        "theme_color = \"#12345\"",
        "logo = \"logo.exe\"",
        "server_name = \"\"",
        "server_name = \"a\\nb\"",
        "metrics_token = \"short\"",
        "metrics_token = \"with spaces in between\"",
        "alert_webhook = \"http://example.org/\"",
        "alert_webhook = \"nowhere\"",
        "alert_disk_free_percent = 101",
        "alert_poor_percent = 0",
    ] {
        let error = from_file(text).unwrap_err();
        assert_eq!(error.lines().count(), 1, "{text}: {error}");
        assert!(error.len() > 20, "{text}: {error}");
    }
}

#[test]
fn a_limit_of_zero_is_refused_but_a_port_of_zero_means_any() {
    let error = load(&["--set", "rooms_max=0"]).unwrap_err();
    assert_eq!(error.key.as_deref(), Some("rooms_max"));
    let config = load(&["--tcp-port", "0", "--udp-port", "0", "--admin-port", "0"]).unwrap();
    assert_eq!(config.admin_port, Some(0));
}

#[test]
fn a_mistake_in_what_goes_together_is_named_by_the_key_that_helps() {
    for (text, key) in [
        ("tls_certificate = \"a.pem\"", "tls_key"),
        ("tls_key = \"a.pem\"", "tls_certificate"),
        (
            "log_file_bytes_max = 10\nlog_files_bytes_max = 9",
            "log_files_bytes_max",
        ),
        ("logo = \"picture.gif\"", "logo"),
        ("alert_webhook = \"http://192.0.2.1/\"", "alert_webhook"),
    ] {
        let error = from_file(text).unwrap_err();
        assert!(error.starts_with(key), "{text}: {error}");
    }
    for fine in [
        "alert_webhook = \"http://127.0.0.1:9000/hook\"",
        "alert_webhook = \"http://[::1]:9000/hook\"",
        "alert_webhook = \"https://example.org/hook\"",
        "tls_certificate = \"a.pem\"\ntls_key = \"a.key\"",
        "logo = \"Logo.SVG\"",
        "theme_color = \"#12AbcD\"",
    ] {
        assert!(from_file(fine).is_ok(), "{fine}: {:?}", from_file(fine));
    }
}

#[test]
fn secrets_are_known_as_such_and_exist() {
    let keys: Vec<&str> = Config::keys().collect();
    for key in ["metrics_token", "alert_webhook"] {
        assert!(Config::is_secret(key) && keys.contains(&key), "{key}");
    }
    assert!(!Config::is_secret("tcp_port"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load(&["--config", "/no/such/file.toml"]).unwrap_err();
    assert!(error.to_string().contains("/no/such/file.toml"), "{error}");
}

#[test]
fn a_set_without_a_value_is_explained() {
    let error = load(&["--set", "rooms_max"]).unwrap_err().to_string();
    assert!(error.contains("--set key=value"), "{error}");
}
