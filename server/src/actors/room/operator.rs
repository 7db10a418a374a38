//! The operator's way into a room: orders, and how the room stands.

use actix::prelude::*;
use conclave_core::room::{OperatorOrder, RoomReport};
use conclave_wire::Refusal;

use super::RoomActor;

/// An order of the operator. Answered after the commit.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct Operate(pub OperatorOrder);

/// How the room and the people in it stand.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "RoomReport")]
pub struct DescribeWhole;

impl Handler<Operate> for RoomActor {
    type Result = ResponseFuture<Result<(), Refusal>>;

    fn handle(&mut self, Operate(order): Operate, ctx: &mut Self::Context) -> Self::Result {
        let (done, wait) = self.drive(ctx, |room, now, out| room.operate(order, now, out));
        Box::pin(async move {
            done?;
            wait.stored().await.map_err(Refusal::from)
        })
    }
}

impl Handler<DescribeWhole> for RoomActor {
    type Result = MessageResult<DescribeWhole>;

    fn handle(&mut self, _: DescribeWhole, _: &mut Self::Context) -> Self::Result {
        let now = self.services.clock.now();
        MessageResult(self.room.report(now, |id| self.media.quality(id)))
    }
}
