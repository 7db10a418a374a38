//! A camera that films a clock, for whoever measures how old a picture is when it is shown.

use std::time::{SystemTime, UNIX_EPOCH};

use conclave_client::media::{
    devices::{Camera, CameraGone},
    picture::{Picture, Pixels},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// The fields of the test picture's counter, which the clock takes the place of: 32 bits across the topmost
/// twelfth, most significant first.
const CLOCK_BITS: u32 = 32;
const CLOCK_SHARE: u32 = 12;
/// Shades that are added at random, so that a picture weighs what a face does.
const NOISE: u8 = 22;

/// Films the milliseconds of the Unix epoch, modulo 2^32.
#[derive(Clone, Debug)]
pub struct ClockCamera {
    width: u32,
    height: u32,
    /// Red, green and blue of each pixel, without the clock.
    rgb: Vec<u8>,
}

impl ClockCamera {
    pub fn new(seed: u64, width: u32, height: u32) -> ClockCamera {
        let mut random = StdRng::seed_from_u64(seed);
        let rgb = (0..width * height).flat_map(|pixel| {
            let shade = (pixel % width * 192 / width) as u8;
            [shade + random.random_range(0..NOISE); 3]
        });
        ClockCamera {
            width,
            height,
            rgb: rgb.collect(),
        }
    }
}

impl Camera for ClockCamera {
    fn capture(&mut self) -> Result<Picture, CameraGone> {
        let row = (0..self.width).flat_map(|x| {
            let bit = CLOCK_BITS - 1 - x * CLOCK_BITS / self.width;
            [if now_ms() >> bit & 1 == 1 { 255 } else { 0 }; 3]
        });
        let row: Vec<u8> = row.collect();
        let rows = (self.height / CLOCK_SHARE).max(1) as usize;
        for line in self.rgb.chunks_mut(row.len()).take(rows) {
            line.copy_from_slice(&row);
        }
        Ok(Picture {
            width: self.width,
            height: self.height,
            pixels: Pixels::Rgb(self.rgb.clone()),
        })
    }
}

/// The clock of pages as well: `Date.now() >>> 0`.
fn now_ms() -> u32 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use conclave_client::media::devices::read_frame_counter;

    use super::*;

    #[test]
    fn the_clock_is_read_as_the_counter_is_and_the_picture_weighs_what_a_face_does() {
        let mut camera = ClockCamera::new(1, 640, 360);
        let before = now_ms();
        let picture = camera.capture().unwrap();
        let shown = read_frame_counter(&picture).unwrap();
        assert!(shown.wrapping_sub(before) <= now_ms().wrapping_sub(before));
        let bytes = picture.to_jpeg(65).unwrap().len();
        assert!((12 * 1024..24 * 1024).contains(&bytes), "{bytes}");
    }
}
