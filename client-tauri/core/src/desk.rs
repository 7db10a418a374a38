//! Everything that a window needs around a client, with no window in it: what the page asks is answered
//! here, and what happens is told as words that the page understands.
//!
//! A program with a window makes one [`Desk`], hands it the page's questions ([`Desk::ask`]), and carries
//! to the page what it is [`Told`] and the pictures of [`Desk::frames`].

mod asked;
mod doors;
mod films;
mod finding;
mod floor;
mod frames;
mod joining;
mod keeping;
mod kept;
mod links;
mod meeting;
mod own;
mod rack;
mod reports;
mod study;
mod transfers;
mod trying;
mod words;

#[cfg(feature = "devices")]
mod real_rack;
mod synthetic_rack;

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

pub use films::{FilmAbilities, FilmAbility, FilmShown, FilmTrack, FilmTrouble, FilmTune};
pub use finding::{FoundServer, SERVICE_TYPE};
pub use frames::{FRAMES_BYTES_MAX, Frames, POLL_MAX};
pub use keeping::SettingsTrouble;
pub use kept::{Kept, Keys, KnownServer, RecentRoom};
pub use links::{LinkRefused, RoomLink};
pub use rack::{Preview, Rack, RackRefused, ScreenOffer};
#[cfg(feature = "devices")]
pub use real_rack::RealRack;
pub use reports::ReportKind;
pub use study::{OwnGoal, OwnStudy};
pub use synthetic_rack::{Broken, SyntheticRack};
pub use words::{
    Ask, DeviceNote, EndReason, JoinWish, LinkState, LocalDevice, LocalMedia, MediaFailure,
    ScreenState, Told, TransferState, Trouble,
};

use finding::Finding;
use keeping::Keeping;
use meeting::Meeting;
use trying::Tries;

/// Where the program keeps its things.
#[derive(Clone, Debug)]
pub struct Places {
    /// Settings, which hold secrets: the folder is the person's own.
    pub config: PathBuf,
    /// Unfinished transfers.
    pub data: PathBuf,
    /// Where files go that nobody is asked about.
    pub downloads: PathBuf,
}

/// What only the program round the window can do.
pub trait Host: Send + Sync {
    /// Asks the person where to save a file of this name; `None` when they do not want to any more.
    fn save_as(&self, name: String) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>>;

    /// Asks the person for a film of this machine; `None` when they do not want to any more.
    fn open_film(&self) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>>;

    /// Shows a file in the system's own view of folders.
    fn show_file(&self, path: &Path);

    /// The person drags a file out of the window; returns when it was let go.
    fn drag_file(&self, path: &Path) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Shows a note of the system.
    fn notify(&self, title: &str, body: &str);

    /// A meeting has begun or is over: a machine in a meeting does not go to sleep.
    fn meeting(&self, is_on: bool);

    /// The microphone was switched: `None` outside of meetings.
    fn microphone(&self, is_on: Option<bool>);

    /// Other keys were chosen. Says which of them cannot be had.
    fn keys(&self, keys: &Keys) -> Result<(), String>;

    /// What this system does not do for us, as words of the bridge; empty where everything works.
    fn lacks(&self) -> Vec<(&'static str, &'static str)>;
}

/// Who listens to the desk.
pub type Outlet = Arc<dyn Fn(Told) + Send + Sync>;

/// How the microphone is switched from outside of the window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Talk {
    /// A key is held down, or let go.
    On,
    Off,
    Toggle,
}

/// One program's desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) rack: Arc<dyn Rack>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) places: Places,
    pub(crate) frames: Arc<Frames>,
    pub(crate) kept: Mutex<Kept>,
    keeping: Keeping,
    outlet: Mutex<Option<Outlet>>,
    meeting: Mutex<Option<Arc<Meeting>>>,
    /// Ends an attempt to join that is under way.
    give_up: Notify,
    finding: Mutex<Option<Finding>>,
    tries: Tries,
    past_seats: Mutex<reports::PastSeats>,
    /// A link that was clicked before the page could be told.
    waiting_link: Mutex<Option<String>>,
}

impl Desk {
    /// Reads what was kept. Files that cannot be read are as good as none: the program starts anyway.
    pub fn open(places: Places, rack: Arc<dyn Rack>, host: Arc<dyn Host>) -> Desk {
        let found = Kept::read(&places.config);
        let begins_anew = found.is_none();
        transfers::clear(&places.data);
        let shared = Shared {
            rack,
            host,
            places,
            frames: Arc::new(Frames::default()),
            kept: Mutex::new(found.unwrap_or_default()),
            keeping: Keeping::default(),
            outlet: Mutex::new(None),
            meeting: Mutex::new(None),
            give_up: Notify::new(),
            finding: Mutex::new(None),
            tries: Tries::default(),
            past_seats: Mutex::default(),
            waiting_link: Mutex::new(None),
        };
        if begins_anew {
            // The secret must stay the same from now on.
            shared.keep_first();
        }
        Desk {
            shared: Arc::new(shared),
        }
    }

    /// Answers the page. Must be called within a tokio runtime of several threads.
    ///
    /// # Errors
    /// [`Trouble`], with a sentence for the person.
    pub async fn ask(&self, ask: Ask) -> Result<Value, Trouble> {
        asked::answer(&self.shared, ask).await
    }

    /// Takes the next bytes of a file that the page gives us piece by piece.
    ///
    /// # Errors
    /// [`Trouble`]: the disk is full, or no such file was begun.
    pub async fn take_piece(&self, id: u32, piece: Vec<u8>) -> Result<(), Trouble> {
        let meeting = self.shared.meeting()?;
        meeting.transfers.take_piece(id, piece).await
    }

    /// A page has begun: it is told everything from now on, instead of the one before. A meeting of the one
    /// before is over.
    pub fn listen(&self, outlet: Outlet) {
        *self.shared.outlet.lock() = Some(outlet);
        let before = self.shared.meeting.lock().take();
        if let Some(meeting) = before {
            tokio::spawn(async move { meeting.leave().await });
        }
        self.shared.tries.close_all();
    }

    /// Pictures for the page.
    pub fn frames(&self) -> &Arc<Frames> {
        &self.shared.frames
    }

    /// A link that the person opened outside of the window.
    pub fn open_link(&self, link: String) {
        let told = self.shared.tell(Told::Opened { link: link.clone() });
        if !told {
            *self.shared.waiting_link.lock() = Some(link);
        }
    }

    /// Switches the microphone from outside of the window. Does nothing outside of meetings.
    pub async fn talk(&self, talk: Talk) {
        let Ok(meeting) = self.shared.meeting() else {
            return;
        };
        let on = match talk {
            Talk::On => true,
            Talk::Off => false,
            Talk::Toggle => !meeting.own.microphone_is_on(),
        };
        meeting.set_microphone(on).await;
    }

    /// Something about the devices that a person should know.
    pub fn note(&self, note: DeviceNote) {
        self.shared.tell(Told::Note { note });
    }

    /// The list of devices is another one.
    pub fn devices_changed(&self) {
        self.shared.tell(Told::Devices);
        if let Ok(meeting) = self.shared.meeting() {
            meeting.own.name_devices(&*self.shared.rack);
        }
    }

    /// What is kept between visits.
    pub fn kept(&self) -> Kept {
        self.shared.kept.lock().clone()
    }

    /// The program ends: the seat is given up, and what is to be kept is written, within a few seconds.
    pub async fn close(&self) {
        self.shared.give_up.notify_waiters();
        let meeting = self.shared.meeting.lock().take();
        if let Some(meeting) = meeting {
            meeting.leave().await;
        }
        self.shared.settle().await;
    }
}

impl Shared {
    /// Says whether anybody listens.
    pub(crate) fn tell(&self, told: Told) -> bool {
        let outlet = self.outlet.lock().clone();
        outlet.map(|outlet| outlet(told)).is_some()
    }

    pub(crate) fn meeting(&self) -> Result<Arc<Meeting>, Trouble> {
        let meeting = self.meeting.lock().clone();
        meeting.ok_or_else(|| Trouble::refusal("seat_unknown", "The meeting is over for you."))
    }
}
