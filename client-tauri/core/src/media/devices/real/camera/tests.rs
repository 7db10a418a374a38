use std::sync::{atomic::AtomicBool, mpsc};

use super::*;
use crate::media::{
    devices::{DeviceChoice, DeviceList, DeviceSettings},
    picture::Pixels,
};

fn webcam() -> DeviceInfo {
    DeviceInfo {
        kind: DeviceKind::Camera,
        id: "webcam".into(),
        name: "Webcam".into(),
        is_default: true,
    }
}

/// Devices with these cameras, and what the thread of the devices is told.
fn devices(cameras: Vec<DeviceInfo>, choice: DeviceChoice) -> (Arc<Shared>, mpsc::Receiver<Word>) {
    let (words, told) = mpsc::channel();
    let settings = DeviceSettings {
        camera: choice,
        ..DeviceSettings::default()
    };
    let shared = Arc::new(Shared::new(settings, words));
    *shared.list.lock() = DeviceList {
        cameras,
        ..DeviceList::default()
    };
    (shared, told)
}

fn next(told: &mpsc::Receiver<Word>) -> Result<String, &'static str> {
    match told.recv_timeout(Duration::from_secs(10)).unwrap() {
        Word::Camera(Ok(device)) => Ok(device.id),
        Word::Camera(Err(refused)) => Err(refused.code),
        _ => panic!("a word about something else"),
    }
}

fn grey() -> Picture {
    Picture {
        width: 2,
        height: 2,
        pixels: Pixels::Rgb(vec![128; 12]),
    }
}

/// Every third frame is garbage.
struct Flickering(u32);

impl Webcam for Flickering {
    fn next(&mut self) -> Result<Option<Picture>, DeviceRefused> {
        std::thread::sleep(Duration::from_millis(1));
        self.0 += 1;
        let shows = !self.0.is_multiple_of(3);
        Ok(shows.then(grey))
    }
}

/// Never a picture.
struct Garbage;

impl Webcam for Garbage {
    fn next(&mut self) -> Result<Option<Picture>, DeviceRefused> {
        Ok(None)
    }
}

#[test]
fn garbage_between_pictures_is_left_out() {
    let (shared, told) = devices(vec![webcam(), test_picture()], DeviceChoice::Default);
    let mut camera = DeviceCamera::with(&shared, |_| Ok(Box::new(Flickering(0))));
    for _ in 0..20 {
        assert_eq!(camera.poll().unwrap(), Some(grey()));
    }
    assert_eq!(next(&told), Ok("webcam".into()));
}

#[test]
fn a_camera_that_gives_only_garbage_is_said_to_and_tried_again() {
    let (shared, told) = devices(vec![webcam()], DeviceChoice::Default);
    let mut camera = DeviceCamera::with(&shared, |_| Ok(Box::new(Garbage)));
    assert_eq!(camera.poll().unwrap(), None);
    assert_eq!(next(&told), Err("camera_garbage"));
    assert_eq!(next(&told), Err("camera_garbage"), "tried again");
}

#[test]
fn a_camera_that_cannot_be_opened_says_why() {
    let (shared, told) = devices(vec![webcam()], DeviceChoice::Default);
    let mut camera = DeviceCamera::with(&shared, |device| Err(DeviceRefused::busy(&device.name)));
    assert_eq!(camera.poll().unwrap(), None);
    assert_eq!(next(&told), Err("device_busy"));
}

#[test]
fn without_a_camera_that_is_said_and_the_test_picture_can_be_chosen() {
    let (shared, told) = devices(vec![test_picture()], DeviceChoice::Default);
    let refused = shared.refusal(DeviceKind::Camera).unwrap();
    assert_eq!(refused, DeviceRefused::none(DeviceKind::Camera));
    let mut camera = DeviceCamera::new(&shared);
    assert_eq!(camera.poll().unwrap(), None);
    assert_eq!(next(&told), Err("no_camera"));
    shared.settings.lock().camera = DeviceChoice::of(&test_picture());
    let picture = camera.poll().unwrap().unwrap();
    assert_eq!((picture.width, picture.height), (1_280, 720));
    assert_eq!(next(&told), Ok(TEST_PICTURE.into()));
}

fn picture(camera: &mut DeviceCamera) -> Picture {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(picture) = camera.poll().unwrap() {
            return picture;
        }
        assert!(Instant::now() < until, "no picture came");
    }
}

/// Systems let a webcam be opened once: the meeting and the mirror of its person look at the same pictures.
#[test]
fn a_device_shows_itself_to_everybody_who_looks_and_is_opened_once() {
    static OPEN: AtomicBool = AtomicBool::new(false);
    struct Only(Flickering);
    impl Webcam for Only {
        fn next(&mut self) -> Result<Option<Picture>, DeviceRefused> {
            self.0.next()
        }
    }
    impl Drop for Only {
        fn drop(&mut self) {
            OPEN.store(false, Ordering::Relaxed);
        }
    }
    let open: OpenWebcam = |device| match OPEN.swap(true, Ordering::Relaxed) {
        true => Err(DeviceRefused::busy(&device.name)),
        false => Ok(Box::new(Only(Flickering(0)))),
    };
    let (shared, told) = devices(vec![webcam()], DeviceChoice::Default);
    let mut meeting = DeviceCamera::with(&shared, open);
    let mut mirror = DeviceCamera::with(&shared, open);
    for _ in 0..5 {
        assert_eq!(picture(&mut meeting), grey());
        assert_eq!(picture(&mut mirror), grey());
    }
    mirror.rest();
    assert_eq!(picture(&mut meeting), grey());
    meeting.rest();
    // Again at once: who has just closed it is waited for.
    assert_eq!(picture(&mut mirror), grey());
    let words: Vec<Word> = told.try_iter().collect();
    let closed = |word: &&Word| matches!(word, Word::CameraClosed);
    assert_eq!(words.iter().filter(closed).count(), 1);
    assert!(matches!(words.last(), Some(Word::Camera(Ok(_)))));
    let refused = |word: &Word| matches!(word, Word::Camera(Err(_)));
    assert!(!words.iter().any(refused));
}

#[test]
fn a_preview_that_was_opened_without_a_camera_shows_the_one_that_comes() {
    let (shared, told) = devices(vec![], DeviceChoice::Default);
    let flickering: OpenWebcam = |_| Ok(Box::new(Flickering(0)));
    let preview = Preview::start(DeviceCamera::with(&shared, flickering));
    assert_eq!(next(&told), Err("no_camera"));
    assert_eq!(preview.take(), None);
    shared.list.lock().cameras.push(webcam());
    let until = Instant::now() + Duration::from_secs(30);
    while preview.take().is_none() {
        assert!(Instant::now() < until, "no picture came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The camera's light must not stay on.
#[test]
fn a_device_is_closed_when_nobody_wants_pictures() {
    static CLOSED: Mutex<bool> = Mutex::new(false);
    static CHANGED: Condvar = Condvar::new();
    struct Lit(Flickering);
    impl Webcam for Lit {
        fn next(&mut self) -> Result<Option<Picture>, DeviceRefused> {
            self.0.next()
        }
    }
    impl Drop for Lit {
        fn drop(&mut self) {
            *CLOSED.lock() = true;
            CHANGED.notify_all();
        }
    }
    let (shared, _told) = devices(vec![webcam()], DeviceChoice::Default);
    let mut camera = DeviceCamera::with(&shared, |_| Ok(Box::new(Lit(Flickering(0)))));
    assert_eq!(camera.poll().unwrap(), Some(grey()));
    assert!(!*CLOSED.lock());
    camera.rest();
    let mut closed = CLOSED.lock();
    while !*closed {
        let waited = CHANGED.wait_for(&mut closed, Duration::from_secs(10));
        assert!(!waited.timed_out());
    }
}
