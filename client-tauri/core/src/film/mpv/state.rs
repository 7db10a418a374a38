//! What mpv has told of itself, and where its film is by that. No clock: every event comes with its instant.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::film::{
    controls::{Track, TrackKind},
    player::ByHand,
};

/// Properties that are observed, by their number.
pub(super) const OBSERVED: [&str; 12] = [
    "time-pos",
    "pause",
    "seeking",
    "paused-for-cache",
    "eof-reached",
    "speed",
    "duration",
    "track-list",
    "mute",
    "fullscreen",
    "container-fps",
    "volume",
];
/// A frame that is later than this behind its time stands still on the screen.
const FRAME_LATE_MAX: Duration = Duration::from_millis(100);
/// Where the rate of frames is not known.
const FRAME: Duration = Duration::from_millis(42);
/// A pause so near to the end is mpv's own.
const END_NEAR: Duration = Duration::from_millis(500);
/// What a person does with their hands before anybody looks.
const BY_HAND_MAX: usize = 8;
/// Tracks that are shown.
const TRACKS_MAX: usize = 64;

/// What became of the file that was to be opened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Loading {
    #[default]
    Idle,
    Underway,
    Done,
    /// mpv cannot play it, or can no more.
    Failed,
}

#[derive(Debug)]
pub(super) struct State {
    pub loading: Loading,
    pub gone: bool,
    /// When the frame that is on the screen came there, and its place in the film.
    edge: Option<Instant>,
    position: Duration,
    pub paused: bool,
    /// What we have told it, so that everything else was done by hand.
    pub told_paused: bool,
    seeking: bool,
    starved: bool,
    ended: bool,
    speed: f64,
    pub duration: Option<Duration>,
    pub tracks: Vec<Track>,
    pub muted: bool,
    pub volume: f64,
    pub full_screen: bool,
    pub frames_per_second: Option<f64>,
    /// Jumps of ours that mpv has not begun yet.
    pub own_seeks: u32,
    sought_by_hand: bool,
    /// mpv plays for one picture and pauses again.
    pub stepping: bool,
    /// How often it has come to play after opening or a jump.
    pub restarts: u64,
    by_hand: VecDeque<ByHand>,
}

impl Default for State {
    fn default() -> State {
        State {
            loading: Loading::Idle,
            gone: false,
            edge: None,
            position: Duration::ZERO,
            paused: true,
            told_paused: true,
            seeking: false,
            starved: false,
            ended: false,
            speed: 1.0,
            duration: None,
            tracks: Vec::new(),
            muted: false,
            volume: 100.0,
            full_screen: false,
            frames_per_second: None,
            own_seeks: 0,
            sought_by_hand: false,
            stepping: false,
            restarts: 0,
            by_hand: VecDeque::new(),
        }
    }
}

impl State {
    /// Takes an event; whether it changed more than the position.
    pub fn heard(&mut self, at: Instant, event: Option<&Value>) -> bool {
        let Some(event) = event else {
            self.gone = true;
            return true;
        };
        match event
            .get("event")
            .and_then(Value::as_str)
            .unwrap_or_default()
        {
            "property-change" => self.property(at, event),
            "seek" => {
                // A jump that nobody here asked for was made in mpv's own window.
                match self.own_seeks {
                    0 => self.sought_by_hand = true,
                    more => self.own_seeks = more - 1,
                }
                true
            }
            "playback-restart" => {
                self.restarts += 1;
                if std::mem::take(&mut self.sought_by_hand) {
                    let to = self.position;
                    self.done_by_hand(ByHand::Sought { to });
                }
                true
            }
            "start-file" => {
                self.loading = Loading::Underway;
                self.own_seeks = 0;
                self.sought_by_hand = false;
                true
            }
            "file-loaded" => {
                self.loading = Loading::Done;
                true
            }
            "end-file" => {
                let reason = event.get("reason").and_then(Value::as_str);
                // Another file in its place begins with `start-file`.
                self.loading = match reason {
                    Some("error") => Loading::Failed,
                    _ => Loading::Idle,
                };
                true
            }
            _ => false,
        }
    }

    /// Where the film is: when that was true, and the place. A frame is a place from when it is shown until the next
    /// is due; one that stays longer stands still.
    pub fn place(&self, now: Instant) -> (Instant, Duration) {
        let late = self.frame() + FRAME_LATE_MAX;
        match self.edge {
            Some(edge) if self.moves() && now.saturating_duration_since(edge) <= late => {
                (edge, self.position)
            }
            _ => (now, self.position),
        }
    }

    /// How long a frame is shown.
    pub fn frame(&self) -> Duration {
        let seconds = self.frames_per_second.map(|rate| 1.0 / (rate * self.speed));
        seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .unwrap_or(FRAME)
    }

    pub fn playing(&self) -> bool {
        !self.paused && self.loading == Loading::Done
    }

    pub fn buffering(&self) -> bool {
        self.starved || self.seeking || self.loading == Loading::Underway
    }

    pub fn rate_permille(&self) -> u32 {
        // mpv's own limits are 0.01 to 100.
        (self.speed * 1_000.0).round().clamp(0.0, 100_000.0) as u32
    }

    pub fn take_by_hand(&mut self) -> Option<ByHand> {
        self.by_hand.pop_front()
    }

    fn moves(&self) -> bool {
        self.playing() && !self.buffering() && !self.ended
    }

    fn property(&mut self, at: Instant, event: &Value) -> bool {
        let data = event.get("data").unwrap_or(&Value::Null);
        let yes = data.as_bool().unwrap_or(false);
        match event
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
        {
            "time-pos" => {
                if let Some(position) = seconds(data) {
                    self.position = position;
                    self.edge = Some(at);
                }
                return false;
            }
            "pause" => self.pause(yes),
            "seeking" => self.seeking = yes,
            "paused-for-cache" => self.starved = yes,
            "eof-reached" => self.ended = yes,
            "speed" => self.speed = data.as_f64().filter(|speed| *speed > 0.0).unwrap_or(1.0),
            "duration" => self.duration = seconds(data),
            "track-list" => self.tracks = tracks(data),
            "mute" => self.muted = yes,
            "fullscreen" => self.full_screen = yes,
            "volume" => self.volume = data.as_f64().unwrap_or(self.volume),
            "container-fps" => {
                self.frames_per_second =
                    data.as_f64().filter(|rate| (0.1..=1_000.0).contains(rate));
            }
            _ => return false,
        }
        true
    }

    fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if paused == self.told_paused {
            return;
        }
        self.told_paused = paused;
        if self.stepping {
            return;
        }
        let near_end = self
            .duration
            .is_some_and(|end| end.saturating_sub(self.position) < END_NEAR);
        // At its end mpv pauses by itself.
        if !(paused && near_end) && self.loading == Loading::Done {
            self.done_by_hand(if paused {
                ByHand::Paused
            } else {
                ByHand::Resumed
            });
        }
    }

    fn done_by_hand(&mut self, what: ByHand) {
        if self.by_hand.len() == BY_HAND_MAX {
            self.by_hand.pop_front();
        }
        self.by_hand.push_back(what);
    }
}

/// mpv gives negative positions before the first frame.
fn seconds(data: &Value) -> Option<Duration> {
    let seconds = data.as_f64()?.max(0.0);
    Duration::try_from_secs_f64(seconds).ok()
}

fn tracks(list: &Value) -> Vec<Track> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |track: &Value, key: &str| {
        track
            .get(key)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    let read = |track: &Value| {
        let kind = match track.get("type")?.as_str()? {
            "audio" => TrackKind::Audio,
            "sub" => TrackKind::Subtitles,
            _ => return None,
        };
        let id = track.get("id")?.as_i64()?;
        let language = text(track, "lang");
        Some(Track {
            kind,
            id,
            label: text(track, "title")
                .or_else(|| language.clone())
                .unwrap_or_else(|| id.to_string()),
            language,
            chosen: track
                .get("selected")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        })
    };
    list.iter().filter_map(read).take(TRACKS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(state: &mut State, at: Instant, name: &str, data: Value) {
        state.heard(
            at,
            Some(&json!({"event": "property-change", "name": name, "data": data})),
        );
    }

    fn event(state: &mut State, at: Instant, name: &str) {
        state.heard(at, Some(&json!({"event": name})));
    }

    /// A film of 25 frames/s that plays.
    fn playing(at: Instant) -> State {
        let mut state = State::default();
        event(&mut state, at, "start-file");
        event(&mut state, at, "file-loaded");
        change(&mut state, at, "container-fps", json!(25.0));
        change(&mut state, at, "duration", json!(60.0));
        state.told_paused = false;
        change(&mut state, at, "pause", json!(false));
        state
    }

    #[test]
    fn a_place_is_true_when_its_frame_was_shown_and_a_frozen_one_stays() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut state = playing(start);
        change(&mut state, ms(5), "time-pos", json!(10.0));
        let ten = Duration::from_secs(10);
        assert_eq!(state.place(ms(40)), (ms(5), ten));
        assert_eq!(
            state.place(ms(400)),
            (ms(400), ten),
            "the picture is frozen"
        );
        change(&mut state, ms(410), "pause", json!(true));
        assert_eq!(state.place(ms(411)), (ms(411), ten));
    }

    #[test]
    fn what_we_did_not_ask_for_was_done_by_hand() {
        let now = Instant::now();
        let mut state = playing(now);
        assert_eq!(state.take_by_hand(), None);
        change(&mut state, now, "pause", json!(true));
        assert_eq!(state.take_by_hand(), Some(ByHand::Paused));
        change(&mut state, now, "pause", json!(false));
        assert_eq!(state.take_by_hand(), Some(ByHand::Resumed));
        state.own_seeks = 1;
        for to in [20.0, 30.0] {
            event(&mut state, now, "seek");
            change(&mut state, now, "time-pos", json!(to));
            event(&mut state, now, "playback-restart");
        }
        let to = Duration::from_secs(30);
        assert_eq!(state.take_by_hand(), Some(ByHand::Sought { to }));
        assert_eq!(state.take_by_hand(), None);
    }

    #[test]
    fn the_end_of_a_film_is_nobodys_pause() {
        let now = Instant::now();
        let mut state = playing(now);
        change(&mut state, now, "time-pos", json!(59.96));
        change(&mut state, now, "pause", json!(true));
        assert_eq!(state.take_by_hand(), None);
        assert!(!state.playing());
    }

    #[test]
    fn nonsense_in_properties_changes_nothing_that_matters() {
        let now = Instant::now();
        let mut state = playing(now);
        change(&mut state, now, "time-pos", json!(12.0));
        for data in [json!(null), json!("x"), json!({}), json!([1])] {
            for name in OBSERVED {
                if name != "pause" {
                    change(&mut state, now, name, data.clone());
                }
            }
        }
        change(&mut state, now, "time-pos", json!(-0.02));
        assert_eq!(state.place(now).1, Duration::ZERO);
        change(&mut state, now, "time-pos", json!(1e300));
        assert_eq!(state.place(now).1, Duration::ZERO);
        assert_eq!(state.rate_permille(), 1_000);
        assert!(state.tracks.is_empty());
    }

    #[test]
    fn tracks_have_a_name_in_any_case() {
        let list = json!([
            {"id": 1, "type": "video"},
            {"id": 1, "type": "audio", "selected": true, "lang": "en"},
            {"id": 2, "type": "audio", "title": "Director"},
            {"id": 1, "type": "sub"},
            {"type": "sub"},
        ]);
        let tracks = tracks(&list);
        let told: Vec<_> = tracks
            .iter()
            .map(|track| (track.kind, track.label.as_str(), track.chosen))
            .collect();
        assert_eq!(
            told,
            [
                (TrackKind::Audio, "en", true),
                (TrackKind::Audio, "Director", false),
                (TrackKind::Subtitles, "1", false),
            ]
        );
    }
}
