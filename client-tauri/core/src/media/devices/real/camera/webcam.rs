//! Cameras by nokhwa: Video4Linux, Media Foundation, AVFoundation.

use std::collections::BTreeMap;

use nokhwa::{
    NokhwaError, query,
    utils::{
        ApiBackend, CameraFormat, CameraIndex, CameraInfo, FrameFormat, RequestedFormat,
        RequestedFormatType, Resolution,
    },
};

use super::{
    CameraHost, DeviceRefused, Webcam,
    pixels::{Layout, picture},
    test_picture,
};
use crate::media::{
    camera_up::FRAMES_PER_SECOND_MAX,
    devices::{DEVICES_MAX, DeviceInfo, DeviceKind},
    picture::Picture,
};

/// The size of the largest layer, at which a JPEG is passed on as it is.
const WIDTH: u32 = 1_280;
const HEIGHT: u32 = 720;
/// Uncompressed pictures of that size do not fit through USB 2; this one does.
const PLAIN_WIDTH: u32 = 640;
const PLAIN_HEIGHT: u32 = 480;
const PLAIN: [FrameFormat; 5] = [
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::GRAY,
];

/// What there is on this machine, and the test picture.
pub(in super::super) struct SystemCameras;

impl CameraHost for SystemCameras {
    fn list(&mut self) -> Vec<DeviceInfo> {
        let found = found();
        let first = found.first().map(|(id, _)| id.clone());
        let cameras = found.into_iter().map(|(id, info)| DeviceInfo {
            kind: DeviceKind::Camera,
            is_default: Some(&id) == first.as_ref(),
            id,
            name: info.human_name(),
        });
        cameras.chain([test_picture()]).collect()
    }
}

/// Cameras by ids that survive being unplugged: the name, counted where several have the same.
fn found() -> Vec<(String, CameraInfo)> {
    let cameras = query(ApiBackend::Auto)
        .inspect_err(|error| tracing::debug!(%error, "cameras cannot be listed"))
        .unwrap_or_default();
    let mut same: BTreeMap<String, u32> = BTreeMap::new();
    let mut cameras: Vec<CameraInfo> = cameras.into_iter().filter(takes_pictures).collect();
    cameras.sort_by_key(|info| info.index().as_string());
    let ids = cameras.into_iter().take(DEVICES_MAX).map(|info| {
        let count = same.entry(info.human_name()).or_default();
        *count += 1;
        let id = match count {
            1 => info.human_name(),
            _ => format!("{} {count}", info.human_name()),
        };
        (id, info)
    });
    ids.collect()
}

/// On Linux each webcam has a second node that has no pictures; the kernel numbers the nodes of a device.
fn takes_pictures(info: &CameraInfo) -> bool {
    let CameraIndex::Index(node) = info.index() else {
        return true;
    };
    let number = std::fs::read_to_string(format!("/sys/class/video4linux/video{node}/index"));
    number.map_or(true, |number| number.trim() == "0")
}

pub(super) fn open(device: &DeviceInfo) -> Result<Box<dyn Webcam>, DeviceRefused> {
    let found = found().into_iter().find(|(id, _)| *id == device.id);
    let (_, info) = found.ok_or_else(|| DeviceRefused::none(DeviceKind::Camera))?;
    let mut refused = DeviceRefused::none(DeviceKind::Camera);
    for (width, height, formats) in [
        (WIDTH, HEIGHT, &[FrameFormat::MJPEG][..]),
        (PLAIN_WIDTH, PLAIN_HEIGHT, &PLAIN),
    ] {
        let wanted = CameraFormat::new(
            Resolution::new(width, height),
            formats[0],
            FRAMES_PER_SECOND_MAX as u32 * 2,
        );
        for kind in [
            RequestedFormatType::Closest(wanted),
            RequestedFormatType::AbsoluteHighestFrameRate,
        ] {
            let request = RequestedFormat::with_formats(kind, formats);
            let opened = nokhwa::Camera::new(info.index().clone(), request);
            match opened.and_then(|mut camera| camera.open_stream().map(|()| camera)) {
                Ok(camera) => return Ok(Box::new(SystemWebcam(camera, device.name.clone()))),
                Err(error) => refused = refusal(&device.name, &error),
            }
        }
    }
    Err(refused)
}

struct SystemWebcam(nokhwa::Camera, String);

impl Webcam for SystemWebcam {
    fn next(&mut self) -> Result<Option<Picture>, DeviceRefused> {
        let SystemWebcam(camera, name) = self;
        let frame = camera.frame().map_err(|error| refusal(name, &error))?;
        let layout = match frame.source_frame_format() {
            FrameFormat::MJPEG => Layout::Mjpeg,
            FrameFormat::YUYV => Layout::Yuyv,
            FrameFormat::NV12 => Layout::Nv12,
            FrameFormat::GRAY => Layout::Gray,
            FrameFormat::RAWRGB => Layout::Rgb,
            FrameFormat::RAWBGR => Layout::Bgr,
        };
        let size = frame.resolution();
        let data = frame.buffer_bytes();
        Ok(picture(layout, size.width(), size.height(), data))
    }
}

/// The library has words for what the system said, and no codes.
fn refusal(name: &str, error: &NokhwaError) -> DeviceRefused {
    let said = error.to_string().to_lowercase();
    if said.contains("busy") {
        DeviceRefused::busy(name)
    } else if said.contains("permission") || said.contains("denied") {
        DeviceRefused::denied(name)
    } else {
        DeviceRefused::failed(name, error)
    }
}
