//! What cameras give, as pictures. Every size is checked: cameras give garbage.

use bytes::Bytes;

use crate::media::picture::{PICTURE_PX_MAX, Picture, Pixels};

/// A JPEG ends with this marker, perhaps with zeros behind it (ITU-T T.81 table B.1).
const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
/// How far from the end of a buffer it is looked for: some cameras fill up to a page.
const END_SEARCH_BYTES: usize = 4_096;

/// How a camera lays out its pixels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    Mjpeg,
    /// Two pixels in four bytes: Y U Y V.
    Yuyv,
    /// A plane of Y, and one of U and V by turns at half the size.
    Nv12,
    Gray,
    Rgb,
    Bgr,
}

/// A frame as a picture. `None` when it is not one.
pub(super) fn picture(layout: Layout, width: u32, height: u32, data: Bytes) -> Option<Picture> {
    if layout == Layout::Mjpeg {
        return jpeg(data);
    }
    let within = 1..=PICTURE_PX_MAX;
    if !within.contains(&width) || !within.contains(&height) {
        return None;
    }
    let pixels = width as usize * height as usize;
    let rgb = match layout {
        Layout::Mjpeg => return None,
        Layout::Yuyv => yuyv(data.get(..pixels / 2 * 4)?),
        Layout::Nv12 => nv12(&data, width as usize, height as usize)?,
        Layout::Gray => data.get(..pixels)?.iter().flat_map(|&y| [y; 3]).collect(),
        Layout::Rgb => data.get(..pixels * 3)?.to_vec(),
        Layout::Bgr => {
            let pixels = data.get(..pixels * 3)?.as_chunks::<3>().0;
            pixels.iter().flat_map(|&[b, g, r]| [r, g, b]).collect()
        }
    };
    (rgb.len() == pixels * 3).then_some(Picture {
        width,
        height,
        pixels: Pixels::Rgb(rgb),
    })
}

/// A JPEG is passed on as it is, if it has a beginning, a size and an end.
fn jpeg(data: Bytes) -> Option<Picture> {
    let tail = &data[data.len().saturating_sub(END_SEARCH_BYTES)..];
    let end = tail.windows(2).rposition(|two| two == END_OF_IMAGE)?;
    let end = data.len() - tail.len() + end + END_OF_IMAGE.len();
    Picture::of_jpeg(data.slice(..end)).ok()
}

fn yuyv(data: &[u8]) -> Vec<u8> {
    let pairs = data.as_chunks::<4>().0;
    let mut rgb = Vec::with_capacity(pairs.len() * 6);
    for &[y0, u, y1, v] in pairs {
        rgb.extend(to_rgb(y0, u, v));
        rgb.extend(to_rgb(y1, u, v));
    }
    rgb
}

fn nv12(data: &[u8], width: usize, height: usize) -> Option<Vec<u8>> {
    let (luma, chroma) = data.split_at_checked(width * height)?;
    let chroma_stride = width.div_ceil(2) * 2;
    let chroma = chroma.get(..chroma_stride * height.div_ceil(2))?;
    let mut rgb = Vec::with_capacity(width * height * 3);
    for (row, line) in luma.chunks_exact(width).enumerate() {
        let colors = &chroma[row / 2 * chroma_stride..][..chroma_stride];
        for (column, &y) in line.iter().enumerate() {
            let at = column / 2 * 2;
            rgb.extend(to_rgb(y, colors[at], colors[at + 1]));
        }
    }
    Some(rgb)
}

/// ITU-R BT.601, studio range, in 8 bits of fraction.
fn to_rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let (c, d, e) = (i32::from(y) - 16, i32::from(u) - 128, i32::from(v) - 128);
    let of = |value: i32| ((value + 128) >> 8).clamp(0, 255) as u8;
    [
        of(298 * c + 409 * e),
        of(298 * c - 100 * d - 208 * e),
        of(298 * c + 516 * d),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::devices::{Camera, SyntheticCamera};

    fn rgb(layout: Layout, width: u32, height: u32, data: Vec<u8>) -> Option<Vec<u8>> {
        match picture(layout, width, height, data.into())?.pixels {
            Pixels::Rgb(rgb) => Some(rgb),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_layout_gives_the_same_colours() {
        // Of BT.601: black, white, and pure red at 16/128/128, 235/128/128 and 82/90/240.
        let yuyv = vec![16, 128, 235, 128, 82, 90, 82, 240];
        let colours = rgb(Layout::Yuyv, 2, 2, yuyv).unwrap();
        assert_eq!(colours[..6], [0, 0, 0, 255, 255, 255]);
        assert!(
            colours[6] >= 254 && colours[7] <= 1 && colours[8] <= 1,
            "{colours:?}"
        );

        let nv12 = vec![82, 82, 82, 82, 90, 240];
        let red = rgb(Layout::Nv12, 2, 2, nv12).unwrap();
        assert_eq!(red, [colours[6], colours[7], colours[8]].repeat(4));
        assert_eq!(
            rgb(Layout::Gray, 2, 1, vec![7, 9]),
            Some(vec![7, 7, 7, 9, 9, 9])
        );
        assert_eq!(rgb(Layout::Bgr, 1, 1, vec![1, 2, 3]), Some(vec![3, 2, 1]));
        assert_eq!(rgb(Layout::Rgb, 1, 1, vec![1, 2, 3]), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_frame_that_is_too_short_or_too_large_is_no_picture() {
        for layout in [
            Layout::Yuyv,
            Layout::Nv12,
            Layout::Gray,
            Layout::Rgb,
            Layout::Bgr,
        ] {
            assert_eq!(
                picture(layout, 640, 480, Bytes::from_static(&[1; 1_000])),
                None
            );
            assert_eq!(
                picture(layout, 0, 480, Bytes::from_static(&[1; 1_000])),
                None
            );
            assert_eq!(
                picture(layout, u32::MAX, u32::MAX, Bytes::from_static(&[1; 9])),
                None
            );
        }
    }

    #[test]
    fn a_jpeg_is_passed_on_as_it_is_and_a_cut_one_is_not() {
        let jpeg = SyntheticCamera::with_size(1, 640, 360)
            .capture()
            .unwrap()
            .to_jpeg(80)
            .unwrap();
        let mut padded = jpeg.to_vec();
        padded.extend([0; 700]);
        let same = picture(Layout::Mjpeg, 0, 0, padded.into()).unwrap();
        assert_eq!((same.width, same.height), (640, 360));
        assert_eq!(same.pixels, Pixels::Jpeg(jpeg.clone()));
        assert_eq!(
            picture(Layout::Mjpeg, 0, 0, jpeg.slice(..jpeg.len() / 2)),
            None
        );
        for garbage in [
            &b""[..],
            &[0xff; 300],
            &[0xff, 0xd8, 0xff, 0xd9],
            b"\xff\xd9",
        ] {
            assert_eq!(
                picture(Layout::Mjpeg, 0, 0, Bytes::copy_from_slice(garbage)),
                None
            );
        }
    }
}
