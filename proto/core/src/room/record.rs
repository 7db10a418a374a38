//! What of a room must survive a restart: records, in the order they are to be stored, and what the
//! store gives back from them.

use conclave_wire::{
    Answer, EndReason, FileId, FilmFile, FocusCount, LeaveReason, Line, LineId, Notice, NoticeId,
    ParticipantId, Question, QuestionId, Role, Settings, SharedFile, StudyClock, event::Quality,
};

use super::Feature;

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
        /// SHA-256 of the secret by which a ban knows the program again.
        device_hash: Option<[u8; 32]>,
        joined_unix_ms: u64,
    },
    SeatChanged {
        id: ParticipantId,
        name: String,
        role: Role,
        held_mute: bool,
        /// Of who stands in for the host: the role that they go back to.
        stands_in_from: Option<Role>,
    },
    SeatLeft {
        id: ParticipantId,
        reason: LeaveReason,
        at_unix_ms: u64,
    },
    /// Nobody comes in with this program any more.
    Banned {
        device_hash: [u8; 32],
        at_unix_ms: u64,
    },
    BansLifted,

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

    QuestionAsked {
        question: Question,
        /// Also of a question that was asked anonymously, so that it is still theirs after a restart.
        author: ParticipantId,
        /// The command's `ref`; unique together with the author.
        reference: u32,
    },
    /// What stands about a question, but for its votes.
    QuestionChanged {
        question: QuestionId,
        pinned: bool,
        hidden: bool,
        in_review: bool,
        answer: Option<Answer>,
    },
    QuestionTakenBack {
        question: QuestionId,
    },
    QuestionVoted {
        question: QuestionId,
        by: ParticipantId,
        voted: bool,
        /// How many there are with it.
        votes: u32,
        at_unix_ms: u64,
    },

    StudyClockChanged {
        /// Without its anchor, which is on another clock.
        clock: StudyClock,
        /// When the span ends; absent while it stands.
        ends_unix_ms: Option<u64>,
    },
    GoalSet {
        text: String,
    },
    FocusCounted {
        room_ms: u64,
        /// Those whose count has changed.
        people: Vec<FocusCount>,
    },

    /// The film that is open and how it stands; `None` when it was closed.
    FilmChanged {
        film: Option<StoredFilm>,
    },
    PlaylistChanged {
        playlist: Vec<FilmFile>,
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

    /// What somebody has switched on. It ends with their link, so that nothing of it is given back.
    MediaSwitched {
        id: ParticipantId,
        microphone: bool,
        camera: bool,
    },
    /// For the report of the meeting, once a feature.
    FeatureUsed {
        feature: Feature,
    },
    /// For the report: somebody's link was poor. Stored again while it lasts, in the place of what was
    /// stored with the same beginning.
    LinkPoor {
        id: ParticipantId,
        began_unix_ms: u64,
        until_unix_ms: u64,
        /// The worst of each figure.
        worst: Quality,
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
    /// Questions that were not taken back, in order of ids.
    pub questions: Vec<StoredQuestion>,
    pub next_question: u32,
    /// Recent questions by the command that made them, as with lines.
    pub asked_references: Vec<(ParticipantId, u32, QuestionId)>,
    /// SHA-256 of the secrets of programs that were banned.
    pub bans: Vec<[u8; 32]>,
    /// Files that were not removed, in order of ids.
    pub files: Vec<SharedFile>,
    pub next_file: u32,
    /// Notices that have not expired, in order of ids.
    pub notices: Vec<Notice>,
    pub next_notice: u32,
    pub study: StoredStudy,
    pub films: StoredFilms,
}

/// What the room studies by, as it stood.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StoredStudy {
    /// Without its anchor.
    pub clock: StudyClock,
    pub ends_unix_ms: Option<u64>,
    pub goal: String,
    /// Of the room.
    pub focus_ms: u64,
    /// Of those whose seats were not given up, in order of ids.
    pub people: Vec<FocusCount>,
}

/// What the room watches, as it stood.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StoredFilms {
    pub open: Option<StoredFilm>,
    pub playlist: Vec<FilmFile>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredFilm {
    pub file: FilmFile,
    pub leader: Option<ParticipantId>,
    pub playing: bool,
    /// At `at_unix_ms`.
    pub position_ms: u64,
    pub at_unix_ms: u64,
    pub rate_permille: u32,
}

/// A seat that is kept for whoever has its token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredSeat {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub token_hash: [u8; 32],
    pub device_hash: Option<[u8; 32]>,
    pub held_mute: bool,
    pub stands_in_from: Option<Role>,
    pub joined_unix_ms: u64,
}

/// A question with what its clients are not told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredQuestion {
    pub question: Question,
    pub author: ParticipantId,
    /// In order of ids; also of people who are gone.
    pub voters: Vec<ParticipantId>,
}
