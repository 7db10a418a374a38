//! Every setting and every limit of the server: one structure, filled from defaults, a TOML file, the
//! environment (`CONCLAVE_…`) and flags, each stronger than the one before.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

mod check;
mod origins;
mod sources;

pub use check::LOGO_BYTES_MAX;
pub(crate) use check::logo_type;
pub use origins::{Setting, Source, Sources};
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
        /// A TCP port for the sound and picture of browsers whose network lets no UDP through. When absent
        /// there is none.
        webrtc_tcp_port: Option<u16> = None;
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
        /// Addresses or networks (`192.0.2.1`, `10.0.0.0/8`) of reverse proxies that are believed when they say
        /// for whom they ask. Limits on strangers count that address then.
        trusted_proxies: Vec<String> = Vec::new();
        /// The header in which these proxies say it: `x_forwarded_for` or `forwarded` (RFC 7239). The other one
        /// is not read.
        proxy_header: ProxyHeader = ProxyHeader::XForwardedFor;
        /// A certificate of your own with its chain (PEM), for browsers. It is read again when it changes.
        /// Conclave's programs do not need it: they know the server by the key in the link.
        tls_certificate: Option<PathBuf> = None;
        /// The key of `tls_certificate` (PEM).
        tls_key: Option<PathBuf> = None;
        /// Tell the local network that this server is there (DNS-SD, `_conclave._tcp`).
        announce: bool = false;
        /// Names or addresses of the interfaces it is told on. When empty, all but loopback.
        announce_interfaces: Vec<String> = Vec::new();
        /// Threads for links, TLS and files.
        http_threads: usize = 2;
        /// Threads that rooms share.
        room_threads: usize = 1;
        /// Threads that mix voice.
        media_threads: usize = 1;
    }

    "What people see" {
        /// What the server is called on its pages and on the local network: your organisation, perhaps.
        server_name: String = DEFAULT_NAME.to_owned();
        /// Colour of buttons and links, as `#rrggbb`. When absent, Conclave's own.
        theme_color: Option<String> = None;
        /// A picture (SVG, PNG or WebP, at most 256 KiB) beside the name.
        logo: Option<PathBuf> = None;
        /// Whoever reaches the server may see which rooms are open, with titles and numbers of people.
        list_rooms: bool = false;
        /// Whoever reaches the server may make rooms; else only the operator.
        anybody_makes_rooms: bool = true;
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
        /// `text` for people, or `json`: one object a line.
        log_format: LogFormat = LogFormat::Text;
        /// A folder for log files. When absent, logs go to the terminal only.
        log_folder: Option<PathBuf> = None;
        /// A log file of this size is followed by another.
        log_file_bytes_max: u64 = 16 * MIB;
        /// A log file of this age is followed by another.
        log_file_hours_max: u32 = 24;
        /// Older log files than so many are removed.
        log_files_max: usize = 14;
        /// All log files together; the oldest are removed.
        log_files_bytes_max: u64 = 128 * MIB;
    }

    "Figures and alerts" {
        /// Whoever asks for `/metrics` must show this token (`Authorization: Bearer …`). When absent,
        /// only programs on this machine get an answer.
        metrics_token: Option<String> = None;
        /// An address (`https://…`, or `http://` on this machine) that gets a JSON message (POST) when an
        /// alert begins or ends.
        alert_webhook: Option<String> = None;
        /// Authorities (PEM) that the address of `alert_webhook` is verified by.
        alert_webhook_authorities: PathBuf = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        /// Alert when less of the disk is free than so much.
        alert_disk_free_percent: u32 = 10;
        /// Alert when one in a hundred frames of the mixes is later than so much.
        alert_tick_late_ms: u32 = 15;
        /// Alert when so many of the people in a room have a poor link.
        alert_poor_percent: u32 = 34;
        /// Alert when the operator's password was wrong so often within ten minutes.
        alert_login_failures: u32 = 10;
        /// Alert when the certificate ends within so many days.
        alert_certificate_days: u32 = 14;
    }

    "Rooms" {
        /// Rooms that are open at once.
        rooms_max: u32 = 2_000;
        /// Members of one room, whatever its own setting says.
        room_members_max: u32 = 500;
        /// Whoever opens the link of a room that was never there opens the room by that, as participant of it.
        visited_links_open_rooms: bool = false;
        /// A room in which nobody has been for so long ends. The first room does not.
        room_idle_minutes: u32 = 24 * 60;
        /// Chat and files of a room that has ended are kept no longer than so, whatever its own setting says.
        room_kept_hours_max: u32 = 24 * 365;
        /// Files of one room, together.
        room_files_bytes_max: u64 = 20 * GIB;
    }

    "Files" {
        /// One file.
        file_bytes_max: u64 = 8 * GIB;
        /// Files of all rooms, together.
        server_files_bytes_max: u64 = 64 * GIB;
        /// Left free on the disk, so that the database and the logs can go on.
        disk_free_bytes_min: u64 = 256 * MIB;
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
        /// Browsers with sound and picture, all together.
        webrtc_guests_max: u32 = 1_000;
        /// How often one browser may start sound and picture at once.
        webrtc_offers_burst: u32 = 10;
        /// How often one browser may start sound and picture in the long run.
        webrtc_offers_per_minute: u32 = 20;
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
        /// What follows is how often one address may ask in so many minutes when it shows neither the invite
        /// of a room (its whole link) nor a seat.
        stranger_minutes: u32 = 15;
        /// Rooms that a stranger makes.
        rooms_made_per_stranger: u32 = 10;
        /// Attempts of a stranger to join.
        joins_per_stranger: u32 = 50;
        /// Attempts of a stranger to read or write chat.
        messages_per_stranger: u32 = 200;
        /// Everything else that a stranger asks of `/api`.
        requests_per_stranger: u32 = 100;
        /// Attempts to join with an invite, or to come back to a seat, from one address that pass at once.
        joins_per_address_burst: u32 = 1_000;
        /// Attempts to join with an invite, or to come back to a seat, from one address in the long run.
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
        /// A PostgreSQL server (13 or newer), as `postgres://user:password@host/database`; with
        /// `?sslmode=verify-full&sslrootcert=/path/ca.pem` behind it the way there is encrypted and verified.
        /// When absent, rooms are kept in a file of the data folder (SQLite).
        database_url: Option<String> = None;
        /// Connections to that server; one of them writes.
        database_connections_max: u32 = 20;
        /// Writes that wait for the database.
        store_writes_waiting_max: usize = 4_096;
        /// While the database is locked or gone, meetings go on, and what is to be stored waits for so long
        /// before it is refused.
        store_write_seconds_max: u32 = 20;
        /// `normal` survives crashes of the program; `full` survives loss of power too, and is slower. A
        /// PostgreSQL server follows its own setting (`synchronous_commit`).
        store_durability: Durability = Durability::Normal;
    }
}

const MIB: u64 = 1024 * 1024;
const DEFAULT_NAME: &str = "Conclave";
const GIB: u64 = 1024 * MIB;
/// Keys whose values are not shown to anybody.
const SECRETS: [&str; 3] = ["metrics_token", "alert_webhook", "database_url"];

/// How log lines are written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// Where a reverse proxy says for whom it asks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyHeader {
    #[default]
    XForwardedFor,
    Forwarded,
}

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

    /// Whether the value of a key is not to be shown, not even to an operator.
    pub fn is_secret(key: &str) -> bool {
        SECRETS.contains(&key)
    }

    /// Whose server it is; `None` when nobody has given it a name.
    pub fn organisation(&self) -> Option<&str> {
        Some(self.server_name.trim()).filter(|name| *name != DEFAULT_NAME)
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
