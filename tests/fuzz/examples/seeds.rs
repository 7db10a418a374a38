//! Writes the corpus anew: `cargo run -p conclave-fuzz --example seeds`. Seeds named `valid-` must be
//! read and `bad-` refused, which the replay upholds; other files are left as they are.

#[path = "seeds/bytes.rs"]
mod bytes;
#[path = "seeds/messages.rs"]
mod messages;
#[path = "seeds/streams.rs"]
mod streams;

use std::{fs, io, path::Path};

/// A file of the corpus: its target, its name, its bytes.
pub struct Seed(pub &'static str, pub String, pub Vec<u8>);

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut seeds = messages::seeds();
    seeds.extend(bytes::seeds());
    seeds.extend(streams::seeds());
    for Seed(target, name, bytes) in seeds {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
