//! Why something was not done: a code that never changes, and a sentence for a person.

use serde::{Deserialize, Serialize};

macro_rules! refusals {
    ($($(#[$doc:meta])* $code:ident $status:literal $sentence:literal,)*) => {
        /// The stable code of a refusal; programs match on it, never on the sentence.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
        #[serde(rename_all = "snake_case")]
        pub enum RefusalCode {
            $($(#[$doc])* $code,)*
        }

        impl RefusalCode {
            pub const ALL: &'static [RefusalCode] = &[$(RefusalCode::$code,)*];

            /// The HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(RefusalCode::$code => $status,)* }
            }

            /// What to tell a person, and what they can do.
            pub const fn sentence(self) -> &'static str {
                match self { $(RefusalCode::$code => $sentence,)* }
            }
        }
    };
}

refusals! {
    // the message itself
    Malformed 400 "The message could not be read. Update the program and try again.",
    TooLarge 413 "The message is too large. Send less at once.",
    TooDeep 400 "The message is nested too deeply. Update the program and try again.",
    HelloExpected 400 "The first message must say who you are. Update the program and try again.",
    HelloTwice 400 "You are already in. Leave before you join again.",
    TooFast 429 "You are sending too much. Wait a moment and try again.",
    Invalid 422 "A value is outside of what is allowed. Check what you entered.",
    NotImplemented 501 "This server cannot do that yet.",
    OriginRefused 403 "This page may not talk to this server. Open the server's own address.",
    UnsupportedVersion 426 "This program speaks another version of the protocol. Update it.",
    TooManyConnections 429 "Too many connections come from your address. Close some and try again.",
    Timeout 408 "That took too long. Try again.",
    NoSuchEndpoint 404 "There is nothing at this address. See /api/docs.",
    MethodNotAllowed 405 "This address does not do that. See /api/docs.",
    MediaTypeUnsupported 415 "The body is not of a kind that is read here. Send application/json.",

    // coming in
    RoomNotFound 404 "There is no such room. Check the link.",
    RoomEnded 410 "The meeting has ended.",
    RoomFull 409 "The room is full. Ask the host to make room.",
    RoomLocked 403 "The room is locked. Ask the host to open it.",
    PasswordNeeded 401 "This room has a password. Enter it.",
    PasswordWrong 401 "The password is wrong. Try again.",
    PasswordTooLong 422 "The password is longer than 72 bytes. Choose a shorter one.",
    NameInvalid 422 "Enter a name of 1 to 100 characters.",
    TakenOver 409 "You have opened this in another place.",
    SeatUnknown 401 "Your seat is gone. Join again.",
    HostKeyWrong 403 "The host's key is wrong. Use the link that you got when the room was made.",
    Kicked 403 "You were taken out of this meeting.",
    Banned 403 "You may not come back to this meeting. Ask the host.",
    TurnedAway 403 "The host has not let you in.",
    WaitedTooLong 408 "Nobody has let you in. Ask the host, and try again.",
    AtTheDoor 409 "You wait to be let in. Until then nothing else can be done.",
    WaitingRoom 403 "People wait at the door of this room. Open it in a browser or in the program.",
    Busy 503 "The server has too much to do. Try again in a few seconds.",

    // making rooms
    SlugTaken 409 "There is already a room of that name. Choose another.",
    SlugInvalid 422 "Use 1 to 50 small letters, digits and hyphens for the room's address.",
    TitleInvalid 422 "Enter a title of 1 to 200 characters.",
    TooManyRooms 503 "The server has as many rooms as it may. End one first.",
    ListingForbidden 403 "This server does not list its rooms. Join with a link or a code.",
    CreationForbidden 403 "Only the operator may make rooms here.",

    // in the room
    NotAllowed 403 "Your role does not allow that. Ask the host.",
    NoSuchPerson 404 "That person is not in the room.",
    NobodyWaits 404 "That person does not wait at the door any more.",
    LastHost 409 "You are the only host. Make somebody else host first.",
    MutedByHost 403 "The host has muted you. Raise your hand.",
    FloorTaken 409 "Somebody else presents. Ask to be next.",
    NotPresenting 409 "Nobody presents now, or it is not you.",
    AlreadyQueued 409 "You already wait for the presenter's place.",
    NoSuchLine 404 "That line is not there.",
    LineInvalid 422 "A line has 1 to 4096 bytes. Shorten it or send a file.",
    ReactionInvalid 422 "A reaction is one emoji.",
    VolumeInvalid 422 "A volume is 0 to 200 percent.",

    // questions
    QuestionsClosed 403 "No questions are taken in this room. The host can open them in the settings.",
    NamelessForbidden 403 "Questions carry a name in this room. Ask with yours.",
    QuestionInvalid 422 "A question has 1 to 2000 bytes. Shorten it.",
    AnswerInvalid 422 "An answer has 1 to 4096 bytes. Shorten it, or answer live.",
    NoSuchQuestion 404 "That question is not there any more.",
    TooManyQuestions 409 "There are as many open questions as there may be. Wait until some are answered.",

    // study
    NoTimer 409 "This room has no shared clock. The host can set one up in the settings.",
    TimerNotRunning 409 "The clock has nothing to pause, go on with or skip now.",
    TimerPlanInvalid 422 "A span has 1 to 180 minutes, and a round 1 to 24 of focus.",
    GoalInvalid 422 "A goal has at most 200 characters, what you focus on 120, and there are at most 20 goals.",
    FocusQuiet 403 "The room is quiet while it focuses. You can speak in the break.",

    // film
    NoFilm 409 "No film is open in this room.",
    FilmInvalid 422 "The film's name, size or length cannot be used. Open another file.",
    PositionInvalid 422 "The film has no such position.",
    RateInvalid 422 "A film plays at a quarter of its speed to twice of it.",
    FileHashInvalid 422 "A file's hash is 64 hexadecimal digits. Update the program and try again.",
    FileHashMismatch 409 "Your file is not the film of this room. Open the same file as the others.",
    PlaylistInvalid 422 "The playlist has at most 32 films.",

    // settings and templates
    SettingsVersion 422 "These settings were made by a newer version. Update the server.",
    TemplateNameInvalid 422 "Enter a name of 1 to 50 characters that no built-in template has.",
    NoSuchTemplate 404 "There is no template of that name.",
    TooManyTemplates 409 "The server keeps as many templates as it may. Save over one of them.",
    TemplateNotYours 403 "Somebody else has saved that template. Choose another name, or ask the operator to delete it.",

    // sound and picture of a browser
    OfferInvalid 422 "This browser's offer for sound and picture cannot be used. Reload the page, or try another browser.",
    OfferTooLarge 413 "This browser's offer for sound and picture is too large. Reload the page, or try another browser.",
    OffersTooFast 429 "Sound and picture were started too often. Wait a moment and try again.",
    GuestsFull 503 "The server carries as many browsers as it may. Try again later, or use the program.",
    MediaBusy 503 "The server has too much to do to start sound and picture. Try again in a few seconds.",

    // files
    FileNotFound 404 "That file is not there any more.",
    FileTooLarge 413 "The file is larger than this server takes.",
    RoomQuotaReached 507 "The room's space for files is used up. Remove a file first.",
    ServerQuotaReached 507 "The server's space for files is used up. Ask the operator.",
    DiskFull 507 "The server's disk is full. Ask the operator.",
    FileNameInvalid 422 "The file's name is empty, too long, or has characters that names may not have.",
    OffsetMismatch 409 "The upload goes on at another place. Ask for the offset and continue there.",
    ChecksumMismatch 460 "A piece arrived damaged. It is sent again.",
    UploadGone 410 "The upload has expired. Start it again.",
    TooManyUploads 429 "Too many uploads at once. Wait for one to finish.",
    RangeInvalid 416 "The file has no such part.",

    // screen
    ScreenTooLarge 422 "The screen is larger than can be shown. Choose another display.",

    // the server
    Internal 500 "Something went wrong at the server. Try again; tell the operator if it stays.",
    Stopping 503 "The server is stopping.",
}

/// An answer that says no.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[error("{message}")]
pub struct Refusal {
    pub code: RefusalCode,
    pub message: String,
    /// When trying again may help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "bindings", ts(optional))]
    pub retry_after_ms: Option<u32>,
}

impl Refusal {
    pub fn retry_after(code: RefusalCode, ms: u32) -> Refusal {
        Refusal {
            retry_after_ms: Some(ms),
            ..Refusal::from(code)
        }
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Refusal {
        Refusal {
            code,
            message: code.sentence().to_owned(),
            retry_after_ms: None,
        }
    }
}
