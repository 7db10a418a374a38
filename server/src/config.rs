//! Every setting and every limit of the server: one structure, filled from defaults, a TOML file, the
//! environment (`CONCLAVE_…`) and flags, each stronger than the one before.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

mod sources;

pub use sources::{ConfigError, Flags};

/// A key as it stands in the example file.
struct Key {
    name: &'static str,
    doc: &'static [&'static str],
}

macro_rules! settings {
    ($($section:literal { $( $(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr; )+ })+) => {
        /// All there is to set. Integers are in the unit that their name ends in.
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($( $(#[doc = $doc])+ pub $name: $kind, )+)+
        }

        impl Default for Config {
            fn default() -> Config {
                Config { $($( $name: $default, )+)+ }
            }
        }

        const SECTIONS: &[(&str, &[Key])] = &[
            $(($section, &[$( Key { name: stringify!($name), doc: &[$($doc),+] }, )+]),)+
        ];
    };
}

settings! {
    "Where it lives and listens" {
        /// The folder for the key, the database and files. Made when it is not there.
        data: PathBuf = PathBuf::from("conclave-data");
        /// Address for control links, files and pages. `::` is every address, IPv4 included.
        tcp_bind: IpAddr = Ipv6Addr::UNSPECIFIED.into();
        /// Port for control links, files and pages. 0 takes any free one.
        tcp_port: u16 = 7443;
        /// Address for voice and cameras. `::` is every address, IPv4 included.
        udp_bind: IpAddr = Ipv6Addr::UNSPECIFIED.into();
        /// Port for voice and cameras. 0 takes any free one.
        udp_port: u16 = 7443;
        /// Address of the operator's pages, when they have a port of their own.
        admin_bind: IpAddr = Ipv4Addr::LOCALHOST.into();
        /// A port of its own for the operator's pages. When absent they are at `tcp_port`.
        admin_port: Option<u16> = None;
        /// Names or addresses, with or without a port, by which others reach this server. The first
        /// one leads in links. A port that is named here is taken for TCP and UDP alike. When empty, the
        /// addresses of this machine's interfaces are used.
        advertised_addresses: Vec<String> = Vec::new();
        /// Origins (`https://host:port`) of other sites whose pages may talk to this server.
        allowed_origins: Vec<String> = Vec::new();
        /// Threads for links, TLS and files.
        http_threads: usize = 2;
        /// Threads that rooms share.
        room_threads: usize = 1;
        /// Threads that mix voice.
        media_threads: usize = 1;
    }

    "The first room" {
        /// Address of a room that is opened at start when it is not open. Empty for none.
        first_room: String = "lobby".to_owned();
        /// Its title.
        first_room_title: String = "Meeting".to_owned();
    }

    "Logs" {
        /// `error`, `warn`, `info`, `debug` or `trace`; or directives for parts of the program as in
        /// `info,conclave_server::gateway=debug`.
        log_level: String = "info".to_owned();
        /// A folder for log files, one a day. When absent, logs go to the terminal only.
        log_folder: Option<PathBuf> = None;
        /// Older log files than so many are removed.
        log_files_max: usize = 14;
    }

    "Rooms" {
        /// Rooms that are open at once.
        rooms_max: u32 = 2_000;
        /// Members of one room, whatever its own setting says.
        room_members_max: u32 = 500;
        /// A room in which nobody has been for so long ends. The first room does not.
        room_idle_minutes: u32 = 24 * 60;
        /// Files of one room, together.
        room_files_bytes_max: u64 = 20 * GIB;
    }

    "Files" {
        /// One file.
        file_bytes_max: u64 = 8 * GIB;
        /// Files of all rooms, together.
        server_files_bytes_max: u64 = 64 * GIB;
        /// Left free on the disk, so that the database and the logs can go on.
        disk_free_bytes_min: u64 = 256 * 1024 * 1024;
        /// Uploads that are under way, all together.
        uploads_max: usize = 256;
        /// Uploads that one person has under way.
        uploads_per_person_max: usize = 4;
        /// An upload that was not continued for so long is removed.
        upload_idle_hours: u32 = 24;
    }

    "Links" {
        /// A new link must have entered a room after so long.
        join_deadline_seconds: u32 = 10;
        /// Messages that wait for one member's link. Who falls further behind is cut off and comes back.
        outbox_messages_max: usize = 1_024;
        /// Bytes that wait for one member's link.
        outbox_bytes_max: usize = 2 * 1024 * 1024;
        /// Commands of one member that pass at once.
        commands_burst: u32 = 60;
        /// Commands of one member in the long run.
        commands_per_second: u32 = 20;
    }

    "Strangers" {
        /// Connections, all together.
        connections_max: usize = 16_384;
        /// Connections from one address (IPv6: one /64 network).
        connections_per_address_max: u32 = 4_096;
        /// New connections from one address that pass at once.
        handshakes_per_address_burst: u32 = 1_000;
        /// New connections from one address in the long run.
        handshakes_per_address_per_second: u32 = 200;
        /// Time for the TLS handshake.
        handshake_deadline_seconds: u32 = 5;
        /// Rooms that one address may make at once.
        rooms_made_per_address_burst: u32 = 50;
        /// Rooms that one address may make in the long run.
        rooms_made_per_address_per_minute: u32 = 30;
        /// Attempts to join from one address that pass at once.
        joins_per_address_burst: u32 = 1_000;
        /// Attempts to join from one address in the long run.
        joins_per_address_per_second: u32 = 50;
        /// Wrong passwords and keys from one address that pass at once.
        wrong_passwords_per_address_burst: u32 = 20;
        /// Wrong passwords and keys from one address in the long run.
        wrong_passwords_per_address_per_minute: u32 = 10;
        /// Passwords that wait to be compared; each takes about 80 ms.
        passwords_waiting_max: usize = 64;
        /// Body of a request that is not a file.
        request_body_bytes_max: usize = 64 * 1024;
        /// A request that is not a file must have come, and been answered, after so long.
        request_deadline_seconds: u32 = 15;
    }

    "Store" {
        /// Writes that wait for the database.
        store_writes_waiting_max: usize = 4_096;
        /// `normal` survives crashes of the program; `full` survives loss of power too, and is slower.
        store_durability: Durability = Durability::Normal;
    }
}

const GIB: u64 = 1024 * 1024 * 1024;

/// What a write that was confirmed survives.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    Normal,
    Full,
}

impl Config {
    /// The names of all keys.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        SECTIONS
            .iter()
            .flat_map(|(_, keys)| keys.iter().map(|key| key.name))
    }

    /// These settings as a configuration file in which every key is explained.
    pub fn to_toml(&self) -> String {
        let values = toml::Table::try_from(self)
            .expect("settings are strings, numbers and lists, which TOML can write");
        let mut text = String::from(
            "# Settings of the Conclave server. Each can also be given in the environment, as CONCLAVE_ and\n\
             # the key in capitals (CONCLAVE_TCP_PORT=7443), or as a flag (--set tcp_port=7443).\n",
        );
        for (section, keys) in SECTIONS {
            write!(text, "\n# == {section} ==\n").expect("writing to a string does not fail");
            for key in *keys {
                let doc = key.doc.iter().map(|line| format!("#{line}\n"));
                let value = match values.get(key.name) {
                    Some(value) => format!("{} = {value}\n", key.name),
                    None => format!("# {} is not set\n", key.name),
                };
                text.push('\n');
                text.extend(doc);
                text.push_str(&value);
            }
        }
        text
    }
}
