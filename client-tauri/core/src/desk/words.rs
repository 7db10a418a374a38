//! The words between the page and the desk. What is of the protocol stays as it is on the wire; the rest
//! is in the shapes of `ui/src/bridge/types.ts`.

mod ask;
mod told;
mod trouble;

pub use ask::{Ask, JoinWish};
pub use told::{
    DeviceNote, EndReason, Figures, LinkState, LocalDevice, LocalMedia, MediaFailure, ScreenState,
    Told, Transfer, TransferState,
};
pub use trouble::Trouble;
pub(super) use trouble::{OTHER_VERSION, transfer_failure};
