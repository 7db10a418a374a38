//! Coming in the first time: into a seat, or to the room's door first, across as many links as it takes.

use std::time::Duration;

use conclave_core::{link::backoff::Backoff, room::AWAY_MAX};
use conclave_wire::{AtTheDoor, ClientMessage, ServerMessage, Welcome, message::Enter};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep, timeout};

use super::{
    JOIN_DEADLINE, JoinError, SessionConfig,
    entering::{Entered, Word, enter_by, may_pass},
};
use crate::link::{control::ControlLink, dial::Dialer};

/// Signs of life while one waits, and how long without an answer the link is taken for dead.
const BEAT_INTERVAL: Duration = Duration::from_secs(2);
const SILENCE_MAX: Duration = Duration::from_secs(6);

/// Takes a seat, however long one waits for it at the door: the server says when that is over.
///
/// # Errors
/// [`JoinError`]
pub(super) async fn enter_first(
    config: &SessionConfig,
    dialer: &Dialer,
) -> Result<(ControlLink, Box<Welcome>), JoinError> {
    let join = Enter::Join {
        slug: config.invite.slug.clone(),
        name: config.name.clone(),
        password: config.password.clone(),
        host_key: config.invite.host_key.clone(),
        sound: config.sound,
        device: config.device.clone(),
        file_hash: config.file_hash.clone(),
    };
    let (mut link, mut word) = open(config, dialer, join).await?;
    loop {
        let mut place = match word {
            Word::Welcome(welcome) => {
                tell(config, None);
                return Ok((link, welcome));
            }
            Word::Waiting(place) => place,
        };
        match stand(config, &mut link, &mut place).await {
            Ok(welcome) => word = Word::Welcome(welcome),
            Err(Entered::Refused(refusal)) => return Err(JoinError::Refused(refusal)),
            Err(Entered::Goodbye { .. }) => return Err(JoinError::Lost),
            Err(Entered::Lost) => (link, word) = come_back(config, dialer, &place).await?,
        }
    }
}

/// Opens a link and says the first word on it.
async fn open(
    config: &SessionConfig,
    dialer: &Dialer,
    enter: Enter,
) -> Result<(ControlLink, Word), JoinError> {
    let entering = async {
        let mut link = ControlLink::open(dialer, config.encoding).await?;
        match enter_by(&mut link, enter).await {
            Ok(word) => Ok((link, word)),
            Err(Entered::Refused(refusal)) => Err(JoinError::Refused(refusal)),
            Err(Entered::Goodbye { .. } | Entered::Lost) => Err(JoinError::Lost),
        }
    };
    let entered = timeout(JOIN_DEADLINE, entering).await;
    entered.unwrap_or(Err(JoinError::Late))
}

/// Stands at the door until somebody opens.
async fn stand(
    config: &SessionConfig,
    link: &mut ControlLink,
    place: &mut AtTheDoor,
) -> Result<Box<Welcome>, Entered> {
    tell(config, Some(place.clone()));
    let mut heard = Instant::now();
    loop {
        let Ok(message) = timeout(BEAT_INTERVAL, link.next()).await else {
            let beat = ClientMessage::Beat { sent_ms: 0 };
            if heard.elapsed() > SILENCE_MAX || link.send(beat).is_err() {
                return Err(Entered::Lost);
            }
            continue;
        };
        heard = Instant::now();
        match message.map_err(|_| Entered::Lost)? {
            ServerMessage::Welcome(welcome) => return Ok(welcome),
            ServerMessage::Waiting(now) => {
                *place = now;
                tell(config, Some(place.clone()));
            }
            ServerMessage::Refused {
                reference: None,
                refusal,
            } => return Err(Entered::Refused(refusal)),
            ServerMessage::Goodbye { reason, text } => {
                return Err(Entered::Goodbye { reason, text });
            }
            // Nothing else is said at the door that matters.
            ServerMessage::Refused { .. }
            | ServerMessage::Events { .. }
            | ServerMessage::Snapshot { .. }
            | ServerMessage::Signs(_)
            | ServerMessage::Done { .. }
            | ServerMessage::Beat { .. }
            | ServerMessage::MediaAnswer { .. }
            | ServerMessage::Moved { .. } => {}
        }
    }
}

/// The link is gone: the place is kept for a while, and may have become a seat meanwhile.
async fn come_back(
    config: &SessionConfig,
    dialer: &Dialer,
    place: &AtTheDoor,
) -> Result<(ControlLink, Word), JoinError> {
    let until = Instant::now() + AWAY_MAX;
    let mut backoff = Backoff::default();
    let mut chance = StdRng::seed_from_u64(config.seed);
    loop {
        sleep(backoff.next_wait(chance.next_u64())).await;
        let resume = Enter::Resume {
            seat_token: place.seat_token.clone(),
            cursor: None,
        };
        match open(config, dialer, resume).await {
            Err(JoinError::Refused(refusal)) if !may_pass(refusal.code) => {
                return Err(JoinError::Refused(refusal));
            }
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => {}
            entered @ Ok(_) => return entered,
        }
    }
}

fn tell(config: &SessionConfig, place: Option<AtTheDoor>) {
    if let Some(waiting) = &config.waiting {
        waiting.send_replace(place);
    }
}
