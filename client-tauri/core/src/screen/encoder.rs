//! What has changed on a screen, as messages.

use bytes::Bytes;
use conclave_core::{
    Moment,
    media::tiles::{
        Pixels, RUN_TILES_MAX, ScreenTooLarge, Span, StillWatch, TileGrid, TileSet, changed_tiles,
        spans,
    },
};
use conclave_wire::screen::{RUN_BYTES_MAX, Run, RunCodec, ScreenMessage};

use super::{
    Shot,
    codec::{encode_jpeg, encode_png},
};

/// Turns pictures of a screen into runs: JPEG of what changes, PNG of what has stood still.
#[derive(Default)]
pub struct ScreenEncoder {
    shown: Option<Shown>,
    generation: u32,
}

/// What viewers have or will have.
struct Shown {
    grid: TileGrid,
    /// BGRA without gaps.
    pixels: Vec<u8>,
    still: StillWatch,
    /// Everything is to be sent, changed or not.
    afresh: bool,
}

impl ScreenEncoder {
    pub fn new() -> ScreenEncoder {
        ScreenEncoder::default()
    }

    /// Whoever gets the messages has nothing: the next ones begin with the size.
    pub fn restart(&mut self) {
        self.shown = None;
    }

    /// The next frame sends everything.
    pub fn refresh(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.afresh = true;
        }
    }

    /// Messages that show the shot, its end among them; none when there is nothing to send.
    ///
    /// # Errors
    /// [`ScreenTooLarge`], also when the shot has fewer pixels than it says.
    pub fn frame(&mut self, shot: &Shot<'_>, now: Moment) -> Result<Vec<Bytes>, ScreenTooLarge> {
        let grid = TileGrid::new(shot.width_px, shot.height_px)?;
        let current = Pixels::new(grid, shot.bgra, shot.stride).ok_or(ScreenTooLarge)?;
        let mut messages = Vec::new();
        let shown = match self.shown.take().filter(|shown| shown.grid == grid) {
            Some(shown) => shown,
            None => {
                let (width_px, height_px) = (shot.width_px as u16, shot.height_px as u16);
                messages.push(
                    ScreenMessage::Start {
                        width_px,
                        height_px,
                    }
                    .to_bytes()
                    .into(),
                );
                Shown::nothing(grid)
            }
        };
        let shown = self.shown.insert(shown);
        let changed = shown.update(current);
        let still = shown.still_since(&changed, now);
        if !changed.is_empty() || !still.is_empty() {
            self.generation = self.generation.wrapping_add(1);
            let mut encoding = Encoding {
                grid,
                current,
                generation: self.generation,
                messages: &mut messages,
            };
            encoding.runs(&changed, RunCodec::Jpeg);
            encoding.runs(&still, RunCodec::Png);
            let end = ScreenMessage::FrameEnd {
                generation: self.generation,
                captured_ms: now.as_ms() as u32,
            };
            messages.push(end.to_bytes().into());
        }
        Ok(messages)
    }

    /// When what stands is to be sent exactly, though nothing changes.
    pub fn next_wakeup(&self) -> Option<Moment> {
        self.shown.as_ref()?.still.next_wakeup()
    }
}

impl Shown {
    fn nothing(grid: TileGrid) -> Shown {
        Shown {
            grid,
            pixels: vec![0; 4 * grid.width_px() as usize * grid.height_px() as usize],
            still: StillWatch::new(grid),
            afresh: true,
        }
    }

    /// Takes the picture over and says what is new in it.
    fn update(&mut self, current: Pixels<'_>) -> TileSet {
        let stride = 4 * self.grid.width_px() as usize;
        let changed = match std::mem::take(&mut self.afresh) {
            true => TileSet::all(self.grid),
            false => match Pixels::new(self.grid, &self.pixels, stride) {
                Some(before) => changed_tiles(self.grid, before, current),
                None => TileSet::all(self.grid),
            },
        };
        for span in spans(&changed, u16::MAX) {
            let rect = self.grid.pixels(span);
            for y in rect.y..rect.y + rect.height {
                let row = current.row(rect.x, y, rect.width);
                let start = y as usize * stride + 4 * rect.x as usize;
                self.pixels[start..start + row.len()].copy_from_slice(row);
            }
        }
        changed
    }

    /// What is to be sent exactly now; remembers that `changed` is sent with loss.
    fn still_since(&mut self, changed: &TileSet, now: Moment) -> TileSet {
        self.still.sent_lossy(changed, now);
        let due = self.still.due(now);
        self.still.sent_exactly(&due);
        due
    }
}

struct Encoding<'a> {
    grid: TileGrid,
    current: Pixels<'a>,
    generation: u32,
    messages: &'a mut Vec<Bytes>,
}

impl Encoding<'_> {
    fn runs(&mut self, tiles: &TileSet, codec: RunCodec) {
        for span in spans(tiles, RUN_TILES_MAX) {
            self.run(span, codec);
        }
    }

    /// One run, or two when it does not fit one message. A single tile always does: it has 12 KiB of
    /// colours.
    fn run(&mut self, span: Span, codec: RunCodec) {
        let rect = self.grid.pixels(span);
        let pixels = self.current.copy_span(self.grid, span);
        let encoded = match codec {
            RunCodec::Jpeg => encode_jpeg(&pixels, rect),
            RunCodec::Png => encode_png(&pixels, rect),
        };
        let Some(bytes) = encoded else {
            tracing::error!(?span, "a run could not be encoded");
            return;
        };
        if bytes.len() > RUN_BYTES_MAX
            && let Some((left, right)) = span.halves()
        {
            self.run(left, codec);
            self.run(right, codec);
            return;
        }
        let run = Run {
            generation: self.generation,
            x: span.x,
            y: span.y,
            width: span.width,
            codec,
            bytes: &bytes,
        };
        self.messages
            .push(ScreenMessage::Run(run).to_bytes().into());
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::media::tiles::TileCanvas;
    use conclave_wire::limits::SCREEN_MESSAGE_BYTES_MAX;

    use super::{super::decode_run, *};

    const WIDTH: u32 = 500;
    const HEIGHT: u32 = 200;

    fn shot(bgra: &[u8]) -> Shot<'_> {
        Shot {
            width_px: WIDTH,
            height_px: HEIGHT,
            bgra,
            stride: 4 * WIDTH as usize,
            pointer: None,
        }
    }

    /// Noise compresses badly; the fourth byte is what decoders give.
    fn noise(seed: u32) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        };
        (0..WIDTH * HEIGHT)
            .flat_map(|_| [next(), next(), next(), 255])
            .collect()
    }

    fn paint(canvas: &mut TileCanvas, messages: &[Bytes]) -> Vec<RunCodec> {
        let mut codecs = Vec::new();
        for message in messages {
            assert!(message.len() <= SCREEN_MESSAGE_BYTES_MAX);
            if let Some(ScreenMessage::Run(run)) = ScreenMessage::parse(message) {
                let pixels = decode_run(canvas.grid(), &run).unwrap();
                canvas.paint(Span::of(&run), &pixels).unwrap();
                codecs.push(run.codec);
            }
        }
        codecs
    }

    #[test]
    fn what_changes_comes_at_once_and_what_stands_exactly_after_150_ms() {
        let mut encoder = ScreenEncoder::new();
        let mut canvas = TileCanvas::new(TileGrid::new(WIDTH, HEIGHT).unwrap());
        let mut picture = noise(7);
        let first = encoder.frame(&shot(&picture), Moment::from_ms(0)).unwrap();
        assert!(matches!(
            ScreenMessage::parse(&first[0]),
            Some(ScreenMessage::Start { .. })
        ));
        assert!(
            paint(&mut canvas, &first)
                .iter()
                .all(|&codec| codec == RunCodec::Jpeg)
        );
        assert!(canvas.pixels() != picture);
        assert!(
            encoder
                .frame(&shot(&picture), Moment::from_ms(149))
                .unwrap()
                .is_empty()
        );

        let exact = encoder
            .frame(&shot(&picture), Moment::from_ms(150))
            .unwrap();
        assert!(
            paint(&mut canvas, &exact)
                .iter()
                .all(|&codec| codec == RunCodec::Png)
        );
        assert!(canvas.pixels() == picture);
        assert_eq!(encoder.next_wakeup(), None);

        picture[4 * 70] ^= 0xff;
        let changed = encoder
            .frame(&shot(&picture), Moment::from_ms(200))
            .unwrap();
        assert_eq!(paint(&mut canvas, &changed), [RunCodec::Jpeg]);
        assert_eq!(changed.len(), 2, "one run and the end of the frame");
    }

    #[test]
    fn a_screen_of_another_size_begins_with_its_size() {
        let mut encoder = ScreenEncoder::new();
        let picture = noise(7);
        encoder.frame(&shot(&picture), Moment(0)).unwrap();
        let smaller = Shot {
            width_px: 100,
            height_px: 64,
            ..shot(&picture)
        };
        let messages = encoder.frame(&smaller, Moment(1)).unwrap();
        let start = ScreenMessage::Start {
            width_px: 100,
            height_px: 64,
        };
        assert_eq!(ScreenMessage::parse(&messages[0]), Some(start));
    }

    #[test]
    fn a_refresh_sends_everything_without_beginning_anew() {
        let mut encoder = ScreenEncoder::new();
        let picture = noise(7);
        encoder.frame(&shot(&picture), Moment(0)).unwrap();
        encoder.refresh();
        let messages = encoder.frame(&shot(&picture), Moment(1)).unwrap();
        let mut canvas = TileCanvas::new(TileGrid::new(WIDTH, HEIGHT).unwrap());
        paint(&mut canvas, &messages);
        assert_eq!(canvas.take_painted(), TileSet::all(canvas.grid()));
        assert!(!messages.iter().any(|message| matches!(
            ScreenMessage::parse(message),
            Some(ScreenMessage::Start { .. })
        )));
    }

    #[test]
    fn a_shot_with_too_few_pixels_is_refused() {
        let picture = noise(7);
        let short = shot(&picture[4..]);
        assert_eq!(
            ScreenEncoder::new().frame(&short, Moment(0)),
            Err(ScreenTooLarge)
        );
    }
}
