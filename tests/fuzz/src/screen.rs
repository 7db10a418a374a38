//! Messages of the screen link.

use conclave_wire::{
    limits::SCREEN_MESSAGE_BYTES_MAX,
    screen::{RUN_BYTES_MAX, SCREEN_SIDE_PX_MAX, ScreenMessage},
};

use crate::Verdict;

pub(crate) fn message(bytes: &[u8]) -> Verdict {
    let Some(message) = ScreenMessage::parse(bytes) else {
        return Verdict::Refused;
    };
    assert!(bytes.len() <= SCREEN_MESSAGE_BYTES_MAX);
    match message {
        ScreenMessage::Start {
            width_px,
            height_px,
        } => {
            for side_px in [width_px, height_px] {
                assert!((1..=SCREEN_SIDE_PX_MAX).contains(&u32::from(side_px)));
            }
        }
        ScreenMessage::Run(run) => {
            assert!(run.width > 0 && run.x.checked_add(run.width).is_some());
            assert!((1..=RUN_BYTES_MAX).contains(&run.bytes.len()));
        }
        ScreenMessage::FrameEnd { .. }
        | ScreenMessage::Pointer { .. }
        | ScreenMessage::Stop
        | ScreenMessage::Ack { .. }
        | ScreenMessage::Pace { .. }
        | ScreenMessage::Refresh => {}
    }
    assert_eq!(ScreenMessage::parse(&message.to_bytes()), Some(message));
    Verdict::Read
}
