//! A certificate that the operator brings, for browsers: read from files, and again when they change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    crypto::aws_lc_rs as provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

const MS_PER_S: u64 = 1_000;
/// A chain of certificates with its key takes a few kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a certificate cannot be presented.
#[derive(Debug, thiserror::Error)]
pub enum OwnCertificateError {
    #[error("cannot read {path}: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path} is larger than a certificate can be")]
    TooLarge { path: PathBuf },
    #[error("{path} holds no certificate in PEM")]
    NoCertificate { path: PathBuf },
    #[error("{path} holds no private key in PEM")]
    NoKey { path: PathBuf },
    #[error("the certificate and the key do not go together: {0}")]
    Unfit(String),
}

/// A certificate with its chain and its key.
#[derive(Debug)]
pub struct OwnCertificate {
    pub key: Arc<CertifiedKey>,
    /// Milliseconds since the Unix epoch.
    pub ends_unix_ms: u64,
}

/// The files of a certificate, and how they were when they were read last.
#[derive(Debug)]
pub struct OwnFiles {
    certificate: PathBuf,
    key: PathBuf,
    stamp: Option<Stamp>,
    ends_unix_ms: u64,
}

/// Tells one content of both files from another: times of change and sizes.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl OwnFiles {
    pub fn new(certificate: &Path, key: &Path) -> OwnFiles {
        OwnFiles {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            stamp: None,
            ends_unix_ms: u64::MAX,
        }
    }

    pub(super) fn have_changed(&self) -> bool {
        self.stamp != Some(self.stamp_now())
    }

    /// Reads both; whatever comes of it, they count as changed only when they have changed again.
    pub(super) fn read(&mut self) -> Result<Arc<CertifiedKey>, OwnCertificateError> {
        // Taken before, so that what is written meanwhile is read the next time.
        self.stamp = Some(self.stamp_now());
        let own = read(&self.certificate, &self.key)?;
        self.ends_unix_ms = own.ends_unix_ms;
        Ok(own.key)
    }

    pub(super) fn ends_unix_ms(&self) -> u64 {
        self.ends_unix_ms
    }

    fn stamp_now(&self) -> Stamp {
        let stamp = |path: &PathBuf| {
            let file = fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        };
        [stamp(&self.certificate), stamp(&self.key)]
    }
}

/// Reads a chain (the server's certificate first) and its key.
///
/// # Errors
/// [`OwnCertificateError`]
pub fn read(certificate: &Path, key: &Path) -> Result<OwnCertificate, OwnCertificateError> {
    let no_certificate = || OwnCertificateError::NoCertificate {
        path: certificate.to_owned(),
    };
    let pem = read_file(certificate)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| no_certificate())?;
    let leaf = chain.first().ok_or_else(no_certificate)?;
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).map_err(|_| no_certificate())?;
    let ends_at = leaf.validity().not_after.timestamp();
    let ends_unix_ms = u64::try_from(ends_at).unwrap_or(0) * MS_PER_S;
    let private = PrivateKeyDer::from_pem_slice(&read_file(key)?).map_err(|_| {
        OwnCertificateError::NoKey {
            path: key.to_owned(),
        }
    })?;
    let key = CertifiedKey::from_der(chain, private, &provider::default_provider())
        .map_err(|error| OwnCertificateError::Unfit(error.to_string()))?;
    Ok(OwnCertificate {
        key: Arc::new(key),
        ends_unix_ms,
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, OwnCertificateError> {
    let unreadable = |source| OwnCertificateError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(OwnCertificateError::TooLarge {
            path: path.to_owned(),
        });
    }
    fs::read(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::{TempDir, tempdir};

    use super::*;

    struct Made {
        folder: TempDir,
        certificate: PathBuf,
        key: PathBuf,
    }

    fn made() -> Made {
        let folder = tempdir().unwrap();
        let made = Made {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
            folder,
        };
        made.write(2030);
        made
    }

    impl Made {
        /// A certificate that ends with this year, and a new key.
        fn write(&self, year: i32) {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["meet.example.org".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            let certificate = params.self_signed(&key).unwrap();
            fs::write(&self.certificate, certificate.pem()).unwrap();
            fs::write(&self.key, key.serialize_pem()).unwrap();
        }
    }

    #[test]
    fn a_certificate_and_its_key_are_read_with_the_time_of_its_end() {
        let made = made();
        let own = read(&made.certificate, &made.key).unwrap();
        // 2030-01-01 is day 21,915 since the epoch.
        assert_eq!(own.ends_unix_ms, 21_915 * 86_400_000);
        assert_eq!(own.key.cert.len(), 1);
    }

    #[test]
    fn each_mistake_is_named_with_its_file() {
        let made = made();
        let said = |certificate: &Path, key: &Path| read(certificate, key).unwrap_err().to_string();
        let missing = made.folder.path().join("missing.pem");
        assert!(said(&missing, &made.key).contains("missing.pem"));
        assert!(said(&made.key, &made.key).contains("holds no certificate"));
        assert!(said(&made.certificate, &made.certificate).contains("holds no private key"));
        let other = super::tests::made();
        assert!(said(&made.certificate, &other.key).contains("do not go together"));
        fs::write(&made.certificate, vec![b'x'; 2 * 1024 * 1024]).unwrap();
        assert!(said(&made.certificate, &made.key).contains("larger"));
    }

    #[test]
    fn files_are_read_again_only_when_they_have_changed() {
        let made = made();
        let mut files = OwnFiles::new(&made.certificate, &made.key);
        assert!(files.have_changed());
        files.read().unwrap();
        assert!(!files.have_changed());
        fs::write(&made.key, "half a ke").unwrap();
        assert!(files.have_changed());
        files.read().unwrap_err();
        assert!(!files.have_changed(), "it is complained of once");
        made.write(2031);
        assert!(files.have_changed());
        files.read().unwrap();
        assert_eq!(files.ends_unix_ms(), (21_915 + 365) * 86_400_000);
    }
}
