//! A whole client: session, voice, camera, and what comes of them as one stream of events.
//!
//! Screen and files are links of their own: [`Client::screen_access`] and [`Client::files`] open them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use conclave_core::link::clock::Reading;
use conclave_wire::{
    Command, MediaState, ParticipantId, QualityChoice, RoomState, Welcome,
    command::{Reply, Watch},
};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    files::Files,
    link::{control::OpenError, dial::Dialer, http::HttpClient},
    media::{
        camera_down::{CameraDown, CameraFrame},
        camera_up::CameraUp,
        devices::{Camera, Microphone, Speaker},
        link::{LinkConfig, LinkRefused, MediaLink, OpenTunnel},
        voice_down::{VoiceDown, VoiceTally},
        voice_up::{VoiceNotice, VoiceUp},
    },
    screen::ScreenAccess,
    session::{AskError, JoinError, Session},
};

mod config;
mod event;
mod figures;
mod follow;
mod inlet;
mod parts;
mod room_access;

pub use config::ClientConfig;
pub use event::ClientEvent;
pub use figures::ClientFigures;
pub(crate) use room_access::RoomAccess;

use inlet::Inlet;
use parts::{ControlPort, Parts, Wish, on_entry};

/// Events that wait for the reader.
const EVENTS_MAX: usize = 1_024;
/// Devices return within this time, or are left to themselves.
const DEVICES_END_MAX: Duration = Duration::from_secs(3);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientRefused {
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error(transparent)]
    Link(#[from] LinkRefused),
    #[error("This machine cannot encode voice: {0}")]
    Voice(#[from] opus::Error),
}

/// Somebody in a room. Dropping it without [`leave`](Client::leave) ends everything here; the seat
/// stays away for a while, as after a lost link.
pub struct Client {
    session: Arc<Session>,
    running: Running,
}

/// Threads and tasks, ended when this is dropped.
struct Running {
    parts: Arc<Parts>,
    following: JoinHandle<()>,
}

/// Takes the camera frames of a client, also in another task. A frame is taken once.
#[derive(Clone)]
pub struct FrameTaker(Arc<Inlet>);

impl FrameTaker {
    /// As [`Client::take_camera_frame`].
    pub fn take(&self, source: ParticipantId) -> Option<CameraFrame> {
        self.0.camera_down.lock().take(source)
    }
}

impl Client {
    /// Joins a room and starts the devices; in a room that people enter muted the microphone stays off. Must be called within a tokio runtime of several threads, so
    /// that a busy program delays no voice.
    pub async fn join(
        config: ClientConfig,
    ) -> Result<(Client, mpsc::Receiver<ClientEvent>), ClientRefused> {
        let dialer = Dialer::new(&config.session.invite)
            .map_err(|error| JoinError::from(OpenError::from(error)))?;
        let sound = config.session.sound;
        let (session, session_events) = Session::join(config.session).await?;
        let welcome = session.welcome();
        let (events, reader) = mpsc::channel(EVENTS_MAX);
        let inlet = Arc::new(Inlet {
            voice_down: VoiceDown::new(config.clock),
            camera_down: Mutex::new(CameraDown::new()),
            camera_up: Mutex::new(None),
            events: events.clone(),
        });
        let tunnel = config.tunnel.then(|| {
            Arc::new(ControlPort {
                dialer: dialer.clone(),
            }) as Arc<dyn OpenTunnel>
        });
        let link = LinkConfig {
            clock: config.clock,
            inlet: Arc::clone(&inlet) as _,
            tunnel,
            addresses: config.media_addresses,
        };
        let parts = Arc::new(Parts {
            link: MediaLink::open(link, &welcome.media).await?,
            inlet,
            voice_up: Mutex::new(None),
            events,
            clock: config.clock,
            dialer,
            voice: config.voice,
            quality: Mutex::new(config.quality),
            media: Mutex::new(MediaState::default()),
            layers: Mutex::default(),
            // A room that has forgotten everything would give a screen without sound its sound.
            wish: Mutex::new(Wish {
                media: Some(MediaState {
                    sound,
                    ..MediaState::default()
                }),
                ..Wish::default()
            }),
        });
        let session = Arc::new(session);
        let following = follow::Follow::new(Arc::clone(&session), &welcome, Arc::clone(&parts));
        let client = Client {
            session,
            running: Running {
                following: tokio::spawn(following.run(session_events)),
                parts,
            },
        };
        if let Some(speaker) = config.speaker.filter(|_| sound) {
            client.set_speaker(speaker);
        }
        client.set_microphone(config.microphone)?;
        client.set_camera(config.camera);
        let settings = client.state().borrow().settings.clone();
        let media = on_entry(config.media, sound, &settings);
        // A host may have muted everybody: then one is in, and muted.
        if let Err(error) = client.set_media(media).await {
            tracing::debug!(%error, "the devices stay off");
        }
        Ok((client, reader))
    }

    /// Says a line of chat.
    pub async fn say(&self, text: impl Into<String>) -> Result<Reply, AskError> {
        let text = text.into();
        self.session.ask(Command::Say { text }).await
    }

    /// Switches microphone, camera and sound. Off takes effect at once, on when the room has agreed.
    pub async fn set_media(&self, media: MediaState) -> Result<Reply, AskError> {
        if !media.microphone || !media.camera {
            let now = *self.running.parts.media.lock();
            self.running.parts.apply(MediaState {
                microphone: now.microphone && media.microphone,
                camera: now.camera && media.camera,
                sound: now.sound,
            });
        }
        let reply = self.session.ask(Command::SetMedia { media }).await?;
        self.running.parts.apply(media);
        self.running.parts.wish.lock().media = Some(media);
        Ok(reply)
    }

    /// Whose cameras this client wants to see.
    pub async fn watch(&self, watch: Vec<Watch>) -> Result<Reply, AskError> {
        let command = Command::WatchCameras {
            watch: watch.clone(),
        };
        let reply = self.session.ask(command).await?;
        let parts = &self.running.parts;
        let sources: Vec<ParticipantId> = watch.iter().map(|watch| watch.source).collect();
        parts.inlet.camera_down.lock().keep_only(&sources);
        parts.wish.lock().watch = Some(watch);
        Ok(reply)
    }

    /// How good the pictures are to be that this client receives.
    pub async fn choose_receiving(&self, receive: QualityChoice) -> Result<Reply, AskError> {
        let reply = self.session.ask(Command::ChooseQuality { receive }).await?;
        self.running.parts.wish.lock().receive = Some(receive);
        Ok(reply)
    }

    /// How loud this client hears somebody: 0 to 200 percent.
    pub async fn set_volume(&self, of: ParticipantId, percent: u16) -> Result<Reply, AskError> {
        let command = Command::SetVolume { of, percent };
        let reply = self.session.ask(command).await?;
        self.running.parts.wish.lock().volume(of, percent);
        Ok(reply)
    }

    /// Asks anything else of the room.
    pub async fn ask(&self, command: Command) -> Result<Reply, AskError> {
        match command {
            Command::SetVolume { of, percent } => self.set_volume(of, percent).await,
            other => self.session.ask(other).await,
        }
    }

    /// Takes the newest frame of somebody's camera, once; told by [`ClientEvent::CameraFrame`].
    pub fn take_camera_frame(&self, source: ParticipantId) -> Option<CameraFrame> {
        self.running.parts.inlet.camera_down.lock().take(source)
    }

    /// Takes camera frames for a task of its own.
    pub fn frame_taker(&self) -> FrameTaker {
        FrameTaker(Arc::clone(&self.running.parts.inlet))
    }

    /// Speaks through another microphone, or none.
    pub fn set_microphone(
        &self,
        microphone: Option<Box<dyn Microphone>>,
    ) -> Result<(), opus::Error> {
        let mut voice_up = self.running.parts.voice_up.lock();
        // The old one is closed first: it may be the same device.
        drop(voice_up.take());
        let Some(microphone) = microphone else {
            return Ok(());
        };
        let events = self.running.parts.events.clone();
        let notice = move |notice| {
            // A reader that is behind misses what it cannot use any more.
            let _ = events.try_send(match notice {
                VoiceNotice::TalkingWhileMuted => ClientEvent::TalkingWhileMuted,
                VoiceNotice::MicrophoneGone => ClientEvent::MicrophoneGone,
            });
        };
        *voice_up = Some(VoiceUp::start(
            microphone,
            self.running.parts.voice,
            !self.running.parts.media.lock().microphone,
            self.running.parts.clock,
            Arc::new(self.running.parts.link.sender()),
            notice,
        )?);
        Ok(())
    }

    /// Plays on another speaker from now on.
    pub fn set_speaker(&self, speaker: Box<dyn Speaker>) {
        self.running.parts.inlet.voice_down.play_on(speaker);
    }

    /// Films with another camera, or none.
    pub fn set_camera(&self, camera: Option<Box<dyn Camera>>) {
        let mut camera_up = self.running.parts.inlet.camera_up.lock();
        drop(camera_up.take());
        let Some(camera) = camera else {
            return;
        };
        let events = self.running.parts.events.clone();
        let new = CameraUp::start(
            camera,
            *self.running.parts.quality.lock(),
            self.running.parts.media.lock().camera,
            self.running.parts.clock,
            Arc::new(self.running.parts.link.sender()),
            move |_| drop(events.try_send(ClientEvent::CameraGone)),
        );
        new.watched(&self.running.parts.layers.lock());
        *camera_up = Some(new);
        drop(camera_up);
        let quiet = self.state().borrow().settings.quiet_company;
        self.running.parts.keep_quiet(quiet);
    }

    /// How good a picture this client sends.
    pub fn choose_sending(&self, choice: QualityChoice) {
        *self.running.parts.quality.lock() = choice;
        if let Some(camera) = &*self.running.parts.inlet.camera_up.lock() {
            camera.choose(choice);
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn state(&self) -> watch::Receiver<Arc<RoomState>> {
        self.session.state()
    }

    /// The newest welcome: who this client is, and its seat token for HTTP and the screen.
    pub fn welcome(&self) -> Arc<Welcome> {
        self.session.welcome()
    }

    /// Opens more connections to the same server, under the same pinned key.
    pub fn dialer(&self) -> &Dialer {
        &self.running.parts.dialer
    }

    /// Opens the links on which a screen is shown or viewed.
    pub fn screen_access(&self) -> ScreenAccess {
        ScreenAccess {
            dialer: self.running.parts.dialer.clone(),
            slug: self.slug(),
            welcome: self.session.welcomes(),
        }
    }

    /// Sends and fetches the room's files. Unfinished uploads are remembered in the folder `journal`.
    pub fn files(&self, journal: Option<PathBuf>) -> Files {
        let http = HttpClient::new(self.running.parts.dialer.clone());
        Files::new(http, &self.slug(), &self.welcome().seat_token, journal)
    }

    /// The room clock now, and how wrong it may be; `None` before the first echo.
    pub fn room_clock(&self) -> Option<Reading> {
        self.running.parts.link.room_clock()
    }

    pub fn media_link(&self) -> &MediaLink {
        &self.running.parts.link
    }

    /// Reads the counts of voice, to add them up over many clients, or begins them anew.
    pub fn with_voice_tally<R>(&self, read: impl FnOnce(&mut VoiceTally) -> R) -> R {
        self.running.parts.inlet.voice_down.with_tally(read)
    }

    /// Reads the counts of cameras, to add them up over many clients.
    pub fn with_cameras<R>(&self, read: impl FnOnce(&CameraDown) -> R) -> R {
        read(&self.running.parts.inlet.camera_down.lock())
    }

    pub fn figures(&self) -> ClientFigures {
        self.running.parts.figures()
    }

    fn slug(&self) -> String {
        self.session.state().borrow().slug.clone()
    }

    /// Leaves the room and ends every thread and task, within a few seconds whatever the server does.
    pub async fn leave(self) {
        let Client {
            session,
            mut running,
        } = self;
        let parts = Arc::clone(&running.parts);
        // Devices may take a moment to return; that must not hold up the runtime.
        let ended = tokio::task::spawn_blocking(move || parts.end_devices());
        running.following.abort();
        // It is either aborted or done already; both are the end of it.
        let _ = (&mut running.following).await;
        if let Some(session) = Arc::into_inner(session) {
            session.leave().await;
        }
        if tokio::time::timeout(DEVICES_END_MAX, ended).await.is_err() {
            tracing::warn!("a device did not return in time");
        }
        running.parts.link.close().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.following.abort();
        self.parts.end_devices();
    }
}
