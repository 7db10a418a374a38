//! Who presents, the cache of tiles, and each viewer's pace.

use actix::prelude::*;
use conclave_wire::ParticipantId;

/// Room to slot: who holds the presenter slot now.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct SetPresenter(pub Option<ParticipantId>);

/// The presenter slot of a room.
#[derive(Default)]
pub struct PresenterSlotActor {}

impl Actor for PresenterSlotActor {
    type Context = Context<Self>;
}

impl Handler<SetPresenter> for PresenterSlotActor {
    type Result = ();

    fn handle(&mut self, _: SetPresenter, _: &mut Self::Context) {}
}
