//! What the media threads have counted since the server started.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use conclave_core::media::voices::VoiceFigures;

use crate::telemetry::{
    beat::Beat,
    histogram::{ENCODE_US, Histogram, LATENESS_US},
};

macro_rules! counts {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// One counter.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Count {
            $($(#[$doc])* $variant,)*
        }

        impl Count {
            pub const ALL: &[Count] = &[$(Count::$variant,)*];

            /// As metrics name it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Count::$variant => $name,)*
                }
            }
        }
    };
}

counts! {
    /// Datagrams that came, of any kind, by UDP or by WebSocket.
    Received => "datagrams_received",
    /// Of another protocol or version, or cut.
    NotOurs => "datagrams_not_ours",
    /// Of a session that is not there, or not any more.
    Stranger => "datagrams_of_no_session",
    /// Not sealed with the session's key.
    Forged => "datagrams_forged",
    /// Came before, or are older than the window.
    Replayed => "datagrams_replayed",
    /// Authentic, but their body is not of the protocol.
    Malformed => "datagrams_malformed",
    /// Above what one session may send.
    TooFast => "datagrams_too_fast",
    /// Of a kind that only the server sends.
    Unexpected => "datagrams_unexpected",
    Echoed => "probes_echoed",
    Challenged => "addresses_challenged",
    VoiceReceived => "voice_packets_received",
    VoiceSent => "voice_packets_sent",
    /// The mixer's mailbox or the voice thread's queue was full.
    VoiceQueueFull => "voice_batches_dropped",
    /// The socket's send buffer stayed full, or a WebSocket's queue was.
    VoiceNotSent => "voice_packets_not_sent",
    CameraReceived => "camera_fragments_received",
    /// Of a camera that nobody watches.
    CameraUnrouted => "camera_fragments_unrouted",
    CameraSent => "camera_fragments_sent",
    CameraBytesSent => "camera_bytes_sent",
    /// The send buffer or a WebSocket's queue was full.
    CameraNotSent => "camera_fragments_not_sent",
    /// Frames left out for a viewer, to keep their rate.
    CameraThinned => "camera_frames_thinned",
    ReRequested => "camera_fragments_re_requested",
    Resent => "camera_fragments_resent",
    /// Re-requests that were sent on to publishers, merged.
    ReRequestedUpstream => "camera_re_requests_upstream",
    Scaled => "camera_frames_scaled",
    ScaleQueueFull => "camera_frames_not_scaled",
    /// What came by WebSocket while the queue to the media thread was full.
    WebSocketQueueFull => "websocket_datagrams_dropped",
    /// Browsers that asked for sound and picture.
    GuestOffers => "guest_offers",
    /// Refused: not to be used, or too many.
    GuestOffersRefused => "guest_offers_refused",
    /// Peer connections that have come to stand.
    GuestsConnected => "guests_connected",
    /// Peer connections that ended before they stood.
    GuestsNotConnected => "guests_not_connected",
    /// Messages of a guest's data channel that were camera, re-requests, reports or probes.
    GuestMessages => "guest_messages",
    /// Fragments that waited too long for a guest's data channel.
    GuestCameraLate => "guest_camera_fragments_late",
    /// What was for a guest, or of one, while the queue was full.
    GuestQueueFull => "guest_packets_dropped",
    /// A room's mailbox was full.
    ReportsDropped => "camera_report_batches_dropped",
    /// Voice of people who may not speak.
    VoiceMuted => "voice_packets_muted",
    /// Copies, too late, or more than real time.
    VoiceDropped => "voice_packets_dropped",
    /// Passed on as it came, once for each way that listeners are served.
    VoicePassedOn => "voice_packets_passed_on",
    /// Frames of mixes that all share.
    MixedShared => "mixes_shared",
    /// Frames of mixes without the listener's own voice.
    MixedMinus => "mixes_minus",
    /// Frames of mixes with volumes of the listener's own.
    MixedPersonal => "mixes_personal",
    VoiceEncoded => "voice_frames_encoded",
    VoiceDecoded => "voice_frames_decoded",
    /// Made up by a decoder for what was lost.
    VoiceConcealed => "voice_frames_concealed",
}

/// All counters; shared by reference between threads.
#[derive(Debug)]
pub struct MediaFigures {
    counts: [AtomicU64; Count::ALL.len()],
    /// How much later than due mixers were woken.
    pub tick_lateness: Histogram,
    /// For one frame of a mix.
    pub encode_time: Histogram,
    /// Of the thread that receives, of the one that sends voice, and of the one that speaks WebRTC.
    pub receive_beat: Beat,
    pub send_beat: Beat,
    pub guest_beat: Beat,
    voices: AtomicI64,
    screen_backlog_bytes: AtomicI64,
}

impl Default for MediaFigures {
    fn default() -> Self {
        MediaFigures {
            counts: [const { AtomicU64::new(0) }; Count::ALL.len()],
            tick_lateness: Histogram::new(LATENESS_US),
            encode_time: Histogram::new(ENCODE_US),
            receive_beat: Beat::default(),
            send_beat: Beat::default(),
            guest_beat: Beat::default(),
            voices: AtomicI64::new(0),
            screen_backlog_bytes: AtomicI64::new(0),
        }
    }
}

impl MediaFigures {
    pub fn add(&self, count: Count, more: u64) {
        self.counts[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    pub fn one(&self, count: Count) {
        self.add(count, 1);
    }

    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    /// Adds what a room's mixer has done since it was asked before.
    pub fn add_voices(&self, before: &VoiceFigures, now: &VoiceFigures) {
        let counts = [
            (Count::VoiceMuted, before.muted, now.muted),
            (Count::VoiceDropped, before.dropped, now.dropped),
            (Count::VoicePassedOn, before.passed_on, now.passed_on),
            (Count::MixedShared, before.mixed_shared, now.mixed_shared),
            (Count::MixedMinus, before.mixed_minus, now.mixed_minus),
            (
                Count::MixedPersonal,
                before.mixed_personal,
                now.mixed_personal,
            ),
            (Count::VoiceEncoded, before.encodes, now.encodes),
            (Count::VoiceDecoded, before.decodes, now.decodes),
            (Count::VoiceConcealed, before.concealed, now.concealed),
        ];
        for (count, before, now) in counts {
            if now > before {
                self.add(count, now - before);
            }
        }
    }

    /// How many people speak now, in all rooms.
    pub fn voices(&self) -> u64 {
        u64::try_from(self.voices.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Bytes of screens that viewers were sent and have not acknowledged, in all rooms.
    pub fn screen_backlog_bytes(&self) -> u64 {
        u64::try_from(self.screen_backlog_bytes.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// A room's screen has another backlog than before.
    pub fn screen_backlog_changed(&self, before: u64, now: u64) {
        // At most a few hundred kibibytes a viewer.
        let by = now as i64 - before as i64;
        self.screen_backlog_bytes.fetch_add(by, Ordering::Relaxed);
    }

    /// So many more speak, or fewer.
    pub fn voices_changed(&self, by: i64) {
        self.voices.fetch_add(by, Ordering::Relaxed);
    }
}
