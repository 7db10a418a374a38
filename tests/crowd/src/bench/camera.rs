//! One camera to many viewers, beside a sender that does nothing but send the same bytes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use conclave_client::media::figures::{Summary, record};
use conclave_core::{
    Moment,
    media::{
        assemble::{EncodedFrame, split},
        quality::Histogram,
    },
};
use conclave_wire::{
    Command, Layer, ParticipantId,
    command::Watch,
    datagram::{CameraCodec, FRAGMENT_HEADER_BYTES, Fragment, HEADER_BYTES, TAG_BYTES},
};
use parking_lot::Mutex;
use quinn_udp::{Transmit, UdpSocketState};

use crate::{
    Outcome,
    light::Seat,
    light_media::{CAMERA_BUFFER_BYTES, Deaf, Inlet, Media, VOICE_BUFFER_BYTES},
    load::{Load, Way, pass},
    page::{Section, number, percentiles},
    process,
    served::Served,
};

const VIEWERS: usize = 200;
const VIEWERS_QUICK: usize = 20;
const FPS: u32 = 15;
/// A picture of 640 by 360 pixels as JPEG.
const FRAME_BYTES: usize = 16 * 1024;
/// The ladder gives everybody the full rate after this, whatever its budget began with.
const SETTLE_SECONDS: f64 = 8.0;

const ABOUT: &str = "One person films in 360p, 15 frames of 16 KiB a second, each sent as 15 datagrams one by \
one; everybody else in the room watches. *The server* is what its process takes beyond what it takes with the \
same people and no camera. *The bare sender* is a thread of the load that sends datagrams of the same sizes to \
the same sockets at the same rate, each frame in one system call with segmentation offload (GSO), neither \
sealed nor received. On loopback both pay for the receivers' side of the network stack. The ratio is bytes per \
core-second of the server over those of the bare sender.";

#[derive(Default)]
struct Seen {
    bytes: AtomicU64,
    fragments: AtomicU64,
    frames: AtomicU64,
    latency: Mutex<Histogram>,
}

struct Viewer(Arc<Seen>);

impl Inlet for Viewer {
    fn fragment(&mut self, at: Moment, fragment: &Fragment<'_>) {
        let seen = &self.0;
        let around = HEADER_BYTES + FRAGMENT_HEADER_BYTES + TAG_BYTES;
        let bytes = fragment.payload.len() + around;
        seen.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        seen.fragments.fetch_add(1, Ordering::Relaxed);
        if fragment.index + 1 == fragment.count {
            seen.frames.fetch_add(1, Ordering::Relaxed);
            let took = (at.as_ms() as u32).wrapping_sub(fragment.captured_ms);
            record(&mut seen.latency.lock(), Duration::from_millis(took.into()));
        }
    }
}

/// Bytes and frames, and the processor seconds they took.
#[derive(Clone, Copy)]
struct Cost {
    bytes: f64,
    frames: f64,
    cpu_seconds: f64,
}

impl Cost {
    fn mb_per_core_second(&self) -> f64 {
        self.bytes / 1e6 / self.cpu_seconds.max(1e-3)
    }

    fn frames_per_core_second(&self) -> f64 {
        self.frames / self.cpu_seconds.max(1e-3)
    }
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let viewers = load.scale(VIEWERS, VIEWERS_QUICK);
    let seconds = load.scale(10.0, 3.0);
    let served = Served::start()?;
    let way = load.to(&served)?;
    way.room("camera", viewers as u32 + 1).await?;
    let (publisher, publishing) = publisher(load, &way).await?;
    let source = publisher.welcome.you;
    let seen = Arc::new(Seen::default());
    let (_seats, media) = watch(load, &way, viewers, source, &seen).await?;
    pass(1.0).await;
    let idle = {
        let before = served.cpu_seconds()?;
        pass(seconds / 2.0).await;
        (served.cpu_seconds()? - before) / (seconds / 2.0)
    };

    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (stopped, clock) = (stop.clone(), load.clock);
    let filming = std::thread::spawn(move || film(&publishing, clock, &stopped));
    pass(load.scale(SETTLE_SECONDS, 3.0)).await;
    let before = (served.cpu_seconds()?, count(&seen));
    *seen.latency.lock() = Histogram::new();
    let began = Instant::now();
    pass(seconds).await;
    let passed = began.elapsed().as_secs_f64();
    let after = (served.cpu_seconds()?, count(&seen));
    let latency = Summary::of(&seen.latency.lock());
    stop.store(true, Ordering::Relaxed);
    filming.join().map_err(|_| "the camera panicked")?;
    way.check()?;
    let server = Cost {
        bytes: after.1.0 - before.1.0,
        frames: after.1.1 - before.1.1,
        cpu_seconds: after.0 - before.0 - idle * passed,
    };

    let addresses: Vec<SocketAddr> = media.iter().map(Media::address).collect::<Outcome<_>>()?;
    let bare = tokio::task::spawn_blocking(move || send_bare(&addresses, seconds));
    let bare = bare.await??;
    let per_viewer = server.frames / passed / viewers as f64;
    Ok(section(viewers, per_viewer, idle, server, bare, &latency))
}

fn count(seen: &Seen) -> (f64, f64) {
    let bytes = seen.bytes.load(Ordering::Relaxed);
    let frames = seen.frames.load(Ordering::Relaxed);
    (bytes as f64, frames as f64)
}

async fn publisher(load: &Load, way: &Way) -> Outcome<(Seat, Media)> {
    let mut seat = way.person("camera", "Publisher").await?;
    let session = &seat.welcome.media;
    let media = Media::open(load.media(), load.clock, session, VOICE_BUFFER_BYTES, Deaf)?;
    media.alive().await?;
    seat.switch(false, true)?;
    Ok((seat, media))
}

async fn watch(
    load: &Load,
    way: &Way,
    viewers: usize,
    source: ParticipantId,
    seen: &Arc<Seen>,
) -> Outcome<(Vec<Seat>, Vec<Media>)> {
    let mut seats = way.people(viewers, |_| "camera".to_owned()).await?;
    let mut media = Vec::new();
    for seat in &mut seats {
        let session = &seat.welcome.media;
        let inlet = Viewer(seen.clone());
        let one = Media::open(
            load.media(),
            load.clock,
            session,
            CAMERA_BUFFER_BYTES,
            inlet,
        )?;
        media.push(one);
        seat.order(Command::WatchCameras {
            watch: vec![Watch {
                source,
                layer_max: Layer::Normal,
                pinned: false,
            }],
        })?;
    }
    for one in &media {
        one.alive().await?;
    }
    Ok((seats, media))
}

/// Sends the frames, on time, until told to stop.
fn film(
    media: &Media,
    clock: conclave_client::media::clock::MediaClock,
    stop: &std::sync::atomic::AtomicBool,
) {
    let bytes: Vec<u8> = (0..FRAME_BYTES)
        .map(|index| (index * 31 % 251) as u8)
        .collect();
    let began = Instant::now();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let due = began + Duration::from_secs(1) * number / FPS;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let frame = EncodedFrame {
            number,
            keyframe: true,
            codec: CameraCodec::Jpeg,
            captured_ms: clock.now().as_ms() as u32,
            bytes: bytes.clone(),
        };
        let Ok(fragments) = split(&frame, ParticipantId(0), Layer::Normal) else {
            return;
        };
        for fragment in fragments {
            media.fragment(&fragment);
        }
    }
}

/// The same datagrams to the same sockets, without sealing: what the network stack lets one core send.
fn send_bare(to: &[SocketAddr], seconds: f64) -> Outcome<Cost> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket2::SockRef::from(&socket).set_send_buffer_size(4 * 1024 * 1024)?;
    let state = UdpSocketState::new((&socket).into())?;
    let payload = conclave_wire::datagram::FRAGMENT_PAYLOAD_BYTES_MAX;
    let around = HEADER_BYTES + FRAGMENT_HEADER_BYTES + TAG_BYTES;
    let fragments = FRAME_BYTES.div_ceil(payload);
    let train = vec![0u8; FRAME_BYTES + fragments * around];
    let before = process::own_thread_seconds()?;
    let began = Instant::now();
    let mut cost = Cost {
        bytes: 0.0,
        frames: 0.0,
        cpu_seconds: 0.0,
    };
    for number in 0.. {
        let due = began + Duration::from_secs(1) * number / FPS;
        if (due - began).as_secs_f64() >= seconds {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        for &destination in to {
            let transmit = Transmit {
                destination,
                ecn: None,
                contents: &train,
                segment_size: Some(payload + around),
                src_ip: None,
            };
            if state.try_send((&socket).into(), &transmit).is_ok() {
                cost.bytes += train.len() as f64;
                cost.frames += 1.0;
            }
        }
    }
    cost.cpu_seconds = process::own_thread_seconds()? - before;
    Ok(cost)
}

fn section(
    viewers: usize,
    fps: f64,
    idle: f64,
    server: Cost,
    bare: Cost,
    latency: &Summary,
) -> Section {
    let mut section = Section::new(&format!("Camera: one to {viewers} viewers"), ABOUT);
    section.row("frames a second that each viewer got", number(fps));
    section.row(
        "capture to the last fragment at a viewer",
        percentiles(latency),
    );
    section.row(
        "server, nobody films",
        format!("{} of a core", number(idle)),
    );
    for (what, cost) in [("server", server), ("bare sender", bare)] {
        section.row(
            format!("{what}: per core-second"),
            format!(
                "{} frames, {} MB",
                number(cost.frames_per_core_second()),
                number(cost.mb_per_core_second())
            ),
        );
    }
    let ratio = 100.0 * server.mb_per_core_second() / bare.mb_per_core_second();
    section.row("server of bare sender", format!("{} %", number(ratio)));
    section.at_least(
        "Camera forwarding, of what a bare GSO sender reaches",
        50.0,
        ratio,
        "%",
        "each viewer's datagrams are sealed, and a frame that arrives in parts leaves in parts",
    );
    section
}
