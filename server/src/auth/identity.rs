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

use arc_swap::{ArcSwap, ArcSwapOption};
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

use super::{
    addresses::HostNames,
    own_certificate::{OwnCertificateError, OwnFiles},
};

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

/// The name by which our programs, and proxies, ask for our own certificate, where the operator has another one for
/// browsers.
const OUR_NAME: &str = "conclave.internal";
const NANOS_PER_MS: i128 = 1_000_000;

/// The authority, and the certificate that is presented now.
pub struct Identity {
    issuer: Issuer<'static, KeyPair>,
    authority: CertificateDer<'static>,
    authority_pem: String,
    fingerprint: String,
    presented: Arc<Presented>,
    issued: Mutex<Issued>,
    own: Mutex<Option<OwnFiles>>,
}

struct Issued {
    names: HostNames,
    ends_at: OffsetDateTime,
}

#[derive(Debug)]
struct Presented {
    ours: ArcSwap<CertifiedKey>,
    /// The operator's, for browsers.
    own: ArcSwapOption<CertifiedKey>,
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let own = match hello.server_name() {
            Some(OUR_NAME) => None,
            _ => self.own.load_full(),
        };
        Some(own.unwrap_or_else(|| self.ours.load_full()))
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
            presented: Arc::new(Presented {
                ours: ArcSwap::from_pointee(first),
                own: ArcSwapOption::empty(),
            }),
            issued: Mutex::new(Issued {
                names,
                ends_at: now + LEAF_LIFE,
            }),
            own: Mutex::new(None),
        })
    }

    /// Presents the operator's certificate to everybody but our own programs, from now on.
    ///
    /// # Errors
    /// When the files cannot be used; nothing changes then.
    pub fn present_own(&self, mut files: OwnFiles) -> Result<(), OwnCertificateError> {
        let key = files.read()?;
        self.presented.own.store(Some(key));
        *self.own.lock() = Some(files);
        Ok(())
    }

    /// Reads the operator's certificate again if its files have changed; whether they had. New handshakes
    /// get it, links that stand do not notice. It reads the disk.
    ///
    /// # Errors
    /// When they cannot be used as they are now; the certificate of before stays.
    pub fn reload_own(&self) -> Result<bool, OwnCertificateError> {
        let mut own = self.own.lock();
        let Some(files) = own.as_mut().filter(|files| files.have_changed()) else {
            return Ok(false);
        };
        let key = files.read()?;
        self.presented.own.store(Some(key));
        Ok(true)
    }

    /// Whether the operator has brought a certificate.
    pub fn has_own(&self) -> bool {
        self.presented.own.load().is_some()
    }

    /// When the first of the presented certificates ends, in milliseconds since the Unix epoch.
    pub fn ends_unix_ms(&self) -> u64 {
        let ours = self.issued.lock().ends_at.unix_timestamp_nanos() / NANOS_PER_MS;
        let ours = u64::try_from(ours).unwrap_or(0);
        let own = self.own.lock().as_ref().map(OwnFiles::ends_unix_ms);
        own.map_or(ours, |own| own.min(ours))
    }

    /// The name of the authority, as systems show it.
    pub fn authority_name(&self) -> String {
        authority_name(&self.fingerprint)
    }

    /// SHA-256 of the authority's certificate as systems show it: hexadecimal pairs with colons.
    pub fn authority_sha256(&self) -> String {
        let hash = digest::digest(&digest::SHA256, &self.authority);
        let pairs = hash.as_ref().iter().map(|byte| format!("{byte:02X}"));
        pairs.collect::<Vec<_>>().join(":")
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
        self.presented.ours.store(Arc::new(next));
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

/// The start of the fingerprint tells the authorities of several servers apart.
fn authority_name(fingerprint: &str) -> String {
    format!("Conclave {}", &fingerprint[..8])
}

fn authority_params(fingerprint: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = OffsetDateTime::now_utc();
    params.not_before = now - BACKDATED;
    params.not_after = now + AUTHORITY_LIFE;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, authority_name(fingerprint));
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
    let mut its_names = names.to_strings();
    // For proxies that check the certificate whatever address they reach the server by.
    its_names.push(OUR_NAME.to_owned());
    let mut params = CertificateParams::new(its_names).map_err(certificate)?;
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
