//! What strangers are told of the server, and by which certificate it shows itself.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, sync::Arc, time::Duration};

use conclave_server::{
    config::Config,
    server::{Running, SERVICE_TYPE, Server, StartError},
    telemetry::health::{Part, Standing},
};
use mdns_sd::{IfKind, ServiceDaemon, ServiceEvent};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;
use tempfile::{TempDir, tempdir};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

mod https;
use https::Https;

const PATIENCE: Duration = Duration::from_secs(60);

fn config(data: &Path) -> Config {
    Config {
        data: data.to_owned(),
        tcp_bind: "127.0.0.1".parse().unwrap(),
        udp_bind: "127.0.0.1".parse().unwrap(),
        tcp_port: 0,
        udp_port: 0,
        ..Config::default()
    }
}

async fn start_with(change: impl FnOnce(&mut Config)) -> (TempDir, Running, Https) {
    let folder = tempdir().unwrap();
    let mut config = config(folder.path());
    change(&mut config);
    let running = Server::start(config).await.unwrap();
    let https = Https::to(&running);
    (folder, running, https)
}

/// Writes a certificate of its own making for meet.example.org, and gives it.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["meet.example.org".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(folder.join("own.key"), key.serialize_pem()).unwrap();
    fs::write(folder.join("own.pem"), certificate.pem()).unwrap();
    certificate.der().clone()
}

/// Connects as a browser would that trusts these two, and shows which certificate it was given.
async fn connect(
    running: &Running,
    name: &'static str,
    own: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let authority = running.state.identity.authority_pem();
    roots
        .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
        .unwrap();
    roots.add(own.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(("127.0.0.1", running.tcp_port)).await?;
    let connector = TlsConnector::from(Arc::new(client));
    connector
        .connect(ServerName::try_from(name).unwrap(), tcp)
        .await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

async fn is_alive(stream: &mut TlsStream<TcpStream>) -> bool {
    let request = "GET /api/server HTTP/1.1\r\nhost: meet.example.org\r\n\r\n";
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.is_ok() && &answer == b"HTTP/1.1 200 OK"
}

#[tokio::test]
async fn the_operators_certificate_is_for_browsers_and_is_changed_under_a_link_that_goes_on() {
    let folder = tempdir().unwrap();
    let first = write_certificate(folder.path());
    let running = Server::start(Config {
        tls_certificate: Some(folder.path().join("own.pem")),
        tls_key: Some(folder.path().join("own.key")),
        ..config(&folder.path().join("data"))
    })
    .await
    .unwrap();
    let mut link = connect(&running, "meet.example.org", &first).await.unwrap();
    assert_eq!(shown(&link), first);
    assert!(is_alive(&mut link).await);

    // Half of it: what was before stays.
    fs::write(
        folder.path().join("own.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA",
    )
    .unwrap();
    let stale = async {
        while running.state.health().services[&Part::Certificate] == Standing::Ok {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stale).await.unwrap();
    assert_eq!(
        shown(&connect(&running, "meet.example.org", &first).await.unwrap()),
        first
    );

    let second = write_certificate(folder.path());
    let renewed = async {
        while connect(&running, "meet.example.org", &second)
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.unwrap();
    let fresh = connect(&running, "meet.example.org", &second)
        .await
        .unwrap();
    assert_eq!(shown(&fresh), second);
    // A whole body is still unread of the first answer; the link answers all the same.
    assert!(
        link.write_all(b"GET /api/health/live HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .is_ok()
    );
    let mut more = [0; 1];
    assert!(link.read_exact(&mut more).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn our_own_programs_are_shown_our_own_certificate_whatever_the_operator_brings() {
    let folder = tempdir().unwrap();
    let own = write_certificate(folder.path());
    let running = Server::start(Config {
        tls_certificate: Some(folder.path().join("own.pem")),
        tls_key: Some(folder.path().join("own.key")),
        ..config(&folder.path().join("data"))
    })
    .await
    .unwrap();
    // By that name our own authority vouches for it, which a proxy can check.
    let program = connect(&running, "conclave.internal", &own).await.unwrap();
    assert_ne!(shown(&program), own);
    let browser = connect(&running, "meet.example.org", &own).await.unwrap();
    assert_eq!(shown(&browser), own);
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_a_reason_not_to_start() {
    let folder = tempdir().unwrap();
    write_certificate(folder.path());
    fs::write(folder.path().join("own.key"), "no key").unwrap();
    let started = Server::start(Config {
        tls_certificate: Some(folder.path().join("own.pem")),
        tls_key: Some(folder.path().join("own.key")),
        ..config(&folder.path().join("data"))
    })
    .await;
    let Err(StartError::OwnCertificate(error)) = started else {
        panic!("it started");
    };
    assert!(error.to_string().contains("own.key"), "{error}");
}

#[tokio::test]
async fn strangers_are_told_whose_server_it_is() {
    let folder = tempdir().unwrap();
    let logo = folder.path().join("logo.svg");
    fs::write(&logo, "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
    let (_data, running, https) = start_with(|config| {
        config.server_name = "Library <b>".to_owned();
        config.theme_color = Some("#123abc".to_owned());
        config.logo = Some(logo);
    })
    .await;
    let info = https.get("/api/server").await.json();
    assert_eq!(
        info["organisation"],
        json!({"name": "Library <b>", "colour": "#123abc", "hasLogo": true})
    );
    assert_eq!(info["listsRooms"], false);
    let logo = https.get("/logo").await;
    assert_eq!(logo.status, 200);
    assert_eq!(logo.header("content-type"), Some("image/svg+xml"));
    let policy = logo.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    let page = https.get("/trust").await;
    assert!(page.body.contains("Library &#60;b&#62;") || page.body.contains("Library &lt;b&gt;"));
    assert!(!page.body.contains("<b>"));
    running.stop().await;
}

#[tokio::test]
async fn a_server_without_a_name_or_a_logo_says_so() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let info = https.get("/api/server").await.json();
    let nothing = json!({"name": "", "colour": null, "hasLogo": false});
    assert_eq!(info["organisation"], nothing);
    assert_eq!(https.get("/logo").await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn the_page_about_trust_shows_the_fingerprint_of_what_it_hands_out() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let handed = https.get("/authority.crt").await;
    assert_eq!(
        handed.header("content-type"),
        Some("application/x-x509-ca-cert")
    );
    let certificate = CertificateDer::from_pem_slice(handed.body.as_bytes()).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate);
    let pairs: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let page = https.get("/trust").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&pairs.join(":")));
    assert!(page.body.contains(running.fingerprint()));
    running.stop().await;
}

#[tokio::test]
async fn rooms_are_listed_where_the_operator_allows_it_and_nowhere_else() {
    let (_folder, running, https) = start_with(|_| {}).await;
    let refused = https.get("/api/rooms").await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "listing_forbidden".to_owned())
    );
    running.stop().await;

    let (_folder, running, https) = start_with(|config| config.list_rooms = true).await;
    for (slug, title) in [("zoo", "Animals"), ("arts", "Painting")] {
        let room = json!({"title": title, "slug": slug}).to_string();
        assert_eq!(https.post("/api/rooms", &room).await.status, 201);
    }
    let rooms = https.get("/api/rooms").await.json();
    let titles: Vec<&str> = rooms["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|room| room["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["Animals", "Meeting", "Painting"]);
    running.stop().await;
}

#[tokio::test]
async fn rooms_are_made_by_the_operator_alone_where_it_is_set_so() {
    let (_folder, running, https) = start_with(|config| config.anybody_makes_rooms = false).await;
    let room = json!({"title": "Mine"}).to_string();
    let refused = https.post("/api/rooms", &room).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "creation_forbidden".to_owned())
    );
    assert_eq!(https.get("/api/rooms/lobby").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn the_local_network_is_told_when_it_is_asked_for() {
    let (_folder, running, _https) = start_with(|config| {
        config.announce = true;
        config.announce_interfaces = vec!["lo".to_owned()];
        config.server_name = "Library".to_owned();
    })
    .await;
    let (port, key) = (running.tcp_port, running.fingerprint().to_owned());
    let found = tokio::task::spawn_blocking(move || {
        let listener = ServiceDaemon::new().unwrap();
        listener.disable_interface(IfKind::All).unwrap();
        listener
            .enable_interface(IfKind::Name("lo".to_owned()))
            .unwrap();
        let events = listener.browse(SERVICE_TYPE).unwrap();
        let found = loop {
            match events.recv_timeout(PATIENCE).expect("the server is found") {
                ServiceEvent::ServiceResolved(found) if found.get_port() == port => break found,
                _ => {}
            }
        };
        listener.shutdown().ok();
        found
    })
    .await
    .unwrap();
    assert_eq!(
        found.get_property("k").map(|key| key.val_str()),
        Some(key.as_str())
    );
    assert!(
        found.get_fullname().starts_with("Library."),
        "{}",
        found.get_fullname()
    );
    running.stop().await;
}
