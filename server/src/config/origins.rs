//! Where the value of each key comes from, for who wonders why it is what it is.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};

use super::{Config, Flags, SECTIONS, sources::ENV_PREFIX};

/// What has given a key its value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// Nobody has set it.
    #[default]
    Default,
    File(PathBuf),
    Environment,
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "file {}", path.display()),
            Source::Environment => f.write_str("environment"),
            Source::Flag => f.write_str("flag"),
        }
    }
}

/// The sources of all keys that somebody has set.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sources(BTreeMap<&'static str, Source>);

impl Sources {
    pub fn of(&self, key: &str) -> &Source {
        self.0.get(key).unwrap_or(&Source::Default)
    }
}

/// A key as the operator's page shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    pub key: &'static str,
    pub doc: String,
    /// In TOML's notation; `None` when it is not set.
    pub value: Option<String>,
}

impl Config {
    /// All sections of the settings with their keys.
    pub fn described(&self) -> Vec<(&'static str, Vec<Setting>)> {
        let values = toml::Table::try_from(self)
            .expect("settings are strings, numbers and lists, which TOML can write");
        let sections = SECTIONS.iter().map(|(section, keys)| {
            let described = keys.iter().map(|key| {
                let doc: Vec<&str> = key.doc.iter().map(|line| line.trim()).collect();
                Setting {
                    key: key.name,
                    doc: doc.join(" "),
                    value: values.get(key.name).map(ToString::to_string),
                }
            });
            (*section, described.collect())
        });
        sections.collect()
    }
}

impl Flags {
    /// Where the settings that [`Flags::load`] gives come from. What cannot be read has given nothing.
    pub fn sources(&self) -> Sources {
        let mut sources = BTreeMap::new();
        if let Some(path) = &self.config {
            let file = Figment::from(Toml::file_exact(path));
            let named = Config::keys().filter(|key| file.find_value(key).is_ok());
            sources.extend(named.map(|key| (key, Source::File(path.clone()))));
        }
        let environment = Figment::from(Env::prefixed(ENV_PREFIX));
        let named = Config::keys().filter(|key| environment.find_value(key).is_ok());
        sources.extend(named.map(|key| (key, Source::Environment)));
        let named = Config::keys().filter(|key| self.names(key));
        sources.extend(named.map(|key| (key, Source::Flag)));
        Sources(sources)
    }

    fn names(&self, key: &str) -> bool {
        let assigned = |assignment: &String| {
            assignment
                .split_once('=')
                .is_some_and(|(name, _)| name.trim() == key)
        };
        let own = match key {
            "data" => self.data.is_some(),
            "tcp_port" => self.tcp_port.is_some(),
            "udp_port" => self.udp_port.is_some(),
            "admin_port" => self.admin_port.is_some(),
            _ => false,
        };
        own || self.set.iter().any(assigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_says_who_has_set_it_and_the_strongest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("conclave.toml");
        std::fs::write(&file, "rooms_max = 5\ntcp_port = 1\nfirst_room = \"a\"\n").unwrap();
        let file_name = file.display().to_string();
        let arguments = ["program", "--config", &file_name, "--tcp-port", "2"];
        let set = ["--set", "first_room_title = \"A\""];
        let flags = Flags::from_arguments(arguments.into_iter().chain(set)).unwrap();
        let sources = flags.sources();
        for (key, source) in [
            ("rooms_max", Source::File(file)),
            ("tcp_port", Source::Flag),
            ("first_room_title", Source::Flag),
            ("udp_port", Source::Default),
            ("nonsense", Source::Default),
        ] {
            assert_eq!(*sources.of(key), source, "{key}");
        }
    }
}
