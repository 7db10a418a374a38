//! Invites: what a room's link proves. Whoever shows one is no stranger, however many share their address.

use std::{fs, io, path::Path};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use super::token;

/// In the data folder: links stay good over restarts.
const KEY_FILE: &str = "invite.key";
const KEY_BYTES: usize = 32;
/// 128 bits: nobody guesses one, and a QR code stays readable.
const INVITE_BYTES: usize = 16;

/// Makes and knows the invites of all rooms: an HMAC-SHA-256 of the room's address, cut to 128 bits
/// (RFC 2104 section 5).
#[derive(Clone, Debug)]
pub struct Invites(hmac::Key);

impl Invites {
    /// Reads the key from the data folder, or draws it, readable by the owner alone.
    ///
    /// # Errors
    /// When the file can neither be read nor made, or is damaged.
    pub fn load_or_make(data: &Path) -> io::Result<Invites> {
        let path = data.join(KEY_FILE);
        let key = match fs::read(&path) {
            Ok(key) if key.len() == KEY_BYTES => key,
            Ok(_) => {
                let why = format!(
                    "{} is damaged; remove it (links of rooms change)",
                    path.display()
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = token::random_bytes::<KEY_BYTES>();
                write_private(&path, &key)?;
                key.to_vec()
            }
            Err(error) => return Err(error),
        };
        Ok(Invites::of(&key))
    }

    fn of(key: &[u8]) -> Invites {
        Invites(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// 22 characters that any URL may hold.
    pub fn to(&self, slug: &str) -> String {
        let tag = hmac::sign(&self.0, slug.as_bytes());
        URL_SAFE_NO_PAD.encode(&tag.as_ref()[..INVITE_BYTES])
    }

    /// Whether this is the invite to that room; compared in constant time.
    pub fn is_to(&self, slug: &str, invite: &str) -> bool {
        self.to(slug).as_bytes().ct_eq(invite.as_bytes()).into()
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_is_to_one_room_of_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let invites = Invites::load_or_make(folder.path()).unwrap();
        let invite = invites.to("physics");
        assert_eq!(invite.len(), 22);
        assert!(invites.is_to("physics", &invite));
        assert!(!invites.is_to("chemistry", &invite));
        assert!(!invites.is_to("physics", &invite[..21]));
        assert!(!invites.is_to("physics", ""));
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Invites::load_or_make(elsewhere.path()).unwrap();
        assert!(!other.is_to("physics", &invite));
        // After a restart it is still good.
        let again = Invites::load_or_make(folder.path()).unwrap();
        assert!(again.is_to("physics", &invite));
    }

    #[test]
    fn a_damaged_key_is_said_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(KEY_FILE), b"short").unwrap();
        let error = Invites::load_or_make(folder.path()).unwrap_err();
        assert!(error.to_string().contains("invite.key is damaged"));
    }

    #[test]
    fn the_tag_is_hmac_sha_256_cut_to_its_first_half() {
        // RFC 4231, test case 2.
        let tag = Invites::of(b"Jefe").to("what do ya want for nothing?");
        let expected = hex::decode("5bdcc146bf60754e6a042426089575c7").unwrap();
        assert_eq!(tag, URL_SAFE_NO_PAD.encode(expected));
    }
}
