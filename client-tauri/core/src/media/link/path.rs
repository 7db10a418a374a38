//! Which way the datagrams take: the rules of asking, of falling back to the tunnel and of coming back.

use std::time::Duration;

use conclave_core::Moment;
use serde::Serialize;

/// Without an echo over UDP for this long after a session began, the tunnel is opened.
pub const ECHO_WAIT: Duration = Duration::from_secs(1);
/// A working way is given up after this long without an echo: several questions are lost by then.
pub const ECHO_SILENCE_MAX: Duration = Duration::from_millis(2_500);
/// How often a working way is probed.
pub const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How often when nobody is heard or seen over it: a thousand silent rooms should cost next to nothing.
pub const PROBE_QUIET_EVERY: Duration = Duration::from_secs(3);
/// Without voice or camera for so long, in either direction, a way is quiet.
const QUIET_AFTER: Duration = Duration::from_secs(3);
/// An echo that is so much overdue makes the questions more frequent.
const OVERDUE: Duration = Duration::from_millis(250);
/// Questions while no way is known, or the known one is doubted.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// A tunnel that could not be opened is tried again after this.
const TUNNEL_AGAIN: Duration = Duration::from_secs(1);

/// The way that datagrams take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// None is known yet.
    #[default]
    Searching,
    Udp,
    /// Through the control port, because no UDP comes through.
    Tunnel,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Say hello over UDP, to all addresses.
    Hello,
    /// Ask over the way in use.
    Probe,
    OpenTunnel,
    CloseTunnel,
    /// Send everything this way from now on.
    Use(Way),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tunnel {
    Closed { again_at: Moment },
    Opening,
    Open,
}

/// The state of the ways. Every input is followed by [`wake`](Self::wake) at
/// [`next_wakeup`](Self::next_wakeup).
#[derive(Clone, Debug)]
pub struct Path {
    way: Way,
    /// When the session began or the way over UDP last answered.
    alive_at: Moment,
    ask_at: Moment,
    /// When voice or camera last went this way or that.
    used_at: Moment,
    quiet: bool,
    tunnel: Tunnel,
    has_tunnel: bool,
}

impl Path {
    pub fn new(now: Moment, has_tunnel: bool) -> Path {
        Path {
            way: Way::Searching,
            alive_at: now,
            ask_at: now,
            used_at: now,
            quiet: false,
            tunnel: Tunnel::Closed { again_at: now },
            has_tunnel,
        }
    }

    pub fn way(&self) -> Way {
        self.way
    }

    /// A new session began. `same` says that the way in use leads to it too.
    pub fn renewed(&mut self, now: Moment, same: bool, out: &mut Vec<Step>) {
        self.alive_at = now;
        self.ask_at = now;
        if self.way == Way::Udp && !same {
            self.switch(Way::Searching, out);
        }
    }

    /// Voice or camera was sent or has come. A way that was quiet is asked at once whether it still works.
    pub fn used(&mut self, now: Moment) {
        self.used_at = now;
        if self.quiet {
            self.quiet = false;
            self.alive_at = now;
            self.ask_at = now;
        }
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// When it will be asked next.
    pub fn ask_at(&self) -> Moment {
        self.ask_at
    }

    /// An echo came over UDP.
    pub fn echoed(&mut self, now: Moment, out: &mut Vec<Step>) {
        self.alive_at = now;
        if self.way != Way::Udp {
            self.switch(Way::Udp, out);
            // The newest datagram tells the server which way to take.
            out.push(Step::Probe);
            self.ask_at = now + PROBE_EVERY;
        } else if self.quiet {
            self.ask_at = now + PROBE_QUIET_EVERY;
        }
        if matches!(self.tunnel, Tunnel::Opening | Tunnel::Open) {
            self.tunnel = Tunnel::Closed { again_at: now };
            out.push(Step::CloseTunnel);
        }
    }

    pub fn tunnel_opened(&mut self, out: &mut Vec<Step>) {
        if self.tunnel != Tunnel::Opening {
            out.push(Step::CloseTunnel);
            return;
        }
        self.tunnel = Tunnel::Open;
        self.switch(Way::Tunnel, out);
        out.push(Step::Probe);
    }

    /// The tunnel could not be opened, or broke.
    pub fn tunnel_lost(&mut self, now: Moment, out: &mut Vec<Step>) {
        let again_at = now + TUNNEL_AGAIN;
        self.tunnel = Tunnel::Closed { again_at };
        if self.way == Way::Tunnel {
            self.switch(Way::Searching, out);
        }
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Moment, out: &mut Vec<Step>) {
        if now >= self.ask_at {
            match self.way {
                Way::Udp => out.push(Step::Probe),
                Way::Searching => out.push(Step::Hello),
                // The probe comes last, so that the server goes on to send through the tunnel.
                Way::Tunnel => out.extend([Step::Hello, Step::Probe]),
            }
            self.quiet = self.way == Way::Udp && now.since(self.used_at) >= QUIET_AFTER;
            self.ask_at = now + self.ask_every(now);
        }
        if self.tunnel_due().is_some_and(|due| now >= due) {
            self.tunnel = Tunnel::Opening;
            out.push(Step::OpenTunnel);
        }
    }

    pub fn next_wakeup(&self) -> Moment {
        let due = self.tunnel_due().unwrap_or(self.ask_at);
        self.ask_at.min(due)
    }

    fn ask_every(&self, now: Moment) -> Duration {
        match self.way {
            // The echo puts the next question off, see `echoed`.
            Way::Udp if self.quiet && now.since(self.alive_at) <= PROBE_QUIET_EVERY + OVERDUE => {
                OVERDUE
            }
            Way::Udp if !self.quiet && now.since(self.alive_at) <= PROBE_EVERY + OVERDUE => {
                PROBE_EVERY
            }
            Way::Tunnel => PROBE_EVERY,
            Way::Searching if now.since(self.alive_at) > 2 * ECHO_SILENCE_MAX => PROBE_EVERY,
            Way::Udp | Way::Searching => ASK_EVERY,
        }
    }

    /// When the tunnel is to be opened.
    fn tunnel_due(&self) -> Option<Moment> {
        let Tunnel::Closed { again_at } = self.tunnel else {
            return None;
        };
        let patience = match self.way {
            Way::Udp if self.quiet => ECHO_SILENCE_MAX + (PROBE_QUIET_EVERY - PROBE_EVERY),
            Way::Udp => ECHO_SILENCE_MAX,
            Way::Searching => ECHO_WAIT,
            Way::Tunnel => return None,
        };
        self.has_tunnel
            .then(|| again_at.max(self.alive_at + patience))
    }

    fn switch(&mut self, way: Way, out: &mut Vec<Step>) {
        if self.way != way {
            self.way = way;
            out.push(Step::Use(way));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a path up to `until`, and says what it did when.
    fn run(path: &mut Path, until_ms: u64) -> Vec<(u64, Step)> {
        let mut done = Vec::new();
        while path.next_wakeup() <= Moment::from_ms(until_ms) {
            let (now, mut out) = (path.next_wakeup(), Vec::new());
            path.wake(now, &mut out);
            done.extend(out.into_iter().map(|step| (now.as_ms(), step)));
        }
        done
    }

    fn first(done: &[(u64, Step)], wanted: Step) -> Option<u64> {
        done.iter()
            .find(|(_, step)| *step == wanted)
            .map(|(at, _)| *at)
    }

    #[test]
    fn udp_is_used_as_soon_as_it_answers_and_probed_each_second() {
        let mut path = Path::new(Moment(0), true);
        assert_eq!(run(&mut path, 0), [(0, Step::Hello)]);
        let mut out = Vec::new();
        path.echoed(Moment::from_ms(3), &mut out);
        assert_eq!(out, [Step::Use(Way::Udp), Step::Probe]);
        assert_eq!(run(&mut path, 1_003), [(1_003, Step::Probe)]);
    }

    /// Runs a path that answers at once, for `seconds` from `from`, and says when it was asked.
    fn asked(path: &mut Path, from: u64, seconds: u64) -> Vec<u64> {
        let mut asked = Vec::new();
        while path.next_wakeup() < Moment::from_ms((from + seconds) * 1_000) {
            let (now, mut out) = (path.next_wakeup(), Vec::new());
            path.wake(now, &mut out);
            assert_eq!(out, [Step::Probe]);
            asked.push(now.as_ms());
            path.echoed(now, &mut Vec::new());
        }
        asked
    }

    #[test]
    fn a_quiet_way_is_asked_less_often_until_somebody_speaks() {
        let mut path = Path::new(Moment(0), true);
        run(&mut path, 0);
        path.echoed(Moment(0), &mut Vec::new());
        assert_eq!(asked(&mut path, 0, 10), [1_000, 2_000, 3_000, 6_000, 9_000]);
        assert!(path.is_quiet());
        path.used(Moment::from_ms(10_000));
        assert_eq!(asked(&mut path, 10, 2), [10_000, 11_000]);
    }

    #[test]
    fn a_quiet_way_that_falls_silent_is_left_too() {
        let mut path = Path::new(Moment(0), true);
        run(&mut path, 0);
        path.echoed(Moment(0), &mut Vec::new());
        asked(&mut path, 0, 10);
        let done = run(&mut path, 20_000);
        let probes = done.iter().filter(|(_, step)| *step == Step::Probe);
        assert!(probes.count() > 5);
        assert_eq!(first(&done, Step::OpenTunnel), Some(9_000 + 4_500));
    }

    #[test]
    fn without_an_echo_for_a_second_the_tunnel_is_used_and_udp_asked_on() {
        let mut path = Path::new(Moment(0), true);
        let done = run(&mut path, 1_000);
        assert_eq!(first(&done, Step::OpenTunnel), Some(1_000));
        let mut out = Vec::new();
        path.tunnel_opened(&mut out);
        assert_eq!(out, [Step::Use(Way::Tunnel), Step::Probe]);
        let later = run(&mut path, 5_000);
        assert!(
            later
                .iter()
                .filter(|(_, step)| *step == Step::Hello)
                .count()
                >= 3
        );
        assert_eq!(later.last().map(|(_, step)| *step), Some(Step::Probe));

        out.clear();
        path.echoed(Moment::from_ms(5_100), &mut out);
        assert_eq!(out, [Step::Use(Way::Udp), Step::Probe, Step::CloseTunnel]);
    }

    #[test]
    fn a_way_that_falls_silent_is_doubted_and_then_left() {
        let mut path = Path::new(Moment(0), true);
        path.echoed(Moment(0), &mut Vec::new());
        let done = run(&mut path, 2_500);
        assert_eq!(first(&done, Step::OpenTunnel), Some(2_500));
        let asked = done.iter().filter(|(_, step)| *step == Step::Probe).count();
        assert!(asked > 5, "{asked}");
    }

    #[test]
    fn a_new_session_keeps_the_way_it_shares_and_leaves_another() {
        let mut path = Path::new(Moment(0), true);
        path.echoed(Moment(0), &mut Vec::new());
        let mut out = Vec::new();
        path.renewed(Moment::from_ms(500), true, &mut out);
        assert_eq!((out.as_slice(), path.way()), (&[][..], Way::Udp));
        path.renewed(Moment::from_ms(600), false, &mut out);
        assert_eq!(out, [Step::Use(Way::Searching)]);
        assert_eq!(path.next_wakeup(), Moment::from_ms(600));
    }

    #[test]
    fn a_broken_tunnel_is_opened_again_after_a_second() {
        let mut path = Path::new(Moment(0), true);
        run(&mut path, 1_000);
        path.tunnel_opened(&mut Vec::new());
        path.tunnel_lost(Moment::from_ms(1_500), &mut Vec::new());
        assert_eq!(path.way(), Way::Searching);
        assert_eq!(first(&run(&mut path, 4_000), Step::OpenTunnel), Some(2_500));
    }

    #[test]
    fn a_tunnel_that_comes_too_late_is_closed() {
        let mut path = Path::new(Moment(0), true);
        run(&mut path, 1_000);
        path.echoed(Moment::from_ms(1_010), &mut Vec::new());
        let mut out = Vec::new();
        path.tunnel_opened(&mut out);
        assert_eq!(
            (out.as_slice(), path.way()),
            (&[Step::CloseTunnel][..], Way::Udp)
        );
    }

    #[test]
    fn without_a_tunnel_udp_is_asked_for_ever() {
        let mut path = Path::new(Moment(0), false);
        let done = run(&mut path, 60_000);
        assert_eq!(first(&done, Step::OpenTunnel), None);
        assert!(
            done.last()
                .is_some_and(|(at, step)| *at > 58_000 && *step == Step::Hello)
        );
    }
}
