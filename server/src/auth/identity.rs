//! The server's own key and certificates: a small certificate authority that links pin.
//!
//! The first start makes one ECDSA P-256 key (browsers refuse Ed25519) and its authority
//! certificate. Certificates for the addresses of the day are signed with it, held in memory only,
//! and made anew when addresses change or their time runs out; links stay valid throughout.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs as provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::OffsetDateTime;

use super::addresses::HostNames;

const KEY_FILE: &str = "authority.key";
const CERTIFICATE_FILE: &str = "authority.crt";
/// An authority is trusted by hand, so it lives long: 20 years.
const AUTHORITY_LIFE: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// Life of a certificate for addresses; browsers take at most 825 days from an own authority.
const LEAF_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// A certificate is made anew when it lives no longer than this.
const LEAF_RENEWED_BEFORE_END: Duration = Duration::from_secs(30 * 24 * 3600);
/// Certificates are valid from so long before they were made, for clocks that are behind.
const BACKDATED: Duration = Duration::from_secs(24 * 3600);

/// Why there is no key to serve with.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot read {path}: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot write {path}: {source}")]
    Unwritable { path: PathBuf, source: io::Error },
    #[error(
        "{path} does not hold a usable key; put it back from a backup, or remove it to get a new identity (all join links change)"
    )]
    Damaged { path: PathBuf },
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
}

/// The authority, and the certificate that is presented now.
pub struct Identity {
    issuer: Issuer<'static, KeyPair>,
    authority: CertificateDer<'static>,
    authority_pem: String,
    fingerprint: String,
    presented: Arc<Presented>,
    issued: Mutex<Issued>,
}

struct Issued {
    names: HostNames,
    ends_at: OffsetDateTime,
}

#[derive(Debug)]
struct Presented(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Identity {
    /// Reads the authority's key from the data folder, or makes it, readable by the owner alone;
    /// then issues a certificate for `names`.
    ///
    /// # Errors
    /// [`IdentityError`]; a damaged key is never replaced silently.
    pub fn load_or_make(data: &Path, names: HostNames) -> Result<Identity, IdentityError> {
        let key_path = data.join(KEY_FILE);
        let key = match read(&key_path)? {
            Some(pem) => KeyPair::from_pem(&pem).map_err(|_| IdentityError::Damaged {
                path: key_path.clone(),
            })?,
            None => {
                let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(certificate)?;
                write_private(&key_path, &key.serialize_pem())?;
                key
            }
        };
        let fingerprint = fingerprint(&key.subject_public_key_info());
        let certificate_path = data.join(CERTIFICATE_FILE);
        let authority_pem = match read(&certificate_path)? {
            Some(pem) => pem,
            None => {
                let pem = authority_params(&fingerprint)
                    .self_signed(&key)
                    .map_err(certificate)?
                    .pem();
                write_private(&certificate_path, &pem)?;
                pem
            }
        };
        let damaged = |_| IdentityError::Damaged {
            path: certificate_path.clone(),
        };
        let authority =
            CertificateDer::from_pem_slice(authority_pem.as_bytes()).map_err(|_| damaged(()))?;
        let issuer = Issuer::from_ca_cert_der(&authority, key).map_err(|_| damaged(()))?;
        let now = OffsetDateTime::now_utc();
        let first = issue(&issuer, &authority, &names, now)?;
        Ok(Identity {
            issuer,
            authority,
            authority_pem,
            fingerprint,
            presented: Arc::new(Presented(ArcSwap::from_pointee(first))),
            issued: Mutex::new(Issued {
                names,
                ends_at: now + LEAF_LIFE,
            }),
        })
    }

    /// SHA-256 of the authority's public key (its SubjectPublicKeyInfo in DER), base64url without
    /// padding: what links pin.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The authority's certificate, for people who want their browser to trust it.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// TLS 1.3, and 1.2 for old browsers; presents the leaf and the authority.
    ///
    /// # Errors
    /// When the cryptography cannot do these versions.
    pub fn server_config(&self) -> Result<ServerConfig, IdentityError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| IdentityError::Certificate(error.to_string()))?;
        Ok(builder
            .with_no_client_auth()
            .with_cert_resolver(self.presented.clone()))
    }

    /// Issues a new certificate when `names` are others than before, or the old one ends soon.
    /// Returns whether it did. New handshakes get it, links that stand do not notice.
    ///
    /// # Errors
    /// When signing fails; the old certificate stays.
    pub fn renew(&self, names: HostNames) -> Result<bool, IdentityError> {
        self.renew_at(names, OffsetDateTime::now_utc())
    }

    fn renew_at(&self, names: HostNames, now: OffsetDateTime) -> Result<bool, IdentityError> {
        let mut issued = self.issued.lock();
        if issued.names == names && now + LEAF_RENEWED_BEFORE_END < issued.ends_at {
            return Ok(false);
        }
        let next = issue(&self.issuer, &self.authority, &names, now)?;
        self.presented.0.store(Arc::new(next));
        *issued = Issued {
            names,
            ends_at: now + LEAF_LIFE,
        };
        Ok(true)
    }
}

/// SHA-256 of a public key in DER, base64url without padding.
pub fn fingerprint(public_key_info: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, public_key_info))
}

fn authority_params(fingerprint: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = OffsetDateTime::now_utc();
    params.not_before = now - BACKDATED;
    params.not_after = now + AUTHORITY_LIFE;
    params.distinguished_name = DistinguishedName::new();
    // The start of the fingerprint tells the authorities of several servers apart.
    let name = format!("Conclave {}", &fingerprint[..8]);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn issue(
    issuer: &Issuer<'static, KeyPair>,
    authority: &CertificateDer<'static>,
    names: &HostNames,
    now: OffsetDateTime,
) -> Result<CertifiedKey, IdentityError> {
    let mut params = CertificateParams::new(names.to_strings()).map_err(certificate)?;
    params.not_before = now - BACKDATED;
    params.not_after = now + LEAF_LIFE;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Conclave server");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(certificate)?;
    let leaf = params.signed_by(&key, issuer).map_err(certificate)?;
    let chain = vec![leaf.der().clone(), authority.clone()];
    let private = PrivateKeyDer::from(key);
    let signing = provider::sign::any_ecdsa_type(&private)
        .map_err(|error| IdentityError::Certificate(error.to_string()))?;
    Ok(CertifiedKey::new(chain, signing))
}

fn certificate(error: rcgen::Error) -> IdentityError {
    IdentityError::Certificate(error.to_string())
}

fn read(path: &Path) -> Result<Option<String>, IdentityError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes a file that appears whole or not at all, readable by its owner alone.
fn write_private(path: &Path, text: &str) -> Result<(), IdentityError> {
    let unfinished = path.with_extension("new");
    write_synced(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|source| IdentityError::Unwritable {
            path: path.to_owned(),
            source,
        })
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    use io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let names = HostNames::of_this_machine(&[]);
        let identity = Identity::load_or_make(folder.path(), names.clone()).unwrap();
        let made = OffsetDateTime::now_utc();
        let early = made + LEAF_LIFE - LEAF_RENEWED_BEFORE_END - Duration::from_secs(60);
        assert!(!identity.renew_at(names.clone(), early).unwrap());
        let late = made + LEAF_LIFE - LEAF_RENEWED_BEFORE_END + Duration::from_secs(60);
        assert!(identity.renew_at(names.clone(), late).unwrap());
        assert!(!identity.renew_at(names, late).unwrap());
    }
}
