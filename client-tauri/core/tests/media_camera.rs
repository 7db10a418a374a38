//! A camera from picture to picture, through a network that loses fragments.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    time::Duration,
};

use conclave_client::media::{
    camera_down::{CameraDown, CameraFrame},
    camera_up::CameraUp,
    clock::MediaClock,
    devices::{Camera, CameraGone, SyntheticCamera, read_frame_counter},
    link::{MediaOutlet, Sent},
    picture::Picture,
};
use conclave_wire::{
    Layer, ParticipantId, QualityChoice,
    datagram::{Fragment, Voice},
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};

const PATIENCE: Duration = Duration::from_secs(20);
const SOURCE: ParticipantId = ParticipantId(4);

/// Payloads by index.
type Pieces = BTreeMap<u16, Vec<u8>>;

/// Keeps what was sent and passes on what the network does not lose.
struct LossyOutlet {
    whole: Mutex<BTreeMap<(Layer, u32), Pieces>>,
    random: Mutex<StdRng>,
    loss: f64,
    carried: mpsc::Sender<Vec<u8>>,
}

impl MediaOutlet for LossyOutlet {
    fn send_voice(&self, _: &Voice<'_>) -> Sent {
        Sent::Sent
    }

    fn send_fragment(&self, fragment: &Fragment<'_>) -> Sent {
        let mut whole = self.whole.lock();
        let frame = whole.entry((fragment.layer, fragment.frame)).or_default();
        frame.insert(fragment.index, fragment.payload.to_vec());
        if !self.random.lock().random_bool(self.loss) {
            let mut body = Vec::new();
            // The server puts the source in.
            let fragment = Fragment {
                source: SOURCE,
                ..*fragment
            };
            fragment.write(&mut body);
            let _ = self.carried.send(body);
        }
        Sent::Sent
    }
}

struct Film {
    up: CameraUp,
    outlet: Arc<LossyOutlet>,
    carried: mpsc::Receiver<Vec<u8>>,
    clock: MediaClock,
    down: CameraDown,
}

impl Film {
    fn start(loss: f64, camera: Box<dyn Camera>) -> Film {
        let (sent, carried) = mpsc::channel();
        let outlet = Arc::new(LossyOutlet {
            whole: Mutex::default(),
            random: Mutex::new(StdRng::seed_from_u64(3)),
            loss,
            carried: sent,
        });
        let clock = MediaClock::start();
        let choice = QualityChoice::Auto;
        let out = Arc::clone(&outlet) as Arc<dyn MediaOutlet>;
        let up = CameraUp::start(camera, choice, true, clock, out, |_| {});
        Film {
            up,
            outlet,
            carried,
            clock,
            down: CameraDown::new(),
        }
    }

    /// Carries fragments and re-requests until a frame is whole.
    fn next_frame(&mut self) -> CameraFrame {
        loop {
            let now = self.clock.now();
            let wait = self
                .down
                .next_wakeup()
                .map_or(PATIENCE, |due| now.until(due));
            match self.carried.recv_timeout(wait) {
                Ok(body) => {
                    let fragment = Fragment::parse(&body).unwrap();
                    if let Some(source) = self.down.push(self.clock.now(), &fragment) {
                        return self.down.take(source).unwrap();
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) if wait == PATIENCE => panic!("no picture"),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("the camera is gone"),
            }
            for request in self.down.wake(self.clock.now()) {
                self.up.answer(&request);
            }
        }
    }

    fn sent_bytes(&self, frame: &CameraFrame) -> Vec<u8> {
        let whole = self.outlet.whole.lock();
        whole[&(frame.layer, frame.number)]
            .values()
            .flatten()
            .copied()
            .collect()
    }
}

#[test]
fn pictures_arrive_as_they_were_sent_though_fragments_are_lost() {
    let mut film = Film::start(0.08, Box::new(SyntheticCamera::with_size(1, 640, 360)));
    film.up.watched(&[Layer::Normal]);
    let mut counters = Vec::new();
    for _ in 0..30 {
        let frame = film.next_frame();
        assert_eq!((frame.source, frame.layer), (SOURCE, Layer::Normal));
        assert!(
            frame.jpeg == film.sent_bytes(&frame),
            "frame {}",
            frame.number
        );
        let picture = frame.decode().unwrap();
        counters.push(read_frame_counter(&picture).expect("a readable counter"));
    }
    assert!(counters.is_sorted(), "{counters:?}");
    let (sent, seen) = (film.up.figures(), film.down.figures());
    assert!(
        seen.recovered > 0 && sent.sent_again >= seen.recovered,
        "{sent:?} {seen:?}"
    );
}

#[test]
fn only_watched_layers_are_sent_and_nothing_while_nobody_watches() {
    let mut film = Film::start(0.0, Box::new(SyntheticCamera::new(1)));
    assert_eq!(film.up.figures().captured, 0);
    film.up.watched(&[Layer::Thumbnail]);
    let frame = film.next_frame();
    let picture = frame.decode().unwrap();
    assert_eq!((picture.width, picture.height), (320, 180));

    film.up.watched(&[Layer::Thumbnail, Layer::Large]);
    while film.next_frame().layer != Layer::Large {}
    assert!(
        film.outlet
            .whole
            .lock()
            .keys()
            .all(|(layer, _)| *layer != Layer::Normal)
    );

    film.up.switch(false);
    film.up.stop();
    let sent = film.outlet.whole.lock().len();
    film.carried.try_iter().for_each(drop);
    assert_eq!(film.outlet.whole.lock().len(), sent);
}

/// Gives a few pictures and is unplugged.
struct Unplugged(SyntheticCamera, u32);

impl Camera for Unplugged {
    fn capture(&mut self) -> Result<Picture, CameraGone> {
        self.1 = self.1.checked_sub(1).ok_or(CameraGone)?;
        self.0.capture()
    }
}

#[test]
fn a_camera_that_is_unplugged_is_told_of() {
    let (lost, told) = mpsc::channel();
    let (sent, _carried) = mpsc::channel();
    let outlet = Arc::new(LossyOutlet {
        whole: Mutex::default(),
        random: Mutex::new(StdRng::seed_from_u64(3)),
        loss: 0.0,
        carried: sent,
    });
    let camera = Unplugged(SyntheticCamera::with_size(1, 320, 180), 2);
    let up = CameraUp::start(
        Box::new(camera),
        QualityChoice::Auto,
        true,
        MediaClock::start(),
        outlet,
        move |gone| lost.send(gone).unwrap(),
    );
    up.watched(&[Layer::Thumbnail]);
    told.recv_timeout(PATIENCE).expect("the loss is told");
    assert_eq!(up.figures().captured, 2);
    // The thread has ended by itself; stopping it must not wait.
    up.stop();
}

#[test]
fn of_each_source_the_newest_picture_waits_and_is_told_once() {
    let mut down = CameraDown::new();
    let clock = MediaClock::start();
    let fragment = |source, frame, payload: &'static [u8]| Fragment {
        source: ParticipantId(source),
        layer: Layer::Thumbnail,
        codec: conclave_wire::datagram::CameraCodec::Jpeg,
        keyframe: true,
        frame,
        index: 0,
        count: 1,
        captured_ms: frame * 66,
        payload,
    };
    let told = down.push(clock.now(), &fragment(1, 1, b"first"));
    assert_eq!(told, Some(ParticipantId(1)));
    assert_eq!(down.push(clock.now(), &fragment(1, 2, b"second")), None);
    assert_eq!(
        down.push(clock.now(), &fragment(2, 9, b"other")),
        Some(ParticipantId(2))
    );
    assert_eq!(down.take(ParticipantId(1)).unwrap().jpeg, b"second");
    assert_eq!(down.take(ParticipantId(1)), None);
    assert!(down.push(clock.now(), &fragment(1, 3, b"third")).is_some());
    assert_eq!(down.figures().replaced, 1);
    down.forget(ParticipantId(1));
    assert_eq!(down.take(ParticipantId(1)), None);
}
