//! A camera of this machine, or the test picture: opened while pictures are taken, and whatever is chosen.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use conclave_wire::{Layer, QualityChoice};
use parking_lot::{Condvar, Mutex};

use super::{
    DeviceRefused, Shared, Word,
    desk::{CameraHost, test_picture},
};
use crate::media::{
    camera_up::{SendQuality, encode_layer},
    devices::{Camera, CameraGone, DeviceInfo, DeviceKind, SyntheticCamera, TEST_PICTURE},
    picture::Picture,
};

mod pixels;
mod webcam;

pub(super) use webcam::SystemCameras;

/// A device has this long for a picture, then the caller looks after other things.
const WAIT_MAX: Duration = Duration::from_millis(200);
/// A camera that failed is tried again after this, twice as long each time, up to a limit.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// So many pictures in a row that cannot be read are a broken camera: two seconds.
const GARBAGE_MAX: u32 = 30;
/// Whoever had a device before closes it with the next picture; one that hangs is not waited for.
const CLOSE_MAX: Duration = Duration::from_secs(2);
/// Pictures a second of a preview.
const PREVIEW_EVERY: Duration = Duration::from_millis(66);

/// Takes pictures until it is dropped. Lives on one thread.
pub(super) trait Webcam {
    /// The next picture; `None` when what came is none. Waits as long as the device does.
    fn next(&mut self) -> Result<Option<Picture>, DeviceRefused>;
}

/// Opens a device, on the thread that is to read it.
pub(super) type OpenWebcam = fn(&DeviceInfo) -> Result<Box<dyn Webcam>, DeviceRefused>;

pub(super) struct DeviceCamera {
    shared: Arc<Shared>,
    open: OpenWebcam,
    source: Option<(String, Source)>,
    /// Pictures were wanted since it rested.
    wanted: bool,
}

enum Source {
    TestPicture(Box<SyntheticCamera>),
    /// With the number of the last picture that was taken.
    Webcam(Arc<Newest>, u64),
}

/// The newest picture of a device, for everybody who looks.
#[derive(Default)]
pub(super) struct Newest {
    /// Pictures are counted from 1. There is none while the device fails.
    picture: Mutex<(u64, Option<Picture>)>,
    came: Condvar,
}

impl DeviceCamera {
    pub(super) fn new(shared: &Arc<Shared>) -> DeviceCamera {
        DeviceCamera::with(shared, webcam::open)
    }

    fn with(shared: &Arc<Shared>, open: OpenWebcam) -> DeviceCamera {
        DeviceCamera {
            shared: Arc::clone(shared),
            open,
            source: None,
            wanted: false,
        }
    }

    fn chosen(&self) -> Option<DeviceInfo> {
        let choice = self.shared.settings.lock().camera.clone();
        let list = self.shared.list.lock();
        list.resolve(DeviceKind::Camera, &choice).cloned()
    }

    fn follow_choice(&mut self) {
        if !std::mem::replace(&mut self.wanted, true) {
            self.shared.cameras.fetch_add(1, Ordering::Relaxed);
        }
        let wanted = self.chosen();
        let now = self.source.as_ref().map(|(id, _)| id);
        if now == wanted.as_ref().map(|device| &device.id) && now.is_some() {
            return;
        }
        self.source = None;
        let Some(device) = wanted else {
            let refused = DeviceRefused::none(DeviceKind::Camera);
            return self.shared.tell(Word::Camera(Err(refused)));
        };
        let source = match device.id == TEST_PICTURE {
            true => {
                self.shared.tell(Word::Camera(Ok(device.clone())));
                Source::TestPicture(Box::new(SyntheticCamera::new(0)))
            }
            false => Source::Webcam(self.webcam(device.clone()), 0),
        };
        self.source = Some((device.id, source));
    }

    /// Looks at the device with those who do already, or starts the thread that reads it; that one ends when
    /// nobody holds the newest picture.
    fn webcam(&self, device: DeviceInfo) -> Arc<Newest> {
        let mut webcam = self.shared.webcam.lock();
        if let Some((id, newest)) = &*webcam
            && *id == device.id
            && let Some(newest) = newest.upgrade()
        {
            if newest.works() {
                self.shared.tell(Word::Camera(Ok(device)));
            }
            return newest;
        }
        let newest = Arc::new(Newest::default());
        *webcam = Some((device.id.clone(), Arc::downgrade(&newest)));
        let reader = Arc::downgrade(&newest);
        let turn = Arc::clone(&self.shared.webcam_turn);
        let (shared, open) = (Arc::downgrade(&self.shared), self.open);
        let thread = std::thread::Builder::new()
            .name("camera".into())
            .spawn(move || film(&reader, &shared, &device, open, &turn));
        if let Err(error) = thread {
            tracing::error!(%error, "no thread for a camera");
        }
        newest
    }
}

impl Camera for DeviceCamera {
    fn capture(&mut self) -> Result<Picture, CameraGone> {
        self.poll()?.ok_or(CameraGone)
    }

    fn poll(&mut self) -> Result<Option<Picture>, CameraGone> {
        self.follow_choice();
        match &mut self.source {
            Some((_, Source::TestPicture(camera))) => camera.capture().map(Some),
            Some((_, Source::Webcam(newest, seen))) => Ok(newest.wait(seen)),
            None => {
                // Nothing is there yet; whoever asks again soon finds out no sooner.
                std::thread::sleep(WAIT_MAX);
                Ok(None)
            }
        }
    }

    fn rest(&mut self) {
        self.source = None;
        if std::mem::take(&mut self.wanted)
            && self.shared.cameras.fetch_sub(1, Ordering::Relaxed) == 1
        {
            self.shared.tell(Word::CameraClosed);
        }
    }
}

impl Drop for DeviceCamera {
    fn drop(&mut self) {
        self.rest();
    }
}

impl Newest {
    /// Waits for one that is newer than `seen`.
    fn wait(&self, seen: &mut u64) -> Option<Picture> {
        let mut newest = self.picture.lock();
        if newest.0 == *seen {
            self.came.wait_for(&mut newest, WAIT_MAX);
        }
        if newest.0 == *seen {
            return None;
        }
        *seen = newest.0;
        newest.1.clone()
    }

    fn works(&self) -> bool {
        self.picture.lock().1.is_some()
    }

    fn fails(&self) {
        self.picture.lock().1 = None;
    }

    fn put(&self, picture: Picture) {
        let mut newest = self.picture.lock();
        *newest = (newest.0 + 1, Some(picture));
        self.came.notify_all();
    }
}

/// Reads one device until nobody wants its pictures, and opens it again when it fails.
fn film(
    reader: &Weak<Newest>,
    shared: &Weak<Shared>,
    device: &DeviceInfo,
    open: OpenWebcam,
    turn: &Mutex<()>,
) {
    let mut backoff = BACKOFF_MIN;
    while reader.strong_count() > 0 {
        let turn = turn.try_lock_for(CLOSE_MAX);
        let refused = match open(device) {
            Ok(camera) => film_on(reader, shared, device, camera, &mut backoff),
            Err(refused) => refused,
        };
        drop(turn);
        if let Some(newest) = reader.upgrade() {
            newest.fails();
        }
        let Some(shared) = shared.upgrade().filter(|_| reader.strong_count() > 0) else {
            return;
        };
        shared.tell(Word::Camera(Err(refused)));
        drop(shared);
        let until = Instant::now() + backoff;
        backoff = (backoff * 2).min(BACKOFF_MAX);
        while reader.strong_count() > 0 && Instant::now() < until {
            std::thread::sleep(BACKOFF_MIN.min(WAIT_MAX));
        }
    }
}

/// Reads an open device; says why it ended.
fn film_on(
    reader: &Weak<Newest>,
    shared: &Weak<Shared>,
    device: &DeviceInfo,
    mut camera: Box<dyn Webcam>,
    backoff: &mut Duration,
) -> DeviceRefused {
    let mut garbage = 0;
    let mut works = false;
    loop {
        let picture = match camera.next() {
            Ok(picture) => picture,
            Err(refused) => return refused,
        };
        let Some(newest) = reader.upgrade() else {
            return DeviceRefused::none(DeviceKind::Camera);
        };
        match picture {
            Some(picture) => {
                garbage = 0;
                *backoff = BACKOFF_MIN;
                if !std::mem::replace(&mut works, true)
                    && let Some(shared) = shared.upgrade()
                {
                    shared.tell(Word::Camera(Ok(device.clone())));
                }
                newest.put(picture);
            }
            None => garbage += 1,
        }
        if garbage >= GARBAGE_MAX {
            return DeviceRefused::garbage(&device.name);
        }
    }
}

/// What the camera sees, shown to its person before anybody else sees it. Dropping it closes the camera.
pub struct Preview {
    newest: Arc<Mutex<Option<Bytes>>>,
}

impl Preview {
    pub(super) fn start(mut camera: DeviceCamera) -> Preview {
        let newest = Arc::new(Mutex::new(None));
        let taken = Arc::downgrade(&newest);
        let thread = std::thread::Builder::new()
            .name("camera preview".into())
            .spawn(move || {
                let quality = SendQuality::of(QualityChoice::Normal);
                while let Some(newest) = taken.upgrade() {
                    let picture = camera.poll().ok().flatten();
                    let jpeg = picture
                        .and_then(|picture| encode_layer(&picture, Layer::Normal, quality).ok());
                    if let Some(jpeg) = jpeg {
                        *newest.lock() = Some(jpeg.into());
                    }
                    drop(newest);
                    std::thread::sleep(PREVIEW_EVERY);
                }
            });
        if let Err(error) = thread {
            tracing::error!(%error, "no thread for the preview");
        }
        Preview { newest }
    }

    /// The newest picture as a JPEG, once.
    pub fn take(&self) -> Option<Bytes> {
        self.newest.lock().take()
    }
}

#[cfg(test)]
mod tests;
