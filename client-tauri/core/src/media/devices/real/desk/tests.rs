use std::sync::mpsc as std_mpsc;

use parking_lot::Mutex;

use super::*;
use crate::media::devices::{
    DeviceChoice, DeviceSettings,
    real::{
        host::Stream,
        lines::{Between, capture_ring, playback_ring},
    },
};

/// A sound system that does what a test says.
#[derive(Default)]
struct Said {
    devices: Vec<DeviceInfo>,
    no_server: bool,
    /// Devices that cannot be opened.
    busy: Vec<String>,
    opened: Vec<String>,
    streams: Vec<Arc<Between>>,
    closed: u32,
    rests: bool,
}

struct FakeSound(Arc<Mutex<Said>>);

struct FakeStream(Arc<Mutex<Said>>);

impl Stream for FakeStream {
    fn rest(&self, rests: bool) {
        self.0.lock().rests = rests;
    }
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.0.lock().closed += 1;
    }
}

impl FakeSound {
    fn open(&self, device: &DeviceInfo) -> Result<(), DeviceRefused> {
        let mut said = self.0.lock();
        said.opened.push(device.id.clone());
        match said.busy.contains(&device.id) {
            true => Err(DeviceRefused::busy(&device.name)),
            false => Ok(()),
        }
    }
}

impl SoundHost for FakeSound {
    fn list(&mut self) -> Result<Vec<DeviceInfo>, DeviceRefused> {
        let said = self.0.lock();
        match said.no_server {
            true => Err(DeviceRefused::no_sound_server()),
            false => Ok(said.devices.clone()),
        }
    }

    fn listen(
        &mut self,
        device: &DeviceInfo,
        _: bool,
        _: Alarm,
    ) -> Result<(OpenStream, Captured), DeviceRefused> {
        self.open(device)?;
        let (_, captured) = capture_ring(48_000);
        self.0.lock().streams.push(Arc::clone(&captured.between));
        Ok((Box::new(FakeStream(Arc::clone(&self.0))), captured))
    }

    fn speak(
        &mut self,
        device: &DeviceInfo,
        _: Alarm,
    ) -> Result<(OpenStream, Sounds), DeviceRefused> {
        self.open(device)?;
        let (_, sounds) = playback_ring(48_000, 240);
        self.0.lock().streams.push(Arc::clone(&sounds.between));
        Ok((Box::new(FakeStream(Arc::clone(&self.0))), sounds))
    }
}

struct NoCameras;

impl CameraHost for NoCameras {
    fn list(&mut self) -> Vec<DeviceInfo> {
        vec![test_picture()]
    }
}

fn speaker(id: &str, is_default: bool) -> DeviceInfo {
    DeviceInfo {
        kind: DeviceKind::Speaker,
        id: id.into(),
        name: format!("the {id}"),
        is_default,
    }
}

struct World {
    said: Arc<Mutex<Said>>,
    desk: Desk,
    events: mpsc::Receiver<DeviceEvent>,
    line: Arc<Line<Sounds>>,
    now: Instant,
}

impl World {
    /// Somebody who has chosen `chosen` plays on a machine with these speakers.
    fn new(devices: Vec<DeviceInfo>, chosen: Option<&DeviceInfo>) -> World {
        let said = Arc::new(Mutex::new(Said {
            devices,
            ..Said::default()
        }));
        let settings = DeviceSettings {
            speaker: chosen.map_or(DeviceChoice::Default, DeviceChoice::of),
            ..DeviceSettings::default()
        };
        let (words, _) = std_mpsc::channel();
        let (events, received) = mpsc::channel(100);
        let shared = Arc::new(Shared::new(settings, words));
        let sound = Box::new(FakeSound(Arc::clone(&said)));
        let mut desk = Desk::new(shared, sound, Box::new(NoCameras), events);
        let line = Arc::new(Line::default());
        desk.hear(Word::Speak(Arc::downgrade(&line)));
        let mut world = World {
            said,
            desk,
            events: received,
            line,
            now: Instant::now(),
        };
        world.pass(Duration::ZERO);
        world
    }

    /// Lets time pass, as the thread would.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.desk.step(self.now);
            if next > until || self.now >= until {
                break;
            }
            self.now = next;
        }
        self.now = until;
        self.desk.step(self.now);
    }

    fn told(&mut self) -> Vec<DeviceEvent> {
        let told = std::iter::from_fn(|| self.events.try_recv().ok());
        told.filter(|event| !matches!(event, DeviceEvent::Listed { .. }))
            .collect()
    }

    fn plays_on(&self) -> Option<String> {
        let in_use = self.desk.shared.in_use.lock();
        in_use
            .get(&DeviceKind::Speaker)
            .map(|device| device.id.clone())
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_headset_that_is_unplugged_falls_to_the_default_and_is_used_again_when_it_returns() {
    let (board, headset) = (speaker("board", true), speaker("headset", false));
    let mut world = World::new(vec![board.clone(), headset.clone()], Some(&headset));
    assert_eq!(world.plays_on().as_deref(), Some("headset"));
    assert!(world.line.taken().is_some_and(|end| end.is_some()));
    assert_eq!(world.told(), []);

    world.said.lock().devices.pop();
    world.pass(LOOK_EVERY);
    assert_eq!(world.plays_on().as_deref(), Some("board"));
    let fell_back = DeviceEvent::FellBack {
        kind: DeviceKind::Speaker,
        lost: "the headset".into(),
        instead: Some(board),
    };
    assert_eq!(world.told(), [fell_back]);

    world.said.lock().devices.push(headset.clone());
    world.pass(LOOK_EVERY);
    assert_eq!(world.plays_on().as_deref(), Some("headset"));
    assert_eq!(world.told(), [DeviceEvent::Returned { device: headset }]);
}

#[test]
fn a_device_that_is_plugged_in_is_offered_and_not_used() {
    let board = speaker("board", true);
    let mut world = World::new(vec![board], None);
    let headset = speaker("headset", false);
    world.said.lock().devices.push(headset.clone());
    world.pass(LOOK_EVERY);
    assert_eq!(
        world.told(),
        [DeviceEvent::Appeared {
            device: headset.clone()
        }]
    );
    assert_eq!(world.plays_on().as_deref(), Some("board"));

    world
        .desk
        .shared
        .settings
        .lock()
        .choose(DeviceKind::Speaker, DeviceChoice::of(&headset));
    world.desk.hear(Word::Chosen(DeviceKind::Speaker));
    world.pass(Duration::ZERO);
    assert_eq!(world.plays_on().as_deref(), Some("headset"));
}

#[test]
fn a_stream_that_breaks_is_built_anew_and_one_that_cannot_be_built_is_tried_with_backoff() {
    let board = speaker("board", true);
    let mut world = World::new(vec![board.clone()], None);
    world.said.lock().streams[0]
        .broken
        .store(true, Ordering::Relaxed);
    world.pass(BACKOFF_MIN);
    assert_eq!(world.said.lock().opened.len(), 2);
    assert_eq!(world.told(), []);

    world.said.lock().streams[1]
        .broken
        .store(true, Ordering::Relaxed);
    world.said.lock().busy.push("board".into());
    world.pass(60 * SECOND);
    let tries = world.said.lock().opened.len() - 2;
    // 0.2, 0.4, 0.8, 1.6, 3.2 seconds, and then every five.
    assert!((14..=18).contains(&tries), "{tries}");
    assert_eq!(world.plays_on(), None);
    let refused = DeviceRefused::busy("the board");
    let kind = DeviceKind::Speaker;
    assert_eq!(world.told(), [DeviceEvent::Failing { kind, refused }]);

    world.said.lock().busy.clear();
    world.pass(BACKOFF_MAX);
    assert_eq!(world.told(), [DeviceEvent::Working { device: board }]);
}

#[test]
fn a_chosen_device_that_does_not_work_gives_way_to_the_default_one() {
    let (board, headset) = (speaker("board", true), speaker("headset", false));
    let mut world = World::new(vec![board.clone(), headset.clone()], Some(&headset));
    world.said.lock().busy.push("headset".into());
    world.said.lock().streams[0]
        .broken
        .store(true, Ordering::Relaxed);
    world.pass(10 * SECOND);
    assert_eq!(world.plays_on().as_deref(), Some("board"));
    let codes: Vec<_> = world.told();
    assert!(
        matches!(
            codes.as_slice(),
            [DeviceEvent::Failing { .. }, DeviceEvent::Working { device }] if *device == board
        ),
        "{codes:?}"
    );
}

#[test]
fn a_machine_without_sound_says_so_once_and_works_when_a_server_is_started() {
    let board = speaker("board", true);
    let mut world = World::new(vec![board.clone()], None);
    world.said.lock().no_server = true;
    world.pass(10 * SECOND);
    let told = world.told();
    let kind = DeviceKind::Speaker;
    assert_eq!(
        told,
        [
            DeviceEvent::FellBack {
                kind,
                lost: "the board".into(),
                instead: None
            },
            DeviceEvent::Failing {
                kind,
                refused: DeviceRefused::no_sound_server()
            }
        ]
    );
    world.said.lock().no_server = false;
    world.pass(LOOK_EVERY);
    assert_eq!(world.plays_on().as_deref(), Some("board"));
    assert!(
        world
            .told()
            .contains(&DeviceEvent::Working { device: board })
    );
}

#[test]
fn a_device_that_nobody_uses_is_closed() {
    let mut world = World::new(vec![speaker("board", true)], None);
    world.pass(SECOND);
    assert_eq!(world.said.lock().closed, 0);
    world.line = Arc::default();
    world.pass(Duration::ZERO);
    assert_eq!(world.said.lock().closed, 1);
    assert_eq!(world.plays_on(), None);
}

#[test]
fn a_speaker_rests_while_nothing_is_heard() {
    let mut world = World::new(vec![speaker("board", true)], None);
    for calm in [true, false] {
        assert!(world.line.set_calm(calm));
        world.pass(Duration::ZERO);
        assert_eq!(world.said.lock().rests, calm);
    }
    assert_eq!(world.said.lock().opened.len(), 1);
}

#[test]
fn what_is_wrong_is_known_as_long_as_somebody_wants_the_device() {
    let board = speaker("board", true);
    let mut world = World::new(vec![], None);
    let refusal = |world: &World| world.desk.shared.refusal(DeviceKind::Speaker);
    let none = DeviceRefused::none(DeviceKind::Speaker);
    assert_eq!(refusal(&world), Some(none));
    world.said.lock().no_server = true;
    world.pass(LOOK_EVERY);
    assert_eq!(refusal(&world), Some(DeviceRefused::no_sound_server()));

    world.said.lock().no_server = false;
    world.said.lock().devices.push(board);
    world.said.lock().busy.push("board".into());
    world.pass(LOOK_EVERY);
    assert_eq!(refusal(&world), Some(DeviceRefused::busy("the board")));
    world.told();

    // Nobody wants it any more: what there was to complain of is over, and the list says so.
    world.line = Arc::default();
    world.pass(Duration::ZERO);
    assert_eq!(refusal(&world), None);
    let told = world.events.try_recv();
    assert!(matches!(told, Ok(DeviceEvent::Listed { .. })), "{told:?}");

    // Without a sound server that is the reason, whether anybody wants it or not.
    world.said.lock().no_server = true;
    world.pass(LOOK_EVERY);
    assert_eq!(refusal(&world), Some(DeviceRefused::no_sound_server()));
}
