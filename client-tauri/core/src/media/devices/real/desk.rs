//! The thread that opens, watches and closes devices. It alone waits for them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    DeviceEvent, DeviceRefused, Shared,
    host::{Alarm, OpenStream, SoundHost},
    lines::{Captured, Line, Sounds},
};
use crate::media::devices::{DeviceInfo, DeviceKind, DeviceList, TEST_PICTURE};

/// How often is looked what there is.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Cameras are looked for with every second look.
const CAMERAS_EVERY: u32 = 2;
/// A device that failed is tried again after this, twice as long each time, up to a limit.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// A chosen device that failed so often gives way to the default one, until something changes.
const TRIES_OF_CHOSEN: u32 = 3;

/// What the thread is told.
pub(super) enum Word {
    /// A microphone wants sound on this line, a speaker wants to play on this.
    Listen(Weak<Line<Captured>>),
    Speak(Weak<Line<Sounds>>),
    /// Another device was chosen.
    Chosen(DeviceKind),
    /// Something is not as it was.
    Look,
    /// A line has become calm, or is no longer.
    Calm,
    /// What the camera's own thread has found.
    Camera(Result<DeviceInfo, DeviceRefused>),
    CameraClosed,
    Close,
}

/// What lists cameras.
pub(super) trait CameraHost {
    fn list(&mut self) -> Vec<DeviceInfo>;
}

pub(super) struct Desk {
    shared: Arc<Shared>,
    sound: Box<dyn SoundHost>,
    cameras: Box<dyn CameraHost>,
    events: mpsc::Sender<DeviceEvent>,
    microphones: Vec<Port<Captured>>,
    speakers: Vec<Port<Sounds>>,
    /// The name of a device that was in use and is not there any more, and whether that was told.
    lost: BTreeMap<DeviceKind, (String, bool)>,
    looked_at: Option<Instant>,
    looks: u32,
    closed: bool,
}

/// A line and the stream that feeds it.
struct Port<E> {
    line: Weak<Line<E>>,
    open: Option<(DeviceInfo, OpenStream, Arc<super::lines::Between>)>,
    calm: bool,
    failures: u32,
    /// The device that failed too often.
    skips: Option<String>,
    next_try: Option<Instant>,
}

impl<E> Port<E> {
    fn new(line: Weak<Line<E>>) -> Port<E> {
        Port {
            line,
            open: None,
            calm: false,
            failures: 0,
            skips: None,
            next_try: None,
        }
    }

    fn is_broken(&self) -> bool {
        let between = self.open.as_ref().map(|(_, _, between)| between);
        between.is_some_and(|between| between.broken.load(Ordering::Relaxed))
    }

    /// Forgets that it failed: something has changed.
    fn afresh(&mut self) {
        self.failures = 0;
        self.skips = None;
        self.next_try = None;
    }
}

impl Desk {
    pub(super) fn new(
        shared: Arc<Shared>,
        sound: Box<dyn SoundHost>,
        cameras: Box<dyn CameraHost>,
        events: mpsc::Sender<DeviceEvent>,
    ) -> Desk {
        Desk {
            shared,
            sound,
            cameras,
            events,
            microphones: Vec::new(),
            speakers: Vec::new(),
            lost: BTreeMap::new(),
            looked_at: None,
            looks: 0,
            closed: false,
        }
    }

    pub(super) fn run(mut self, words: &Receiver<Word>) {
        while !self.closed {
            let wake = self.step(Instant::now());
            let wait = wake.saturating_duration_since(Instant::now());
            match words.recv_timeout(wait) {
                Ok(word) => self.hear(word),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(word) = words.try_recv() {
                self.hear(word);
            }
        }
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Listen(line) => self.microphones.push(Port::new(line)),
            Word::Speak(line) => self.speakers.push(Port::new(line)),
            Word::Chosen(kind) => {
                self.lost.remove(&kind);
                self.microphones.iter_mut().for_each(Port::afresh);
                self.speakers.iter_mut().for_each(Port::afresh);
            }
            Word::Look => self.looked_at = None,
            Word::Calm => {}
            Word::Camera(found) => self.camera(found),
            Word::CameraClosed => self.closed(DeviceKind::Camera),
            Word::Close => self.closed = true,
        }
    }

    /// Does what is due, and says when to do so again.
    fn step(&mut self, now: Instant) -> Instant {
        let broken = self.microphones.iter().any(Port::is_broken)
            || self.speakers.iter().any(Port::is_broken);
        let due = self.looked_at.is_none_or(|at| now >= at + LOOK_EVERY);
        if due || broken {
            self.look(now);
        }
        self.serve(now);
        let tries = |next_try: Option<Instant>| next_try.filter(|&at| at > now);
        let microphones = self.microphones.iter().map(|port| port.next_try);
        let speakers = self.speakers.iter().map(|port| port.next_try);
        let first_try = microphones.chain(speakers).filter_map(tries).min();
        let next_look = self.looked_at.unwrap_or(now) + LOOK_EVERY;
        first_try.map_or(next_look, |at| at.min(next_look))
    }

    fn look(&mut self, now: Instant) {
        let first = self.looks == 0;
        self.looked_at = Some(now);
        let before = self.shared.list.lock().clone();
        let mut list = DeviceList::default();
        match self.sound.list() {
            Ok(devices) => {
                *self.shared.sound_refused.lock() = None;
                let (microphones, others) = devices
                    .into_iter()
                    .partition(|device| device.kind == DeviceKind::Microphone);
                list.microphones = microphones;
                list.speakers = others;
            }
            Err(refused) => *self.shared.sound_refused.lock() = Some(refused),
        }
        list.cameras = match self.looks.is_multiple_of(CAMERAS_EVERY) {
            true => self.cameras.list(),
            false => before.cameras.clone(),
        };
        self.looks = self.looks.wrapping_add(1).max(1);
        if list == before {
            return;
        }
        *self.shared.list.lock() = list.clone();
        self.microphones.iter_mut().for_each(Port::afresh);
        self.speakers.iter_mut().for_each(Port::afresh);
        if !first {
            let settings = self.shared.settings.lock().clone();
            for device in list.appeared_since(&before) {
                if !settings.choice(device.kind).is(&device) {
                    self.tell(DeviceEvent::Appeared { device });
                }
            }
        }
        self.tell(DeviceEvent::Listed { list });
    }

    /// Gives every line the device that it is to have.
    fn serve(&mut self, now: Instant) {
        self.microphones.retain(|port| port.line.strong_count() > 0);
        self.speakers.retain(|port| port.line.strong_count() > 0);
        for (kind, idle) in [
            (DeviceKind::Microphone, self.microphones.is_empty()),
            (DeviceKind::Speaker, self.speakers.is_empty()),
        ] {
            if idle {
                self.closed(kind);
            }
        }
        let mut microphones = std::mem::take(&mut self.microphones);
        for port in &mut microphones {
            let calm = port.line.upgrade().is_some_and(|line| line.is_calm());
            self.serve_port(DeviceKind::Microphone, port, now, |sound, device, alarm| {
                let (stream, end) = sound.listen(device, calm, alarm)?;
                let between = Arc::clone(&end.between);
                Ok((stream, end, between))
            });
        }
        self.microphones = microphones;
        let mut speakers = std::mem::take(&mut self.speakers);
        for port in &mut speakers {
            self.serve_port(DeviceKind::Speaker, port, now, |sound, device, alarm| {
                let (stream, end) = sound.speak(device, alarm)?;
                let between = Arc::clone(&end.between);
                Ok((stream, end, between))
            });
        }
        self.speakers = speakers;
    }

    fn serve_port<E>(
        &mut self,
        kind: DeviceKind,
        port: &mut Port<E>,
        now: Instant,
        open: impl FnOnce(&mut dyn SoundHost, &DeviceInfo, Alarm) -> Opened<E>,
    ) {
        let Some(line) = port.line.upgrade() else {
            return;
        };
        let target = self.target(kind, port.skips.as_deref());
        let is_target = |device: &DeviceInfo| target.as_ref().is_some_and(|to| to.id == device.id);
        let broken = port.is_broken();
        let calm = line.is_calm();
        let changes = std::mem::replace(&mut port.calm, calm) != calm;
        if let Some((device, stream, _)) = &port.open
            && is_target(device)
            && !broken
        {
            match (changes, kind) {
                (false, _) => return,
                // The pieces of a microphone are as long as its stream wants them.
                (true, DeviceKind::Microphone) => {}
                (true, DeviceKind::Speaker | DeviceKind::Camera) => return stream.rest(calm),
            }
        }
        // The old one is closed first: it may be the same device.
        if let Some((device, ..)) = port.open.take() {
            line.give(None);
            self.shared.in_use.lock().remove(&kind);
            if self.shared.list.lock().find(kind, &device.id).is_none() {
                self.lost
                    .insert(kind, (device.name.clone(), target.is_none()));
                if target.is_none() {
                    self.tell(DeviceEvent::FellBack {
                        kind,
                        lost: device.name,
                        instead: None,
                    });
                }
            } else if broken {
                port.failures += 1;
                port.next_try = Some(now + backoff(port.failures));
            }
        }
        let Some(target) = target else {
            return self.failed(kind, self.shared.missing(kind));
        };
        if port.next_try.is_some_and(|at| now < at) {
            return;
        }
        let words = Arc::downgrade(&self.shared);
        let alarm: Alarm = Box::new(move || {
            if let Some(shared) = words.upgrade() {
                shared.tell(Word::Look);
            }
        });
        match open(&mut *self.sound, &target, alarm) {
            Ok((stream, end, between)) => {
                self.shared.opened.fetch_add(1, Ordering::Relaxed);
                port.open = Some((target.clone(), stream, between));
                port.next_try = None;
                line.give(Some(end));
                if calm
                    && kind == DeviceKind::Speaker
                    && let Some((_, stream, _)) = &port.open
                {
                    stream.rest(true);
                }
                self.works(kind, target);
            }
            Err(refused) => {
                port.failures += 1;
                port.next_try = Some(now + backoff(port.failures));
                if port.failures == TRIES_OF_CHOSEN && port.skips.is_none() {
                    port.skips = Some(target.id);
                }
                self.failed(kind, refused);
            }
        }
    }

    fn target(&self, kind: DeviceKind, skips: Option<&str>) -> Option<DeviceInfo> {
        let settings = self.shared.settings.lock();
        let list = self.shared.list.lock();
        let target = list.resolve_without(kind, settings.choice(kind), skips);
        // The only one there is tried for ever.
        let target = target.or_else(|| list.resolve(kind, settings.choice(kind)));
        target.cloned()
    }

    fn works(&mut self, kind: DeviceKind, device: DeviceInfo) {
        self.shared.in_use.lock().insert(kind, device.clone());
        let chosen = self.shared.settings.lock().choice(kind).is(&device);
        let failed = self.shared.failing.lock().remove(&kind).is_some();
        let event = match self.lost.get_mut(&kind) {
            Some((lost, _)) if chosen && *lost == device.name => {
                self.lost.remove(&kind);
                DeviceEvent::Returned { device }
            }
            // It stays in mind until it returns; that another took its place is told once.
            Some((lost, told @ false)) => {
                *told = true;
                DeviceEvent::FellBack {
                    kind,
                    lost: lost.clone(),
                    instead: Some(device),
                }
            }
            _ if failed => DeviceEvent::Working { device },
            _ => return,
        };
        self.tell(event);
    }

    fn failed(&mut self, kind: DeviceKind, refused: DeviceRefused) {
        tracing::debug!(?kind, code = refused.code, "a device cannot be used");
        let before = (self.shared.failing.lock()).insert(kind, refused.clone());
        match before {
            Some(before) if before == refused => {}
            // The same again, of another device: to be read, and no news.
            Some(before) if before.code == refused.code => self.tell_list(),
            Some(_) | None => self.tell(DeviceEvent::Failing { kind, refused }),
        }
    }

    /// Nobody uses this any more. What was wrong with it is not said of the next try.
    fn closed(&self, kind: DeviceKind) {
        self.shared.in_use.lock().remove(&kind);
        if self.shared.failing.lock().remove(&kind).is_some() {
            self.tell_list();
        }
    }

    fn tell_list(&self) {
        let list = self.shared.list.lock().clone();
        self.tell(DeviceEvent::Listed { list });
    }

    fn camera(&mut self, found: Result<DeviceInfo, DeviceRefused>) {
        match found {
            Ok(device) => self.works(DeviceKind::Camera, device),
            Err(refused) => {
                self.shared.in_use.lock().remove(&DeviceKind::Camera);
                self.failed(DeviceKind::Camera, refused);
            }
        }
    }

    fn tell(&self, event: DeviceEvent) {
        // A reader that is behind sees the state instead.
        let _ = self.events.try_send(event);
    }
}

type Opened<E> = Result<(OpenStream, E, Arc<super::lines::Between>), DeviceRefused>;

fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(BACKOFF_MAX)
}

/// The list of cameras ends with the one that is not there.
pub(super) fn test_picture() -> DeviceInfo {
    DeviceInfo {
        kind: DeviceKind::Camera,
        id: TEST_PICTURE.into(),
        name: "Test picture".into(),
        is_default: false,
    }
}

#[cfg(test)]
mod tests;
