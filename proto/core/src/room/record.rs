//! What of a room must survive a restart: records, in the order they are to be stored, and what the
//! store gives back from them.

use conclave_wire::{
    EndReason, FileId, LeaveReason, Line, LineId, Notice, NoticeId, ParticipantId, Role, Settings,
    SharedFile,
};

/// One fact to store. Records of a room are stored in the order in which they were pushed; those of one
/// answer in one transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record {
    /// The first record of a room.
    RoomOpened {
        title: String,
        settings: Settings,
        locked: bool,
        /// As `bcrypt` writes it.
        password_hash: Option<String>,
        /// SHA-256 of the host key.
        host_key_hash: [u8; 32],
        opened_unix_ms: u64,
        ends_unix_ms: Option<u64>,
    },
    /// What stands about the room itself, whole.
    RoomChanged {
        title: String,
        settings: Settings,
        locked: bool,
        password_hash: Option<String>,
        ends_unix_ms: Option<u64>,
    },
    /// The room has ended. What it leaves is kept for `settings.keep_hours`, then purged.
    RoomEnded {
        reason: EndReason,
        at_unix_ms: u64,
    },

    SeatTaken {
        id: ParticipantId,
        name: String,
        role: Role,
        /// SHA-256 of the seat token.
        token_hash: [u8; 32],
        joined_unix_ms: u64,
    },
    SeatChanged {
        id: ParticipantId,
        name: String,
        role: Role,
        held_mute: bool,
    },
    SeatLeft {
        id: ParticipantId,
        reason: LeaveReason,
        at_unix_ms: u64,
    },

    LineSaid {
        line: Line,
        /// The command's `ref`; unique together with `line.from`. Absent for what the room says.
        reference: Option<u32>,
    },
    LineDeleted {
        line: LineId,
    },

    NoticePosted {
        notice: Notice,
    },
    NoticeExpired {
        notice: NoticeId,
    },

    FileShared {
        file: SharedFile,
    },
    ShareRevoked {
        file: FileId,
    },
    FileRemoved {
        file: FileId,
    },
}

/// What the store gives back, to open a room again after a restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRoom {
    pub slug: String,
    pub title: String,
    pub settings: Settings,
    pub locked: bool,
    pub password_hash: Option<String>,
    pub host_key_hash: [u8; 32],
    pub opened_unix_ms: u64,
    pub ends_unix_ms: Option<u64>,
    /// Seats that were not given up, in order of ids.
    pub seats: Vec<StoredSeat>,
    /// The next id of a participant; ids are never used again.
    pub next_seat: u32,
    /// The newest page, in order; at most [`conclave_wire::limits::CHAT_PAGE_LINES`].
    pub lines: Vec<Line>,
    pub next_line: u32,
    /// Recent lines by the command that made them, so that a command sent again after a restart is
    /// answered and not done twice: author, `ref`, line. At most
    /// [`conclave_wire::limits::ANSWERS_KEPT`] an author are of use.
    pub said_references: Vec<(ParticipantId, u32, LineId)>,
    /// Files that were not removed, in order of ids.
    pub files: Vec<SharedFile>,
    pub next_file: u32,
    /// Notices that have not expired, in order of ids.
    pub notices: Vec<Notice>,
    pub next_notice: u32,
}

/// A seat that is kept for whoever has its token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredSeat {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub token_hash: [u8; 32],
    pub held_mute: bool,
    pub joined_unix_ms: u64,
}
