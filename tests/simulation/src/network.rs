//! The virtual network: what is sent arrives later, out of order, twice or never.

use std::{collections::BTreeMap, time::Duration};

use conclave_core::Moment;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Messages that are on their way at the same time; one more is lost.
pub const IN_FLIGHT_MAX: usize = 65_536;

/// The weather of one direction between two machines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    pub delay: Duration,
    /// Each message takes up to so much longer, evenly drawn.
    pub jitter: Duration,
    /// Shares of messages, 0 to 1.
    pub loss: f64,
    pub duplication: f64,
    /// Of messages that are held back by [`HELD_BACK`], behind those that follow.
    pub reordering: f64,
    pub bottleneck: Option<Bottleneck>,
    /// Nothing overtakes, as on a stream.
    pub in_order: bool,
}

/// How long a message is held back that others are to overtake.
pub const HELD_BACK: Duration = Duration::from_millis(30);

/// A narrow place with a queue before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bottleneck {
    pub bits_per_second: u64,
    /// What does not fit is lost.
    pub queue_bytes_max: u64,
}

impl Weather {
    /// A local network: 1 ms, nothing lost.
    pub const CALM: Weather = Weather {
        delay: Duration::from_millis(1),
        jitter: Duration::ZERO,
        loss: 0.0,
        duplication: 0.0,
        reordering: 0.0,
        bottleneck: None,
        in_order: false,
    };
    /// 10 % loss, 50 ms jitter, reordering and duplication, over 20 ms.
    pub const STORM: Weather = Weather {
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(50),
        loss: 0.1,
        duplication: 0.05,
        reordering: 0.05,
        bottleneck: None,
        in_order: false,
    };
    /// A stream over a wireless network.
    pub const STREAM: Weather = Weather {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(20),
        in_order: true,
        ..Weather::CALM
    };
}

/// What happens to messages that are sent while a link is out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outage {
    Loses,
    /// They wait, and come all at once.
    Holds,
}

/// A machine, as the network knows it.
pub type Node = u32;

/// A message that has arrived.
#[derive(Clone, Debug)]
pub struct Arrival<M> {
    pub from: Node,
    pub to: Node,
    pub message: M,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NetworkFigures {
    pub sent: u64,
    pub lost: u64,
    pub duplicated: u64,
    /// Lost because the queue before a narrow place was full; counted under `lost` as well.
    pub queue_full: u64,
    /// Lost because of [`IN_FLIGHT_MAX`]; counted under `lost` as well.
    pub overflowed: u64,
}

/// Links between machines, and what travels on them.
pub struct Network<M> {
    random: StdRng,
    usual: Weather,
    links: BTreeMap<(Node, Node), Link>,
    /// In the order of arrival; the number keeps those of one moment in the order in which they were sent.
    in_flight: BTreeMap<(Moment, u64), Arrival<M>>,
    next_number: u64,
    figures: NetworkFigures,
}

struct Link {
    weather: Weather,
    outages: Vec<(Moment, Moment, Outage)>,
    /// When the narrow place will have sent all that waits.
    busy_until: Moment,
    newest_arrival: Moment,
}

impl<M: Clone> Network<M> {
    /// A network where every link has the `usual` weather until told otherwise.
    pub fn new(seed: u64, usual: Weather) -> Network<M> {
        Network {
            random: StdRng::seed_from_u64(seed),
            usual,
            links: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            next_number: 0,
            figures: NetworkFigures::default(),
        }
    }

    /// Changes the weather of one direction, for what is sent from now on.
    pub fn set_weather(&mut self, from: Node, to: Node, weather: Weather) {
        self.link(from, to).weather = weather;
    }

    /// One direction is out from `since` until `until`.
    pub fn out(&mut self, from: Node, to: Node, since: Moment, until: Moment, outage: Outage) {
        self.link(from, to).outages.push((since, until, outage));
    }

    /// Sends a message of so many bytes, headers included.
    pub fn send(&mut self, now: Moment, from: Node, to: Node, bytes: usize, message: M) {
        self.figures.sent += 1;
        let weather = self.link(from, to).weather;
        let lost = self.random.random_bool(weather.loss);
        let Some(leaves) = self.leaves(now, from, to, bytes).filter(|_| !lost) else {
            self.figures.lost += 1;
            return;
        };
        let copies = 1 + u64::from(self.random.random_bool(weather.duplication));
        self.figures.duplicated += copies - 1;
        for _ in 0..copies {
            let jitter_us = weather.jitter.as_micros() as u64;
            let mut at = leaves
                + weather.delay
                + Duration::from_micros(self.random.random_range(0..=jitter_us));
            if self.random.random_bool(weather.reordering) {
                at = at + HELD_BACK;
            }
            let link = self.link(from, to);
            if weather.in_order {
                at = at.max(link.newest_arrival);
            }
            link.newest_arrival = link.newest_arrival.max(at);
            self.put(
                at,
                Arrival {
                    from,
                    to,
                    message: message.clone(),
                },
            );
        }
    }

    /// When the next message arrives.
    pub fn next_arrival(&self) -> Option<Moment> {
        self.in_flight.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes the next message that has arrived by now.
    pub fn arrived(&mut self, now: Moment) -> Option<Arrival<M>> {
        let first = self.in_flight.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub fn figures(&self) -> NetworkFigures {
        self.figures
    }

    /// When a message has passed outages and the narrow place; none when it got lost there.
    fn leaves(&mut self, now: Moment, from: Node, to: Node, bytes: usize) -> Option<Moment> {
        let link = self.link(from, to);
        let out = link
            .outages
            .iter()
            .find(|(since, until, _)| (*since..*until).contains(&now));
        let leaves = match out {
            Some((_, _, Outage::Loses)) => return None,
            Some((_, until, Outage::Holds)) => *until,
            None => now,
        };
        let Some(narrow) = link.weather.bottleneck else {
            return Some(leaves);
        };
        let waiting_us = leaves.until(link.busy_until).as_micros() as u64;
        let waiting_bytes = waiting_us * narrow.bits_per_second / 8_000_000;
        if waiting_bytes + bytes as u64 > narrow.queue_bytes_max {
            self.figures.queue_full += 1;
            return None;
        }
        let takes = Duration::from_micros(8_000_000 * bytes as u64 / narrow.bits_per_second);
        link.busy_until = link.busy_until.max(leaves) + takes;
        Some(link.busy_until)
    }

    fn put(&mut self, at: Moment, arrival: Arrival<M>) {
        if self.in_flight.len() >= IN_FLIGHT_MAX {
            self.figures.lost += 1;
            self.figures.overflowed += 1;
            return;
        }
        self.in_flight.insert((at, self.next_number), arrival);
        self.next_number += 1;
    }

    fn link(&mut self, from: Node, to: Node) -> &mut Link {
        let usual = self.usual;
        self.links.entry((from, to)).or_insert_with(|| Link {
            weather: usual,
            outages: Vec::new(),
            busy_until: Moment::default(),
            newest_arrival: Moment::default(),
        })
    }
}
