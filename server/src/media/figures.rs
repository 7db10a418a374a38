//! What the media threads have counted since the server started.

use std::sync::atomic::{AtomicU64, Ordering};

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
    /// A room's mailbox was full.
    ReportsDropped => "camera_report_batches_dropped",
}

/// All counters; shared by reference between threads.
#[derive(Debug)]
pub struct MediaFigures {
    counts: [AtomicU64; Count::ALL.len()],
}

impl Default for MediaFigures {
    fn default() -> Self {
        MediaFigures {
            counts: [const { AtomicU64::new(0) }; Count::ALL.len()],
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
}
