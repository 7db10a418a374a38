//! Speakers without a loudspeaker: they play in real time into memory or a file.

use std::{fs::File, io::BufWriter, path::Path, sync::Arc, time::Instant};

use hound::{SampleFormat, WavSpec, WavWriter};
use parking_lot::Mutex;

use super::{SAMPLE_RATE, Speaker};

/// What one speaker keeps at most, in samples: ten minutes.
pub const RECORDING_SAMPLES_MAX: usize = 10 * 60 * SAMPLE_RATE as usize;

/// A device's clock: it plays from the first sample on, and silence while nothing is queued.
#[derive(Debug, Default)]
struct Playing {
    since: Option<Instant>,
    queued_ever: u64,
}

impl Playing {
    /// Samples of silence that the device played before it got these `samples` more.
    fn play(&mut self, samples: usize) -> u64 {
        self.since.get_or_insert_with(Instant::now);
        let silence = self.played().saturating_sub(self.queued_ever);
        self.queued_ever += silence + samples as u64;
        silence
    }

    fn queued(&self) -> usize {
        let queued = self.queued_ever.saturating_sub(self.played());
        usize::try_from(queued).unwrap_or(usize::MAX)
    }

    fn played(&self) -> u64 {
        let micros = self.since.map_or(0, |since| since.elapsed().as_micros());
        (micros * u128::from(SAMPLE_RATE) / 1_000_000) as u64
    }
}

/// What was played, as it sounded: gaps are silence.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Mono at 48 kHz, at most [`RECORDING_SAMPLES_MAX`].
    pub samples: Vec<i16>,
    /// When the first sample sounded.
    pub since: Option<Instant>,
    /// Samples of silence because nothing was queued.
    pub dry_samples: u64,
}

/// A speaker that remembers what it played.
#[derive(Default)]
pub struct MemorySpeaker {
    playing: Playing,
    recording: Arc<Mutex<Recording>>,
}

impl MemorySpeaker {
    /// The speaker and what it will have played.
    pub fn new() -> (MemorySpeaker, Arc<Mutex<Recording>>) {
        let speaker = MemorySpeaker::default();
        let recording = Arc::clone(&speaker.recording);
        (speaker, recording)
    }
}

impl Speaker for MemorySpeaker {
    fn play(&mut self, samples: &[i16]) {
        let silence = self.playing.play(samples.len());
        let mut recording = self.recording.lock();
        recording.since = self.playing.since;
        recording.dry_samples += silence;
        let room = RECORDING_SAMPLES_MAX - recording.samples.len();
        let zeros = usize::try_from(silence).unwrap_or(usize::MAX).min(room);
        recording.samples.extend(std::iter::repeat_n(0, zeros));
        let kept = &samples[..samples.len().min(room - zeros)];
        recording.samples.extend_from_slice(kept);
    }

    fn queued_samples(&mut self) -> usize {
        self.playing.queued()
    }
}

/// A speaker that nobody hears.
#[derive(Debug, Default)]
pub struct SilentSpeaker {
    playing: Playing,
}

impl Speaker for SilentSpeaker {
    fn play(&mut self, samples: &[i16]) {
        self.playing.play(samples.len());
    }

    fn queued_samples(&mut self) -> usize {
        self.playing.queued()
    }
}

/// A speaker that writes a WAV file, complete when it is dropped.
pub struct WavSpeaker {
    playing: Playing,
    writer: Option<WavWriter<BufWriter<File>>>,
    room: usize,
}

impl WavSpeaker {
    /// Makes the file anew: mono, 48 kHz, 16 bits, at most [`RECORDING_SAMPLES_MAX`] long.
    pub fn create(path: &Path) -> Result<WavSpeaker, hound::Error> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        Ok(WavSpeaker {
            playing: Playing::default(),
            writer: Some(WavWriter::create(path, spec)?),
            room: RECORDING_SAMPLES_MAX,
        })
    }

    fn write(&mut self, samples: impl Iterator<Item = i16>) -> Result<(), hound::Error> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        for sample in samples.take(self.room) {
            writer.write_sample(sample)?;
            self.room -= 1;
        }
        Ok(())
    }
}

impl Speaker for WavSpeaker {
    fn play(&mut self, samples: &[i16]) {
        let silence = self.playing.play(samples.len());
        let zeros = std::iter::repeat_n(0, usize::try_from(silence).unwrap_or(usize::MAX));
        if let Err(error) = self.write(zeros.chain(samples.iter().copied())) {
            tracing::warn!(%error, "the recording of the speaker ends here");
            self.writer = None;
        }
    }

    fn queued_samples(&mut self) -> usize {
        self.playing.queued()
    }
}

impl Drop for WavSpeaker {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.writer.take().map(WavWriter::finalize) {
            tracing::warn!(%error, "the recording of the speaker is not complete");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_speaker_keeps_what_it_played() {
        let (mut speaker, recording) = MemorySpeaker::new();
        speaker.play(&[1, 2, 3]);
        assert_eq!(recording.lock().samples, [1, 2, 3]);
        assert!(recording.lock().since.is_some());
    }

    #[test]
    fn a_wav_speaker_leaves_a_file_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("played.wav");
        let mut speaker = WavSpeaker::create(&path).unwrap();
        speaker.play(&[1, -2, 3]);
        drop(speaker);
        let mut reader = hound::WavReader::open(&path).unwrap();
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples, [1, -2, 3]);
    }
}
