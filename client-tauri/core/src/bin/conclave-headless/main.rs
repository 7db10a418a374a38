//! A whole client with the real devices of this machine and no window: for tests, measurements, and machines
//! without a desktop. Reads orders from its input and says what happens on its output, a line each.

mod orders;

use std::{io::Write, process::ExitCode, sync::Arc};

use conclave_client::{
    client::{Client, ClientConfig, ClientEvent},
    link::invite::Invite,
    media::{
        clock::MediaClock,
        devices::{DeviceKind, real::Devices},
        voice_up::VoiceSettings,
    },
    screen::{
        ScreenShare,
        real::{check_screen, list_screens, open_screen},
    },
    session::SessionConfig,
};
use conclave_wire::{Command, Encoding, MediaState, command::Watch};
use tokio::sync::mpsc;

use orders::{Heard, Join, Order, Said, State};

/// Orders that wait to be carried out.
const ORDERS_MAX: usize = 64;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conclave-headless: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let mut lines = read_lines()?;
    let first = lines.recv().await.ok_or("the first line says where to")?;
    let join: Join = serde_json::from_str(&first)?;
    let (devices, device_events) = Devices::open(join.devices.clone());
    tell_devices(device_events);
    let (client, events) = Client::join(config(&join, &devices)?).await?;
    say(&Said::Joined {
        you: client.welcome().you,
    });
    let mut running = Running {
        client: Arc::new(client),
        devices,
        share: None,
        frames_seen: Arc::default(),
    };
    running.tell_events(events);
    running.obey(&mut lines).await;
    drop(running.share.take());
    if let Some(client) = Arc::into_inner(running.client) {
        client.leave().await;
    }
    Ok(())
}

/// The lines of our input, read by a thread that ends with the program.
fn read_lines() -> std::io::Result<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::channel(ORDERS_MAX);
    std::thread::Builder::new()
        .name("orders".into())
        .spawn(move || {
            let lines = std::io::stdin().lines().map_while(Result::ok);
            for line in lines {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        })?;
    Ok(lines)
}

fn config(join: &Join, devices: &Devices) -> Outcome<ClientConfig> {
    let mut config = ClientConfig::new(SessionConfig {
        invite: Invite::parse(&join.link)?,
        name: join.name.clone(),
        password: None,
        sound: true,
        encoding: Encoding::MessagePack,
        seed: std::process::id().into(),
        device: None,
        waiting: None,
        file_hash: None,
    });
    config.microphone = Some(devices.microphone());
    config.speaker = Some(devices.speaker());
    config.camera = Some(devices.camera());
    config.media = MediaState {
        microphone: join.microphone,
        camera: join.camera,
        sound: true,
    };
    config.voice = VoiceSettings {
        frames_per_packet: join.frames_per_packet,
        ..VoiceSettings::default()
    };
    Ok(config)
}

struct Running {
    client: Arc<Client>,
    devices: Devices,
    share: Option<ScreenShare>,
    frames_seen: Arc<std::sync::atomic::AtomicU64>,
}

impl Running {
    /// Does what it is told, to the end of its orders.
    async fn obey(&mut self, lines: &mut mpsc::Receiver<String>) {
        while let Some(line) = lines.recv().await {
            let done = match serde_json::from_str(&line) {
                Ok(Order::Leave) => return,
                Ok(order) => self.carry_out(order).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = done {
                say(&Said::Refused {
                    why: error.to_string(),
                });
            }
        }
    }

    async fn carry_out(&mut self, order: Order) -> Outcome<()> {
        match order {
            Order::Media { microphone, camera } => {
                let media = MediaState {
                    microphone,
                    camera,
                    sound: true,
                };
                self.client.set_media(media).await?;
            }
            Order::Choose { kind, choice } => self.devices.choose(kind, choice),
            Order::Enhance { enhancement } => self.devices.enhance(enhancement),
            Order::HearYourself { on } => self.devices.hear_yourself(on),
            Order::Watch { layer } => {
                let you = self.client.welcome().you;
                let state = self.client.state().borrow().clone();
                let others = state.members.iter().filter(|member| member.id != you);
                let watch = others.map(|member| Watch {
                    source: member.id,
                    layer_max: layer,
                    pinned: false,
                });
                self.client.watch(watch.collect()).await?;
            }
            Order::Screens => {
                let screens = tokio::task::spawn_blocking(list_screens).await?;
                say(&Said::Screens { screens });
            }
            Order::Share { choice } => {
                let checked = choice.clone();
                tokio::task::spawn_blocking(move || check_screen(&checked)).await??;
                self.client.ask(Command::TakeFloor).await?;
                let access = self.client.screen_access();
                let (share, mut events) =
                    ScreenShare::start(access, MediaClock::start(), || open_screen(choice));
                self.share = Some(share);
                tokio::spawn(async move {
                    while let Some(event) = events.recv().await {
                        say(&Said::Share {
                            event: format!("{event:?}"),
                        });
                    }
                });
            }
            Order::StopSharing => {
                if let Some(share) = self.share.take() {
                    share.stop().await;
                }
            }
            Order::State => say(&Said::State(Box::new(self.state()))),
            Order::Leave => {}
        }
        Ok(())
    }

    fn state(&self) -> State {
        State {
            microphone: self.devices.in_use(DeviceKind::Microphone),
            speaker: self.devices.in_use(DeviceKind::Speaker),
            camera: self.devices.in_use(DeviceKind::Camera),
            levels: self.devices.levels(),
            devices: self.devices.figures(),
            client: self.client.figures(),
            frames_seen: self.frames_seen.load(std::sync::atomic::Ordering::Relaxed),
        }
    }

    /// Says what the client tells, and takes the pictures that it is told of.
    fn tell_events(&self, mut events: mpsc::Receiver<ClientEvent>) {
        let frames = self.client.frame_taker();
        let seen = Arc::clone(&self.frames_seen);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let ClientEvent::CameraFrame { source } = event
                    && frames.take(source).is_some()
                {
                    seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                if let Some(event) = Heard::of(&event) {
                    say(&Said::Client { event });
                }
            }
        });
    }
}

fn tell_devices(mut events: mpsc::Receiver<conclave_client::media::devices::real::DeviceEvent>) {
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            say(&Said::Device { event });
        }
    });
}

fn say(said: &Said) {
    let mut output = std::io::stdout().lock();
    // Whoever does not listen any more has closed our input as well.
    let written = serde_json::to_writer(&mut output, said).map_err(std::io::Error::from);
    let _ = written.and_then(|()| output.write_all(b"\n"));
}
