//! Looks at all rooms from time to time.

use std::{sync::Arc, time::Duration};

use super::{machine::MachineMeter, samples::Figures};
use crate::{
    actors::lobby::{DescribeRooms, RoomsDescribed},
    clock::unix_ms,
    media::figures::Count,
    server::AppState,
};

/// Between two looks.
const LOOKED: Duration = Duration::from_secs(5);
/// Rooms that have not said by then are left out.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// Runs until the server's system ends.
pub(super) async fn run(state: Arc<AppState>) {
    let mut meter = MachineMeter::default();
    let mut packets = packets(&state);
    let mut looked = state.clock.now();
    let mut interval = tokio::time::interval(LOOKED);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let described = describe(&state).await;
        let (data, now) = (state.config.data.clone(), state.clock.now());
        let measured = actix_rt::task::spawn_blocking(move || {
            let machine = meter.measure(&data, now);
            (meter, machine)
        });
        // A lost thread takes the meter with it: it begins anew.
        let (used, machine) = measured.await.unwrap_or_default();
        meter = used;
        let passed_ms = u64::try_from(now.since(looked).as_millis()).unwrap_or(u64::MAX);
        let counted = self::packets(&state);
        let rate = |new: u64, old: u64| {
            (new.saturating_sub(old) * 1_000)
                .checked_div(passed_ms)
                .unwrap_or(0)
        };
        let figures = Figures {
            at_unix_ms: unix_ms(),
            packets_in: rate(counted.0, packets.0),
            packets_out: rate(counted.1, packets.1),
            machine,
            uptime_s: now.as_ms() / 1_000,
            ..Figures::count(&described.rooms)
        };
        (looked, packets) = (now, counted);
        state.admin.samples.take(figures, &described.rooms);
    }
}

/// How all rooms stand; none when the lobby does not answer.
async fn describe(state: &AppState) -> RoomsDescribed {
    let asked = state.lobby.send(DescribeRooms {
        within: ANSWER_DEADLINE,
    });
    match tokio::time::timeout(2 * ANSWER_DEADLINE, asked).await {
        Ok(Ok(described)) => described,
        Ok(Err(_)) | Err(_) => RoomsDescribed::default(),
    }
}

/// Media packets that came and went since the start.
fn packets(state: &AppState) -> (u64, u64) {
    let figures = state.sessions.figures();
    let sent = figures.get(Count::VoiceSent) + figures.get(Count::CameraSent);
    (figures.get(Count::Received), sent)
}
