//! What comes in after the door: commands, signs, questions of the gateways. One input each.

use actix::prelude::*;
use conclave_core::room::Upload;
use conclave_wire::{
    EndReason, Permission, Refusal, RefusalCode, SharedFile,
    event::Hint,
    http::{RoomEnded, RoomLook},
};

use super::{
    Act, AuthenticateSeat, CameraReports, DescribeRoom, EndKey, EndRoomBy, FindFile, LinkLost,
    Measured, ReleaseFile, ReserveFile, RoomActor, SeatPass, ShareFile, Speaking, StopRoom,
    UdpStatus,
};
use crate::auth::token;

impl Handler<Act> for RoomActor {
    type Result = ();

    fn handle(&mut self, act: Act, ctx: &mut Self::Context) {
        if self.links.is_attached(act.id, act.attachment) {
            self.drive(ctx, |room, now, out| {
                room.act(act.id, act.reference, act.command, now, out)
            });
        }
    }
}

impl Handler<LinkLost> for RoomActor {
    type Result = ();

    fn handle(&mut self, lost: LinkLost, ctx: &mut Self::Context) {
        if self.links.is_attached(lost.id, lost.attachment) {
            tracing::debug!(room = self.room.slug(), seat = lost.id.0, reason = ?lost.reason, "link lost");
            self.link_lost(lost.id, ctx);
        }
    }
}

impl Handler<Measured> for RoomActor {
    type Result = ();

    fn handle(&mut self, measured: Measured, ctx: &mut Self::Context) {
        let Measured {
            id,
            attachment,
            round_trip_ms,
        } = measured;
        if self.links.is_attached(id, attachment) {
            let quality = self
                .media
                .round_trip(id, round_trip_ms, self.services.clock.now());
            self.drive(ctx, |room, now, out| {
                room.measured(id, round_trip_ms, now, out);
                if let Some(quality) = quality {
                    room.quality(id, quality, now, out);
                }
            });
        }
    }
}

impl Handler<Speaking> for RoomActor {
    type Result = ();

    fn handle(&mut self, Speaking(changes): Speaking, ctx: &mut Self::Context) {
        self.drive(ctx, |room, now, out| room.speaking(&changes, now, out));
    }
}

impl Handler<CameraReports> for RoomActor {
    type Result = ();

    fn handle(&mut self, reports: CameraReports, ctx: &mut Self::Context) {
        let qualities = self
            .media
            .camera_reports(reports, self.services.clock.now());
        self.drive(ctx, |room, now, out| {
            for (id, quality) in qualities {
                room.quality(id, quality, now, out);
            }
        });
    }
}

impl Handler<UdpStatus> for RoomActor {
    type Result = ();

    fn handle(&mut self, UdpStatus { id, udp }: UdpStatus, ctx: &mut Self::Context) {
        let hint = if udp { Hint::UdpBack } else { Hint::UdpBlocked };
        self.drive(ctx, |room, now, out| room.hint(id, hint, now, out));
    }
}

impl Handler<AuthenticateSeat> for RoomActor {
    type Result = Result<SeatPass, Refusal>;

    fn handle(
        &mut self,
        AuthenticateSeat { token }: AuthenticateSeat,
        _: &mut Self::Context,
    ) -> Self::Result {
        let (id, role) = self.room.seat_of(&token::hash(&token))?;
        self.room.seen(id, self.services.clock.now());
        Ok(SeatPass {
            id,
            role,
            name: self.room.name(id).unwrap_or_default().to_owned(),
            slot: self.media.slot().clone(),
            may_share_files: self.room.may(id, Permission::ShareFiles),
            presenting: self.room.presenter() == Some(id),
        })
    }
}

impl Handler<ReserveFile> for RoomActor {
    type Result = Result<(), Refusal>;

    fn handle(&mut self, file: ReserveFile, _: &mut Self::Context) -> Self::Result {
        self.room
            .reserve_file(file.owner, &file.name, file.size_bytes)?;
        Ok(())
    }
}

impl Handler<ReleaseFile> for RoomActor {
    type Result = ();

    fn handle(&mut self, file: ReleaseFile, _: &mut Self::Context) {
        self.room.release_file(file.owner, file.size_bytes);
    }
}

impl Handler<ShareFile> for RoomActor {
    type Result = ResponseActFuture<Self, Result<SharedFile, Refusal>>;

    fn handle(&mut self, file: ShareFile, ctx: &mut Self::Context) -> Self::Result {
        let upload = Upload {
            owner: file.owner,
            name: file.name,
            size_bytes: file.size_bytes,
            sha256: file.sha256,
            share_token: file.share_token,
        };
        let (shared, wait) = self.drive(ctx, |room, now, out| room.share_file(upload, now, out));
        let stored = wait.stored().into_actor(self);
        Box::pin(stored.map(|stored, actor, ctx| match (shared, stored) {
            (Err(code), _) => Err(code.into()),
            (Ok(file), Ok(())) => Ok(file),
            (Ok(file), Err(code)) => {
                actor.drive(ctx, |room, now, out| room.give_up_file(file.id, now, out));
                Err(code.into())
            }
        }))
    }
}

impl Handler<FindFile> for RoomActor {
    type Result = Result<SharedFile, Refusal>;

    fn handle(&mut self, FindFile { file }: FindFile, _: &mut Self::Context) -> Self::Result {
        let found = self.room.file(file);
        found
            .cloned()
            .ok_or_else(|| RefusalCode::FileNotFound.into())
    }
}

impl Handler<DescribeRoom> for RoomActor {
    type Result = MessageResult<DescribeRoom>;

    fn handle(&mut self, _: DescribeRoom, _: &mut Self::Context) -> Self::Result {
        let look: RoomLook = self.room.look();
        MessageResult(look)
    }
}

impl Handler<EndRoomBy> for RoomActor {
    type Result = ResponseFuture<Result<RoomEnded, Refusal>>;

    fn handle(&mut self, EndRoomBy { key }: EndRoomBy, ctx: &mut Self::Context) -> Self::Result {
        let reason = match self.may_end(&key) {
            Ok(reason) => reason,
            Err(code) => return Box::pin(async move { Err(code.into()) }),
        };
        let now = self.services.clock.both();
        let ended = RoomEnded {
            slug: self.room.slug().to_owned(),
            members: self.room.members(),
            duration_ms: now.unix_ms.saturating_sub(self.room.opened_unix_ms()),
        };
        let ((), wait) = self.drive(ctx, |room, now, out| room.end(reason, now, out));
        Box::pin(async move { wait.stored().await.map(|()| ended).map_err(Refusal::from) })
    }
}

impl RoomActor {
    fn may_end(&self, key: &EndKey) -> Result<EndReason, RefusalCode> {
        if self.room.ended().is_some() {
            return Err(RefusalCode::RoomEnded);
        }
        match key {
            EndKey::Host(key) if self.room.is_host_key(&token::hash(key)) => {
                Ok(EndReason::HostEnded)
            }
            EndKey::Host(_) => Err(RefusalCode::HostKeyWrong),
            EndKey::Seat(token) => {
                let (id, _) = self.room.seat_of(&token::hash(token))?;
                match self.room.may(id, Permission::EndRoom) {
                    true => Ok(EndReason::HostEnded),
                    false => Err(RefusalCode::NotAllowed),
                }
            }
        }
    }
}

impl Handler<StopRoom> for RoomActor {
    type Result = ();

    fn handle(&mut self, StopRoom { reason, text }: StopRoom, ctx: &mut Self::Context) {
        match reason {
            EndReason::ServerStopping => {
                self.drive(ctx, |room, _, out| room.stop(&text, out));
                self.close(None, ctx);
            }
            EndReason::HostEnded
            | EndReason::TimeLimit
            | EndReason::Idle
            | EndReason::OperatorEnded => {
                self.drive(ctx, |room, now, out| room.end(reason, now, out));
            }
        }
    }
}
