//! Microphone, camera and sound of a meeting: switched here, agreed by the room, shown to the page.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use conclave_wire::RefusalCode;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Entry, LEVEL_EVERY, Meeting};
use crate::{
    desk::{LocalDevice, MediaFailure, own},
    media::devices::{DeviceKind, DeviceList},
    session::AskError,
};

/// Devices that have just been looked for show themselves within this.
const DEVICES_SHOW_MAX: Duration = Duration::from_secs(2);

impl Meeting {
    pub(super) async fn switch_on(&self, entry: Entry) {
        if entry.microphone {
            self.set_microphone(true).await;
        }
        if entry.camera {
            self.set_camera(true).await;
        }
    }

    pub(in crate::desk) async fn set_microphone(&self, on: bool) {
        let _turn = self.switching.lock().await;
        if self.own.microphone_is_on() == on {
            return;
        }
        if on {
            self.own
                .change(|media| media.microphone = LocalDevice::Starting);
            if !self.has(DeviceKind::Microphone).await {
                return self.fail_for_want(DeviceKind::Microphone);
            }
            if !self.has_microphone.swap(true, Ordering::Relaxed) {
                let microphone = self.shared.rack.microphone();
                if let Err(error) = self.client.set_microphone(Some(microphone)) {
                    tracing::error!(%error, "no voice can be encoded");
                    let said = format!(
                        "Your voice cannot be encoded here ({error}). Quit the program and start it \
                         again, or join in a browser."
                    );
                    self.has_microphone.store(false, Ordering::Relaxed);
                    let failed = LocalDevice::failed(MediaFailure::Unsupported, said);
                    return self.shown(DeviceKind::Microphone, failed);
                }
            }
        }
        self.switch(DeviceKind::Microphone, on).await;
    }

    pub(in crate::desk) async fn set_camera(&self, on: bool) {
        let _turn = self.switching.lock().await;
        if self.own.now().camera.is_on() == on {
            return;
        }
        if on {
            self.own
                .change(|media| media.camera = LocalDevice::Starting);
            if !self.has(DeviceKind::Camera).await {
                return self.fail_for_want(DeviceKind::Camera);
            }
            if !self.has_camera.swap(true, Ordering::Relaxed) {
                self.client.set_camera(Some(self.shared.rack.camera()));
            }
        }
        self.switch(DeviceKind::Camera, on).await;
        self.show_ourselves();
    }

    pub(in crate::desk) async fn set_sound(&self, on: bool) {
        let _turn = self.switching.lock().await;
        self.own.change(|media| media.sound = on);
        if on {
            self.client.set_speaker(self.shared.rack.speaker());
        }
        if let Err(error) = self.client.set_media(self.own.state()).await {
            tracing::debug!(%error, "the room does not know of our sound");
        }
    }

    /// Tells the room, and shows what came of it.
    async fn switch(&self, kind: DeviceKind, on: bool) {
        let mut wish = self.own.state();
        match kind {
            DeviceKind::Microphone => wish.microphone = on,
            DeviceKind::Camera => wish.camera = on,
            DeviceKind::Speaker => {}
        }
        if !on {
            self.shown(kind, LocalDevice::Off);
        }
        match self.client.set_media(wish).await {
            Ok(_) if on => {
                self.own.known(wish);
                self.shown(kind, own::on(&*self.shared.rack, kind));
            }
            Ok(_) => {}
            Err(AskError::Refused(refusal)) if refusal.code == RefusalCode::MutedByHost => {
                self.fail(kind, MediaFailure::MutedByHost);
            }
            Err(error) => {
                tracing::debug!(%error, "a device stays off");
                if on {
                    self.shown(kind, LocalDevice::failed(MediaFailure::Failed, error));
                }
            }
        }
        self.own.settle();
    }

    /// Whether there is such a device, or one shows itself in a moment.
    async fn has(&self, kind: DeviceKind) -> bool {
        let rack = &self.shared.rack;
        let there = || {
            let list: DeviceList = rack.list();
            list.resolve(kind, rack.settings().choice(kind)).is_some()
        };
        let showing = async {
            while !there() {
                tokio::time::sleep(LEVEL_EVERY).await;
            }
        };
        timeout(DEVICES_SHOW_MAX, showing).await.is_ok()
    }

    fn shown(&self, kind: DeviceKind, shown: LocalDevice) {
        self.own.change(|media| match kind {
            DeviceKind::Microphone => media.microphone = shown,
            DeviceKind::Camera => media.camera = shown,
            DeviceKind::Speaker => {}
        });
    }

    fn fail(&self, kind: DeviceKind, why: MediaFailure) {
        self.shown(kind, LocalDevice::Failed { why, said: None });
    }

    /// There is no such device.
    fn fail_for_want(&self, kind: DeviceKind) {
        let failed = match self.shared.rack.refusal(kind) {
            Some(refused) => LocalDevice::failed(refused.why, refused.message),
            None => LocalDevice::Failed {
                why: MediaFailure::None,
                said: None,
            },
        };
        self.shown(kind, failed);
    }

    pub(super) fn lost(self: &Arc<Meeting>, kind: DeviceKind) {
        self.fail(kind, MediaFailure::Unplugged);
        let meeting = Arc::clone(self);
        tokio::spawn(async move {
            let _ = meeting.client.set_media(meeting.own.state()).await;
        });
    }

    /// Our own camera is shown to us as long as it is on.
    pub(super) fn show_ourselves(&self) {
        let on = self.own.now().camera.is_on();
        let mut mirror = self.mirror.lock();
        if !on {
            if let Some(task) = mirror.take() {
                task.abort();
            }
            return;
        }
        if mirror.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let preview = self.shared.rack.preview();
        let frames = Arc::clone(&self.shared.frames);
        *mirror = Some(tokio::spawn(async move {
            let mut tick = interval(LEVEL_EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                if let Some(jpeg) = preview.take() {
                    frames.own(jpeg);
                }
            }
        }));
    }
}
