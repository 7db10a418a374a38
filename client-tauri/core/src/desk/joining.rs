//! The way from a link into a meeting.

use std::sync::Arc;

use conclave_wire::{AtTheDoor, Encoding, Welcome};
use tokio::sync::watch;

use super::{
    JoinWish, Shared, Told, Trouble,
    meeting::{Entry, Meeting},
};
use crate::{
    client::{Client, ClientConfig, ClientRefused},
    media::clock::MediaClock,
    session::SessionConfig,
};

/// Takes a seat. What happens from then on is told; the welcome first.
///
/// # Errors
/// [`Trouble`] from the server or the link, `given_up` when the person had enough.
pub(super) async fn join(shared: &Arc<Shared>, wish: JoinWish) -> Result<Welcome, Trouble> {
    let (invite, device) = {
        let kept = shared.kept.lock();
        (wish.link.invite(&kept)?, kept.device_secret.clone())
    };
    let before = shared.meeting.lock().clone();
    if let Some(before) = before {
        before.leave().await;
    }
    let (waiting, door) = watch::channel(None);
    let clock = MediaClock::start();
    let mut config = ClientConfig::new(SessionConfig {
        invite: invite.clone(),
        name: wish.name,
        password: wish.password.filter(|password| !password.is_empty()),
        sound: wish.sound,
        encoding: Encoding::MessagePack,
        seed: rand::random(),
        device: Some(device),
        file_hash: wish.file_hash,
        waiting: Some(waiting),
    });
    config.clock = clock;
    config.media.sound = wish.sound;
    if wish.sound {
        config.speaker = Some(shared.rack.speaker());
    }
    let joined = tokio::select! {
        joined = Client::join(config) => joined,
        () = shared.give_up.notified() => return Err(given_up()),
        never = tell_door(shared, door) => match never {},
    };
    let (client, events) = match joined {
        Ok(joined) => joined,
        Err(ClientRefused::Join(error)) => {
            return Err(super::doors::explained(&invite, error.into()).await);
        }
        Err(ClientRefused::Link(error)) => {
            return Err(Trouble::refusal("unreachable", error.to_string()));
        }
        Err(ClientRefused::Voice(error)) => {
            return Err(Trouble::refusal("internal", error.to_string()));
        }
    };
    super::doors::remember_server(shared, &invite);
    let welcome = Welcome::clone(&client.welcome());
    let seat_token = &welcome.seat_token;
    shared.past_seats.lock().note(&invite.slug, seat_token);
    let muted = client.state().borrow().settings.muted_on_entry;
    let entry = Entry {
        sound: wish.sound,
        microphone: wish.microphone && !muted,
        camera: wish.camera,
    };
    let meeting = Meeting::new(Arc::clone(shared), client, clock, invite, entry);
    meeting.begin();
    tokio::spawn(meeting.run(events));
    Ok(welcome)
}

/// Tells where we stand, as long as we stand at the door.
async fn tell_door(
    shared: &Shared,
    mut door: watch::Receiver<Option<AtTheDoor>>,
) -> std::convert::Infallible {
    while door.changed().await.is_ok() {
        let place = door.borrow_and_update().clone();
        if let Some(place) = place {
            shared.tell(Told::Waiting { door: place });
        }
    }
    std::future::pending().await
}

fn given_up() -> Trouble {
    Trouble::refusal("given_up", "You did not wait to be let in.")
}
