//! One of the crowd shares a file, all others fetch it.

use std::{error::Error, io::Write, path::Path, sync::Arc, time::Duration};

use conclave_client::client::Client;
use conclave_wire::SharedFile;
use futures_util::{StreamExt, stream};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use serde::Serialize;
use tokio::time::Instant;

use crate::board::Board;

/// People who fetch at the same time.
const FETCHING_MAX: usize = 8;
/// The announcement must come within this time after the upload.
const ANNOUNCED_MAX: Duration = Duration::from_secs(10);

/// What came of the file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FileFigures {
    pub bytes: u64,
    pub up_mb_per_second: f64,
    pub fetched: u64,
    pub not_fetched: u64,
    pub down_mb_per_second: f64,
    pub first_failure: Option<String>,
}

/// Shares a file of `mib` MiB as the first of `people`; the others fetch it. The download checks the
/// SHA-256 of the whole.
pub async fn pass_on(
    board: Arc<Board>,
    people: &[&Client],
    mib: u32,
    seed: u64,
) -> Result<FileFigures, Box<dyn Error>> {
    let Some((owner, others)) = people.split_first().filter(|_| mib > 0) else {
        return Ok(FileFigures::default());
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("crowd.bin");
    let bytes = write_random(&path, mib, seed)?;
    let began = Instant::now();
    owner.files(None).share(&path).done().await?;
    let up = began.elapsed();
    let mut announced = board.file.subscribe();
    let file = tokio::time::timeout(ANNOUNCED_MAX, announced.wait_for(Option::is_some)).await??;
    let file: SharedFile = file.clone().ok_or("the file was not announced")?;

    let began = Instant::now();
    let fetching = others.iter().enumerate().map(|(i, client)| {
        let (file, folder) = (file.clone(), folder.path().join(i.to_string()));
        async move {
            std::fs::create_dir(&folder)?;
            let fetched = client.files(None).fetch(&file, &folder).done().await;
            std::fs::remove_dir_all(&folder)?;
            fetched.map(|_| ()).map_err(Box::<dyn Error>::from)
        }
    });
    let results: Vec<Result<(), Box<dyn Error>>> = stream::iter(fetching)
        .buffer_unordered(FETCHING_MAX)
        .collect()
        .await;
    let down = began.elapsed();
    let fetched = results.iter().filter(|result| result.is_ok()).count() as u64;
    let failure = results.into_iter().find_map(Result::err);
    Ok(FileFigures {
        bytes,
        up_mb_per_second: rate(bytes, up),
        fetched,
        not_fetched: others.len() as u64 - fetched,
        down_mb_per_second: rate(bytes * fetched, down),
        first_failure: failure.map(|error| error.to_string()),
    })
}

fn write_random(path: &Path, mib: u32, seed: u64) -> std::io::Result<u64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut piece = vec![0; 1024 * 1024];
    let mut file = std::fs::File::create(path)?;
    for _ in 0..mib {
        random.fill_bytes(&mut piece);
        file.write_all(&piece)?;
    }
    Ok(u64::from(mib) * 1024 * 1024)
}

/// In millions of bytes a second.
fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64().max(1e-9) / 1e6
}
