//! People with whole clients: they speak what they are given, and what they hear is kept.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};

use conclave_client::{
    client::{Client, ClientConfig, ClientEvent},
    link::invite::Invite,
    media::devices::{Camera, Frame, MemorySpeaker, Paced, Recording, SAMPLE_RATE, Sound},
    session::{SessionConfig, SessionEvent},
};
use conclave_wire::{Encoding, MediaState, Numbered, ParticipantId, Signs};
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::server::DEADLINE;

/// How often something is looked at that cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const SAMPLES_PER_MS: usize = SAMPLE_RATE as usize / 1_000;

/// How somebody comes.
pub struct Coming {
    /// Where voice and camera go; `None` for where the server says.
    pub media_by: Option<SocketAddr>,
    pub camera: Option<Box<dyn Camera>>,
    pub microphone: bool,
}

impl Default for Coming {
    fn default() -> Coming {
        Coming {
            media_by: None,
            camera: None,
            microphone: true,
        }
    }
}

/// Somebody in a meeting.
pub struct Person {
    pub client: Client,
    mouth: Mouth,
    ears: Arc<Mutex<Recording>>,
    events: watch::Receiver<Arc<Vec<ClientEvent>>>,
    gathering: JoinHandle<()>,
}

/// A microphone that hears what is put into it, and silence otherwise.
#[derive(Clone, Default)]
struct Mouth(Arc<Mutex<VecDeque<i16>>>);

impl Sound for Mouth {
    fn fill(&mut self, frame: &mut Frame) -> bool {
        let mut words = self.0.lock();
        for sample in frame {
            *sample = words.pop_front().unwrap_or(0);
        }
        true
    }
}

impl Person {
    pub async fn join(invite: &Invite, name: &str) -> Person {
        Person::come(invite, name, Coming::default()).await
    }

    /// # Panics
    /// When they are not let in.
    pub async fn come(invite: &Invite, name: &str, coming: Coming) -> Person {
        let mouth = Mouth::default();
        let (speaker, ears) = MemorySpeaker::new();
        let seed = name.bytes().map(u64::from).sum();
        let mut config = ClientConfig::new(SessionConfig {
            invite: invite.clone(),
            name: name.to_owned(),
            password: None,
            sound: true,
            encoding: Encoding::MessagePack,
            seed,
            device: None,
            file_hash: None,
            waiting: None,
        });
        config.microphone = Some(Box::new(Paced::new(mouth.clone())));
        config.speaker = Some(Box::new(speaker));
        config.media = MediaState {
            microphone: coming.microphone,
            camera: coming.camera.is_some(),
            sound: true,
        };
        config.camera = coming.camera;
        config.media_addresses = coming.media_by.map(|address| vec![address]);
        let joined = Client::join(config).await;
        let (client, mut told) = joined.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (gathered, events) = watch::channel(Arc::default());
        let gathering = tokio::spawn(async move {
            while let Some(event) = told.recv().await {
                gathered.send_modify(|events: &mut Arc<Vec<ClientEvent>>| {
                    Arc::make_mut(events).push(event);
                });
            }
        });
        Person {
            client,
            mouth,
            ears,
            events,
            gathering,
        }
    }

    pub fn id(&self) -> ParticipantId {
        self.client.welcome().you
    }

    /// Says something from now on.
    pub fn begin(&self, speech: &[i16]) {
        self.mouth.0.lock().extend(speech);
    }

    /// Waits until all of it has been said.
    pub async fn finished(&self) {
        self.wait("the end of a speech", || self.mouth.0.lock().is_empty())
            .await;
    }

    pub async fn say_aloud(&self, speech: &[i16]) {
        self.begin(speech);
        self.finished().await;
    }

    /// How much they have heard so far, in samples at 48 kHz; silence counts.
    pub fn heard_samples(&self) -> usize {
        self.ears.lock().samples.len()
    }

    /// What they heard since then.
    pub fn heard_since(&self, start: usize) -> Vec<i16> {
        let recording = self.ears.lock();
        recording.samples.get(start..).unwrap_or_default().to_vec()
    }

    /// Listens so much longer.
    pub async fn listen(&self, ms: usize) {
        let until = self.heard_samples() + ms * SAMPLES_PER_MS;
        self.wait("sound", || self.heard_samples() >= until).await;
    }

    async fn wait(&self, what: &str, mut is: impl FnMut() -> bool) {
        let waiting = async {
            while !is() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let long = timeout(DEADLINE * 3, waiting).await;
        assert!(long.is_ok(), "waited in vain for {what}");
    }

    /// Waits for something that this client tells, now or before.
    ///
    /// # Panics
    /// When it does not.
    pub async fn told<T>(&self, what: &str, mut pick: impl FnMut(&ClientEvent) -> Option<T>) -> T {
        let mut events = self.events.clone();
        let mut picked = None;
        let found = events.wait_for(|events| {
            picked = events.iter().find_map(&mut pick);
            picked.is_some()
        });
        let waited = timeout(DEADLINE, found).await.map(|found| found.is_ok());
        match (waited, picked) {
            (Ok(true), Some(picked)) => picked,
            (waited, _) => {
                let last: Vec<_> = self
                    .events
                    .borrow()
                    .iter()
                    .rev()
                    .take(20)
                    .cloned()
                    .collect();
                panic!("not told {what} ({waited:?}), but: {last:#?}");
            }
        }
    }

    /// Waits for an event of the room.
    pub async fn sees<T>(&self, what: &str, mut pick: impl FnMut(&Numbered) -> Option<T>) -> T {
        self.told(what, |event| match event {
            ClientEvent::Session(SessionEvent::Happened(numbered)) => pick(numbered),
            _ => None,
        })
        .await
    }

    /// Waits for a sign.
    pub async fn notices<T>(&self, what: &str, mut pick: impl FnMut(&Signs) -> Option<T>) -> T {
        self.told(what, |event| match event {
            ClientEvent::Session(SessionEvent::Signs(signs)) => pick(signs),
            _ => None,
        })
        .await
    }

    /// Everything told so far.
    pub fn events(&self) -> Arc<Vec<ClientEvent>> {
        self.events.borrow().clone()
    }

    /// Waits until voice goes back and forth, so that the first word is not lost.
    pub async fn connected(&self) {
        use conclave_client::media::link::Way;
        let mut way = self.client.media_link().way();
        let found = way.wait_for(|way| *way != Way::Searching);
        let found = timeout(DEADLINE, found).await;
        assert!(matches!(found, Ok(Ok(_))), "no way for voice");
    }

    pub async fn leave(self) {
        self.gathering.abort();
        self.client.leave().await;
    }
}
