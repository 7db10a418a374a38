//! Browser guests as the other threads see them: queues towards the thread that speaks WebRTC, and back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use conclave_core::media::voices::OutFrame;
use conclave_wire::{Refusal, RefusalCode, datagram::Kind};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::sessions::{Session, UdpPath};

/// Offers that wait for an answer.
pub const OFFERS_QUEUED_MAX: usize = 64;
/// An offer is answered within this, or not at all.
pub const OFFER_DEADLINE: Duration = Duration::from_secs(5);
/// Distinct packets of voice that wait for the thread, each with its listeners.
pub const GUEST_VOICE_QUEUED_MAX: usize = 4_096;
/// Trains of camera fragments that wait for the thread, each for one guest.
pub const GUEST_CAMERA_QUEUED_MAX: usize = 4_096;
/// Bytes of camera that wait for the thread on behalf of one guest, so that nobody fills the queue of all.
pub const GUEST_CAMERA_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Batches of datagrams that wait for the thread.
pub const GUEST_BATCHES_QUEUED_MAX: usize = 1_024;
/// Datagrams of one guest that wait for the thread: a large frame.
pub const GUEST_ARRIVING_MAX: usize = 1_024;
/// Camera messages of guests that wait for the receiving thread.
pub const FROM_GUESTS_QUEUED_MAX: usize = 4_096;

/// A peer connection among those of this server; keys are never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GuestKey {
    /// Its place in tables.
    pub slot: u32,
    /// Tells it from those that had the place before.
    pub generation: u64,
}

/// A browser wants to be sent and heard.
pub struct Offer {
    pub session: Arc<Session>,
    pub sdp: String,
    pub answer: oneshot::Sender<Result<String, Refusal>>,
}

/// A datagram that belongs to a guest, or claims to.
pub struct GuestDatagram {
    pub to: Arc<GuestLink>,
    pub from: GuestPath,
    pub bytes: Vec<u8>,
}

/// Where a guest is reached.
#[derive(Clone, Debug)]
pub enum GuestPath {
    Udp(UdpPath),
    Tcp(GuestStream),
}

/// A TCP connection of a guest: what is put in goes out as one frame (RFC 4571).
#[derive(Clone, Debug)]
pub struct GuestStream {
    pub peer: std::net::SocketAddr,
    pub frames: mpsc::Sender<Vec<u8>>,
}

/// One packet of voice, and which guests hear it.
pub struct GuestVoice {
    pub frame: OutFrame,
    pub to: Vec<Arc<GuestLink>>,
}

/// Bodies of one kind for one guest's data channel.
pub struct GuestCamera {
    pub to: Arc<GuestLink>,
    pub kind: Kind,
    pub bodies: Vec<Arc<[u8]>>,
}

/// What a guest sent over the data channel that is the receiving thread's to deal with.
pub struct FromGuest {
    pub session: Arc<Session>,
    pub kind: Kind,
    pub body: Vec<u8>,
}

/// A guest's peer connection, seen from the other threads.
#[derive(Debug)]
pub struct GuestLink {
    pub key: GuestKey,
    voice: mpsc::Sender<GuestVoice>,
    camera: mpsc::Sender<GuestCamera>,
    /// Bytes of camera on their way to the thread.
    camera_bytes: AtomicUsize,
    /// Datagrams on their way to the thread.
    arriving: AtomicUsize,
}

impl GuestLink {
    pub fn new(key: GuestKey, queues: &GuestSenders) -> Arc<GuestLink> {
        Arc::new(GuestLink {
            key,
            voice: queues.voice.clone(),
            camera: queues.camera.clone(),
            camera_bytes: AtomicUsize::new(0),
            arriving: AtomicUsize::new(0),
        })
    }

    /// Hands a packet to all guests that hear it. False when the thread is behind and it was dropped.
    pub fn send_voice(frame: OutFrame, to: Vec<Arc<GuestLink>>) -> bool {
        let Some(any) = to.first() else {
            return true;
        };
        let queue = any.voice.clone();
        queue.try_send(GuestVoice { frame, to }).is_ok()
    }

    /// Queues bodies for the data channel. False when too much waits already and they were dropped.
    pub fn send_camera(self: &Arc<Self>, kind: Kind, bodies: &[Arc<[u8]>]) -> bool {
        let bytes = bytes_of(bodies);
        if self.camera_bytes.load(Ordering::Relaxed) + bytes > GUEST_CAMERA_BYTES_MAX {
            return false;
        }
        self.camera_bytes.fetch_add(bytes, Ordering::Relaxed);
        let camera = GuestCamera {
            to: self.clone(),
            kind,
            bodies: bodies.to_vec(),
        };
        let sent = self.camera.try_send(camera).is_ok();
        if !sent {
            self.camera_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        sent
    }

    /// The thread has taken bodies out of its queue.
    pub fn camera_taken(&self, bodies: &[Arc<[u8]>]) {
        self.camera_bytes
            .fetch_sub(bytes_of(bodies), Ordering::Relaxed);
    }

    /// Whether one more datagram of this guest may wait for the thread; if so it is counted.
    pub fn may_arrive(&self) -> bool {
        let waiting = self.arriving.fetch_add(1, Ordering::Relaxed);
        if waiting >= GUEST_ARRIVING_MAX {
            self.arrived();
            return false;
        }
        true
    }

    /// The thread has taken a datagram, or it was dropped on the way there.
    pub fn arrived(&self) {
        self.arriving.fetch_sub(1, Ordering::Relaxed);
    }
}

fn bytes_of(bodies: &[Arc<[u8]>]) -> usize {
    bodies.iter().map(|body| body.len()).sum()
}

/// The ends of the queues that are put into.
#[derive(Clone)]
pub struct GuestSenders {
    offers: mpsc::Sender<Offer>,
    pub datagrams: mpsc::Sender<Vec<GuestDatagram>>,
    voice: mpsc::Sender<GuestVoice>,
    camera: mpsc::Sender<GuestCamera>,
    pub from_guests: mpsc::Sender<FromGuest>,
}

/// The ends that the thread for WebRTC takes from.
pub struct GuestQueues {
    pub offers: mpsc::Receiver<Offer>,
    pub datagrams: mpsc::Receiver<Vec<GuestDatagram>>,
    pub voice: mpsc::Receiver<GuestVoice>,
    pub camera: mpsc::Receiver<GuestCamera>,
}

/// All queues; what guests send to cameras is the receiving thread's to take.
pub fn queues() -> (GuestSenders, GuestQueues, mpsc::Receiver<FromGuest>) {
    let (offers, offers_taken) = mpsc::channel(OFFERS_QUEUED_MAX);
    let (datagrams, datagrams_taken) = mpsc::channel(GUEST_BATCHES_QUEUED_MAX);
    let (voice, voice_taken) = mpsc::channel(GUEST_VOICE_QUEUED_MAX);
    let (camera, camera_taken) = mpsc::channel(GUEST_CAMERA_QUEUED_MAX);
    let (from_guests, from_guests_taken) = mpsc::channel(FROM_GUESTS_QUEUED_MAX);
    let senders = GuestSenders {
        offers,
        datagrams,
        voice,
        camera,
        from_guests,
    };
    let taken = GuestQueues {
        offers: offers_taken,
        datagrams: datagrams_taken,
        voice: voice_taken,
        camera: camera_taken,
    };
    (senders, taken, from_guests_taken)
}

impl GuestSenders {
    /// Hands an offer to the thread and waits for what comes of it.
    ///
    /// # Errors
    /// What the thread refuses, and `media_busy` when it is behind or gone.
    pub async fn offer(&self, session: Arc<Session>, sdp: String) -> Result<String, Refusal> {
        let (answer, answered) = oneshot::channel();
        let offer = Offer {
            session,
            sdp,
            answer,
        };
        if self.offers.try_send(offer).is_err() {
            return Err(RefusalCode::MediaBusy.into());
        }
        match timeout(OFFER_DEADLINE, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(RefusalCode::MediaBusy.into()),
        }
    }
}
