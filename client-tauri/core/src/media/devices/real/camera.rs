//! A camera of this machine, or the test picture: opened while pictures are taken, and whatever is chosen.

use std::{
    sync::{Arc, Weak},
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
}

enum Source {
    TestPicture(Box<SyntheticCamera>),
    Webcam(Arc<Newest>),
}

/// The newest picture of a device, for one reader.
#[derive(Default)]
struct Newest {
    picture: Mutex<Option<Picture>>,
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
        }
    }

    fn wanted(&self) -> Option<DeviceInfo> {
        let choice = self.shared.settings.lock().camera.clone();
        let list = self.shared.list.lock();
        list.resolve(DeviceKind::Camera, &choice).cloned()
    }

    fn follow_choice(&mut self) {
        let wanted = self.wanted();
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
            false => Source::Webcam(self.start(device.clone())),
        };
        self.source = Some((device.id, source));
    }

    /// Starts the thread that reads the device; it ends when nobody holds the newest picture.
    fn start(&self, device: DeviceInfo) -> Arc<Newest> {
        let newest = Arc::new(Newest::default());
        let reader = Arc::downgrade(&newest);
        let (shared, open) = (Arc::downgrade(&self.shared), self.open);
        let thread = std::thread::Builder::new()
            .name("camera".into())
            .spawn(move || film(&reader, &shared, &device, open));
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
            Some((_, Source::Webcam(newest))) => Ok(newest.wait()),
            None => {
                // Nothing is there yet; whoever asks again soon finds out no sooner.
                std::thread::sleep(WAIT_MAX);
                Ok(None)
            }
        }
    }

    fn rest(&mut self) {
        if self.source.take().is_some() {
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
    fn wait(&self) -> Option<Picture> {
        let mut picture = self.picture.lock();
        if picture.is_none() {
            self.came.wait_for(&mut picture, WAIT_MAX);
        }
        picture.take()
    }

    fn put(&self, picture: Picture) {
        *self.picture.lock() = Some(picture);
        self.came.notify_one();
    }
}

/// Reads one device until nobody wants its pictures, and opens it again when it fails.
fn film(reader: &Weak<Newest>, shared: &Weak<Shared>, device: &DeviceInfo, open: OpenWebcam) {
    let mut backoff = BACKOFF_MIN;
    while reader.strong_count() > 0 {
        let refused = match open(device) {
            Ok(camera) => film_on(reader, shared, device, camera, &mut backoff),
            Err(refused) => refused,
        };
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
                newest.put(picture);
                garbage = 0;
                *backoff = BACKOFF_MIN;
                if !std::mem::replace(&mut works, true)
                    && let Some(shared) = shared.upgrade()
                {
                    shared.tell(Word::Camera(Ok(device.clone())));
                }
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
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Preview, DeviceRefused> {
        let mut camera = DeviceCamera::new(shared);
        if camera.wanted().is_none() {
            return Err(DeviceRefused::none(DeviceKind::Camera));
        }
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
        Ok(Preview { newest })
    }

    /// The newest picture as a JPEG, once.
    pub fn take(&self) -> Option<Bytes> {
        self.newest.lock().take()
    }
}

#[cfg(test)]
mod tests;
