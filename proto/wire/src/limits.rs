//! Limits that both ends must agree on. Limits that an operator may choose are the server's.

/// Name of a person, in characters (Unicode scalar values).
pub const NAME_CHARS_MAX: usize = 100;
/// Title of a room, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// Slug of a room, in bytes; lower-case letters, digits and hyphens.
pub const SLUG_BYTES_MAX: usize = 50;
/// A room's password, in bytes: bcrypt reads no more than these.
pub const PASSWORD_BYTES_MAX: usize = 72;
/// A line of chat, in bytes of UTF-8.
pub const LINE_BYTES_MAX: usize = 4_096;
/// A reaction, in bytes: one emoji, however many scalar values it is made of.
pub const REACTION_BYTES_MAX: usize = 32;
/// A notice, in bytes of UTF-8.
pub const NOTICE_BYTES_MAX: usize = 1_000;
/// A question, in bytes of UTF-8.
pub const QUESTION_BYTES_MAX: usize = 2_000;
/// An answer in text, in bytes of UTF-8.
pub const ANSWER_BYTES_MAX: usize = 4_096;
/// Questions in a room: each is in every snapshot.
pub const QUESTIONS_MAX: usize = 500;
/// Of these, questions of one person that are not answered.
pub const QUESTIONS_OPEN_PER_PERSON_MAX: usize = 20;
/// A goal of a room or of a person, in characters.
pub const GOAL_CHARS_MAX: usize = 200;
/// What somebody focuses on, in characters.
pub const FOCUS_ON_CHARS_MAX: usize = 120;
/// Goals that somebody shares.
pub const GOALS_MAX: usize = 20;
/// A span of the shared clock, in minutes.
pub const TIMER_MINUTES_MAX: u32 = 180;
/// Spans of focus until the long break.
pub const TIMER_CYCLES_MAX: u32 = 24;
/// Films in a playlist: each is in every snapshot.
pub const PLAYLIST_FILMS_MAX: usize = 32;
/// The longest film, in milliseconds: a week.
pub const FILM_DURATION_MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;
/// The largest film, in bytes: 2^53, beyond which JSON's numbers are not exact.
pub const FILM_BYTES_MAX: u64 = 1 << 53;
/// How fast a film may be played, in permille of how it was recorded.
pub const RATE_PERMILLE_MIN: u32 = 250;
pub const RATE_PERMILLE_MAX: u32 = 2_000;
/// The picture of quiet company, in pixels.
pub const QUIET_WIDTH_PX: u32 = 160;
pub const QUIET_HEIGHT_PX: u32 = 90;
/// A camera of quiet company sends a picture so often, in milliseconds.
pub const QUIET_INTERVAL_MS: u32 = 8_000;
/// Such a picture, in bytes: three datagrams. 24 of them every 8 s are below 100 kbit/s.
pub const QUIET_FRAME_BYTES_MAX: usize = 3_396;
/// Name of a template, in characters.
pub const TEMPLATE_NAME_CHARS_MAX: usize = 50;
/// The secret by which a ban knows a program again, in bytes.
pub const DEVICE_BYTES_MAX: usize = 64;
/// Name of a file, in bytes of UTF-8.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// One message on the control link, in bytes, before it is decoded.
pub const CONTROL_MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Nesting of a message on the control link.
pub const CONTROL_DEPTH_MAX: usize = 32;
/// One message on the screen link, in bytes.
pub const SCREEN_MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// One UDP payload, in bytes: fits every Ethernet, PPPoE and most tunnels without fragmentation.
pub const DATAGRAM_BYTES_MAX: usize = 1_200;
/// What is sealed inside a camera datagram: header of the fragment and its share of the picture.
pub const CAMERA_BODY_BYTES_MAX: usize = 1_150;
/// One encoded camera frame, in bytes.
pub const CAMERA_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// One Opus packet, in bytes (RFC 6716 section 3.4, R2).
pub const OPUS_PACKET_BYTES_MAX: usize = 1_275;
/// Answers kept for commands that are sent again after a lost link.
pub const ANSWERS_KEPT: usize = 64;
/// Lines of chat in a snapshot, and at most in one page of history.
pub const CHAT_PAGE_LINES: usize = 50;
/// A browser's offer for sound and picture, in bytes: those of today's browsers have 2 to 6 KiB.
pub const SDP_BYTES_MAX: usize = 16 * 1024;
/// One message on a browser's data channel, in bytes: the kind, and the body of the datagram.
pub const CHANNEL_MESSAGE_BYTES_MAX: usize = 1 + CAMERA_BODY_BYTES_MAX;
