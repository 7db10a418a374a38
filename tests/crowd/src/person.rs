//! One of the crowd.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_client::{
    client::{Client, ClientConfig, ClientEvent, ClientRefused},
    link::invite::Invite,
    media::{
        camera_down::CameraFrame,
        devices::{
            Camera, MemorySpeaker, Microphone, Paced, Recording, SilentSpeaker, Speaker,
            SyntheticCamera, SyntheticMicrophone, WavSound,
        },
    },
    session::{SessionConfig, SessionEvent},
};
use conclave_wire::{
    Encoding, Event, LineId, MediaState, ParticipantId, RoomState, event::Numbered,
};
use parking_lot::Mutex;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{beacon::Beacon, board::Board, clock::ClockCamera};

/// What somebody came for.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub talks: bool,
    /// What the talker says instead of synthetic speech, from this place of the file on.
    pub says: Option<WavSound>,
    pub pauses: bool,
    pub beeps: bool,
    pub films: bool,
    /// What is filmed is a clock.
    pub films_clock: bool,
    /// Decodes and plays what it hears.
    pub decodes: bool,
    /// Keeps what it heard.
    pub records: bool,
}

/// Somebody who is in.
pub struct Person {
    pub client: Client,
    pub part: Part,
    pub took: Duration,
    pub joined_at: Instant,
    pub recording: Option<Arc<Mutex<Recording>>>,
    pub beeps: Option<Arc<Mutex<Vec<Instant>>>>,
    pub seen: Arc<Mutex<PersonSaw>>,
    /// Voice packets sent before counting began, and those there was no way for.
    pub sent_before: (u64, u64),
    watching: JoinHandle<()>,
}

/// What one person saw.
#[derive(Debug, Default)]
pub struct PersonSaw {
    /// Pictures taken, by source.
    pub pictures: BTreeMap<ParticipantId, u64>,
    /// The first one, and one for each link that was lost and came back.
    pub welcomes: u64,
    pub ended: Option<String>,
}

/// Size of the crowd's cameras: what a layer needs and no more.
const CAMERA_PX: (u32, u32) = (640, 360);

impl Person {
    pub async fn join(
        invite: &Invite,
        password: Option<String>,
        number: u32,
        seed: u64,
        part: Part,
        media_address: Option<std::net::SocketAddr>,
        board: Arc<Board>,
    ) -> Result<Person, ClientRefused> {
        let mut config = ClientConfig::new(SessionConfig {
            invite: invite.clone(),
            name: format!("Person {number}"),
            password,
            sound: true,
            encoding: Encoding::MessagePack,
            seed,
            device: None,
            file_hash: None,
            waiting: None,
        });
        config.clock = board.clock;
        config.media_addresses = media_address.map(|address| vec![address]);
        let mut beeps = None;
        config.microphone = microphone(&part, seed, &mut beeps);
        let mut recording = None;
        config.speaker = speaker(&part, &mut recording);
        config.camera = part.films.then(|| {
            let (width, height) = CAMERA_PX;
            match part.films_clock {
                true => Box::new(ClockCamera::new(seed, width, height)) as Box<dyn Camera>,
                false => Box::new(SyntheticCamera::with_size(seed, width, height)),
            }
        });
        config.media = MediaState {
            microphone: config.microphone.is_some(),
            camera: part.films,
            sound: true,
        };
        let began = Instant::now();
        let (client, events) = Client::join(config).await?;
        let seen = Arc::new(Mutex::new(PersonSaw::default()));
        let watching = Watching {
            you: client.welcome().you,
            state: client.state(),
            taker: client.frame_taker(),
            board,
            seen: Arc::clone(&seen),
            newest_line: LineId(0),
        };
        Ok(Person {
            took: began.elapsed(),
            joined_at: began,
            client,
            part,
            recording,
            beeps,
            seen,
            sent_before: (0, 0),
            watching: tokio::spawn(watching.run(events)),
        })
    }

    pub fn id(&self) -> ParticipantId {
        self.client.welcome().you
    }

    pub async fn leave(self) {
        self.client.leave().await;
        self.watching.abort();
    }
}

fn microphone(
    part: &Part,
    seed: u64,
    beeps: &mut Option<Arc<Mutex<Vec<Instant>>>>,
) -> Option<Box<dyn Microphone>> {
    if part.beeps {
        let (beacon, times) = Beacon::new();
        *beeps = Some(times);
        return Some(Box::new(Paced::new(beacon)));
    }
    if !part.talks {
        return None;
    }
    Some(match (&part.says, part.pauses) {
        (Some(sound), _) => Box::new(Paced::new(sound.clone())),
        (None, true) => Box::new(SyntheticMicrophone::talking(seed)),
        (None, false) => Box::new(SyntheticMicrophone::without_pauses(seed)),
    })
}

fn speaker(part: &Part, recording: &mut Option<Arc<Mutex<Recording>>>) -> Option<Box<dyn Speaker>> {
    if part.records {
        let (speaker, heard) = MemorySpeaker::new();
        *recording = Some(heard);
        return Some(Box::new(speaker));
    }
    part.decodes
        .then(|| Box::new(SilentSpeaker::default()) as Box<dyn Speaker>)
}

/// The task that reads one person's events.
struct Watching {
    you: ParticipantId,
    state: tokio::sync::watch::Receiver<Arc<RoomState>>,
    taker: conclave_client::client::FrameTaker,
    board: Arc<Board>,
    seen: Arc<Mutex<PersonSaw>>,
    newest_line: LineId,
}

impl Watching {
    async fn run(mut self, mut events: mpsc::Receiver<ClientEvent>) {
        while let Some(event) = events.recv().await {
            match event {
                ClientEvent::Session(event) => self.session(event),
                ClientEvent::CameraFrame { source } => {
                    if let Some(frame) = self.taker.take(source) {
                        self.picture(&frame);
                    }
                }
                ClientEvent::TalkingWhileMuted
                | ClientEvent::MicrophoneGone
                | ClientEvent::CameraGone
                | ClientEvent::WayChanged(_)
                | ClientEvent::QualityChanged(_) => {}
            }
        }
    }

    fn session(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Happened(numbered) => self.happened(numbered),
            // What was missed stands in the state.
            SessionEvent::Snapshot => self.catch_up(),
            SessionEvent::Welcomed(_) => {
                self.seen.lock().welcomes += 1;
                self.catch_up();
            }
            SessionEvent::Ended { reason, text } => {
                self.seen.lock().ended = Some(format!("{reason:?}: {text}"));
            }
            SessionEvent::Refused(refusal) => {
                self.seen.lock().ended = Some(refusal.message);
            }
            SessionEvent::Signs(_)
            | SessionEvent::Pulsed(_)
            | SessionEvent::Connecting { .. }
            | SessionEvent::Lost { .. } => {}
        }
    }

    fn happened(&mut self, numbered: Numbered) {
        if let Event::LineSaid { line } = numbered.event {
            self.newest_line = line.id;
            self.board.saw_line(self.you, &line.text);
        } else if let Event::FileShared { file } = numbered.event {
            self.board.file.send_if_modified(|known| {
                let new = known.is_none();
                known.get_or_insert(file);
                new
            });
        }
    }

    fn catch_up(&mut self) {
        let state = self.state.borrow().clone();
        for line in state.lines.iter().filter(|line| line.id > self.newest_line) {
            self.board.saw_line(self.you, &line.text);
        }
        if let Some(line) = state.lines.last() {
            self.newest_line = self.newest_line.max(line.id);
        }
    }

    fn picture(&mut self, frame: &CameraFrame) {
        *self.seen.lock().pictures.entry(frame.source).or_default() += 1;
        self.board.saw_picture(frame.arrived, frame.captured_ms);
    }
}
