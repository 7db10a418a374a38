//! The program as the operator meets it: what it prints, how it stops, how it fails; and what a start
//! after a stop or a kill finds.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
};

use conclave_server::{
    config::Config,
    server::{Given, GivenSockets, Server, StartError},
};
use tempfile::tempdir;

mod https;
use https::Https;

fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_conclave-server"));
    program.args(arguments);
    program
}

fn start(data: &Path) -> Child {
    program(&[
        "--set",
        "tcp_bind=\"127.0.0.1\"",
        "--set",
        "udp_bind=\"127.0.0.1\"",
    ])
    .args(["--tcp-port", "0", "--udp-port", "0", "--data"])
    .arg(data)
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .unwrap()
}

/// Lines up to the one with the operator's link, the last of all.
fn banner(server: &mut Child) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(server.stdout.as_mut().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().unwrap().starts_with("Admin:") {
            return lines;
        }
    }
    panic!("the server ended: {lines:?}");
}

fn link<'a>(banner: &'a [String], name: &str) -> &'a str {
    let mut lines = banner.iter();
    let line = lines.find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap()
}

fn port_of(link: &str) -> u16 {
    let authority = link.split('/').nth(2).unwrap();
    authority.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn signal(server: &Child, name: &str) {
    let id = server.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn it_prints_where_to_go_and_stops_when_told() {
    let folder = tempdir().unwrap();
    let mut server = start(folder.path());
    let printed = banner(&mut server);
    let join_link = link(&printed, "Join:").to_owned();
    assert!(join_link.contains("/r/lobby#k="), "{join_link}");
    let host_link = link(&printed, "Host:");
    assert!(
        host_link.starts_with(&format!("{join_link}&h=")),
        "{host_link}"
    );
    assert!(link(&printed, "Admin:").contains("/admin/setup/"));
    // A QR code has at least 21 modules a side, two to a line of text, and a margin.
    let code = printed.iter().filter(|line| line.contains('\u{2588}'));
    assert!(code.count() > 10, "{printed:#?}");

    let authority = fs::read_to_string(folder.path().join("authority.crt")).unwrap();
    let https = Https::trusting(&authority, port_of(&join_link));
    assert_eq!(
        https.get("/api/rooms/lobby").await.json()["room"]["title"],
        "Meeting"
    );

    signal(&server, "TERM");
    let ended = server.wait().unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn rooms_seats_and_links_outlive_a_kill() {
    let folder = tempdir().unwrap();
    let mut server = start(folder.path());
    let before = banner(&mut server);
    let authority = fs::read_to_string(folder.path().join("authority.crt")).unwrap();
    let https = Https::trusting(&authority, port_of(link(&before, "Join:")));
    let created = https
        .post("/api/rooms", r#"{"title":"Board","slug":"board"}"#)
        .await;
    let host_key = created.json()["hostKey"].as_str().unwrap().to_owned();
    server.kill().unwrap();
    server.wait().unwrap();

    let mut server = start(folder.path());
    let after = banner(&mut server);
    let https = Https::trusting(&authority, port_of(link(&after, "Join:")));
    assert_eq!(
        https.get("/api/rooms/board").await.json()["room"]["title"],
        "Board"
    );
    let secrets = |link: &str| link.split_once('#').unwrap().1.to_owned();
    assert_eq!(
        secrets(link(&before, "Host:")),
        secrets(link(&after, "Host:"))
    );
    let ended = https.delete("/api/rooms/board", &host_key).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    signal(&server, "INT");
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn systemd_is_told_when_it_is_ready_that_it_lives_and_that_it_stops() {
    let folder = tempdir().unwrap();
    let socket = folder.path().join("notify");
    let told = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    told.set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .unwrap();
    let mut server = program(&[
        "--set",
        "tcp_bind=\"127.0.0.1\"",
        "--set",
        "udp_bind=\"127.0.0.1\"",
    ])
    .args(["--tcp-port", "0", "--udp-port", "0", "--data"])
    .arg(folder.path().join("data"))
    .env("NOTIFY_SOCKET", &socket)
    .env("WATCHDOG_USEC", "400000")
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let hear = || {
        let mut message = [0; 512];
        let length = told.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    assert!(hear().starts_with("READY=1\n"));
    for _ in 0..3 {
        assert_eq!(hear().trim_end(), "WATCHDOG=1");
    }
    signal(&server, "TERM");
    let stopping = std::iter::repeat_with(hear).find(|message| !message.contains("WATCHDOG"));
    assert!(stopping.unwrap().starts_with("STOPPING=1\n"));
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

/// Runs the program to its end; its exit code and what it said on standard error.
fn fails(arguments: &[&str]) -> String {
    let mut server = program(arguments)
        .args(["--set", "log_level=error"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let stderr = server.stderr.as_mut().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let ended = server.wait().unwrap();
    assert!(
        ended.code().is_some_and(|code| code != 0),
        "{ended}: {said}"
    );
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    said
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let folder = tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let local = "tcp_bind=\"127.0.0.1\"";
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let arguments = ["--data", data, "--udp-port", "0", "--set", local];
    let said = fails(&[&arguments[..], &["--tcp-port", &port]].concat());
    assert!(
        said.contains(&port) && said.contains("--tcp-port"),
        "{said}"
    );
    let said = fails(&[&arguments[..], &["--tcp-port", "0", "--admin-port", &port]].concat());
    assert!(
        said.contains(&port) && said.contains("--admin-port"),
        "{said}"
    );

    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let local_udp = "udp_bind=\"127.0.0.1\"";
    let said = fails(&[
        "--data",
        data,
        "--set",
        local,
        "--set",
        local_udp,
        "--tcp-port",
        "0",
        "--udp-port",
        &port,
    ]);
    assert!(
        said.contains(&port) && said.contains("--udp-port"),
        "{said}"
    );
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let data = file.to_str().unwrap();
    let said = fails(&["--data", data, "--tcp-port", "0", "--udp-port", "0"]);
    assert!(said.contains(data) && said.contains("--data"), "{said}");
}

#[test]
fn a_wrong_configuration_is_named_by_its_key() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("conclave.toml");
    fs::write(&file, "tcp_prot = 7\n").unwrap();
    let path = file.to_str().unwrap();
    for arguments in [&["--config", path][..], &["--config", path, "--check"]] {
        let said = fails(arguments);
        assert!(
            said.contains("tcp_prot") && said.contains("tcp_port?"),
            "{said}"
        );
    }
    fs::write(
        &file,
        "tls_certificate = \"missing.pem\"\ntls_key = \"missing.key\"\n",
    )
    .unwrap();
    let said = fails(&["--config", path, "--check"]);
    assert!(
        said.contains("tls_certificate") && said.contains("missing.pem"),
        "{said}"
    );
    fs::write(&file, "logo = \"missing.png\"\n").unwrap();
    let said = fails(&["--config", path, "--check"]);
    assert!(
        said.contains("logo") && said.contains("missing.png"),
        "{said}"
    );
    let checked = program(&["--check"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(checked.success());
}

#[test]
fn settings_come_from_the_environment_too() {
    let printed = program(&["--print-config"])
        .env("CONCLAVE_TCP_PORT", "1234")
        .env("CONCLAVE_FIRST_ROOM", "plenum")
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.contains("\ntcp_port = 1234\n"), "{printed}");
    assert!(printed.contains("\nfirst_room = \"plenum\"\n"), "{printed}");
    let wrong = program(&["--check"])
        .env("CONCLAVE_TCP_PROT", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success());
    assert!(
        said.contains("tcp_prot") && said.contains("did you mean"),
        "{said}"
    );
}

fn local(data: &Path) -> Config {
    Config {
        data: data.to_owned(),
        tcp_bind: "127.0.0.1".parse().unwrap(),
        udp_bind: "127.0.0.1".parse().unwrap(),
        tcp_port: 0,
        udp_port: 0,
        ..Config::default()
    }
}

#[tokio::test]
async fn two_servers_do_not_share_a_data_folder() {
    let folder = tempdir().unwrap();
    let first = Server::start(local(folder.path())).await.unwrap();
    let second = Server::start(local(folder.path())).await;
    assert!(matches!(second, Err(StartError::DataFolderInUse(_))));
    first.stop().await;
    let third = Server::start(local(folder.path())).await.unwrap();
    third.stop().await;
}

#[tokio::test]
async fn a_server_that_was_stopped_frees_its_ports_and_starts_again_as_it_was() {
    let folder = tempdir().unwrap();
    let first = Server::start(local(folder.path())).await.unwrap();
    let again = Config {
        tcp_port: first.tcp_port,
        udp_port: first.udp_port,
        ..local(folder.path())
    };
    let (fingerprint, room) = (first.fingerprint().to_owned(), first.first_room.clone());
    first.stop().await;
    let second = Server::start(again.clone()).await.unwrap();
    assert_eq!(second.fingerprint(), fingerprint);
    let (before, after) = (room.unwrap(), second.first_room.clone().unwrap());
    assert_eq!(before.join_link, after.join_link);
    assert_eq!(before.host_link, after.host_link);
    second.crash().await;
    Server::start(again).await.unwrap().stop().await;
}

#[tokio::test]
async fn no_first_room_is_opened_when_none_is_wanted() {
    let folder = tempdir().unwrap();
    let config = Config {
        first_room: String::new(),
        ..local(folder.path())
    };
    let running = Server::start(config).await.unwrap();
    assert!(running.first_room.is_none());
    assert_eq!(
        Https::to(&running).get("/api/rooms/lobby").await.status,
        404
    );
    running.stop().await;
}

#[tokio::test]
async fn sockets_that_are_open_already_are_used_instead_of_what_is_configured() {
    let folder = tempdir().unwrap();
    let open = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (tcp, admin) = (open(), open());
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let ports = (
        port(&tcp),
        Some(port(&admin)),
        udp.local_addr().unwrap().port(),
    );
    let given = Given {
        sockets: GivenSockets {
            tcp: Some(tcp),
            admin: Some(admin),
            udp: Some(udp),
        },
        ..Given::default()
    };
    let running = Server::start_with(local(folder.path()), given)
        .await
        .unwrap();
    let used = (running.tcp_port, running.admin_port, running.udp_port);
    assert_eq!(used, ports);
    assert_eq!(
        Https::to(&running).get("/api/rooms/lobby").await.status,
        200
    );
    running.stop().await;
}
