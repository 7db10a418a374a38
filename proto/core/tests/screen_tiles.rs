//! Goal: what a viewer has at the end is the presenter's picture to the last bit, however slow the viewer,
//! whenever it came, whatever was dropped on the way. Method: a lossless stand-in for the codec, random
//! changes, viewers that acknowledge when they like, against the picture itself.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use conclave_core::{
    Moment,
    media::tiles::{self, *},
};
use conclave_wire::{
    ParticipantId, RefusalCode,
    screen::{Run, RunCodec, ScreenMessage, ScreenPurpose, TILE_PX},
};
use proptest::prelude::*;

const PRESENTER: ParticipantId = ParticipantId(3);
const PRESENTER_LINK: u64 = 1;

/// A presenter with a picture, and what it has sent of it.
struct Desk {
    grid: TileGrid,
    picture: Vec<u8>,
    sent: Vec<u8>,
    generation: u32,
}

impl Desk {
    fn new(width_px: u32, height_px: u32) -> Desk {
        let grid = TileGrid::new(width_px, height_px).unwrap();
        let bytes = (4 * width_px * height_px) as usize;
        // What was sent before differs everywhere, so the first frame is whole.
        Desk {
            grid,
            picture: vec![9; bytes],
            sent: vec![1; bytes],
            generation: u32::MAX - 2,
        }
    }

    fn stride(&self) -> usize {
        4 * self.grid.width_px() as usize
    }

    fn fill(&mut self, x: u32, y: u32, width: u32, height: u32, value: u8) {
        for y in y.min(self.grid.height_px())..(y + height).min(self.grid.height_px()) {
            let row = y as usize * self.stride();
            let columns = x.min(self.grid.width_px())..(x + width).min(self.grid.width_px());
            self.picture[row + 4 * columns.start as usize..row + 4 * columns.end as usize]
                .fill(value);
        }
    }

    fn pixels<'a>(&self, bytes: &'a [u8]) -> Pixels<'a> {
        Pixels::new(self.grid, bytes, self.stride()).unwrap()
    }

    /// The runs of the next frame as messages, its end among them.
    fn frame(&mut self, width_max: u16) -> Vec<Vec<u8>> {
        let (before, now) = (self.pixels(&self.sent), self.pixels(&self.picture));
        let changed = changed_tiles(self.grid, before, now);
        self.generation = self.generation.wrapping_add(1);
        let mut messages: Vec<_> = spans(&changed, width_max)
            .into_iter()
            .map(|span| self.run(span, &now.copy_span(self.grid, span)))
            .collect();
        let end = ScreenMessage::FrameEnd {
            generation: self.generation,
            captured_ms: 0,
        };
        messages.push(end.to_bytes());
        self.sent.clone_from(&self.picture);
        messages
    }

    fn run(&self, span: Span, pixels: &[u8]) -> Vec<u8> {
        let packed = pack(pixels);
        let run = Run {
            generation: self.generation,
            x: span.x,
            y: span.y,
            width: span.width,
            codec: RunCodec::Png,
            bytes: &packed,
        };
        ScreenMessage::Run(run).to_bytes()
    }

    fn start(&self) -> Vec<u8> {
        let (width_px, height_px) = (self.grid.width_px() as u16, self.grid.height_px() as u16);
        ScreenMessage::Start {
            width_px,
            height_px,
        }
        .to_bytes()
    }
}

/// A lossless stand-in for the codecs: lengths of equal bytes.
fn pack(pixels: &[u8]) -> Vec<u8> {
    pixels
        .chunk_by(|a, b| a == b)
        .flat_map(|equal| equal.chunks(255))
        .flat_map(|equal| [equal.len() as u8, equal[0]])
        .collect()
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    packed
        .chunks(2)
        .flat_map(|pair| vec![pair[1]; pair[0].into()])
        .collect()
}

/// Takes messages as a viewer's program does.
#[derive(Default)]
struct Viewer {
    canvas: Option<TileCanvas>,
    queue: Vec<Vec<u8>>,
    taken_bytes: u32,
    runs: usize,
    frame_ends: Vec<u32>,
}

impl Viewer {
    fn take(&mut self, message: &[u8]) {
        self.taken_bytes = self.taken_bytes.wrapping_add(message.len() as u32);
        match ScreenMessage::parse(message).unwrap() {
            ScreenMessage::Start {
                width_px,
                height_px,
            } => {
                let grid = TileGrid::new(width_px.into(), height_px.into()).unwrap();
                self.canvas = Some(TileCanvas::new(grid));
            }
            ScreenMessage::Run(run) => {
                self.runs += 1;
                let canvas = self.canvas.as_mut().expect("runs come after the size");
                canvas.paint(Span::of(&run), &unpack(run.bytes)).unwrap();
            }
            ScreenMessage::FrameEnd { generation, .. } => self.frame_ends.push(generation),
            ScreenMessage::Stop => self.canvas = None,
            _ => {}
        }
    }
}

/// The slot, with links that hold what was written to them until it is read.
#[derive(Default)]
struct Room {
    slot: ScreenSlot<Vec<u8>>,
    viewers: BTreeMap<u64, Viewer>,
    orders: Vec<ScreenMessage<'static>>,
    closed: Vec<(u64, RefusalCode)>,
    now: Moment,
}

impl Room {
    fn presenting() -> Room {
        let mut room = Room::default();
        room.drive(|slot, out| {
            slot.give_floor(Some(PRESENTER), out);
            slot.open(
                PRESENTER_LINK,
                PRESENTER,
                ScreenPurpose::Present,
                Moment(0),
                out,
            )
            .unwrap();
        });
        room
    }

    fn drive(&mut self, input: impl FnOnce(&mut ScreenSlot<Vec<u8>>, &mut SlotOutbox<Vec<u8>>)) {
        let mut out = SlotOutbox::new();
        input(&mut self.slot, &mut out);
        for effect in out {
            match effect {
                SlotEffect::Show { viewer, message } => {
                    let bytes = match message {
                        ViewerMessage::Run(bytes) => bytes,
                        ViewerMessage::Other(message) => message.to_bytes(),
                    };
                    self.viewers.get_mut(&viewer).unwrap().queue.push(bytes);
                }
                SlotEffect::Order { order, .. } => self.orders.push(order),
                SlotEffect::Close { link, code } => self.closed.push((link, code)),
            }
        }
    }

    fn present(&mut self, messages: &[Vec<u8>]) {
        for bytes in messages {
            let (bytes, now) = (bytes.clone(), self.now);
            self.drive(|slot, out| slot.arrived(PRESENTER_LINK, bytes, now, out));
        }
    }

    fn join(&mut self, link: u64) {
        self.viewers.insert(link, Viewer::default());
        let (seat, now) = (ParticipantId(100 + link as u32), self.now);
        self.drive(|slot, out| {
            slot.open(link, seat, ScreenPurpose::View, now, out)
                .unwrap()
        });
    }

    /// The viewer reads up to so many messages and acknowledges them.
    fn read(&mut self, link: u64, messages_max: usize) -> bool {
        let viewer = self.viewers.get_mut(&link).unwrap();
        let messages: Vec<_> = viewer
            .queue
            .drain(..messages_max.min(viewer.queue.len()))
            .collect();
        messages.iter().for_each(|message| viewer.take(message));
        let ack = ScreenMessage::Ack {
            bytes: viewer.taken_bytes,
        }
        .to_bytes();
        let now = self.now;
        self.drive(|slot, out| slot.arrived(link, ack, now, out));
        !messages.is_empty()
    }

    fn read_all(&mut self, link: u64) {
        while self.read(link, usize::MAX) {}
    }

    fn picture_of(&self, link: u64) -> &[u8] {
        self.viewers[&link].canvas.as_ref().unwrap().pixels()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Fill {
        x: u32,
        y: u32,
        width: u32,
        height: u32,
        value: u8,
    },
    Frame {
        width_max: u16,
    },
    Read {
        viewer: u64,
        messages: usize,
    },
    Join,
}

fn step() -> impl Strategy<Value = Step> {
    let fill = (0..450u32, 0..300u32, 1..400u32, 1..200u32, any::<u8>());
    prop_oneof![
        4 => fill.prop_map(|(x, y, width, height, value)| Step::Fill { x, y, width, height, value }),
        4 => (1..RUN_TILES_MAX).prop_map(|width_max| Step::Frame { width_max }),
        5 => (10..14u64, 1..40usize).prop_map(|(viewer, messages)| Step::Read { viewer, messages }),
        1 => Just(Step::Join),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_viewer_ends_with_the_presenters_picture(steps in prop::collection::vec(step(), 1..80)) {
        let mut desk = Desk::new(450, 300);
        let mut room = Room::presenting();
        room.present(&[desk.start()]);
        room.join(10);
        let mut next_link = 11;
        for step in steps {
            match step {
                Step::Fill { x, y, width, height, value } => desk.fill(x, y, width, height, value),
                Step::Frame { width_max } => room.present(&desk.frame(width_max)),
                Step::Read { viewer, messages } if viewer < next_link => drop(room.read(viewer, messages)),
                Step::Join if next_link < 14 => { room.join(next_link); next_link += 1; }
                Step::Read { .. } | Step::Join => {}
            }
            for viewer in room.viewers.values() {
                let queued: usize = viewer.queue.iter().map(Vec::len).sum();
                prop_assert!(queued <= UNACKNOWLEDGED_BYTES_MAX as usize);
            }
        }
        room.present(&desk.frame(5));
        room.join(99);
        let links: Vec<_> = room.viewers.keys().copied().collect();
        for link in links {
            room.read_all(link);
            prop_assert!(room.picture_of(link) == desk.picture, "viewer {}", link);
            prop_assert_eq!(room.viewers[&link].frame_ends.last(), Some(&desk.generation));
        }
    }

    #[test]
    fn the_cache_replays_the_picture_and_holds_no_superseded_run(
        fills in prop::collection::vec((0..300u32, 0..200u32, 1..300u32, 1..200u32, any::<u8>(), 1..9u16), 1..30)
    ) {
        let mut desk = Desk::new(300, 200);
        let mut cache = TileCache::new();
        cache.start(desk.grid);
        for (x, y, width, height, value, width_max) in fills {
            desk.fill(x, y, width, height, value);
            for message in desk.frame(width_max) {
                if let ScreenMessage::Run(run) = ScreenMessage::parse(&message).unwrap() {
                    let (generation, span, codec) = (run.generation, Span::of(&run), run.codec);
                    cache.insert(CachedRun { generation, span, codec, body: run.bytes.to_vec() }).unwrap();
                }
            }
        }
        let mut canvas = TileCanvas::new(desk.grid);
        for run in cache.replay() { canvas.paint(run.span, &unpack(&run.body)).unwrap(); }
        prop_assert!(canvas.pixels() == desk.picture);
        prop_assert!(cache.replay().count() <= desk.grid.tiles());
        let held: usize = cache.replay().map(|run| run.body.len()).sum();
        prop_assert_eq!(cache.held_bytes(), held);
    }

    #[test]
    fn changed_tiles_are_those_in_which_a_pixel_differs(
        points in prop::collection::vec((0..333u32, 0..129u32), 0..12), padding in 0..40usize
    ) {
        let grid = TileGrid::new(333, 129).unwrap();
        let stride = 4 * 333 + padding;
        let before = vec![7u8; stride * 129];
        let mut after = before.clone();
        let mut truth = TileSet::none(grid);
        // What lies in the padding is not the picture.
        after.iter_mut().enumerate().filter(|(at, _)| at % stride >= 4 * 333).for_each(|(_, byte)| *byte = 0);
        for (x, y) in points {
            after[y as usize * stride + 4 * x as usize + 1] = 8;
            let tile = Span { x: (x / TILE_PX) as u16, y: (y / TILE_PX) as u16, width: 1 };
            truth.insert(grid.indices(tile).start);
        }
        let pixels = |bytes| Pixels::new(grid, bytes, stride).unwrap();
        prop_assert_eq!(changed_tiles(grid, pixels(&before), pixels(&after)), truth);
    }

    #[test]
    fn spans_cover_a_set_exactly_once(chosen in prop::collection::btree_set(0..60usize, 0..60), width_max in 1..20u16) {
        let grid = TileGrid::new(12 * TILE_PX, 5 * TILE_PX).unwrap();
        let mut set = TileSet::none(grid);
        chosen.iter().for_each(|&index| set.insert(index));
        let spans = spans(&set, width_max);
        let covered: Vec<_> = spans.iter().flat_map(|&span| grid.indices(span)).collect();
        prop_assert_eq!(covered, chosen.into_iter().collect::<Vec<_>>());
        prop_assert!(spans.iter().all(|&span| span.width <= width_max && grid.contains(span)));
    }
}

#[test]
fn a_slow_viewer_skips_what_is_superseded_and_every_part_of_the_screen_has_its_turn() {
    let mut desk = Desk::new(8 * 64, 8 * 64);
    let mut room = Room::presenting();
    room.present(&[desk.start()]);
    room.join(10);
    room.join(11);
    let mut painted = TileSet::none(desk.grid);
    for round in 0..90u32 {
        // Noise that hardly packs: a frame is far more than a viewer may have under way.
        let noise = |at: usize| {
            ((at as u32)
                .wrapping_mul(2_654_435_761)
                .wrapping_add(round * 7_919)
                >> 13) as u8
        };
        (0..desk.picture.len()).for_each(|at| desk.picture[at] = noise(at));
        room.present(&desk.frame(1));
        room.read_all(10);
        room.read(11, 3);
        if let Some(canvas) = &mut room.viewers.get_mut(&11).unwrap().canvas {
            painted.extend(&canvas.take_painted());
        }
    }
    assert!(room.viewers[&11].runs < room.viewers[&10].runs / 10);
    assert_eq!(painted, TileSet::all(desk.grid));
    room.read_all(11);
    assert!(room.picture_of(11) == desk.picture && room.picture_of(10) == desk.picture);
}

#[test]
fn a_screen_that_cannot_fit_is_asked_for_once_more_and_then_refused() {
    let desk = Desk::new(7_680, 4_320);
    let mut room = Room::presenting();
    room.present(&[desk.start()]);
    let heavy = |desk: &Desk, x, y| {
        let bytes = vec![0; 60_000];
        let generation = desk.generation;
        let run = Run {
            generation,
            x,
            y,
            width: 1,
            codec: RunCodec::Jpeg,
            bytes: &bytes,
        };
        ScreenMessage::Run(run).to_bytes()
    };
    let (columns, rows) = (desk.grid.columns(), desk.grid.rows());
    let mut sent = 0;
    'send: for y in (0..rows).cycle() {
        for x in 0..columns {
            room.present(&[heavy(&desk, x, y)]);
            sent += 1;
            assert!(room.slot.held_bytes() <= tiles::CACHE_BYTES_MAX);
            if !room.closed.is_empty() || sent > 5_000 {
                break 'send;
            }
        }
    }
    assert_eq!(
        room.orders
            .iter()
            .filter(|order| **order == ScreenMessage::Refresh)
            .count(),
        1
    );
    assert_eq!(room.closed, [(PRESENTER_LINK, RefusalCode::ScreenTooLarge)]);
    assert_eq!(room.slot.held_bytes(), 0);
}

#[test]
fn another_size_of_screen_begins_anew() {
    let mut small = Desk::new(200, 100);
    let mut room = Room::presenting();
    room.present(&[small.start()]);
    room.join(10);
    room.present(&small.frame(4));
    let mut large = Desk::new(400, 300);
    room.present(&[large.start()]);
    room.present(&large.frame(4));
    room.read_all(10);
    room.join(11);
    room.read_all(11);
    assert!(room.picture_of(10) == large.picture && room.picture_of(11) == large.picture);
}

#[test]
fn only_who_has_the_floor_presents_and_losing_it_clears_the_screen() {
    let mut room = Room::presenting();
    let mut desk = Desk::new(200, 100);
    room.present(&[desk.start()]);
    room.present(&desk.frame(4));
    room.join(10);
    room.read_all(10);
    room.drive(|slot, out| {
        let refused = slot.open(5, ParticipantId(8), ScreenPurpose::Present, Moment(0), out);
        assert_eq!(refused, Err(RefusalCode::NotPresenting));
    });
    room.drive(|slot, out| slot.give_floor(Some(ParticipantId(8)), out));
    room.read_all(10);
    assert!(room.viewers[&10].canvas.is_none());
    assert_eq!(room.closed, [(PRESENTER_LINK, RefusalCode::NotPresenting)]);
    // What still comes on the old link is nobody's.
    room.present(&[desk.start()]);
    assert!(room.viewers[&10].queue.is_empty());
}

#[test]
fn the_picture_stays_while_the_presenters_link_is_away() {
    let mut room = Room::presenting();
    let mut desk = Desk::new(200, 100);
    room.present(&[desk.start()]);
    room.present(&desk.frame(4));
    room.drive(|slot, _| slot.close(PRESENTER_LINK));
    room.join(10);
    room.read_all(10);
    assert!(room.picture_of(10) == desk.picture);
}

#[test]
fn a_run_before_the_size_or_outside_of_the_screen_ends_the_presenters_link() {
    for (started, x, y) in [
        (false, 0, 0),
        (true, 4, 0),
        (true, 0, 2),
        (true, u16::MAX - 1, 0),
    ] {
        let desk = Desk::new(200, 100);
        let mut room = Room::presenting();
        if started {
            room.present(&[desk.start()]);
        }
        let run = Run {
            generation: 1,
            x,
            y,
            width: 1,
            codec: RunCodec::Png,
            bytes: &[1],
        };
        room.present(&[ScreenMessage::Run(run).to_bytes()]);
        assert_eq!(
            room.closed,
            [(PRESENTER_LINK, RefusalCode::Invalid)],
            "{started} {x} {y}"
        );
    }
}

#[test]
fn who_acknowledges_more_than_it_got_is_shown_the_door() {
    let mut room = Room::presenting();
    let desk = Desk::new(200, 100);
    room.present(&[desk.start()]);
    room.join(10);
    room.drive(|slot, out| {
        slot.arrived(
            10,
            ScreenMessage::Ack { bytes: 6 }.to_bytes(),
            Moment(0),
            out,
        )
    });
    assert_eq!(room.closed, [(10, RefusalCode::Invalid)]);
    assert_eq!(room.slot.viewers(), 0);
}

#[test]
fn what_stands_is_sent_exactly_after_150_ms() {
    let grid = TileGrid::new(256, 64).unwrap();
    let mut watch = StillWatch::new(grid);
    let set = |indices: &[usize]| {
        let mut set = TileSet::none(grid);
        indices.iter().for_each(|&index| set.insert(index));
        set
    };
    watch.sent_lossy(&set(&[0, 1]), Moment::from_ms(0));
    watch.sent_lossy(&set(&[1]), Moment::from_ms(100));
    assert_eq!(watch.next_wakeup(), Some(Moment::from_ms(150)));
    assert!(watch.due(Moment::from_ms(149)).is_empty());
    let due = watch.due(Moment::from_ms(150));
    assert_eq!(due, set(&[0]));
    watch.sent_exactly(&due);
    assert_eq!(watch.due(Moment::from_ms(250)), set(&[1]));
    watch.sent_exactly(&set(&[1]));
    assert_eq!(watch.next_wakeup(), None);
}

#[test]
fn sizes_of_screens_have_limits() {
    assert!(TileGrid::new(15_360, 4_320).is_ok());
    for (width, height) in [(0, 10), (10, 0), (15_361, 10), (15_360, 15_360)] {
        assert_eq!(TileGrid::new(width, height), Err(ScreenTooLarge));
    }
}

#[test]
fn the_presenter_follows_the_slowest_reasonable_viewer() {
    let ms = std::time::Duration::from_millis;
    let mut pace = PresenterPace::new();
    assert_eq!(pace.update([], 10), None);
    assert_eq!(pace.update([ms(5), ms(200)], 10), Some(250));
    assert_eq!(
        pace.update([ms(5), ms(210)], 10),
        None,
        "not worth a change"
    );
    assert_eq!(
        pace.update([ms(5), ms(5_000)], 10),
        Some(INTERVAL_MS_MIN),
        "not reasonable"
    );
    assert_eq!(pace.update([ms(5)], 1_000), Some(66), "everything moves");
}

#[test]
fn a_slow_viewers_drain_reaches_the_presenter_as_a_pace() {
    let mut desk = Desk::new(640, 640);
    let mut room = Room::presenting();
    room.present(&[desk.start()]);
    room.join(10);
    for round in 0..40u64 {
        desk.fill(0, 0, 30, 30, round as u8);
        room.now = Moment::from_ms(400 * round);
        room.present(&desk.frame(4));
        room.now = Moment::from_ms(400 * round + 200);
        room.read_all(10);
    }
    let paces: Vec<_> = room
        .orders
        .iter()
        .filter_map(|order| match order {
            ScreenMessage::Pace { interval_ms } => Some(*interval_ms),
            _ => None,
        })
        .collect();
    assert_eq!(paces.first(), Some(&INTERVAL_MS_MIN));
    assert_eq!(paces.last(), Some(&250));
}

#[test]
fn a_viewer_that_acknowledges_nothing_is_dropped_after_a_while() {
    let mut desk = Desk::new(200, 100);
    let mut room = Room::presenting();
    room.present(&[desk.start()]);
    room.join(10);
    room.join(11);
    room.read_all(11);
    while room.slot.viewers() == 2 {
        room.now = room.slot.next_wakeup().unwrap();
        let now = room.now;
        room.drive(|slot, out| slot.wake(now, out));
        desk.fill(0, 0, 10, 10, now.as_ms() as u8);
        room.present(&desk.frame(4));
        room.read_all(11);
    }
    assert_eq!(room.closed, [(10, RefusalCode::Timeout)]);
    assert_eq!(room.now, Moment(0) + STALLED_AFTER);
}

#[test]
fn a_person_has_one_link_to_view_and_none_after_leaving() {
    let mut room = Room::presenting();
    for link in [10, 11] {
        room.viewers.insert(link, Viewer::default());
        room.drive(|slot, out| {
            slot.open(link, ParticipantId(5), ScreenPurpose::View, Moment(0), out)
                .unwrap()
        });
    }
    assert_eq!(room.closed, [(10, RefusalCode::TakenOver)]);
    room.drive(|slot, out| slot.leave(ParticipantId(5), out));
    assert_eq!(room.closed.last(), Some(&(11, RefusalCode::SeatUnknown)));
    assert_eq!(room.slot.viewers(), 0);
}

#[test]
fn a_flood_of_pointer_moves_is_one_message_a_round_trip() {
    let mut room = Room::presenting();
    let desk = Desk::new(200, 100);
    room.present(&[desk.start()]);
    room.join(10);
    room.read_all(10);
    let moves: Vec<_> = (0..100)
        .map(|x| ScreenMessage::Pointer { at: Some((x, 0)) }.to_bytes())
        .collect();
    room.present(&moves);
    assert_eq!(room.viewers[&10].queue, [moves[0].clone()]);
    room.read(10, 1);
    assert_eq!(room.viewers[&10].queue, [moves[99].clone()]);
}

#[test]
fn what_is_no_message_or_not_theirs_to_send_ends_a_link() {
    for (bytes, code) in [
        (vec![99], RefusalCode::Malformed),
        (vec![], RefusalCode::Malformed),
        (ScreenMessage::Refresh.to_bytes(), RefusalCode::Invalid),
    ] {
        let mut room = Room::presenting();
        room.present(&[Desk::new(200, 100).start()]);
        room.present(std::slice::from_ref(&bytes));
        assert_eq!(room.closed, [(PRESENTER_LINK, code)], "{bytes:?}");
        room.join(10);
        room.drive(|slot, out| slot.arrived(10, bytes, Moment(0), out));
        assert_eq!(room.closed[1..], [(10, code)]);
    }
}
