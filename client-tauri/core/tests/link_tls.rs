//! The pinned key is the whole trust: every other server is refused, whatever it presents.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use conclave_client::link::{
    dial::{DialError, Dialer},
    invite::{Address, Fingerprint, Invite},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData,
    date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn fingerprint(authority: &Authority) -> Fingerprint {
    let key = authority.key().subject_public_key_info();
    let digest = ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, &key);
    Fingerprint(digest.as_ref().try_into().unwrap())
}

fn leaf_params() -> CertificateParams {
    CertificateParams::new(vec!["another.name".to_owned()]).unwrap()
}

fn leaf(by: &Authority, params: CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
    params.signed_by(key, by).unwrap().der().clone()
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// A server that presents this chain and signs with this key, whether they fit or not. Returns what a
/// client that pins `pin` makes of it.
async fn dial(
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    pin: Fingerprint,
) -> Result<(), DialError> {
    let signing = aws_lc_rs::sign::any_ecdsa_type(&PrivateKeyDer::from(key)).unwrap();
    let presented = Always(Arc::new(CertifiedKey::new(chain, signing)));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(presented));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let invite = Invite {
        addresses: vec![Address {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        }],
        slug: "room".to_owned(),
        fingerprint: pin,
        proof: None,
        host_key: None,
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = TlsAcceptor::from(Arc::new(config.clone()))
                .accept(stream)
                .await;
        }
    });
    Dialer::new(&invite).unwrap().dial().await.map(drop)
}

#[tokio::test]
async fn a_certificate_of_the_pinned_authority_is_taken_whatever_its_name() {
    let (authority, key) = (authority(), KeyPair::generate().unwrap());
    let chain = vec![
        leaf(&authority, leaf_params(), &key),
        authority.der().clone(),
    ];
    dial(chain, key, fingerprint(&authority)).await.unwrap();
}

#[tokio::test]
async fn a_server_of_another_authority_is_another_server() {
    let (pinned, other) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let chain = vec![leaf(&other, leaf_params(), &key), other.der().clone()];
    let error = dial(chain, key, fingerprint(&pinned)).await.unwrap_err();
    assert!(matches!(error, DialError::OtherKey { .. }), "{error}");
}

#[tokio::test]
async fn showing_the_pinned_authority_beside_a_leaf_of_ones_own_does_not_help() {
    let (pinned, other) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let chain = vec![
        leaf(&other, leaf_params(), &key),
        pinned.der().clone(),
        other.der().clone(),
    ];
    let error = dial(chain, key, fingerprint(&pinned)).await.unwrap_err();
    assert!(matches!(error, DialError::Insecure { .. }), "{error}");
}

#[tokio::test]
async fn showing_the_real_certificates_without_their_key_does_not_help() {
    let (pinned, real_key) = (authority(), KeyPair::generate().unwrap());
    let chain = vec![
        leaf(&pinned, leaf_params(), &real_key),
        pinned.der().clone(),
    ];
    let own_key = KeyPair::generate().unwrap();
    let error = dial(chain, own_key, fingerprint(&pinned))
        .await
        .unwrap_err();
    assert!(matches!(error, DialError::Insecure { .. }), "{error}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let (pinned, key) = (authority(), KeyPair::generate().unwrap());
    let mut params = leaf_params();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2020, 2, 1);
    let chain = vec![leaf(&pinned, params, &key), pinned.der().clone()];
    let error = dial(chain, key, fingerprint(&pinned)).await.unwrap_err();
    assert!(matches!(error, DialError::Insecure { .. }), "{error}");
}

#[tokio::test]
async fn the_pinned_authority_itself_is_no_servers_certificate() {
    let pinned = authority();
    let pin = fingerprint(&pinned);
    let chain = vec![pinned.der().clone(), pinned.der().clone()];
    let key = KeyPair::from_pem(&pinned.key().serialize_pem()).unwrap();
    let error = dial(chain, key, pin).await.unwrap_err();
    assert!(matches!(error, DialError::Insecure { .. }), "{error}");
}

#[tokio::test]
async fn of_several_addresses_the_one_with_the_right_key_is_taken() {
    let (authority, key) = (authority(), KeyPair::generate().unwrap());
    let chain = vec![
        leaf(&authority, leaf_params(), &key),
        authority.der().clone(),
    ];
    let signing = aws_lc_rs::sign::any_ecdsa_type(&PrivateKeyDer::from(key)).unwrap();
    let presented = Always(Arc::new(CertifiedKey::new(chain, signing)));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(presented));
    let right = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Accepts and says nothing, as a machine behind a firewall may.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_port = closed.local_addr().unwrap().port();
    drop(closed);
    let ports = [
        closed_port,
        silent.local_addr().unwrap().port(),
        right.local_addr().unwrap().port(),
    ];
    let invite = Invite {
        addresses: ports
            .map(|port| Address {
                host: "127.0.0.1".to_owned(),
                port,
            })
            .to_vec(),
        slug: "room".to_owned(),
        fingerprint: fingerprint(&authority),
        proof: None,
        host_key: None,
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = right.accept().await {
            let _ = TlsAcceptor::from(Arc::new(config.clone()))
                .accept(stream)
                .await;
        }
    });
    let stream = Dialer::new(&invite).unwrap().dial().await.unwrap();
    assert_eq!(stream.get_ref().0.peer_addr().unwrap().port(), ports[2]);
}
