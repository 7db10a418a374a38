//! Asks a server on this very machine which key it has, for trying things out without a join link.
//!
//! Over a network this would trust whoever answers, so it is refused there.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs as provider},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{invite::Fingerprint, tls};

/// TCP and the first half of the handshake.
const ASK_DEADLINE: Duration = Duration::from_secs(5);

/// Why no key was learned.
#[derive(Debug, thiserror::Error)]
pub enum AskKeyError {
    #[error(
        "Only a server on this machine can be trusted on first use. Take its join link instead."
    )]
    NotLoopback,
    #[error("The server cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("What answers there is not a Conclave server.")]
    NoKey,
}

/// The fingerprint of the server's authority. The handshake is broken off when the certificates are
/// seen, so nothing is sent to whoever it was.
pub async fn ask_fingerprint(address: SocketAddr) -> Result<Fingerprint, AskKeyError> {
    if !address.ip().to_canonical().is_loopback() {
        return Err(AskKeyError::NotLoopback);
    }
    let provider = Arc::new(provider::default_provider());
    let seen = Arc::new(Looking {
        provider: Arc::clone(&provider),
        authority: Mutex::new(None),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as _)
        .with_no_client_auth();
    let asking = async {
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::new(config));
        // It fails by design, once the certificates were seen.
        let _ = connector.connect(tls::server_name(), stream).await;
        Ok::<_, std::io::Error>(())
    };
    timeout(ASK_DEADLINE, asking)
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let authority = seen.authority.lock().take();
    authority.ok_or(AskKeyError::NoKey)
}

/// Remembers the authority's key and trusts nobody.
#[derive(Debug)]
struct Looking {
    provider: Arc<CryptoProvider>,
    authority: Mutex<Option<Fingerprint>>,
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(authority) = others.last() {
            let parsed = ParsedCertificate::try_from(authority)?;
            let hash = digest(&SHA256, parsed.subject_public_key_info().as_ref());
            let hash = hash.as_ref().try_into();
            *self.authority.lock() = hash.ok().map(Fingerprint);
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_elsewhere_is_never_trusted_on_first_use() {
        let refused = ask_fingerprint(([192, 0, 2, 1], 7_443).into()).await;
        assert!(matches!(refused, Err(AskKeyError::NotLoopback)));
    }
}
