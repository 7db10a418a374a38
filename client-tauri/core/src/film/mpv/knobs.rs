//! mpv's own knobs: sound, tracks, single frames, full screen.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Shared, state::Loading};
use crate::film::{
    controls::{Controls, PlayerStatus, TrackKind, unable, volume_of},
    player::{Answered, PlayerError},
    refused::PlayerRefused,
};

/// A single step is shown within this.
const STEP_MAX: Duration = Duration::from_millis(700);

/// What the person has set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sound {
    percent: u32,
    ducked: bool,
}

impl Default for Sound {
    fn default() -> Sound {
        Sound {
            percent: 100,
            ducked: false,
        }
    }
}

pub(super) struct Knobs(pub Arc<Shared>);

impl Knobs {
    async fn sound(&self, change: impl FnOnce(&mut Sound)) -> Result<(), PlayerError> {
        let sound = {
            let mut sound = self.0.sound.lock();
            change(&mut sound);
            *sound
        };
        let volume = volume_of(sound.percent, sound.ducked);
        self.0.ipc.set("volume", json!(volume)).await
    }

    async fn step(&self, back: bool) -> Result<Duration, PlayerError> {
        let (before, restarts) = {
            let mut state = self.0.state.lock();
            if state.loading != Loading::Done || !(state.paused && state.told_paused) {
                return Err(unable("Pause the film to go through its pictures."));
            }
            // Back is a jump, forth is not.
            state.own_seeks += u32::from(back);
            state.stepping = true;
            (state.place(std::time::Instant::now()).1, state.restarts)
        };
        let command = if back {
            "frame-back-step"
        } else {
            "frame-step"
        };
        let stepped = match self.0.ipc.ask(json!([command])).await {
            Ok(_) => Ok(self.0.wait_for_step(STEP_MAX, before, restarts, back).await),
            Err(error) => Err(error),
        };
        self.0.state.lock().stepping = false;
        stepped?.ok_or_else(|| unable("There is no further picture."))
    }
}

impl Shared {
    /// The middle of the frame that is shown when it is another than before.
    async fn wait_for_step(
        &self,
        most: Duration,
        before: Duration,
        restarts: u64,
        back: bool,
    ) -> Option<Duration> {
        // Positions alone wake nobody: they are asked for until one is another.
        let deadline = tokio::time::Instant::now() + most;
        while tokio::time::Instant::now() < deadline {
            {
                let state = self.state.lock();
                let (_, position) = state.place(std::time::Instant::now());
                if position != before && state.paused && (!back || state.restarts > restarts) {
                    return Some(position + state.frame() / 2);
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }
}

impl Controls for Knobs {
    fn status(&self) -> PlayerStatus {
        let sound = *self.0.sound.lock();
        let state = self.0.state.lock();
        let failure = if state.gone {
            Some(PlayerRefused::gone("mpv"))
        } else if state.loading == Loading::Failed {
            Some(PlayerRefused::cannot_decode("mpv"))
        } else {
            None
        };
        PlayerStatus {
            volume_percent: sound.percent,
            muted: state.muted,
            ducked: sound.ducked,
            full_screen: state.full_screen,
            tracks: state.tracks.clone(),
            frames_per_second: state.frames_per_second,
            failure,
        }
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.clone()
    }

    fn set_volume(&self, percent: u32) -> Answered<'_, ()> {
        Box::pin(self.sound(move |sound| sound.percent = percent.min(100)))
    }

    fn set_muted(&self, muted: bool) -> Answered<'_, ()> {
        Box::pin(self.0.ipc.set("mute", json!(muted)))
    }

    fn duck(&self, on: bool) -> Answered<'_, ()> {
        Box::pin(self.sound(move |sound| sound.ducked = on))
    }

    fn step(&self, back: bool) -> Answered<'_, Duration> {
        Box::pin(Knobs::step(self, back))
    }

    fn choose_track(&self, kind: TrackKind, id: Option<i64>) -> Answered<'_, ()> {
        let property = match kind {
            TrackKind::Audio => "aid",
            TrackKind::Subtitles => "sid",
        };
        let choice = id.map_or_else(|| Value::from("no"), Value::from);
        Box::pin(self.0.ipc.set(property, choice))
    }

    fn set_full_screen(&self, on: bool) -> Answered<'_, ()> {
        Box::pin(self.0.ipc.set("fullscreen", json!(on)))
    }
}
