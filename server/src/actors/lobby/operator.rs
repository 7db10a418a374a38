//! How all rooms stand, for the operator.

use std::time::Duration;

use actix::prelude::*;
use conclave_core::room::RoomReport;

use super::LobbyActor;
use crate::actors::room::DescribeWhole;

/// How all rooms stand. Answered after `within` at the latest.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "RoomsDescribed")]
pub struct DescribeRooms {
    pub within: Duration,
}

#[derive(Clone, Debug, Default)]
pub struct RoomsDescribed {
    /// In order of slugs.
    pub rooms: Vec<RoomReport>,
    /// Slugs of rooms that had not answered in time.
    pub silent: Vec<String>,
}

impl Handler<DescribeRooms> for LobbyActor {
    type Result = ResponseFuture<RoomsDescribed>;

    fn handle(
        &mut self,
        DescribeRooms { within }: DescribeRooms,
        _: &mut Self::Context,
    ) -> Self::Result {
        // Sent when it is made: all rooms are asked at once, and waited for one after the other.
        let asked: Vec<_> = self
            .rooms
            .values()
            .map(|open| (open.slug.clone(), open.room.send(DescribeWhole)))
            .collect();
        Box::pin(async move {
            let deadline = tokio::time::Instant::now() + within;
            let mut described = RoomsDescribed::default();
            for (slug, report) in asked {
                match tokio::time::timeout_at(deadline, report).await {
                    Ok(Ok(report)) => described.rooms.push(report),
                    // It has ended meanwhile.
                    Ok(Err(MailboxError::Closed)) => {}
                    Ok(Err(MailboxError::Timeout)) | Err(_) => described.silent.push(slug),
                }
            }
            described
        })
    }
}
