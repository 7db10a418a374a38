//! The crowd writes lines, in turns.

use std::{sync::Arc, time::Duration};

use conclave_client::client::Client;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::board::Board;

/// Everybody must have seen the last line within this time.
const SEEN_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Says `per_second` lines until `until`. Gives how many were refused.
pub async fn write(board: Arc<Board>, people: &[&Client], per_second: f64, until: Instant) -> u64 {
    if per_second <= 0.0 || people.is_empty() {
        tokio::time::sleep_until(until).await;
        return 0;
    }
    let every = Duration::from_secs_f64(1.0 / per_second);
    let mut beat = interval_at(Instant::now() + every, every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refused = 0;
    for (number, client) in (0..).zip(people.iter().cycle()) {
        beat.tick().await;
        if Instant::now() >= until {
            break;
        }
        let text = board.say(number);
        // The answer must not hold up the next line.
        let saying = client.say(text);
        if tokio::time::timeout(SEEN_MAX, saying)
            .await
            .is_ok_and(|said| said.is_ok())
        {
            continue;
        }
        refused += 1;
    }
    refused
}

/// Waits until everybody has seen every line, or long enough.
pub async fn settle(board: &Board, people: usize) {
    let deadline = Instant::now() + SEEN_MAX;
    while !board.all_lines_seen_by(people) && Instant::now() < deadline {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
