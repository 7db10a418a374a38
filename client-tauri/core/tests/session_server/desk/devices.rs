//! Devices that do not work, before a meeting and in it.

use conclave_client::{
    desk::{Broken, LocalDevice, LocalMedia, MediaFailure, RackRefused, Told, Trouble},
    media::devices::DeviceKind,
};
use serde_json::{Value, json};

use super::Page;
use crate::served::Served;

const NO_SOUND: &str = "This machine has no sound. Start PipeWire or PulseAudio.";
const BUSY: &str = "The headset is used by another program. Close that one.";
const GARBAGE: &str = "The webcam gives no pictures that can be read. Choose another camera.";

fn refused(why: MediaFailure, message: &str) -> RackRefused {
    RackRefused {
        why,
        message: message.to_owned(),
    }
}

fn media(told: &Told) -> Option<LocalMedia> {
    match told {
        Told::Media { media } => Some(media.clone()),
        _ => None,
    }
}

fn failing(device: &LocalDevice) -> Option<&str> {
    match device {
        LocalDevice::On { failing, .. } => failing.as_deref(),
        _ => None,
    }
}

async fn said_of(page: &Page) -> Value {
    let listed = page.ask(json!({ "type": "list_devices" })).await.unwrap();
    listed["failing"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_says_what_to_do_before_a_meeting() {
    let page = Page::open();
    assert_eq!(said_of(&page).await, json!({}));
    let echo = json!({ "type": "echo_back", "payload": { "ms": 1 } });
    let tone = json!({ "type": "play_tone" });
    page.ask(echo.clone()).await.unwrap();

    let missing = Broken::Missing(refused(MediaFailure::None, NO_SOUND));
    page.rack.breaks(DeviceKind::Microphone, Some(missing));
    let busy = Broken::Failing(refused(MediaFailure::Busy, BUSY));
    page.rack.breaks(DeviceKind::Speaker, Some(busy));
    assert_eq!(
        said_of(&page).await,
        json!({ "microphone": NO_SOUND, "speaker": BUSY })
    );
    let told = |why, message: &str| Trouble::Device {
        why,
        message: message.to_owned(),
    };
    let unheard = page.ask(echo.clone()).await.unwrap_err();
    assert_eq!(unheard, told(MediaFailure::None, NO_SOUND));
    assert_eq!(
        page.ask(tone).await.unwrap_err(),
        told(MediaFailure::Busy, BUSY)
    );
    page.rack.breaks(DeviceKind::Microphone, None);
    let unheard = page.ask(echo).await.unwrap_err();
    assert_eq!(unheard, told(MediaFailure::Busy, BUSY));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_says_what_to_do_in_a_meeting() {
    let served = Served::start().await;
    let link = served.invite("lobby").to_string();
    let mut ada = Page::open();
    let missing = Broken::Missing(refused(MediaFailure::None, NO_SOUND));
    ada.rack.breaks(DeviceKind::Microphone, Some(missing));
    ada.join(&link, "Ada", true).await.unwrap();
    ada.ask(json!({ "type": "set_microphone", "payload": { "on": true } }))
        .await
        .unwrap();
    let shown = ada
        .heard(|told| {
            let fails = |media: &LocalMedia| matches!(media.microphone, LocalDevice::Failed { .. });
            media(told).filter(fails)
        })
        .await;
    let failed = LocalDevice::failed(MediaFailure::None, NO_SOUND);
    assert_eq!(shown.microphone, failed);

    // One that is on stays so, says why nothing comes of it, and that it works again.
    ada.ask(json!({ "type": "set_camera", "payload": { "on": true } }))
        .await
        .unwrap();
    let garbage = Broken::Failing(refused(MediaFailure::Failed, GARBAGE));
    ada.rack.breaks(DeviceKind::Camera, Some(garbage));
    ada.desk.devices_changed();
    ada.heard(|told| {
        let fails = |media: &LocalMedia| failing(&media.camera) == Some(GARBAGE);
        media(told).filter(fails)
    })
    .await;
    ada.rack.breaks(DeviceKind::Camera, None);
    ada.desk.devices_changed();
    ada.heard(|told| {
        let works = |media: &LocalMedia| media.camera.is_on() && failing(&media.camera).is_none();
        media(told).filter(works)
    })
    .await;
    served.running.stop().await;
}
