//! What VLC's status says, and how exactly: it tells the length in whole seconds, and the position as a part of the
//! true length, four times a second.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::film::{
    controls::{Track, TrackKind},
    player::ByHand,
};

/// Positions are told so often while it plays.
const TOLD_EVERY: Duration = Duration::from_millis(500);
/// VLC's own volume of 100 %.
pub(super) const VOLUME_FULL: f64 = 256.0;
const TRACKS_MAX: usize = 64;
/// A pause so near to the end is VLC's own.
const END_NEAR: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Status {
    pub playing: bool,
    pub stopped: bool,
    /// What we have told it.
    pub told_paused: bool,
    pub rate: f64,
    pub full_screen: bool,
    pub tracks: Vec<Track>,
    pub frames_per_second: Option<f64>,
    /// In seconds: the true length lies between.
    least: f64,
    most: f64,
    part: f64,
    /// When the position was first seen to be this one.
    since: Option<Instant>,
    by_hand: Option<ByHand>,
}

impl Default for Status {
    fn default() -> Status {
        Status {
            playing: false,
            stopped: true,
            told_paused: true,
            rate: 1.0,
            full_screen: false,
            tracks: Vec::new(),
            frames_per_second: None,
            least: 0.0,
            most: 0.0,
            part: 0.0,
            since: None,
            by_hand: None,
        }
    }
}

impl Status {
    /// Takes a status that was asked for at `now`.
    pub fn heard(&mut self, now: Instant, status: &Value) {
        let number = |key: &str| status.get(key).and_then(Value::as_f64);
        let state = status
            .get("state")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let was_playing = self.playing;
        (self.playing, self.stopped) = (state == "playing", state == "stopped");
        self.rate = number("rate").filter(|rate| *rate > 0.0).unwrap_or(1.0);
        // A number or a truth, by version.
        let full_screen = status.get("fullscreen");
        self.full_screen = full_screen.is_some_and(|told| {
            told.as_bool()
                .unwrap_or_else(|| told.as_f64().is_some_and(|told| told != 0.0))
        });
        let part = number("position").unwrap_or(0.0).clamp(0.0, 1.0);
        self.bound(number("length").unwrap_or(0.0), number("time"), part);
        if part != self.part || self.since.is_none() {
            self.part = part;
            self.since = Some(now);
        }
        if let Some(streams) = status.pointer("/information/category") {
            self.streams(streams);
        }
        self.judge_hand(was_playing);
    }

    /// When the position was true, and the position.
    pub fn place(&self, now: Instant) -> (Instant, Duration) {
        let position = self.position();
        match self.since {
            Some(since) if self.playing && now.saturating_duration_since(since) < TOLD_EVERY => {
                (since, position)
            }
            _ => (now, position),
        }
    }

    pub fn duration(&self) -> Option<Duration> {
        (self.most > 0.0).then(|| seconds(self.length()))
    }

    /// What part of the film a position is, in percent.
    pub fn percent_of(&self, position: Duration) -> f64 {
        let length = self.length();
        match length > 0.0 {
            true => (100.0 * position.as_secs_f64() / length).clamp(0.0, 100.0),
            false => 0.0,
        }
    }

    pub fn rate_permille(&self) -> u32 {
        (self.rate * 1_000.0).round().clamp(0.0, 100_000.0) as u32
    }

    pub fn take_by_hand(&mut self) -> Option<ByHand> {
        self.by_hand.take()
    }

    /// Another file: nothing is known of its length.
    pub fn forget(&mut self) {
        *self = Status::default();
    }

    fn position(&self) -> Duration {
        seconds(self.part * self.length())
    }

    fn length(&self) -> f64 {
        f64::midpoint(self.least, self.most)
    }

    /// `time` is the position cut to whole seconds, so each look narrows the length down:
    /// `time <= part * length < time + 1`.
    fn bound(&mut self, length: f64, time: Option<f64>, part: f64) {
        if length <= 0.0 {
            return;
        }
        if !(length..=length + 1.0).contains(&self.least) {
            (self.least, self.most) = (length, length + 1.0);
        }
        let Some(time) = time.filter(|_| part > 0.0) else {
            return;
        };
        let least = self.least.max(time / part);
        let most = self.most.min((time + 1.0) / part);
        // VLC's parts are rounded, and after a jump the two may be of different moments.
        if least <= most {
            (self.least, self.most) = (least, most);
        }
    }

    fn judge_hand(&mut self, was_playing: bool) {
        if self.stopped || self.playing == was_playing || self.playing != self.told_paused {
            return;
        }
        self.told_paused = !self.playing;
        let left = self
            .duration()
            .unwrap_or_default()
            .saturating_sub(self.position());
        if self.playing || left > END_NEAR {
            self.by_hand = Some(match self.playing {
                true => ByHand::Resumed,
                false => ByHand::Paused,
            });
        }
    }

    fn streams(&mut self, streams: &Value) {
        let Some(streams) = streams.as_object() else {
            return;
        };
        let mut tracks = Vec::new();
        for (name, stream) in streams {
            let text = |key: &str| stream.get(key).and_then(Value::as_str);
            let Some(id) = name.strip_prefix("Stream ").and_then(|id| id.parse().ok()) else {
                continue;
            };
            if let Some(rate) = text("Frame_rate").and_then(|rate| rate.parse().ok()) {
                self.frames_per_second = Some(rate).filter(|rate| (0.1..=1_000.0).contains(rate));
            }
            let kind = match text("Type") {
                Some("Audio") => TrackKind::Audio,
                Some("Subtitle") => TrackKind::Subtitles,
                _ => continue,
            };
            let language = text("Language").map(ToOwned::to_owned);
            tracks.push(Track {
                kind,
                id,
                label: text("Description")
                    .map(ToOwned::to_owned)
                    .or_else(|| language.clone())
                    .unwrap_or_else(|| name.clone()),
                language,
                // VLC does not tell which ones it plays.
                chosen: false,
            });
        }
        tracks.truncate(TRACKS_MAX);
        self.tracks = tracks;
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What VLC says of a film that is 40.9 s long.
    fn at(position: f64) -> Value {
        json!({"state": "playing", "length": 40, "time": position.floor(), "position": position / 40.9, "rate": 1})
    }

    #[test]
    fn whole_seconds_add_up_to_the_true_length() {
        let mut status = Status::default();
        let now = Instant::now();
        for look in 0..80 {
            status.heard(now, &at(f64::from(look) * 0.51));
        }
        let duration = status.duration().unwrap().as_secs_f64();
        assert!((duration - 40.9).abs() < 0.05, "{duration}");
        let there = status.place(now).1.as_secs_f64();
        assert!((there - 79.0 * 0.51).abs() < 0.05, "{there}");
    }

    #[test]
    fn a_position_counts_from_when_it_was_first_told() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut status = Status::default();
        status.heard(ms(0), &at(10.0));
        status.heard(ms(200), &at(10.0));
        assert_eq!(status.place(ms(210)).0, ms(0));
        assert_eq!(status.place(ms(900)).0, ms(900), "it stands still");
    }

    #[test]
    fn a_pause_that_nobody_asked_for_was_made_by_hand() {
        let now = Instant::now();
        let mut status = Status {
            told_paused: false,
            ..Status::default()
        };
        status.heard(now, &at(10.0));
        assert_eq!(status.take_by_hand(), None);
        let paused = json!({"state": "paused", "length": 40, "time": 10, "position": 0.25});
        status.heard(now, &paused);
        assert_eq!(status.take_by_hand(), Some(ByHand::Paused));
        status.heard(now, &paused);
        assert_eq!(status.take_by_hand(), None);
    }

    #[test]
    fn nonsense_is_a_film_that_stands_at_its_beginning() {
        let mut status = Status::default();
        let nonsense = [
            json!(null),
            json!({"position": "x", "length": -1, "time": 1e300, "rate": 0}),
            json!({"position": 7.5, "length": 40, "time": -3}),
        ];
        for told in nonsense {
            status.heard(Instant::now(), &told);
            assert!(!status.playing);
            assert_eq!(status.rate_permille(), 1_000);
        }
        assert!(status.duration().unwrap() <= Duration::from_secs(41));
    }
}
