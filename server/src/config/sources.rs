//! Where settings come from, what they must hold, and how a mistake is explained.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use clap::Parser;
use conclave_wire::limits::{SLUG_BYTES_MAX, TITLE_CHARS_MAX};
use figment::{
    Figment,
    error::Kind,
    providers::{Env, Format, Serialized, Toml},
};
use tracing_subscriber::EnvFilter;

use super::Config;

const ENV_PREFIX: &str = "CONCLAVE_";
/// Names this far apart are no longer taken for a slip (Jaro-Winkler, 1 is equal).
const SIMILAR_ENOUGH: f64 = 0.75;

/// The server of Conclave: meetings in your own building.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "conclave-server", version)]
pub struct Flags {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for the key, the database and files
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Port for control links, files and pages
    #[arg(long, value_name = "PORT")]
    pub tcp_port: Option<u16>,
    /// Port for voice and cameras
    #[arg(long, value_name = "PORT")]
    pub udp_port: Option<u16>,
    /// A port of its own for the operator's pages
    #[arg(long, value_name = "PORT")]
    pub admin_port: Option<u16>,
    /// Any other setting; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Check the configuration, say what is wrong, and stop
    #[arg(long)]
    pub check: bool,
    /// Print the configuration as a file with every key explained, and stop
    #[arg(long)]
    pub print_config: bool,
}

/// What is wrong with the configuration, in one sentence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The key, when it is one key's fault.
    pub key: Option<String>,
    sentence: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    fn of_key(key: &str, why: impl fmt::Display) -> ConfigError {
        ConfigError {
            key: Some(key.to_owned()),
            sentence: format!("{key} {why}"),
        }
    }

    fn of_file(path: &Path, why: impl fmt::Display) -> ConfigError {
        ConfigError {
            key: None,
            sentence: format!("the configuration file {} {why}", path.display()),
        }
    }
}

impl Flags {
    /// Reads the command line; prints help, the version or a usage error and exits for those.
    pub fn from_command_line() -> Flags {
        Flags::parse()
    }

    /// Reads flags from anywhere.
    ///
    /// # Errors
    /// Help, version and usage errors, as `clap` tells them.
    pub fn from_arguments<I, A>(arguments: I) -> Result<Flags, clap::Error>
    where
        I: IntoIterator<Item = A>,
        A: Into<OsString> + Clone,
    {
        Flags::try_parse_from(arguments)
    }

    /// Defaults, then the file, then the environment, then the flags.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key and, for an unknown one, the nearest that exists.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(path) = &self.config {
            if !path.is_file() {
                return Err(ConfigError::of_file(path, "is not there"));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(Env::prefixed(ENV_PREFIX));
        let set = self.set.iter().map(|assignment| setting(assignment));
        for (key, value) in set.collect::<Result<Vec<_>, _>>()? {
            figment = figment.merge(Serialized::default(&key, value));
        }
        if let Some(data) = &self.data {
            figment = figment.merge(Serialized::default("data", data));
        }
        let ports = [
            ("tcp_port", self.tcp_port),
            ("udp_port", self.udp_port),
            ("admin_port", self.admin_port),
        ];
        for (key, port) in ports {
            if let Some(port) = port {
                figment = figment.merge(Serialized::default(key, port));
            }
        }
        let config: Config = figment
            .extract()
            .map_err(|error| explain(&figment, error))?;
        config.validate()?;
        Ok(config)
    }
}

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
        let same_port = self.admin_port == Some(self.tcp_port) && self.tcp_port != 0;
        if same_port {
            let why = format!(
                "must not be the tcp_port {}; leave it out to have the operator's pages there",
                self.tcp_port
            );
            return Err(ConfigError::of_key("admin_port", why));
        }
        Ok(())
    }
}

/// 1 to 50 lower-case letters, digits and hyphens.
pub(crate) fn is_slug(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=SLUG_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// `key=value`; the value is TOML, or a plain string when it is not.
fn setting(assignment: &str) -> Result<(String, toml::Value), ConfigError> {
    let Some((key, value)) = assignment.split_once('=') else {
        let why = "is no assignment; write --set key=value";
        return Err(ConfigError::of_key(assignment, why));
    };
    let parsed = format!("value = {value}").parse::<toml::Table>();
    let value = match parsed.ok().and_then(|mut table| table.remove("value")) {
        Some(value) => value,
        None => toml::Value::String(value.to_owned()),
    };
    Ok((key.trim().to_owned(), value))
}

fn explain(figment: &Figment, error: figment::Error) -> ConfigError {
    let key = match &error.kind {
        Kind::UnknownField(field, _) => Some(field.clone()),
        _ => (!error.path.is_empty()).then(|| error.path.join(".")),
    };
    let place = key
        .as_deref()
        .and_then(|key| figment.find_metadata(key))
        .or(error.metadata.as_ref())
        .map(place_of)
        .unwrap_or_default();
    let sentence = match (&error.kind, &key) {
        (Kind::UnknownField(field, _), _) => {
            let hint = match nearest(field) {
                Some(name) => format!("; did you mean {name}?"),
                None => "; see --print-config for all keys".to_owned(),
            };
            format!("there is no setting {field}{place}{hint}")
        }
        (Kind::InvalidType(actual, expected), Some(key)) => {
            format!("{key}{place} must be {expected}, but it is {actual}")
        }
        (kind, Some(key)) => format!("{key}{place} is wrong: {}", one_line(&kind.to_string())),
        (kind, None) => format!(
            "the configuration{place} is wrong: {}",
            one_line(&kind.to_string())
        ),
    };
    ConfigError { key, sentence }
}

fn place_of(metadata: &figment::Metadata) -> String {
    match metadata
        .source
        .as_ref()
        .and_then(|source| source.file_path())
    {
        Some(path) => format!(" in {}", path.display()),
        None if metadata.name.contains("environment") => " in the environment".to_owned(),
        None => String::new(),
    }
}

fn nearest(unknown: &str) -> Option<&'static str> {
    Config::keys()
        .map(|name| (strsim::jaro_winkler(unknown, name), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR_ENOUGH)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// A parser's report without its picture of the line.
fn one_line(report: &str) -> String {
    let lines: Vec<&str> = report
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains('|'))
        .collect();
    lines.join(": ")
}
