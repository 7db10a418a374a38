//! The presenter's place in a room: whose screen is shown, and to whom.

mod presenter;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use conclave_wire::{
    ParticipantId, RefusalCode,
    screen::{ScreenMessage, ScreenPurpose},
};

use super::{FrameEnd, Next, PresenterPace, TileCache, ViewerPace};
use crate::Moment;

use presenter::{PresenterLink, pace_order};

/// Passes one presenter's screen on to many viewers. Links are named by numbers that the shell gives and
/// never uses again. `B` is a message as it came, cheap to clone.
#[derive(Debug)]
pub struct ScreenSlot<B> {
    /// Who may present.
    floor: Option<ParticipantId>,
    presenter: Option<PresenterLink>,
    cache: TileCache<B>,
    pace: PresenterPace,
    viewers: BTreeMap<u64, Viewer>,
    /// Bytes of runs that viewers were not offered yet.
    unshown: usize,
    /// When viewers are looked at next, to find those that have stalled.
    look_at: Option<Moment>,
    /// Rises with each move of the pointer, and where it is.
    pointer: (u64, Option<(u16, u16)>),
}

#[derive(Debug)]
struct Viewer {
    seat: ParticipantId,
    pace: ViewerPace,
}

/// What the shell must do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SlotEffect<B> {
    Show {
        viewer: u64,
        message: ViewerMessage<B>,
    },
    /// Goes to the presenter's link.
    Order {
        presenter: u64,
        order: ScreenMessage<'static>,
    },
    /// Close this link, saying why.
    Close { link: u64, code: RefusalCode },
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ViewerMessage<B> {
    /// A run, as it came from the presenter.
    Run(B),
    Other(ScreenMessage<'static>),
}

pub type SlotOutbox<B> = VecDeque<SlotEffect<B>>;

/// How often stalled viewers are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl<B> Default for ScreenSlot<B> {
    fn default() -> Self {
        ScreenSlot {
            floor: None,
            presenter: None,
            cache: TileCache::default(),
            pace: PresenterPace::new(),
            viewers: BTreeMap::new(),
            unshown: 0,
            look_at: None,
            pointer: (0, None),
        }
    }
}

impl<B: AsRef<[u8]> + Clone> ScreenSlot<B> {
    pub fn new() -> ScreenSlot<B> {
        ScreenSlot::default()
    }

    /// Who presents has changed. What somebody else shows is gone.
    pub fn give_floor(&mut self, to: Option<ParticipantId>, out: &mut SlotOutbox<B>) {
        if self.floor == to {
            return;
        }
        self.floor = to;
        self.close_presenter(RefusalCode::NotPresenting, out);
        self.stop(out);
    }

    pub fn floor(&self) -> Option<ParticipantId> {
        self.floor
    }

    /// What all viewers together were sent and have not acknowledged.
    pub fn unacknowledged_bytes(&self) -> u64 {
        let each = self.viewers.values();
        each.map(|viewer| u64::from(viewer.pace.unacknowledged_bytes()))
            .sum()
    }

    /// Somebody opened a link. A newer link of theirs for the same purpose takes over from the older.
    ///
    /// # Errors
    /// `not_presenting` for who would present and has not the floor.
    pub fn open(
        &mut self,
        link: u64,
        seat: ParticipantId,
        purpose: ScreenPurpose,
        now: Moment,
        out: &mut SlotOutbox<B>,
    ) -> Result<(), RefusalCode> {
        match purpose {
            ScreenPurpose::Present if self.floor != Some(seat) => {
                return Err(RefusalCode::NotPresenting);
            }
            ScreenPurpose::Present => {
                self.close_presenter(RefusalCode::TakenOver, out);
                self.presenter = Some(PresenterLink::new(link));
                self.order(pace_order(self.pace), out);
            }
            ScreenPurpose::View => {
                self.close_viewers_of(seat, RefusalCode::TakenOver, out);
                let pace = ViewerPace::new(now);
                self.viewers.insert(link, Viewer { seat, pace });
                self.look_at.get_or_insert(now + LOOK_EVERY);
                self.show(link, out);
            }
        }
        Ok(())
    }

    /// A link is gone, whichever it was. What a presenter has shown stays while they have the floor: they
    /// may be back in a moment.
    pub fn close(&mut self, link: u64) {
        self.viewers.remove(&link);
        self.presenter.take_if(|presenter| presenter.id == link);
    }

    /// A person is not in the room any more, or not for now.
    pub fn leave(&mut self, seat: ParticipantId, out: &mut SlotOutbox<B>) {
        self.close_viewers_of(seat, RefusalCode::SeatUnknown, out);
        if self.floor == Some(seat) {
            self.close_presenter(RefusalCode::SeatUnknown, out);
        }
    }

    /// A message came on a link; `body` is all of it.
    pub fn arrived(&mut self, link: u64, body: B, now: Moment, out: &mut SlotOutbox<B>) {
        let bytes = body.clone();
        let message = ScreenMessage::parse(bytes.as_ref());
        if let Some(presenter) = self
            .presenter
            .as_mut()
            .filter(|presenter| presenter.id == link)
        {
            let size = body.as_ref().len();
            presenter.received = presenter.received.wrapping_add(size as u32);
            self.unshown += size;
            let taken = message
                .ok_or(RefusalCode::Malformed)
                .and_then(|message| self.presented(message, body, now, out));
            if let Err(code) = taken {
                self.close_presenter(code, out);
                self.stop(out);
            }
        } else if self.viewers.contains_key(&link) {
            let acknowledged = match message {
                Some(ScreenMessage::Ack { bytes }) => self.acknowledged(link, bytes, now),
                Some(_) => Err(RefusalCode::Invalid),
                None => Err(RefusalCode::Malformed),
            };
            match acknowledged {
                Ok(()) => self.show(link, out),
                Err(code) => {
                    self.viewers.remove(&link);
                    out.push_back(SlotEffect::Close { link, code });
                }
            }
        }
    }

    pub fn wake(&mut self, now: Moment, out: &mut SlotOutbox<B>) {
        if self.look_at.is_none_or(|at| now < at) {
            return;
        }
        self.viewers.retain(|&link, viewer| {
            let stalled = viewer.pace.is_stalled(now);
            if stalled {
                let code = RefusalCode::Timeout;
                out.push_back(SlotEffect::Close { link, code });
            }
            !stalled
        });
        self.look_at = (!self.viewers.is_empty()).then_some(now + LOOK_EVERY);
    }

    /// When [`wake`](ScreenSlot::wake) has something to do.
    pub fn next_wakeup(&self) -> Option<Moment> {
        self.look_at
    }

    pub fn viewers(&self) -> usize {
        self.viewers.len()
    }

    pub fn held_bytes(&self) -> usize {
        self.cache.held_bytes()
    }

    /// A viewer has taken so many bytes since its link began.
    fn acknowledged(&mut self, link: u64, bytes: u32, now: Moment) -> Result<(), RefusalCode> {
        let viewer = self.viewers.get_mut(&link);
        let done = viewer.map(|viewer| viewer.pace.acknowledge(bytes, now));
        done.unwrap_or(Ok(())).map_err(|_| RefusalCode::Invalid)
    }

    fn close_presenter(&mut self, code: RefusalCode, out: &mut SlotOutbox<B>) {
        if let Some(presenter) = self.presenter.take() {
            let link = presenter.id;
            out.push_back(SlotEffect::Close { link, code });
        }
    }

    fn stop(&mut self, out: &mut SlotOutbox<B>) {
        self.cache.stop();
        if self.pointer.1.is_some() {
            self.pointer = (self.pointer.0 + 1, None);
        }
        self.show_all(out);
    }

    fn order(&self, order: ScreenMessage<'static>, out: &mut SlotOutbox<B>) {
        if let Some(presenter) = &self.presenter {
            out.push_back(SlotEffect::Order {
                presenter: presenter.id,
                order,
            });
        }
    }

    fn close_viewers_of(
        &mut self,
        seat: ParticipantId,
        code: RefusalCode,
        out: &mut SlotOutbox<B>,
    ) {
        self.viewers.retain(|&link, viewer| {
            let theirs = viewer.seat == seat;
            if theirs {
                out.push_back(SlotEffect::Close { link, code });
            }
            !theirs
        });
    }

    fn show_all(&mut self, out: &mut SlotOutbox<B>) {
        self.unshown = 0;
        for (&link, viewer) in &mut self.viewers {
            show(link, &mut viewer.pace, &self.cache, self.pointer, out);
        }
    }

    fn show(&mut self, link: u64, out: &mut SlotOutbox<B>) {
        if let Some(viewer) = self.viewers.get_mut(&link) {
            show(link, &mut viewer.pace, &self.cache, self.pointer, out);
        }
    }
}

/// Everything that a viewer lacks and has room for.
fn show<B: AsRef<[u8]> + Clone>(
    link: u64,
    viewer: &mut ViewerPace,
    cache: &TileCache<B>,
    pointer: (u64, Option<(u16, u16)>),
    out: &mut SlotOutbox<B>,
) {
    while let Some(next) = viewer.next(cache, pointer) {
        let message = match next {
            Next::Run(run) => ViewerMessage::Run(run.body.clone()),
            Next::Start(grid) => ViewerMessage::Other(ScreenMessage::Start {
                width_px: grid.width_px() as u16,
                height_px: grid.height_px() as u16,
            }),
            Next::Stop => ViewerMessage::Other(ScreenMessage::Stop),
            Next::FrameEnd(FrameEnd {
                generation,
                captured_ms,
                ..
            }) => ViewerMessage::Other(ScreenMessage::FrameEnd {
                generation,
                captured_ms,
            }),
            Next::Pointer(at) => ViewerMessage::Other(ScreenMessage::Pointer { at }),
        };
        out.push_back(SlotEffect::Show {
            viewer: link,
            message,
        });
    }
}
