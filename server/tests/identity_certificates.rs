//! The server's key and its certificates, seen by a client that trusts the authority alone.
#![allow(clippy::unwrap_used)]

use std::{fs, io, path::Path, sync::Arc};

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conclave_server::auth::{
    addresses::HostNames,
    identity::{Identity, IdentityError},
};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConnection,
    SupportedProtocolVersion,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tempfile::tempdir;

fn names(advertised: &[&str]) -> HostNames {
    let advertised: Vec<String> = advertised.iter().map(|&name| name.to_owned()).collect();
    HostNames::of_this_machine(&advertised)
}

fn identity(folder: &Path) -> Identity {
    Identity::load_or_make(folder, names(&["meet.example.org"])).unwrap()
}

fn roots(identity: &Identity) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let pem = identity.authority_pem().as_bytes();
    roots
        .add(CertificateDer::from_pem_slice(pem).unwrap())
        .unwrap();
    roots
}

/// A handshake without a network, for `name`.
fn handshake(
    identity: &Identity,
    trusted: RootCertStore,
    name: &str,
    version: &'static SupportedProtocolVersion,
) -> Result<ClientConnection, rustls::Error> {
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let server = Arc::new(identity.server_config().unwrap());
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut io::Cursor::new(wire)).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut io::Cursor::new(wire)).unwrap();
        client.process_new_packets()?;
    }
    Ok(client)
}

#[test]
fn every_name_of_this_machine_is_served_in_both_versions_of_tls() {
    let folder = tempdir().unwrap();
    let identity = identity(folder.path());
    for name in [
        "localhost",
        "127.0.0.1",
        "::1",
        "meet.example.org",
        "conclave.internal",
    ] {
        for (version, expected) in [
            (&TLS13, ProtocolVersion::TLSv1_3),
            (&TLS12, ProtocolVersion::TLSv1_2),
        ] {
            let client = handshake(&identity, roots(&identity), name, version).unwrap();
            assert_eq!(client.protocol_version(), Some(expected), "{name}");
            let chain = client.peer_certificates().unwrap();
            assert_eq!(chain.len(), 2, "the leaf and the authority");
        }
    }
}

#[test]
fn other_names_and_other_authorities_are_not_trusted() {
    let (folder, other_folder) = (tempdir().unwrap(), tempdir().unwrap());
    let identity = identity(folder.path());
    assert!(handshake(&identity, roots(&identity), "evil.example", &TLS13).is_err());
    let other = Identity::load_or_make(other_folder.path(), names(&[])).unwrap();
    assert!(handshake(&identity, roots(&other), "localhost", &TLS13).is_err());
    assert_ne!(identity.fingerprint(), other.fingerprint());
}

#[test]
fn the_fingerprint_is_that_of_the_authoritys_public_key() {
    let folder = tempdir().unwrap();
    let identity = identity(folder.path());
    let trusted = roots(&identity);
    // The trust anchor has the value of the SubjectPublicKeyInfo, without its tag and length; for P-256
    // these are a SEQUENCE of 89 bytes.
    let value = trusted.roots[0].subject_public_key_info.as_ref();
    assert_eq!(value.len(), 89);
    let key = [&[0x30, 89], value].concat();
    let expected = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &key));
    assert_eq!(identity.fingerprint(), expected);
    assert_eq!(expected.len(), 43);
}

#[test]
fn the_key_stays_the_same_from_start_to_start_and_is_its_owners_alone() {
    let folder = tempdir().unwrap();
    let first = identity(folder.path());
    let second = identity(folder.path());
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.authority_pem(), second.authority_pem());
    // Who trusted the first start trusts the second.
    handshake(&second, roots(&first), "localhost", &TLS13).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = fs::metadata(folder.path().join("authority.key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_lost_certificate_is_made_anew_from_the_key() {
    let folder = tempdir().unwrap();
    let first = identity(folder.path()).fingerprint().to_owned();
    fs::remove_file(folder.path().join("authority.crt")).unwrap();
    assert_eq!(identity(folder.path()).fingerprint(), first);
}

#[test]
fn a_damaged_key_is_never_replaced() {
    let folder = tempdir().unwrap();
    identity(folder.path());
    let path = folder.path().join("authority.key");
    fs::write(&path, "nonsense").unwrap();
    let loaded = Identity::load_or_make(folder.path(), names(&[]));
    assert!(matches!(loaded, Err(IdentityError::Damaged { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "nonsense");
}

#[test]
fn a_new_address_gets_a_new_certificate_under_the_same_authority() {
    let folder = tempdir().unwrap();
    let identity = identity(folder.path());
    assert!(!identity.renew(names(&["meet.example.org"])).unwrap());
    assert!(handshake(&identity, roots(&identity), "new.example.org", &TLS13).is_err());
    assert!(identity.renew(names(&["new.example.org"])).unwrap());
    handshake(&identity, roots(&identity), "new.example.org", &TLS13).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("missing");
    let error = Identity::load_or_make(&missing, names(&[])).err().unwrap();
    assert!(error.to_string().contains("missing"), "{error}");
}
