//! What a room has below it: the mixer, the cameras, the presenter slot, and everybody's figures.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use conclave_core::{
    Moment,
    media::{
        cameras::{CameraSign, Cameras},
        quality::QualityMeter,
    },
    room::{CameraOrder, VoiceOrder},
};
use conclave_wire::{MediaSession, ParticipantId, datagram::Report, event::Quality};

use super::RoomActor;
use crate::{
    actors::{
        mixer::{MixerActor, MixerSeed, Order},
        presenter_slot::{LeaveScreen, PresenterSlotActor, SetPresenter},
    },
    clock::Clock,
    media::{
        routes::CameraRoutes,
        seat::{CameraReports, MediaSeat, RoomKey},
        sessions::MediaSessions,
    },
};

/// How long the mixer may take to say whether there is a mix to spare.
const MIXER_DEADLINE: Duration = Duration::from_secs(5);

pub(super) struct RoomMedia {
    key: RoomKey,
    clock: Clock,
    sessions: MediaSessions,
    arbiter: ArbiterHandle,
    /// Who is known to the mixer; without anybody there is none.
    voices: BTreeSet<ParticipantId>,
    mixer: Option<Addr<MixerActor>>,
    cameras: Cameras,
    routes: Arc<CameraRoutes>,
    slot: Option<Addr<PresenterSlotActor>>,
    meters: BTreeMap<ParticipantId, QualityMeter>,
}

impl RoomMedia {
    pub(super) fn new(clock: Clock, sessions: MediaSessions, arbiter: ArbiterHandle) -> RoomMedia {
        RoomMedia {
            key: sessions.next_room(),
            clock,
            sessions,
            arbiter,
            voices: BTreeSet::new(),
            mixer: None,
            cameras: Cameras::new(),
            routes: CameraRoutes::new(),
            slot: None,
            meters: BTreeMap::new(),
        }
    }

    /// A fresh media session for a seat with a new link.
    pub(super) fn open_session(
        &mut self,
        id: ParticipantId,
        opened: Moment,
        room: &Addr<RoomActor>,
    ) -> MediaSession {
        let seat = MediaSeat {
            room: self.key,
            id,
            voice: self.mixer(room).clone().recipient(),
            reports: room.clone().recipient(),
            udp: room.clone().recipient(),
            cameras: self.routes.clone(),
            room_opened: opened,
        };
        self.meters.entry(id).or_default();
        self.sessions.open(seat)
    }

    /// The seat is given up, or away for too long: nothing of it goes on.
    pub(super) fn close_session(&mut self, id: ParticipantId) {
        self.sessions.close(self.key, id);
        self.meters.remove(&id);
        if let Some(slot) = &self.slot {
            // As with orders for the mixer.
            slot.do_send(LeaveScreen(id));
        }
    }

    pub(super) fn close(&mut self) {
        self.sessions.close_room(self.key);
        self.mixer = None;
        self.slot = None;
    }

    pub(super) fn order_voice(&mut self, order: VoiceOrder, room: &Addr<RoomActor>) {
        match order {
            VoiceOrder::Enter { seat, .. } => drop(self.voices.insert(seat)),
            VoiceOrder::Leave { seat } => drop(self.voices.remove(&seat)),
            VoiceOrder::Allow { .. } | VoiceOrder::Hear { .. } | VoiceOrder::Volume { .. } => {}
        }
        if self.voices.is_empty() {
            self.mixer = None;
        } else {
            // Never to be lost, and as few as commands: a full mailbox must take it.
            self.mixer(room).do_send(Order(order));
        }
    }

    /// Orders a volume; whether there was a mix to spare for it.
    pub(super) fn ask_volume(
        &mut self,
        listener: ParticipantId,
        of: ParticipantId,
        percent: u16,
    ) -> impl Future<Output = bool> + 'static {
        let order = Order(VoiceOrder::Volume {
            listener,
            of,
            percent,
        });
        let asked = self.mixer.as_ref().map(|mixer| mixer.send(order));
        async move {
            let Some(asked) = asked else {
                return false;
            };
            let answer = actix_rt::time::timeout(MIXER_DEADLINE, asked).await;
            matches!(answer, Ok(Ok(Ok(()))))
        }
    }

    pub(super) fn order_camera(&mut self, order: CameraOrder, now: Moment) {
        match order {
            CameraOrder::Enter { seat } => self.cameras.enter(now, seat),
            CameraOrder::Leave { seat } => self.cameras.leave(now, seat),
            CameraOrder::On { seat, on } => self.cameras.camera(now, seat, on),
            CameraOrder::Watch { viewer, watch } => self.cameras.watch(now, viewer, &watch),
            CameraOrder::Choose { viewer, receive } => self.cameras.choose(now, viewer, receive),
            CameraOrder::Quiet(quiet) => self.cameras.set_quiet(now, quiet),
        }
    }

    /// What the media threads measured; gives the quality of each viewer that they report of.
    pub(super) fn camera_reports(
        &mut self,
        reports: CameraReports,
        now: Moment,
    ) -> Vec<(ParticipantId, Quality)> {
        self.cameras.server_load(now, reports.load_percent);
        for (source, layer, bits_per_second, fps) in reports.published {
            self.cameras
                .published(now, source, layer, bits_per_second, fps);
        }
        let judge = |(id, report): (ParticipantId, Report)| {
            // Reports that were on their way when the seat was given up are of nobody.
            let meter = self.meters.get_mut(&id)?;
            self.cameras.report(now, id, &report);
            meter.report(report, now);
            Some((id, meter.quality()))
        };
        reports.viewers.into_iter().filter_map(judge).collect()
    }

    /// The quality of a seat's link with this round trip; none without media.
    pub(super) fn round_trip(
        &mut self,
        id: ParticipantId,
        ms: u32,
        now: Moment,
    ) -> Option<Quality> {
        let meter = self.meters.get_mut(&id)?;
        meter.round_trip(Duration::from_millis(ms.into()), now);
        Some(meter.quality())
    }

    /// The quality of a seat's link; none without media, or before anything was measured.
    pub(super) fn quality(&self, id: ParticipantId) -> Option<Quality> {
        let quality = self.meters.get(&id)?.quality();
        (quality.round_trip_ms > 0).then_some(quality)
    }

    pub(super) fn wake(&mut self, now: Moment) {
        self.cameras.wake(now);
    }

    pub(super) fn next_wakeup(&self) -> Option<Moment> {
        self.cameras.next_wakeup()
    }

    /// Publishes routes that have changed; what people must be told.
    pub(super) fn take_camera_signs(&mut self) -> Vec<(ParticipantId, CameraSign)> {
        if let Some(routes) = self.cameras.take_routes() {
            self.routes.publish(routes);
        }
        self.cameras.take_signs()
    }

    pub(super) fn present(&mut self, presenter: Option<ParticipantId>) {
        if presenter.is_some() || self.slot.is_some() {
            // As with orders for the mixer.
            self.slot().do_send(SetPresenter(presenter));
        }
    }

    pub(super) fn slot(&mut self) -> &Addr<PresenterSlotActor> {
        self.slot.get_or_insert_with(|| {
            let figures = self.sessions.figures().clone();
            PresenterSlotActor::new(self.clock)
                .counted_in(figures)
                .start()
        })
    }

    fn mixer(&mut self, room: &Addr<RoomActor>) -> &Addr<MixerActor> {
        self.mixer.get_or_insert_with(|| {
            let seed = MixerSeed {
                room: self.key,
                clock: self.clock,
                sink: self.sessions.voice_sink(),
                speaking: room.clone().recipient(),
                figures: self.sessions.figures().clone(),
            };
            MixerActor::start_on(&self.arbiter, seed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn a_report_on_its_way_when_its_seat_was_given_up_leaves_nothing_behind() {
        let clock = Clock::start();
        let mut media = RoomMedia::new(clock, MediaSessions::new(clock), Arbiter::current());
        let ada = ParticipantId(1);
        let reports = || CameraReports {
            viewers: vec![(ada, Report::default())],
            ..CameraReports::default()
        };
        media.meters.entry(ada).or_default();
        assert_eq!(media.camera_reports(reports(), clock.now()).len(), 1);
        media.close_session(ada);
        assert_eq!(media.camera_reports(reports(), clock.now()), []);
        assert_eq!(media.round_trip(ada, 5, clock.now()), None);
        assert!(media.meters.is_empty());
    }
}
