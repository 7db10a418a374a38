//! Somebody with a control link and nothing else: joins, keeps alive, acknowledges, and hands over what
//! is heard.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use conclave_client::link::{control::ControlLink, dial::Dialer};
use conclave_core::link::heartbeat::BEAT_INTERVAL;
use conclave_wire::{
    ClientMessage, Command, Encoding, MediaState, RoomState, ServerMessage, Welcome, message::Enter,
};
use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout},
};

use crate::Outcome;

const JOIN_MAX: Duration = Duration::from_secs(10);
/// As a whole client does.
const ACKNOWLEDGE_AFTER: Duration = Duration::from_millis(100);
const ORDERS_MAX: usize = 256;

/// A person's place in a room. Dropping it cuts the link.
pub struct Seat {
    /// Without its snapshot, which takes memory for each of five hundred.
    pub welcome: Box<Welcome>,
    orders: mpsc::Sender<ClientMessage>,
    reference: u32,
    task: AbortHandle,
}

/// Who comes, and where.
#[derive(Clone, Copy)]
pub struct Newcomer<'a> {
    pub slug: &'a str,
    pub name: &'a str,
    pub password: Option<&'a str>,
}

/// What a newcomer sees of a room.
pub async fn look(dialer: &Dialer, who: Newcomer<'_>) -> Outcome<RoomState> {
    let (_link, welcome) = timeout(JOIN_MAX, enter(dialer, who))
        .await
        .map_err(|_| "joining took too long")??;
    let snapshot = welcome.snapshot.ok_or("a newcomer gets no snapshot")?;
    Ok(snapshot)
}

impl Seat {
    pub async fn join(
        dialer: &Dialer,
        who: Newcomer<'_>,
        lost: Arc<AtomicU64>,
        hear: impl FnMut(&ServerMessage) + Send + 'static,
    ) -> Outcome<Seat> {
        let (link, mut welcome) = timeout(JOIN_MAX, enter(dialer, who))
            .await
            .map_err(|_| "joining took too long")??;
        // It takes memory for each of five hundred.
        welcome.snapshot = None;
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let newest = welcome.cursor.number;
        let task = tokio::spawn(async move {
            if keep(link, received, newest, hear).await.is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Seat {
            welcome,
            orders,
            reference: 0,
            task: task.abort_handle(),
        })
    }

    /// Sends a command; its answer is heard like everything else.
    pub fn order(&mut self, command: Command) -> Outcome<()> {
        self.reference += 1;
        let reference = self.reference;
        self.orders
            .try_send(ClientMessage::Do { reference, command })
            .map_err(|_| "the control link takes no more".into())
    }

    pub fn switch(&mut self, microphone: bool, camera: bool) -> Outcome<()> {
        let media = MediaState {
            microphone,
            camera,
            sound: true,
        };
        self.order(Command::SetMedia { media })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn enter(dialer: &Dialer, who: Newcomer<'_>) -> Outcome<(ControlLink, Box<Welcome>)> {
    let mut link = ControlLink::open(dialer, Encoding::MessagePack).await?;
    let hello = ClientMessage::Hello {
        enter: Enter::Join {
            slug: who.slug.to_owned(),
            name: who.name.to_owned(),
            password: who.password.map(str::to_owned),
            host_key: None,
            sound: true,
            device: None,
            file_hash: None,
        },
        client: "conclave-bench".to_owned(),
    };
    link.send(hello).map_err(|_| GONE)?;
    loop {
        match link.next().await.map_err(|_| GONE)? {
            ServerMessage::Welcome(welcome) => return Ok((link, welcome)),
            ServerMessage::Refused { refusal, .. } => return Err(refusal.message.into()),
            _ => {}
        }
    }
}

const GONE: &str = "the control link was lost while joining";

/// Ends well when there is nobody to give orders any more, and badly when the link is lost.
async fn keep(
    mut link: ControlLink,
    mut orders: mpsc::Receiver<ClientMessage>,
    mut newest: u32,
    mut hear: impl FnMut(&ServerMessage),
) -> Result<(), conclave_client::link::control::LinkGone> {
    let mut beats = interval_at(Instant::now() + BEAT_INTERVAL, BEAT_INTERVAL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut acknowledge_at: Option<Instant> = None;
    let began = Instant::now();
    loop {
        tokio::select! {
            message = link.next() => {
                let message = message?;
                hear(&message);
                if let ServerMessage::Events { events } = &message
                    && let Some(last) = events.last()
                {
                    newest = last.number;
                    acknowledge_at.get_or_insert_with(|| Instant::now() + ACKNOWLEDGE_AFTER);
                }
            }
            order = orders.recv() => match order {
                Some(order) => link.send(order)?,
                None => return Ok(()),
            },
            _ = beats.tick() => {
                let sent_ms = began.elapsed().as_millis() as u64;
                link.send(ClientMessage::Beat { sent_ms })?;
            }
            () = sleep_until(acknowledge_at.unwrap_or(began)), if acknowledge_at.is_some() => {
                acknowledge_at = None;
                link.send(ClientMessage::Ack { number: newest })?;
            }
        }
    }
}
