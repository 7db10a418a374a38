//! Fifty meetings at once, with all that goes on in a meeting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use conclave_client::media::{
    clock::MediaClock,
    figures::{Summary, record},
};
use conclave_core::{
    Moment,
    media::{
        assemble::{EncodedFrame, split},
        quality::Histogram,
    },
};
use conclave_wire::{
    Command, Event, Layer, ParticipantId, QuestionId, ServerMessage, Settings,
    command::Watch,
    datagram::{CameraCodec, Fragment, Voice},
    http::CreateRoom,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use crate::{
    Outcome,
    light::Seat,
    light_media::{CAMERA_BUFFER_BYTES, Inlet, Media},
    load::{Load, Way, pass},
    page::{Section, number, percentiles},
    served::Served,
    speech::{Script, Talker, Talking},
};

const ROOMS: usize = 50;
const ROOMS_QUICK: usize = 3;
const PEOPLE_A_ROOM: usize = 25;
/// Rooms that are filled at the same time.
const FILLING_MAX: usize = 8;
/// A camera as a tile shows it: 180p, 8 frames a second.
const FPS: u32 = 8;
const FRAME_BYTES: usize = 3 * 1024;
/// Who looks at the camera in each room: the others have its tile out of sight.
const VIEWERS: usize = 8;
/// Each second of each room: a line, two votes, a hand up or down, somebody who types.
const LINES_PER_SECOND: f64 = 1.0;

const ABOUT: &str = "Fifty rooms of twenty-five people, each with a control link and a UDP socket. In each room \
one person talks without pauses to the twenty-four others, one camera (180p, 8 frames a second of 3 KiB) goes to \
eight, and every second there is a line of chat, two votes on a question, a hand that goes up or down and \
somebody who types. That is measured for a minute. Chat latency is from before the line is handed to the speaker's link to when each of the twenty-five has decoded it. \
The load opens every datagram, and takes its share of the same cores.";

/// What all of the load has got.
#[derive(Default)]
struct Got {
    chat: Mutex<Histogram>,
    lines: AtomicU64,
    voice: AtomicU64,
    fragments: AtomicU64,
}

struct Ear(Arc<Got>);

impl Inlet for Ear {
    fn voice(&mut self, _at: Moment, _number: u64, _voice: &Voice<'_>) {
        self.0.voice.fetch_add(1, Ordering::Relaxed);
    }

    fn fragment(&mut self, _at: Moment, _fragment: &Fragment<'_>) {
        self.0.fragments.fetch_add(1, Ordering::Relaxed);
    }
}

/// One meeting: everybody's links and sockets, the first talks, the second films.
struct Meeting {
    seats: Vec<Seat>,
    media: Vec<Arc<Media>>,
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let rooms = load.scale(ROOMS, ROOMS_QUICK);
    let seconds = load.scale(60.0, 3.0);
    let served = Served::start()?;
    let way = load.to(&served)?;
    let got = Arc::new(Got::default());
    let mut meetings: Vec<Meeting> = stream::iter(0..rooms)
        .map(|room| fill(load, &way, room, &got))
        .buffer_unordered(FILLING_MAX)
        .try_collect()
        .await?;

    let script = Script::speech(1, Duration::from_secs(10))?;
    let talkers = meetings.iter().map(|meeting| Talker {
        media: meeting.media[0].clone(),
        script: script.clone(),
        pause: None,
    });
    let _talking = Talking::start(load.clock, talkers.collect());
    let filming = Filming::start(
        load.clock,
        meetings
            .iter()
            .map(|meeting| meeting.media[1].clone())
            .collect(),
    );
    pass(load.scale(4.0, 1.0)).await;
    *got.chat.lock() = Histogram::new();
    for count in [&got.lines, &got.voice, &got.fragments] {
        count.store(0, Ordering::Relaxed);
    }
    let before = served.cpu_seconds()?;
    let began = Instant::now();
    let said = go_on(load.clock, &mut meetings, began, seconds).await?;
    let passed = began.elapsed().as_secs_f64();
    let cpu = (served.cpu_seconds()? - before) / passed;
    pass(1.0).await;
    drop(filming);
    way.check()?;

    let chat = Summary::of(&got.chat.lock());
    let lines = got.lines.load(Ordering::Relaxed);
    let voice = got.voice.load(Ordering::Relaxed) as f64 / passed;
    let fragments = got.fragments.load(Ordering::Relaxed) as f64 / passed;
    let listeners = (rooms * (PEOPLE_A_ROOM - 1)) as f64;
    let mut section = Section::new(&format!("{rooms} meetings of {PEOPLE_A_ROOM}"), ABOUT);
    section.row("server", format!("{} cores", number(cpu)));
    section.row("memory", format!("{} MB", number(served.memory_mb()?)));
    section.row("chat", percentiles(&chat));
    section.row(
        "lines that arrived",
        format!("{lines} of {}", said * PEOPLE_A_ROOM as u64),
    );
    section.row(
        "voice packets a second",
        format!("{} of {}", number(voice), number(listeners * 50.0)),
    );
    section.row("camera datagrams a second", number(fragments));
    section.at_most(
        "50 meetings of 25 with voice, camera, chat, votes and presence: chat p99",
        100.0,
        chat.p99_ms,
        "ms",
        "60,000 packets of voice a second are sent by the server and read by the load on the same cores",
    );
    section.at_most(
        "50 meetings of 25: lines of chat that did not arrive",
        0.0,
        (said * PEOPLE_A_ROOM as u64).saturating_sub(lines) as f64,
        "lines",
        "links were slower than the time that was waited for them",
    );
    Ok(section)
}

async fn fill(load: &Load, way: &Way, room: usize, got: &Arc<Got>) -> Outcome<Meeting> {
    let slug = format!("meeting-{room}");
    let mut settings = Settings {
        members_max: PEOPLE_A_ROOM as u32,
        ..Settings::default()
    };
    settings.questions.open = true;
    let made = CreateRoom {
        title: slug.clone(),
        slug: Some(slug.clone()),
        settings,
        ..CreateRoom::default()
    };
    way.http.create_room(&made).await?;
    let (mut seats, mut media) = (Vec::new(), Vec::new());
    for person in 0..PEOPLE_A_ROOM {
        let (got, clock) = (got.clone(), load.clock);
        let heard = got.clone();
        let seat = way
            .hearing(&slug, &format!("Person {person}"), move |message| {
                hear(&heard, message, clock.now());
            })
            .await?;
        let session = &seat.welcome.media;
        let one = Media::open(
            load.media(),
            load.clock,
            session,
            CAMERA_BUFFER_BYTES,
            Ear(got),
        )?;
        one.alive().await?;
        media.push(Arc::new(one));
        seats.push(seat);
    }
    seats[0].switch(true, false)?;
    seats[1].switch(false, true)?;
    let source = seats[1].welcome.you;
    for viewer in seats.iter_mut().skip(2).take(VIEWERS) {
        viewer.order(Command::WatchCameras {
            watch: vec![Watch {
                source,
                layer_max: Layer::Thumbnail,
                pinned: false,
            }],
        })?;
    }
    seats[2].order(Command::AskQuestion {
        text: "Which one?".to_owned(),
        anonymous: false,
    })?;
    Ok(Meeting { seats, media })
}

fn hear(got: &Got, message: &ServerMessage, now: Moment) {
    let ServerMessage::Events { events } = message else {
        return;
    };
    for numbered in events {
        if let Event::LineSaid { line } = &numbered.event
            && let Ok(sent_us) = line.text.parse::<u64>()
        {
            got.lines.fetch_add(1, Ordering::Relaxed);
            record(&mut got.chat.lock(), now.since(Moment(sent_us)));
        }
    }
}

/// What people do in all rooms, spread over each second; gives how many lines were said.
async fn go_on(
    clock: MediaClock,
    meetings: &mut [Meeting],
    began: Instant,
    seconds: f64,
) -> Outcome<u64> {
    let rooms = meetings.len();
    let rounds = (seconds * LINES_PER_SECOND) as usize;
    for round in 0..rounds {
        for (room, meeting) in meetings.iter_mut().enumerate() {
            let at = (round as f64 + room as f64 / rooms as f64) / LINES_PER_SECOND;
            let due = began + Duration::from_secs_f64(at);
            tokio::time::sleep_until(due.into()).await;
            let seats = &mut meeting.seats;
            let person = 3 + (round * 5) % (PEOPLE_A_ROOM - 8);
            seats[person].order(Command::Say {
                text: clock.now().0.to_string(),
            })?;
            for voter in [person + 1, person + 2] {
                seats[voter].order(Command::VoteQuestion {
                    question: QuestionId(1),
                    voted: round % 2 == 0,
                })?;
            }
            let up = round % 2 == 0;
            seats[person + 3].order(Command::RaiseHand { raised: up })?;
            seats[person + 4].order(Command::SetTyping { typing: up })?;
        }
    }
    Ok((rounds * rooms) as u64)
}

/// A thread that films in all rooms until this is dropped.
struct Filming {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Filming {
    fn start(clock: MediaClock, cameras: Vec<Arc<Media>>) -> Filming {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || film(clock, &cameras, &stopped));
        Filming {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Filming {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A camera that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn film(clock: MediaClock, cameras: &[Arc<Media>], stop: &AtomicBool) {
    let bytes: Vec<u8> = (0..FRAME_BYTES)
        .map(|index| (index * 31 % 251) as u8)
        .collect();
    let began = Instant::now();
    let count = u32::try_from(cameras.len()).unwrap_or(u32::MAX).max(1);
    for number in 0.. {
        for (camera, index) in cameras.iter().zip(0u32..) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            // Cameras do not film at the same moment.
            let frame = Duration::from_secs(1) / FPS;
            let due = began + frame * number + frame * index / count;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let frame = EncodedFrame {
                number,
                keyframe: true,
                codec: CameraCodec::Jpeg,
                captured_ms: clock.now().as_ms() as u32,
                bytes: bytes.clone(),
            };
            let Ok(fragments) = split(&frame, ParticipantId(0), Layer::Thumbnail) else {
                return;
            };
            for fragment in fragments {
                camera.fragment(&fragment);
            }
        }
    }
}
