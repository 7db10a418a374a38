//! Smaller pictures for publishers that send one layer only: a bounded fallback on a thread of its own.
//!
//! One scaled frame costs as much as 130 forwarded ones, so the server makes only so many a second, drops
//! what it has no time for, and never lets the media threads wait.

use std::{
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc as blocking},
    thread,
};

use conclave_core::{
    Moment,
    limit::TokenBucket,
    media::{assemble::EncodedFrame, ladder::SCALED_FRAMES_PER_SECOND_MAX},
};
use conclave_wire::{Layer, ParticipantId};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use tokio::sync::mpsc;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{seat::RoomKey, sessions::Session};

/// Frames that wait to be scaled. More would only be late.
pub const SCALE_QUEUED_MAX: usize = 4;
/// Scaled frames that wait to be sent.
pub const SCALED_QUEUED_MAX: usize = 16;
/// Sides of a picture that is decoded, in pixels.
pub const PICTURE_SIDE_MAX: usize = 2_048;
/// How far the thread stands back behind all others.
const SCALE_NICENESS: i32 = 10;
/// Of JPEG, for scaled pictures.
const SCALED_QUALITY: u8 = 70;

/// A whole frame, and what is to be made of it: layers, and frames a second at most.
pub struct ScaleJob {
    pub publisher: Arc<Session>,
    pub frame: EncodedFrame,
    pub to: Vec<(Layer, u8)>,
}

/// A frame that was made smaller.
pub struct Scaled {
    pub publisher: Arc<Session>,
    pub layer: Layer,
    pub frame: EncodedFrame,
}

/// Gives work to the thread. Dropping it ends the thread.
pub struct Scaler {
    jobs: blocking::SyncSender<ScaleJob>,
    frames: TokenBucket,
    pace: HashMap<(RoomKey, ParticipantId, Layer), Moment>,
}

impl Scaler {
    /// Starts the thread. Frames come back through `done`.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(done: mpsc::Sender<Scaled>) -> io::Result<Scaler> {
        let (jobs, taken) = blocking::sync_channel::<ScaleJob>(SCALE_QUEUED_MAX);
        thread::Builder::new().name("media-scale".to_owned()).spawn(move || {
            // On Linux this is the thread's alone.
            if let Err(error) = rustix::process::nice(SCALE_NICENESS) {
                tracing::debug!(%error, "pictures are scaled at the priority of everything else");
            }
            for job in taken {
                for scaled in survive(|| work(job)) {
                    // A full queue means that the media thread is behind: then this frame is late already.
                    let _late = done.try_send(scaled);
                }
            }
        })?;
        Ok(Scaler {
            jobs,
            frames: TokenBucket::new(
                SCALED_FRAMES_PER_SECOND_MAX,
                SCALED_FRAMES_PER_SECOND_MAX,
                Moment::default(),
            ),
            pace: HashMap::new(),
        })
    }

    /// Takes a frame if it is due, within what the server scales in a second. False when there is no time
    /// for it.
    pub fn offer(&mut self, now: Moment, mut job: ScaleJob) -> bool {
        let seat = &job.publisher.seat;
        let (room, id) = (seat.room, seat.id);
        self.pace.retain(|_, due| now.since(*due).as_secs() < 1);
        let pace = &mut self.pace;
        job.to.retain(|&(layer, fps_max)| {
            let interval_us = 1_000_000 / u64::from(fps_max.max(1));
            let due = pace.entry((room, id, layer)).or_insert(now);
            let is_due = now.0 + interval_us / 2 >= due.0;
            if is_due {
                *due = Moment(due.0.max(now.0) + interval_us);
            }
            is_due
        });
        if job.to.is_empty() {
            return true;
        }
        let frames = u32::try_from(job.to.len()).unwrap_or(u32::MAX);
        self.frames.try_take(now, frames).is_ok() && self.jobs.try_send(job).is_ok()
    }
}

/// What strangers send is decoded here: should a decoder panic over a picture, only that picture is lost.
fn survive(work: impl FnOnce() -> Vec<Scaled>) -> Vec<Scaled> {
    // Nothing that the work has changed is looked at afterwards.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::warn!("a camera frame broke the decoder of pictures and is left out");
        Vec::new()
    })
}

fn work(job: ScaleJob) -> Vec<Scaled> {
    let Some(picture) = Picture::decode(&job.frame.bytes) else {
        tracing::debug!("a camera frame is no picture that can be scaled");
        return Vec::new();
    };
    let scaled = job.to.iter().filter_map(|&(layer, _)| {
        let bytes = picture.scaled_to(layer.height_px() as usize)?.encode()?;
        Some(Scaled {
            publisher: job.publisher.clone(),
            layer,
            frame: EncodedFrame {
                bytes,
                ..job.frame.clone()
            },
        })
    });
    scaled.collect()
}

/// A picture in RGB, rows from the top.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Decodes a JPEG of at most [`PICTURE_SIDE_MAX`] pixels a side; the header is looked at first. `None`
    /// when it is none, or larger.
    pub fn decode(jpeg: &[u8]) -> Option<Picture> {
        let options = DecoderOptions::default()
            .set_max_width(PICTURE_SIDE_MAX)
            .set_max_height(PICTURE_SIDE_MAX)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().ok()?;
        let (width, height) = decoder.dimensions()?;
        if width.max(height) > PICTURE_SIDE_MAX {
            return None;
        }
        let rgb = decoder.decode().ok()?;
        (rgb.len() == width * height * 3).then_some(Picture { width, height, rgb })
    }

    /// Averages boxes of pixels down to `height`, keeping the shape. `None` when that is not smaller.
    pub fn scaled_to(&self, height: usize) -> Option<Picture> {
        if height == 0 || height >= self.height {
            return None;
        }
        // Even, for the halved colours of 4:2:0.
        let width = (self.width * height / self.height).max(2) & !1;
        let mut rgb = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            let rows = y * self.height / height..((y + 1) * self.height / height);
            for x in 0..width {
                let columns = x * self.width / width..((x + 1) * self.width / width);
                rgb.extend_from_slice(&self.average(rows.clone(), columns));
            }
        }
        Some(Picture { width, height, rgb })
    }

    pub fn encode(&self) -> Option<Vec<u8>> {
        let (width, height) = (
            u16::try_from(self.width).ok()?,
            u16::try_from(self.height).ok()?,
        );
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, SCALED_QUALITY);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        encoder
            .encode(&self.rgb, width, height, ColorType::Rgb)
            .ok()?;
        Some(bytes)
    }

    fn average(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> [u8; 3] {
        let mut sums = [0u32; 3];
        let count = (rows.len() * columns.len()).max(1) as u32;
        for row in rows {
            let start = (row * self.width + columns.start) * 3;
            let pixels = &self.rgb[start..start + columns.len() * 3];
            for pixel in pixels.chunks_exact(3) {
                for (sum, &channel) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(channel);
                }
            }
        }
        sums.map(|sum| (sum / count) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half red, right half blue.
    fn two_halves(width: usize, height: usize) -> Picture {
        let pixel = |x: usize| {
            if x < width / 2 {
                [255, 0, 0]
            } else {
                [0, 0, 255]
            }
        };
        let rgb = (0..height)
            .flat_map(|_| (0..width).flat_map(pixel))
            .collect();
        Picture { width, height, rgb }
    }

    #[test]
    fn a_scaled_picture_shows_the_same() {
        let small = two_halves(1_280, 720).scaled_to(180).unwrap();
        assert_eq!(small, two_halves(320, 180));
    }

    #[test]
    fn a_jpeg_comes_back_as_it_was_up_to_its_losses() {
        let picture = two_halves(640, 360);
        let back = Picture::decode(&picture.encode().unwrap()).unwrap();
        assert_eq!((back.width, back.height), (640, 360));
        let far = |a: u8, b: u8| a.abs_diff(b) > 40;
        let wrong = back
            .rgb
            .iter()
            .zip(&picture.rgb)
            .filter(|&(&a, &b)| far(a, b))
            .count();
        // Only at the border of both halves, where colours are halved.
        assert!(wrong < back.rgb.len() / 50, "{wrong}");
    }

    #[test]
    fn what_is_no_jpeg_or_too_large_is_not_decoded() {
        assert!(Picture::decode(b"").is_none());
        assert!(Picture::decode(&[0xff; 1_000]).is_none());
        let wide = two_halves(PICTURE_SIDE_MAX + 2, 2).encode().unwrap();
        assert!(Picture::decode(&wide).is_none());
        let cut = two_halves(640, 360).encode().unwrap();
        let _must_not_panic = Picture::decode(&cut[..cut.len() / 2]);
    }

    #[test]
    fn a_picture_that_breaks_the_decoder_is_left_out_and_the_thread_goes_on() {
        assert!(survive(|| panic!("as a decoder might")).is_empty());
    }

    #[test]
    fn nothing_is_made_larger() {
        assert!(two_halves(320, 180).scaled_to(180).is_none());
        assert!(two_halves(320, 180).scaled_to(360).is_none());
    }
}
