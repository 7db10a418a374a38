//! One actor per open room: it owns the rules, the seats' recipients and the actors below, and nothing
//! else. It asks the rules what a message leads to, and carries the effects out.

mod messages;

use actix::prelude::*;
use conclave_wire::{Refusal, RefusalCode, SharedFile, http::RoomEnded};
pub use messages::*;

pub use crate::media::seat::{CameraReports, UdpStatus};

pub struct RoomActor {}

impl Actor for RoomActor {
    type Context = Context<Self>;
}

impl Handler<EnterRoom> for RoomActor {
    type Result = ResponseFuture<Result<Admitted, Refusal>>;

    fn handle(&mut self, _: EnterRoom, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<AuthenticateSeat> for RoomActor {
    type Result = ResponseFuture<Result<SeatPass, Refusal>>;

    fn handle(&mut self, _: AuthenticateSeat, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<ReserveFile> for RoomActor {
    type Result = ResponseFuture<Result<(), Refusal>>;

    fn handle(&mut self, _: ReserveFile, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<ShareFile> for RoomActor {
    type Result = ResponseFuture<Result<SharedFile, Refusal>>;

    fn handle(&mut self, _: ShareFile, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<FindFile> for RoomActor {
    type Result = ResponseFuture<Result<SharedFile, Refusal>>;

    fn handle(&mut self, _: FindFile, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<EndRoomBy> for RoomActor {
    type Result = ResponseFuture<Result<RoomEnded, Refusal>>;

    fn handle(&mut self, _: EndRoomBy, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { Err(RefusalCode::NotImplemented.into()) })
    }
}

impl Handler<Act> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: Act, _: &mut Self::Context) {}
}

impl Handler<LinkLost> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: LinkLost, _: &mut Self::Context) {}
}

impl Handler<Measured> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: Measured, _: &mut Self::Context) {}
}

impl Handler<ReleaseFile> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: ReleaseFile, _: &mut Self::Context) {}
}

impl Handler<Speaking> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: Speaking, _: &mut Self::Context) {}
}

impl Handler<StopRoom> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: StopRoom, _: &mut Self::Context) {}
}

impl Handler<CameraReports> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: CameraReports, _: &mut Self::Context) {}
}

impl Handler<UdpStatus> for RoomActor {
    type Result = ();

    fn handle(&mut self, _: UdpStatus, _: &mut Self::Context) {}
}

impl Handler<DescribeRoom> for RoomActor {
    type Result = MessageResult<DescribeRoom>;

    fn handle(&mut self, _: DescribeRoom, _: &mut Self::Context) -> Self::Result {
        MessageResult(conclave_wire::http::RoomLook {
            slug: String::new(),
            title: String::new(),
            has_password: false,
            locked: false,
            members: 0,
            members_max: 0,
            ended: None,
        })
    }
}
