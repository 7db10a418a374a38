//! What the values of settings must hold, beyond being of the right type.

use std::{fs, path::Path};

use conclave_wire::limits::{SLUG_BYTES_MAX, TITLE_CHARS_MAX};
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use super::{Config, ConfigError};
use crate::{auth::own_certificate, gateway::client_address::Proxies, store::Database};

/// A logo is sent with every first visit.
pub const LOGO_BYTES_MAX: u64 = 256 * 1024;
const NAME_CHARS_MAX: usize = 60;
const CONNECTIONS_MIN: u32 = 2;
/// A shorter token could be guessed.
const TOKEN_BYTES_MIN: usize = 16;

impl Config {
    /// Whether the values go together, beyond being of the right type.
    ///
    /// # Errors
    /// [`ConfigError`] for the first key that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let table = toml::Table::try_from(self)
            .map_err(|error| ConfigError::of_key("a value", format!("is unusable: {error}")))?;
        // A port of 0 means any; everything else that is counted must allow something.
        let zero = table
            .iter()
            .find(|(key, value)| !key.ends_with("_port") && value.as_integer() == Some(0));
        if let Some((key, _)) = zero {
            return Err(ConfigError::of_key(key, "must be above 0"));
        }
        if !self.first_room.is_empty() && !is_slug(&self.first_room) {
            let why = format!("must be 1 to {SLUG_BYTES_MAX} small letters, digits and hyphens");
            return Err(ConfigError::of_key("first_room", why));
        }
        if !(1..=TITLE_CHARS_MAX).contains(&self.first_room_title.trim().chars().count()) {
            let why = format!("must have 1 to {TITLE_CHARS_MAX} characters");
            return Err(ConfigError::of_key("first_room_title", why));
        }
        if let Err(error) = EnvFilter::try_new(&self.log_level) {
            let why = format!(
                "must be error, warn, info, debug, trace or directives such as info,conclave_server=debug ({error})"
            );
            return Err(ConfigError::of_key("log_level", why));
        }
        let unreadable = |text: &&String| !Proxies::is_network(text);
        if let Some(text) = self.trusted_proxies.iter().find(unreadable) {
            let why =
                format!("must be addresses or networks such as 10.0.0.0/8, and {text:?} is none");
            return Err(ConfigError::of_key("trusted_proxies", why));
        }
        let same_port = self.admin_port == Some(self.tcp_port) && self.tcp_port != 0;
        if same_port {
            let why = format!(
                "must not be the tcp_port {}; leave it out to have the operator's pages there",
                self.tcp_port
            );
            return Err(ConfigError::of_key("admin_port", why));
        }
        self.check_looks()?;
        self.check_logs()?;
        self.check_store()?;
        self.check_watching()
    }

    /// Whether the files that are named can be used, for `--check`: nothing is changed.
    ///
    /// # Errors
    /// [`ConfigError`] for the first key whose file cannot.
    pub fn check_files(&self) -> Result<(), ConfigError> {
        if let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) {
            own_certificate::read(certificate, key).map_err(|error| {
                ConfigError::of_key("tls_certificate", format!("is unusable: {error}"))
            })?;
        }
        if let Some(logo) = &self.logo {
            let size = fs::metadata(logo).map(|file| file.len());
            let why = match size {
                Ok(bytes) if bytes <= LOGO_BYTES_MAX => None,
                Ok(_) => Some(format!("must be at most {} KiB", LOGO_BYTES_MAX / 1024)),
                Err(error) => Some(format!("cannot be read: {}: {error}", logo.display())),
            };
            if let Some(why) = why {
                return Err(ConfigError::of_key("logo", why));
            }
        }
        Ok(())
    }

    fn check_looks(&self) -> Result<(), ConfigError> {
        let name = self.server_name.trim();
        let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            let why = format!("must have 1 to {NAME_CHARS_MAX} characters, on one line");
            return Err(ConfigError::of_key("server_name", why));
        }
        if let Some(color) = &self.theme_color
            && !is_color(color)
        {
            let why = "must be # and six hexadecimal digits, as in #2f6feb";
            return Err(ConfigError::of_key("theme_color", why));
        }
        if let Some(logo) = &self.logo
            && logo_type(logo).is_none()
        {
            return Err(ConfigError::of_key(
                "logo",
                "must be an .svg, .png or .webp file",
            ));
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            let (there, missing) = match self.tls_key {
                None => ("tls_certificate", "tls_key"),
                Some(_) => ("tls_key", "tls_certificate"),
            };
            let why =
                format!("is missing: {there} is set, and neither is of use without the other");
            return Err(ConfigError::of_key(missing, why));
        }
        Ok(())
    }

    fn check_logs(&self) -> Result<(), ConfigError> {
        if self.log_files_bytes_max < self.log_file_bytes_max {
            let why = format!(
                "must be at least log_file_bytes_max, which is {}",
                self.log_file_bytes_max
            );
            return Err(ConfigError::of_key("log_files_bytes_max", why));
        }
        Ok(())
    }

    fn check_store(&self) -> Result<(), ConfigError> {
        if self.database_connections_max < CONNECTIONS_MIN {
            let why = format!("must be at least {CONNECTIONS_MIN}: one writes, the others read");
            return Err(ConfigError::of_key("database_connections_max", why));
        }
        let Some(address) = &self.database_url else {
            return Ok(());
        };
        // What it holds is not said: there is a password in it.
        let known = Url::parse(address).is_ok_and(|url| Database::is_server(&url));
        if !known {
            let why = "must be as postgres://user:password@host/database";
            return Err(ConfigError::of_key("database_url", why));
        }
        Ok(())
    }

    fn check_watching(&self) -> Result<(), ConfigError> {
        if let Some(token) = &self.metrics_token
            && (token.len() < TOKEN_BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let why = format!(
                "must be at least {TOKEN_BYTES_MIN} letters, digits or signs, without spaces"
            );
            return Err(ConfigError::of_key("metrics_token", why));
        }
        if let Some(address) = &self.alert_webhook
            && !is_webhook(address)
        {
            let why = "must be an https:// address (or http:// on this machine)";
            return Err(ConfigError::of_key("alert_webhook", why));
        }
        let percents = [
            ("alert_disk_free_percent", self.alert_disk_free_percent),
            ("alert_poor_percent", self.alert_poor_percent),
        ];
        match percents.iter().find(|(_, percent)| *percent > 100) {
            Some((key, _)) => Err(ConfigError::of_key(key, "must be 1 to 100")),
            None => Ok(()),
        }
    }
}

/// The media type of a picture that may be a logo, by its name.
pub(crate) fn logo_type(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// Encrypted, or not leaving the machine.
fn is_webhook(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && local)
}

/// 1 to 50 lower-case letters, digits and hyphens.
pub(crate) fn is_slug(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=SLUG_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}
