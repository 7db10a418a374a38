//! Flags of the crowd.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use conclave_wire::Layer;

/// Joins many headless people to a room and prints what was sent, received, lost and late. Ends with an
/// exit code that is not 0 when something was not delivered.
#[derive(Clone, Debug, Parser)]
#[command(name = "conclave-crowd", version)]
pub struct Args {
    /// The server, as in https://127.0.0.1:7443. On this machine no key is needed; of a server elsewhere
    /// give the fingerprint, or a join link instead.
    #[arg(long, required_unless_present = "link")]
    pub server: Option<String>,
    /// The room. It is made when it is not there.
    #[arg(long, default_value = "crowd")]
    pub room: String,
    /// A join link, instead of server and room.
    #[arg(long, conflicts_with_all = ["server", "room", "fingerprint"])]
    pub link: Option<String>,
    /// The server's key: the part of a join link behind #k=.
    #[arg(long)]
    pub fingerprint: Option<String>,
    /// Password of the room.
    #[arg(long)]
    pub password: Option<String>,
    /// How many people join.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub people: u32,
    /// So many of them talk.
    #[arg(long, default_value_t = 3)]
    pub talking: u32,
    /// Talk without pauses.
    #[arg(long)]
    pub without_pauses: bool,
    /// One talker beeps once a second and one listener times the beeps: mouth to ear.
    #[arg(long)]
    pub beacon: bool,
    /// So many show themselves; everybody sees all of them.
    #[arg(long, default_value_t = 0)]
    pub cameras: u32,
    /// Cameras film a clock, in place of the test picture's counter: for whoever measures how old a picture is.
    #[arg(long)]
    pub clock: bool,
    /// None of the crowd watches a camera.
    #[arg(long)]
    pub blind: bool,
    /// The largest layer that viewers want.
    #[arg(long, value_enum, default_value_t = LayerArg::Thumbnail)]
    pub layer: LayerArg,
    /// One person shows a synthetic desktop.
    #[arg(long)]
    pub screen: bool,
    /// So many others look at it; each has a link and a thread of their own for that.
    #[arg(long, default_value_t = 10)]
    pub screen_viewers: u32,
    /// So many listeners decode and play what they hear; the others count packets.
    #[arg(long, default_value_t = 5)]
    pub decode: u32,
    /// Lines of chat a second, all people together.
    #[arg(long, default_value_t = 0.0)]
    pub chat_per_second: f64,
    /// One person shares a file of so many MiB and all others fetch it.
    #[arg(long, default_value_t = 0)]
    pub file_mb: u32,
    /// Everybody opens this file and watches the room's film.
    #[arg(long)]
    pub film: Option<PathBuf>,
    /// So many of them with mpv; the others with a player that shows nothing.
    #[arg(long, default_value_t = 0)]
    pub mpv: u32,
    /// How long to meet, once everybody is in.
    #[arg(long, default_value_t = 30)]
    pub seconds: u32,
    /// Send media here instead of where the server says: for relays and bad networks.
    #[arg(long)]
    pub media_address: Option<SocketAddr>,
    /// A WAV file that the talkers say, over and over, each from another place.
    #[arg(long)]
    pub wav: Option<PathBuf>,
    /// Threads of the crowd, besides those of devices.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A camera layer on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LayerArg {
    Thumbnail,
    Normal,
    Large,
}

impl From<LayerArg> for Layer {
    fn from(layer: LayerArg) -> Layer {
        match layer {
            LayerArg::Thumbnail => Layer::Thumbnail,
            LayerArg::Normal => Layer::Normal,
            LayerArg::Large => Layer::Large,
        }
    }
}
