//! Files up and down: how fast, and what goes twice when either end is killed.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use conclave_client::{
    files::{Files, Transfer},
    link::{dial::Dialer, http::HttpClient, invite::Invite},
    session::{Session, SessionConfig},
};
use conclave_wire::{Encoding, SharedFile};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    Outcome,
    load::{Load, pass},
    page::{Section, number},
    relay::Relay,
    served::Served,
};

const MIB: u64 = 1024 * 1024;
const SPEED_BYTES: u64 = 512 * MIB;
const KILLED_BYTES: u64 = 96 * MIB;
/// Where in the file the killing is done.
const KILLED_AT: u64 = 40 * MIB;
const TRANSFER_MAX: Duration = Duration::from_secs(60);
/// What TLS, HTTP and acknowledgements add differs a little from run to run.
const ROUNDING_BYTES: u64 = 64 * 1024;

const ABOUT: &str = "Files of 512 MiB through the client's own transfer, over TLS, SHA-256 at both ends, from \
and to the disk's cache; the median of the rounds. Then files of 96 MiB, through a relay that counts bytes: \
the server or the client is ended by `kill -9` at 40 MiB and started again, and the transfer goes on. *Sent \
again* is what crossed the network beyond the same transfer without a killing (less than 64 KiB is rounding). \
After each, the file at the far end was compared byte by byte with the first one.";

/// What a process that is to be killed shall move.
#[derive(Deserialize, Serialize)]
struct Carry {
    link: String,
    seat_token: String,
    journal: PathBuf,
    up: Option<PathBuf>,
    down: Option<(SharedFile, PathBuf)>,
}

/// Moves a file as a process of its own.
pub fn carry(order: &str) -> Outcome<()> {
    let order: Carry = serde_json::from_str(order)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let invite = Invite::parse(&order.link)?;
        let files = files_of(&invite, &order.seat_token, &order.journal)?;
        if let Some(path) = &order.up {
            files.share(path).done().await?;
        }
        if let Some((file, folder)) = &order.down {
            files.fetch(file, folder).done().await?;
        }
        Ok(())
    })
}

fn files_of(invite: &Invite, seat_token: &str, journal: &Path) -> Outcome<Files> {
    let http = HttpClient::new(Dialer::new(invite)?);
    let journal = Some(journal.to_owned());
    Ok(Files::new(http, &invite.slug, seat_token, journal))
}

/// A seat, and where its files are.
struct Desk {
    session: Session,
    invite: Invite,
    journal: PathBuf,
    folder: PathBuf,
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let mut served = Served::start()?;
    let way = load.to(&served)?;
    let invite = way.room("files", 10).await?;
    let config = SessionConfig {
        invite: invite.clone(),
        name: "Sender".to_owned(),
        password: None,
        sound: false,
        encoding: Encoding::MessagePack,
        seed: 1,
        device: None,
        file_hash: None,
        waiting: None,
    };
    let (session, mut events) = Session::join(config).await?;
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let desk = Desk {
        session,
        invite,
        journal: served.folder("journal")?,
        folder: served.folder("sent")?,
    };

    let mut section = Section::new("Files", ABOUT);
    let (up, down) = speed(load, &desk, &served).await?;
    section.row("up", format!("{} MB/s", number(up)));
    section.row("down", format!("{} MB/s", number(down)));
    let cores = "client and server encrypt, decrypt and hash on the same two cores; TLS and SHA-256 alone are most of the time";
    section.at_least("Files up, over TLS", 300.0, up, "MB/s", cores);
    section.at_least("Files down, over TLS", 300.0, down, "MB/s", cores);

    let killings = killings(&desk, &mut served).await?;
    for (what, again) in &killings {
        let kib = *again as f64 / 1024.0;
        section.row(
            format!("sent again, {what}"),
            format!("{} KiB", number(kib)),
        );
    }
    let worst = killings.iter().map(|(_, again)| *again).max().unwrap_or(0);
    section.at_most(
        "Files: sent again after a killing, at worst",
        1.0,
        worst as f64 / MIB as f64,
        "MiB",
        "what the network's buffers held when the end was killed counts as sent",
    );
    desk.session.leave().await;
    Ok(section)
}

async fn speed(load: &Load, desk: &Desk, served: &Served) -> Outcome<(f64, f64)> {
    let bytes = load.scale(SPEED_BYTES, SPEED_BYTES / 8);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let files = files_of(&desk.invite, &token(desk), &desk.journal)?;
    for round in 0..load.scale(3, 1) {
        let path = make_file(&desk.folder, &format!("speed-{round}"), bytes)?;
        let began = Instant::now();
        timeout(TRANSFER_MAX, files.share(&path).done()).await??;
        up.push(bytes as f64 / 1e6 / began.elapsed().as_secs_f64());
        let file = shared(desk, &path).await?;
        let folder = served.folder(&format!("fetched-{round}"))?;
        let began = Instant::now();
        let fetched = timeout(TRANSFER_MAX, files.fetch(&file, &folder).done()).await??;
        down.push(bytes as f64 / 1e6 / began.elapsed().as_secs_f64());
        compare(&path, &fetched)?;
        fs::remove_file(path)?;
        fs::remove_file(fetched)?;
    }
    Ok((median(up), median(down)))
}

/// Bytes sent again, for each end and direction.
async fn killings(desk: &Desk, served: &mut Served) -> Outcome<Vec<(&'static str, u64)>> {
    let relay = Relay::start(served.port()).await?;
    let mut through = desk.invite.clone();
    for address in &mut through.addresses {
        address.port = relay.port;
    }
    let files = files_of(&through, &token(desk), &desk.journal)?;
    let up = |relay: &Relay| relay.bytes().0;
    let down = |relay: &Relay| relay.bytes().1;

    let path = make_file(&desk.folder, "whole", KILLED_BYTES)?;
    let before = up(&relay);
    timeout(TRANSFER_MAX, files.share(&path).done()).await??;
    let whole_up = up(&relay) - before;
    let file = shared(desk, &path).await?;
    let before = down(&relay);
    let folder = served.folder("whole-down")?;
    timeout(TRANSFER_MAX, files.fetch(&file, &folder).done()).await??;
    let whole_down = down(&relay) - before;

    let mut killings = Vec::new();
    let beyond = |moved: u64, whole: u64| match moved.saturating_sub(whole) {
        rounding if rounding < ROUNDING_BYTES => 0,
        again => again,
    };
    let path = make_file(&desk.folder, "up-server", KILLED_BYTES)?;
    let before = up(&relay);
    let sharing = files.share(&path);
    until(&relay, up, before + KILLED_AT).await?;
    served.kill_and_start_again()?;
    finish(sharing).await?;
    killings.push(("up, server killed", beyond(up(&relay) - before, whole_up)));
    check_shared(desk, &files, &path, served).await?;

    let path = make_file(&desk.folder, "up-client", KILLED_BYTES)?;
    let before = up(&relay);
    let order = carrying(desk, &through, Some(path.clone()), None);
    kill_at(&order, &relay, up, before + KILLED_AT).await?;
    finish(files.share(&path)).await?;
    killings.push(("up, client killed", beyond(up(&relay) - before, whole_up)));
    check_shared(desk, &files, &path, served).await?;

    let source = desk.folder.join("whole");
    let folder = served.folder("down-server")?;
    let before = down(&relay);
    let fetching = files.fetch(&file, &folder);
    until(&relay, down, before + KILLED_AT).await?;
    served.kill_and_start_again()?;
    let fetched = finish(fetching).await?;
    killings.push((
        "down, server killed",
        beyond(down(&relay) - before, whole_down),
    ));
    compare(&source, &fetched)?;

    let folder = served.folder("down-client")?;
    let before = down(&relay);
    let order = carrying(desk, &through, None, Some((file.clone(), folder.clone())));
    kill_at(&order, &relay, down, before + KILLED_AT).await?;
    let fetched = finish(files.fetch(&file, &folder)).await?;
    killings.push((
        "down, client killed",
        beyond(down(&relay) - before, whole_down),
    ));
    compare(&source, &fetched)?;
    Ok(killings)
}

fn carrying(
    desk: &Desk,
    through: &Invite,
    up: Option<PathBuf>,
    down: Option<(SharedFile, PathBuf)>,
) -> Carry {
    Carry {
        link: through.to_string(),
        seat_token: token(desk),
        journal: desk.journal.clone(),
        up,
        down,
    }
}

/// Lets a process begin, and kills it when so many bytes have passed.
async fn kill_at(
    order: &Carry,
    relay: &Relay,
    count: impl Fn(&Relay) -> u64,
    bytes: u64,
) -> Outcome<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--carry").arg(serde_json::to_string(order)?);
    let child = Killed(command.stdout(Stdio::null()).spawn()?);
    until(relay, count, bytes).await?;
    drop(child);
    // The relay still hands over what it had read.
    pass(0.3).await;
    Ok(())
}

/// A process that is killed when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until(relay: &Relay, count: impl Fn(&Relay) -> u64, bytes: u64) -> Outcome<()> {
    let passing = async {
        while count(relay) < bytes {
            pass(0.001).await;
        }
    };
    Ok(timeout(TRANSFER_MAX, passing).await?)
}

async fn finish<T: Send + 'static>(transfer: Transfer<T>) -> Outcome<T> {
    Ok(timeout(TRANSFER_MAX, transfer.done()).await??)
}

/// Fetches what was shared and compares it.
async fn check_shared(desk: &Desk, files: &Files, path: &Path, served: &Served) -> Outcome<()> {
    let file = shared(desk, path).await?;
    let folder = served.folder("checked")?;
    let fetched = finish(files.fetch(&file, &folder)).await?;
    compare(path, &fetched)
}

/// The room's entry of a file, once everybody is told.
async fn shared(desk: &Desk, path: &Path) -> Outcome<SharedFile> {
    let name = path.file_name().ok_or("no name")?.to_string_lossy();
    let find = |files: &[SharedFile]| files.iter().find(|file| file.name == name).cloned();
    let mut state = desk.session.state();
    let known = state.wait_for(|state| find(&state.files).is_some());
    let known = timeout(TRANSFER_MAX, known).await??;
    find(&known.files).ok_or_else(|| "the file is not in the room".into())
}

fn token(desk: &Desk) -> String {
    desk.session.welcome().seat_token.clone()
}

/// Bytes that no two files or places share.
fn make_file(folder: &Path, name: &str, bytes: u64) -> Outcome<PathBuf> {
    let path = folder.join(name);
    let mut file = fs::File::create(&path)?;
    let mut piece: Vec<u8> = (0..MIB).map(|index| (index * 7 % 253) as u8).collect();
    for number in 0..bytes / MIB {
        piece[..8].copy_from_slice(&number.to_be_bytes());
        piece[8..8 + name.len()].copy_from_slice(name.as_bytes());
        file.write_all(&piece)?;
    }
    Ok(path)
}

fn compare(one: &Path, other: &Path) -> Outcome<()> {
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Err("the files differ in length".into());
    }
    let (mut left, mut right) = (vec![0; MIB as usize], vec![0; MIB as usize]);
    loop {
        let bytes = one.read(&mut left)?;
        if bytes == 0 {
            return Ok(());
        }
        other.read_exact(&mut right[..bytes])?;
        if left[..bytes] != right[..bytes] {
            return Err("the files differ".into());
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
