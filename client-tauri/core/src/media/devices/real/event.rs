//! What devices do by themselves.

use serde::Serialize;

use super::DeviceRefused;
use crate::media::devices::{DeviceInfo, DeviceKind, DeviceList};

/// Told in order; each is worth showing, but a state is in [`Listed`](DeviceEvent::Listed) and
/// [`Devices::in_use`](super::Devices::in_use).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DeviceEvent {
    /// What there is has changed, or what does not work of it.
    Listed { list: DeviceList },
    /// A device was connected: to be offered.
    Appeared { device: DeviceInfo },
    /// The device in use is gone, and what is used instead, if there is anything.
    FellBack {
        kind: DeviceKind,
        lost: String,
        instead: Option<DeviceInfo>,
    },
    /// The chosen device is there again and used.
    Returned { device: DeviceInfo },
    /// A device cannot be used; it is tried again. Told once.
    Failing {
        kind: DeviceKind,
        refused: DeviceRefused,
    },
    /// It works, after it did not.
    Working { device: DeviceInfo },
}
