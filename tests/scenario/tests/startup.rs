//! What keeps the server from starting is said in one sentence, and the exit code is not 0.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::Path,
    process::Command,
};

use conclave_scenario::server::{Server, command, run_to_end};

/// A server on these ports of loopback, with its data there.
fn server_on(data: &Path, tcp_port: &str, udp_port: &str) -> Command {
    let mut command = command();
    command
        .args(["--set", "tcp_bind=127.0.0.1", "--set", "udp_bind=127.0.0.1"])
        .args(["--tcp-port", tcp_port, "--udp-port", udp_port, "--data"])
        .arg(data);
    command
}

/// A server on any ports, with its data in this folder.
fn server_in(folder: &Path) -> Command {
    server_on(&folder.join("data"), "0", "0")
}

/// The one sentence, which has all these words.
#[track_caller]
fn fails_saying(command: &mut Command, words: &[&str]) {
    let output = run_to_end(command);
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    let said: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("conclave-server: "))
        .collect();
    assert!(!output.status.success(), "it succeeded: {errors}");
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(said.len(), 1, "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    for word in words {
        assert!(said[0].contains(word), "no {word:?} in: {errors}");
    }
    assert!(output.stdout.is_empty(), "it says that it runs");
}

#[test]
fn a_tcp_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails_saying(
        &mut server_on(&folder.path().join("data"), &port, "0"),
        &[&port, "TCP", "--tcp-port"],
    );
}

#[test]
fn a_udp_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails_saying(
        &mut server_on(&folder.path().join("data"), "0", &port),
        &[&port, "UDP", "--udp-port"],
    );
}

#[test]
fn a_port_for_the_operator_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails_saying(
        server_in(folder.path()).args(["--admin-port", &port]),
        &[&port, "--admin-port"],
    );
}

#[test]
fn a_setting_that_does_not_exist_is_named_with_the_nearest_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conclave.toml");
    fs::write(&file, "room_member_max = 5\n").unwrap();
    fails_saying(
        server_in(folder.path()).arg("--config").arg(&file),
        &["room_member_max", "conclave.toml", "room_members_max"],
    );
}

#[test]
fn settings_that_are_wrong_are_named_wherever_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conclave.toml");
    for (text, words) in [
        (
            "rooms_max = \"many\"\n",
            &["rooms_max", "conclave.toml"][..],
        ),
        ("rooms_max = 0\n", &["rooms_max", "above 0"]),
        ("admin_port = 70000\n", &["admin_port"]),
        ("admin_bind = \"nowhere\"\n", &["admin_bind"]),
        ("rooms_max = \n", &["conclave.toml"]),
        ("first_room = \"Not A Slug\"\n", &["first_room"]),
        ("log_level = \"info=loud\"\n", &["log_level"]),
    ] {
        fs::write(&file, text).unwrap();
        fails_saying(server_in(folder.path()).arg("--config").arg(&file), words);
    }
    fails_saying(
        server_in(folder.path()).args(["--set", "rooms_max=-1"]),
        &["rooms_max"],
    );
    fails_saying(
        server_in(folder.path()).env("CONCLAVE_ROOMS_MAX", "plenty"),
        &["rooms_max", "environment"],
    );
    fails_saying(
        server_in(folder.path())
            .arg("--config")
            .arg(folder.path().join("absent.toml")),
        &["absent.toml", "is not there"],
    );
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    // Permissions do not stop root, under whom stories may run; a file in the way and /proc stop everybody.
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "not a folder").unwrap();
    for data in [
        in_the_way.join("data"),
        in_the_way,
        "/proc/conclave-data".into(),
    ] {
        let name = data.display().to_string();
        fails_saying(&mut server_on(&data, "0", "0"), &[&name, "--data"]);
    }
}

#[test]
fn a_data_folder_in_use_is_named_and_its_user_runs_on() {
    let first = Server::start();
    fails_saying(
        &mut server_on(first.data(), "0", "0"),
        &["another server", "--data"],
    );
    assert!(first.is_running());
}

#[test]
fn a_database_that_is_none_is_named_and_left_as_it_is() {
    let server = Server::start();
    let data = server.data();
    assert!(server.stop().success());
    let database = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            let bytes = fs::read(path).unwrap_or_default();
            bytes.starts_with(b"SQLite format 3")
        })
        .expect("the data folder has a database");
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with("-wal") || name.ends_with("-shm") {
            fs::remove_file(path).unwrap();
        }
    }
    let garbage = b"this was a database once ".repeat(1_000);
    fs::write(&database, &garbage).unwrap();
    fails_saying(&mut server_on(data, "0", "0"), &["database"]);
    assert_eq!(fs::read(&database).unwrap(), garbage);
}

#[test]
fn a_server_that_is_told_to_stop_stops_with_exit_code_0() {
    let server = Server::start();
    let status = server.stop();
    assert!(status.success(), "{status}\n{}", server.log_tail());
    server.start_again();
    assert!(server.is_running());
}
