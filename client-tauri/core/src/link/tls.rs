//! TLS to a server whose key is known from the invite. No public authority is asked, and a name need not
//! match: the pinned key is the trust.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{
        CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::invite::Fingerprint;

/// A TLS client that talks to the server with this key and to no other.
///
/// # Errors
/// When the crypto library offers no usable protocol version, which is a fault of the build.
pub fn pinned(fingerprint: Fingerprint) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(provider::default_provider());
    let verifier = Arc::new(Pinned {
        fingerprint,
        provider: provider.clone(),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What a failed handshake says of the other side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsFailure {
    /// It has another key than the invite says.
    AnotherKey,
    Insecure,
    /// Nothing: the connection broke.
    None,
}

/// What the error of a handshake means.
pub fn failure(error: &std::io::Error) -> TlsFailure {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            TlsFailure::AnotherKey
        }
        Some(_) => TlsFailure::Insecure,
        None => TlsFailure::None,
    }
}

/// The server's name in the handshake. It asks for our own certificate where the operator has another
/// one for browsers.
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("conclave.internal")
        .expect("two labels of lower-case ASCII letters with one dot between are a DNS name")
}

#[derive(Debug)]
struct Pinned {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    /// One of the certificates that were sent has the pinned key, and it is the authority that has signed
    /// the leaf, which is valid now (the path is checked by webpki). Names are not compared: the key says
    /// who it is, wherever it has moved to.
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let has_pinned_key = |certificate: &&CertificateDer<'_>| {
            let parsed = ParsedCertificate::try_from(*certificate);
            parsed.is_ok_and(|parsed| {
                digest(&SHA256, parsed.subject_public_key_info().as_ref()).as_ref()
                    == self.fingerprint.0
            })
        };
        let authority = others.iter().find(has_pinned_key);
        let authority = authority.ok_or(CertificateError::ApplicationVerificationFailure)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let leaf = ParsedCertificate::try_from(leaf)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&leaf, &roots, &[], now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
