//! The operator's password and the scripts' token, as files of the data folder: whoever may remove a file
//! there can begin anew when the password is lost.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use crate::{
    admin::refused::Refused,
    auth::token::{self, TokenHash, random_bytes},
};

/// Shortest password of the operator, in characters (NIST SP 800-63B asks for 8, and for 15 where it
/// stands alone).
pub const PASSWORD_CHARS_MIN: usize = 12;
pub const PASSWORD_BYTES_MAX: usize = 256;
const PASSWORD_FILE: &str = "operator.password";
const TOKEN_FILE: &str = "operator.token";
const SALT_BYTES: usize = 16;
/// Argon2id with 19 MiB, two passes, one lane (OWASP's password storage cheat sheet).
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Passwords that are compared at once, each with its memory; others wait.
const COMPARED_AT_ONCE: usize = 2;
/// How long they wait.
const TURN_DEADLINE: Duration = Duration::from_secs(5);

/// What proves an operator. Nothing of it is kept in clear.
pub(super) struct Secrets {
    folder: PathBuf,
    /// As a PHC string.
    password: RwLock<Option<String>>,
    token: RwLock<Option<TokenHash>>,
    turns: Semaphore,
}

impl Secrets {
    pub(super) fn open(folder: &Path) -> io::Result<Secrets> {
        let password = read(&folder.join(PASSWORD_FILE))?;
        let token = read(&folder.join(TOKEN_FILE))?;
        let token = token.and_then(|text| {
            let mut hash = TokenHash::default();
            hex::decode_to_slice(text, &mut hash).ok().map(|()| hash)
        });
        Ok(Secrets {
            folder: folder.to_owned(),
            password: RwLock::new(password),
            token: RwLock::new(token),
            turns: Semaphore::new(COMPARED_AT_ONCE),
        })
    }

    pub(super) fn has_password(&self) -> bool {
        self.password.read().is_some()
    }

    /// # Errors
    /// `Busy` when too many are compared already.
    pub(super) async fn is_password(&self, given: String) -> Result<bool, Refused> {
        let Some(stored) = self.password.read().clone() else {
            return Ok(false);
        };
        let _turn = self.turn().await?;
        let compared = actix_rt::task::spawn_blocking(move || matches(&stored, &given));
        compared.await.map_err(|_| Refused::failed("argon2 ended"))
    }

    /// # Errors
    /// `PasswordWeak`, `Busy`; when the disk says so.
    pub(super) async fn set_password(&self, new: String) -> Result<(), Refused> {
        if new.chars().count() < PASSWORD_CHARS_MIN || new.len() > PASSWORD_BYTES_MAX {
            return Err(Refused::PasswordWeak);
        }
        let _turn = self.turn().await?;
        let file = self.folder.join(PASSWORD_FILE);
        let written = actix_rt::task::spawn_blocking(move || {
            let hash = hash(&new)?;
            write(&file, &hash).map_err(|error| error.to_string())?;
            Ok::<_, String>(hash)
        });
        let hash = written
            .await
            .map_err(|_| Refused::failed("argon2 ended"))?
            .map_err(Refused::failed)?;
        *self.password.write() = Some(hash);
        Ok(())
    }

    pub(super) fn is_token(&self, given: &str) -> bool {
        let stored = *self.token.read();
        stored.is_some_and(|stored| token::same(&stored, &token::hash(given)))
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.read().is_some()
    }

    /// A few bytes, seldom: it blocks.
    pub(super) fn set_token(&self, hash: Option<TokenHash>) -> io::Result<()> {
        let file = self.folder.join(TOKEN_FILE);
        match &hash {
            Some(hash) => write(&file, &hex::encode(hash))?,
            None => remove(&file)?,
        }
        *self.token.write() = hash;
        Ok(())
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Refused> {
        match tokio::time::timeout(TURN_DEADLINE, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(conclave_wire::RefusalCode::Busy.into()),
        }
    }
}

fn argon2() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, String> {
    let salt = random_bytes::<SALT_BYTES>();
    let hash: PasswordHash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// The parameters are those of the stored hash.
fn matches(stored: &str, given: &str) -> bool {
    if given.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let Ok(stored) = PasswordHash::new(stored) else {
        tracing::error!(
            "the file of the operator's password is damaged; remove it and start again"
        );
        return false;
    };
    argon2().is_ok_and(|argon2| argon2.verify_password(given.as_bytes(), &stored).is_ok())
}

fn read(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whole or not at all, readable by its owner alone.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    let mut open = options.open(&fresh)?;
    writeln!(open, "{text}")?;
    open.sync_all()?;
    fs::rename(fresh, file)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_password_is_kept_hashed_and_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        assert!(!secrets.has_password());
        let password = "correct horse battery".to_owned();
        secrets.set_password(password.clone()).await.unwrap();
        let kept = fs::read_to_string(folder.path().join(PASSWORD_FILE)).unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert!(!kept.contains(&password));

        let secrets = Secrets::open(folder.path()).unwrap();
        assert!(secrets.is_password(password).await.unwrap());
        assert!(
            !secrets
                .is_password("correct horse".to_owned())
                .await
                .unwrap()
        );
    }

    #[actix_rt::test]
    async fn short_and_endless_passwords_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        for password in ["eleven char", &"x".repeat(PASSWORD_BYTES_MAX + 1)] {
            let refused = secrets.set_password(password.to_owned()).await;
            assert!(matches!(refused, Err(Refused::PasswordWeak)), "{password}");
        }
        assert!(!secrets.has_password());
    }

    #[actix_rt::test]
    async fn a_damaged_file_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(PASSWORD_FILE), "plain").unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        assert!(!secrets.is_password("plain".to_owned()).await.unwrap());
    }

    #[test]
    fn a_token_is_known_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        assert!(!secrets.is_token("t"));
        secrets.set_token(Some(token::hash("t"))).unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        assert!(secrets.is_token("t") && !secrets.is_token("u"));
        secrets.set_token(None).unwrap();
        assert!(!Secrets::open(folder.path()).unwrap().has_token());
    }
}
