//! What publishers send, measured, and what viewers report: collected for the rooms.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use conclave_core::media::sequence::is_after;
use conclave_wire::{Layer, ParticipantId, datagram::Report};

use crate::media::{
    figures::Count,
    seat::{CameraReports, RoomKey},
    sessions::{MediaSessions, Session},
};

/// How often rooms get a batch.
pub const REPORT_EVERY: Duration = Duration::from_millis(250);
/// A layer is measured over so many intervals: a second, so that frames of 5 a second read evenly.
const INTERVALS: usize = 4;

/// Reports and rates of all rooms, until the next batch.
#[derive(Default)]
pub struct Measures {
    rooms: HashMap<RoomKey, RoomMeasures>,
}

struct RoomMeasures {
    /// Anybody of the room: knows where its reports go.
    session: Arc<Session>,
    viewers: BTreeMap<ParticipantId, Report>,
    layers: BTreeMap<(ParticipantId, Layer), LayerMeter>,
}

#[derive(Clone, Copy, Debug, Default)]
struct LayerMeter {
    /// Bytes and frames of each interval, the present one first.
    intervals: [(u32, u32); INTERVALS],
    /// Intervals since the layer began, the present one included.
    lasted: usize,
    newest_frame: Option<u32>,
    /// It was told as zero.
    ceased: bool,
}

impl Measures {
    /// The newest report of a viewer counts.
    pub fn report(&mut self, session: &Arc<Session>, report: Report) {
        let viewer = session.seat.id;
        self.room(session).viewers.insert(viewer, report);
    }

    /// Counts a fragment of a publisher.
    pub fn fragment(&mut self, session: &Arc<Session>, layer: Layer, frame: u32, bytes: usize) {
        let layers = &mut self.room(session).layers;
        let meter = layers.entry((session.seat.id, layer)).or_default();
        meter.count(frame, u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// Hands each room what was collected; called every [`REPORT_EVERY`].
    pub fn hand_over(&mut self, sessions: &MediaSessions, load_percent: u8) {
        for room in self.rooms.values_mut() {
            let viewers = std::mem::take(&mut room.viewers).into_iter().collect();
            let published = room.layers.iter_mut();
            let published = published.map(|(&(source, layer), meter)| {
                let (bits_per_second, fps) = meter.end_interval();
                meter.ceased = bits_per_second == 0;
                (source, layer, bits_per_second, fps)
            });
            let batch = CameraReports {
                viewers,
                published: published.collect(),
                load_percent,
            };
            room.layers.retain(|_, meter| !meter.ceased);
            if room.session.seat.reports.try_send(batch).is_err() {
                sessions.figures().one(Count::ReportsDropped);
            }
        }
        self.rooms.retain(|_, room| !room.layers.is_empty());
    }

    fn room(&mut self, session: &Arc<Session>) -> &mut RoomMeasures {
        let fresh = || RoomMeasures {
            session: session.clone(),
            viewers: BTreeMap::new(),
            layers: BTreeMap::new(),
        };
        self.rooms.entry(session.seat.room).or_insert_with(fresh)
    }
}

impl LayerMeter {
    fn count(&mut self, frame: u32, bytes: u32) {
        let (all_bytes, frames) = &mut self.intervals[0];
        *all_bytes = all_bytes.saturating_add(bytes);
        if self
            .newest_frame
            .is_none_or(|newest| is_after(frame, newest))
        {
            self.newest_frame = Some(frame);
            *frames += 1;
        }
        self.lasted = self.lasted.max(1);
    }

    /// Bits and frames a second, over the last second or since the layer began.
    fn end_interval(&mut self) -> (u32, u8) {
        let bytes: u64 = self
            .intervals
            .iter()
            .map(|&(bytes, _)| u64::from(bytes))
            .sum();
        let frames: u64 = self
            .intervals
            .iter()
            .map(|&(_, frames)| u64::from(frames))
            .sum();
        let lasted_ms = self.lasted.max(1) as u64 * REPORT_EVERY.as_millis() as u64;
        self.intervals.rotate_right(1);
        self.intervals[0] = (0, 0);
        self.lasted = (self.lasted + 1).min(INTERVALS);
        let bits_per_second = bytes * 8 * 1_000 / lasted_ms;
        let fps = (frames * 1_000 + lasted_ms / 2) / lasted_ms;
        (
            u32::try_from(bits_per_second).unwrap_or(u32::MAX),
            u8::try_from(fps).unwrap_or(u8::MAX),
        )
    }
}
