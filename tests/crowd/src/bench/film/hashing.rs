//! How fast a film is hashed, beside what SHA-256 and reading allow.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    time::Instant,
};

use aws_lc_rs::digest::{SHA256, digest};
use conclave_client::film::identity::{Hashing, sample};

use crate::{
    Outcome,
    load::Load,
    page::{Section, number},
};

const PIECE_BYTES: usize = 1024 * 1024;
/// The best of so many: what disturbs only ever slows down.
const TIMES: usize = 3;

pub async fn measure(load: &Load, section: &mut Section) -> Outcome<()> {
    let size_mb = load.scale(512, 64);
    let folder = tempfile::Builder::new()
        .prefix("conclave-bench")
        .tempdir()?;
    let path = folder.path().join("film.mkv");
    let mut file = File::create(&path)?;
    let piece: Vec<u8> = (0..PIECE_BYTES).map(|at| (at * at / 251) as u8).collect();
    for _ in 0..size_mb {
        file.write_all(&piece)?;
    }
    drop(file);
    let (mut bare, mut reading, mut ours) = (0.0_f64, 0.0_f64, 0.0_f64);
    for _ in 0..TIMES {
        let began = Instant::now();
        for _ in 0..size_mb {
            std::hint::black_box(digest(&SHA256, &piece));
        }
        bare = bare.max(rate(size_mb, began));
        let began = Instant::now();
        read(&path)?;
        reading = reading.max(rate(size_mb, began));
        let began = Instant::now();
        Hashing::start(&path).finish().await?;
        ours = ours.max(rate(size_mb, began));
    }
    let began = Instant::now();
    sample(&path)?;
    let sampled_ms = began.elapsed().as_secs_f64() * 1_000.0;
    section.row("bare SHA-256 of memory", format!("{} MB/s", number(bare)));
    section.row("reading alone", format!("{} MB/s", number(reading)));
    section.row("hashing a film", format!("{} MB/s", number(ours)));
    section.row(
        "sample for the likely match",
        format!("{} ms", number(sampled_ms)),
    );
    section.at_least(
        "Film: hashing, of what SHA-256 or reading allows",
        80.0,
        100.0 * ours / bare.min(reading),
        "%",
        "reading and hashing share the cores with the system",
    );
    Ok(())
}

fn read(path: &Path) -> Outcome<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    while file.read(&mut piece)? > 0 {}
    Ok(())
}

fn rate(size_mb: usize, began: Instant) -> f64 {
    (size_mb * PIECE_BYTES) as f64 / 1e6 / began.elapsed().as_secs_f64()
}
