//! Where settings come from, and how a mistake is explained.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use clap::Parser;
use figment::{
    Figment,
    error::Kind,
    providers::{Env, Format, Serialized, Toml},
};

use super::Config;

pub(super) const ENV_PREFIX: &str = "CONCLAVE_";
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
    pub(super) fn of_key(key: &str, why: impl fmt::Display) -> ConfigError {
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
