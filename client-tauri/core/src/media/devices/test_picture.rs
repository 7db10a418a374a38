//! A moving test picture, with a frame counter that survives scaling and JPEG.

use super::{Camera, CameraGone};
use crate::media::picture::{Picture, Pixels};

/// The counter's bits stand side by side in the topmost part of the picture, most significant first,
/// each as a black or white field.
const COUNTER_BITS: u32 = 32;
/// The counter takes this share of the height.
const COUNTER_SHARE: u32 = 12;
/// How far the picture moves from frame to frame, of 256.
const SPEED: u32 = 3;

/// Shows a moving gradient in the seed's colours and counts its frames.
#[derive(Clone, Debug)]
pub struct SyntheticCamera {
    width: u32,
    height: u32,
    colors: [u8; 3],
    frame: u32,
}

impl SyntheticCamera {
    /// A camera of 1280x720 pixels.
    pub fn new(seed: u64) -> SyntheticCamera {
        SyntheticCamera::with_size(seed, 1_280, 720)
    }

    /// A camera of `width` x `height` pixels, at least 64x24.
    pub fn with_size(seed: u64, width: u32, height: u32) -> SyntheticCamera {
        // Fibonacci hashing spreads neighbouring seeds over the colours.
        let spread = seed
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes();
        SyntheticCamera {
            width: width.max(64),
            height: height.max(24),
            colors: [spread[0], spread[1], spread[2]],
            frame: 0,
        }
    }

    fn draw(&self) -> Vec<u8> {
        let (width, height) = (self.width as usize, self.height as usize);
        let moved = self.frame.wrapping_mul(SPEED);
        let mut rgb = Vec::with_capacity(width * height * 3);
        for x in 0..self.width {
            let bit = COUNTER_BITS - 1 - x * COUNTER_BITS / self.width;
            rgb.extend([if self.frame >> bit & 1 == 1 { 255 } else { 0 }; 3]);
        }
        let counter_rows = (self.height / COUNTER_SHARE).max(1) as usize;
        rgb.extend_from_within(..);
        while rgb.len() < counter_rows * width * 3 {
            rgb.extend_from_within(..width * 3);
        }
        rgb.truncate(counter_rows * width * 3);
        // One row of the gradient, twice as long as it is shown; each row below is shown further along.
        let gradient: Vec<u8> = (0..2 * self.width)
            .flat_map(|x| {
                let wave = triangle(x * 256 / self.width + moved);
                self.colors
                    .map(|color| ((u16::from(color) + u16::from(wave)) / 2) as u8)
            })
            .collect();
        for y in counter_rows..height {
            let shift = y * width / height / 2;
            rgb.extend_from_slice(&gradient[shift * 3..(shift + width) * 3]);
        }
        rgb
    }
}

impl Camera for SyntheticCamera {
    fn capture(&mut self) -> Result<Picture, CameraGone> {
        let picture = Picture {
            width: self.width,
            height: self.height,
            pixels: Pixels::Rgb(self.draw()),
        };
        self.frame = self.frame.wrapping_add(1);
        Ok(picture)
    }
}

/// Up from 0 to 255 and down again, once in 512 steps.
fn triangle(at: u32) -> u8 {
    let at = at % 512;
    at.min(511 - at).min(255) as u8
}

/// The frame counter of a test picture at any size; `None` when it is not readable.
pub fn read_frame_counter(picture: &Picture) -> Option<u32> {
    let Pixels::Rgb(rgb) = &picture.pixels else {
        return None;
    };
    let row = (picture.height / COUNTER_SHARE / 2) as usize;
    let mut counter = 0;
    for bit in 0..COUNTER_BITS {
        let x = ((2 * bit + 1) * picture.width / (2 * COUNTER_BITS)) as usize;
        let at = (row * picture.width as usize + x) * 3;
        let pixel = rgb.get(at..at + 3)?;
        let light = pixel.iter().map(|&channel| u32::from(channel)).sum::<u32>() / 3;
        counter = counter << 1
            | match light {
                0..=79 => 0,
                176.. => 1,
                _ => return None,
            };
    }
    Some(counter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::picture::decode_jpeg;

    #[test]
    fn the_counter_is_readable_at_every_layer_after_jpeg() {
        let mut camera = SyntheticCamera::new(5);
        camera.frame = 0xdead_beef;
        for height in [180, 360, 720] {
            let picture = camera.clone().capture().unwrap();
            let (width, height) = picture.size_at(height);
            let jpeg = picture.scaled(width, height).unwrap().to_jpeg(50).unwrap();
            let seen = decode_jpeg(&jpeg).unwrap();
            assert_eq!(read_frame_counter(&seen), Some(0xdead_beef), "{height}");
        }
    }

    #[test]
    fn each_frame_differs_and_each_seed_has_its_colours() {
        let mut camera = SyntheticCamera::with_size(1, 320, 180);
        let first = camera.capture().unwrap();
        assert_ne!(first, camera.capture().unwrap());
        let other = SyntheticCamera::with_size(2, 320, 180).capture().unwrap();
        assert_ne!(first, other);
        assert_eq!(
            first,
            SyntheticCamera::with_size(1, 320, 180).capture().unwrap()
        );
    }

    #[test]
    fn a_picture_without_a_counter_has_none() {
        let grey = Picture {
            width: 320,
            height: 180,
            pixels: Pixels::Rgb(vec![128; 320 * 180 * 3]),
        };
        assert_eq!(read_frame_counter(&grey), None);
    }
}
