//! A WAV file as a microphone.

use std::{path::Path, sync::Arc, time::Duration};

use hound::{SampleFormat, WavReader};

use super::{Frame, Paced, SAMPLE_RATE, Sound, resample};

/// Longest file that is taken, in seconds of sound: it is kept in memory.
pub const WAV_SECONDS_MAX: u32 = 600;
/// Most channels that are folded into one.
pub const WAV_CHANNELS_MAX: u16 = 8;

/// How a file is heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct WavOptions {
    /// Begin anew at the end, else fall silent.
    pub repeat: bool,
    /// Begin at this place of the file.
    pub from: Duration,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WavRefused {
    #[error("The sound file cannot be read: {0}. Choose a WAV file.")]
    Unreadable(#[from] hound::Error),
    #[error("The sound file is longer than {WAV_SECONDS_MAX} seconds. Choose a shorter one.")]
    TooLong,
    #[error(
        "The sound file has no sound, or more than {WAV_CHANNELS_MAX} channels. Choose another."
    )]
    NoSound,
}

/// Sound of a file, at 48 kHz and mono, shared by all who play it.
#[derive(Clone, Debug)]
pub struct WavSound {
    samples: Arc<[i16]>,
    at: usize,
    repeat: bool,
}

/// A microphone that hears a file in real time.
pub type WavMicrophone = Paced<WavSound>;

impl WavMicrophone {
    pub fn open(path: &Path, options: WavOptions) -> Result<WavMicrophone, WavRefused> {
        Ok(Paced::new(WavSound::open(path, options)?))
    }
}

impl WavSound {
    /// Reads a WAV file of any rate, of 8 to 32 bits or floating point; channels are averaged.
    pub fn open(path: &Path, options: WavOptions) -> Result<WavSound, WavRefused> {
        let reader = WavReader::open(path)?;
        let spec = reader.spec();
        let channels = usize::from(spec.channels);
        if channels == 0 || spec.channels > WAV_CHANNELS_MAX || spec.sample_rate == 0 {
            return Err(WavRefused::NoSound);
        }
        if reader.duration() / spec.sample_rate > WAV_SECONDS_MAX {
            return Err(WavRefused::TooLong);
        }
        let interleaved: Vec<f32> = match spec.sample_format {
            SampleFormat::Float => reader.into_samples::<f32>().collect::<Result<_, _>>()?,
            SampleFormat::Int => {
                let full_scale = (1_i64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
                let samples = reader.into_samples::<i32>();
                samples
                    .map(|sample| sample.map(|sample| sample as f32 / full_scale))
                    .collect::<Result<_, _>>()?
            }
        };
        let mono: Vec<f32> = interleaved
            .chunks_exact(channels)
            .map(|frame| frame.iter().sum::<f32>() / channels as f32)
            .collect();
        let samples: Vec<i16> = resample(&mono, spec.sample_rate, SAMPLE_RATE)
            .into_iter()
            .map(|sample| (sample * 32_767.0) as i16)
            .collect();
        WavSound::new(samples.into(), options).ok_or(WavRefused::NoSound)
    }

    /// The same sound, heard from a later place on.
    pub fn ahead(mut self, by: Duration) -> WavSound {
        let samples = by.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
        let at = self
            .at
            .saturating_add(usize::try_from(samples).unwrap_or(usize::MAX));
        self.at = match self.repeat {
            true => at % self.samples.len(),
            false => at.min(self.samples.len()),
        };
        self
    }

    /// Sound at 48 kHz; `None` when there is none.
    pub fn new(samples: Arc<[i16]>, options: WavOptions) -> Option<WavSound> {
        let whole = WavSound {
            samples,
            at: 0,
            repeat: options.repeat,
        };
        (!whole.samples.is_empty()).then(|| whole.ahead(options.from))
    }
}

impl Sound for WavSound {
    fn fill(&mut self, frame: &mut Frame) -> bool {
        for sample in frame {
            if self.at == self.samples.len() && self.repeat {
                self.at = 0;
            }
            *sample = self.samples.get(self.at).copied().unwrap_or(0);
            self.at = (self.at + 1).min(self.samples.len());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use hound::{WavSpec, WavWriter};

    use super::*;
    use crate::media::devices::FRAME_SAMPLES;

    fn file_of(spec: WavSpec, samples: &[i16]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::with_suffix(".wav").unwrap();
        let mut writer = WavWriter::create(file.path(), spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
        file
    }

    const STEREO_48: WavSpec = WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };

    #[test]
    fn channels_are_averaged_and_the_file_ends_in_silence() {
        let file = file_of(STEREO_48, &[1_000, 3_000].repeat(100));
        let mut sound = WavSound::open(file.path(), WavOptions::default()).unwrap();
        let mut frame = [7; FRAME_SAMPLES];
        assert!(sound.fill(&mut frame));
        assert!(
            frame[..100]
                .iter()
                .all(|sample| sample.abs_diff(2_000) <= 1)
        );
        assert!(frame[100..].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn a_repeated_file_begins_at_its_offset_and_then_anew() {
        let ramp: Vec<i16> = (0..480).flat_map(|i| [i * 10, i * 10]).collect();
        let file = file_of(STEREO_48, &ramp);
        let options = WavOptions {
            repeat: true,
            from: Duration::from_millis(5),
        };
        let mut sound = WavSound::open(file.path(), options).unwrap();
        let mut frame = [0; FRAME_SAMPLES];
        sound.fill(&mut frame);
        assert!(frame[0].abs_diff(2_400) <= 1 && frame[240] <= 1);
    }

    #[test]
    fn a_file_that_is_no_sound_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"this is a letter").unwrap();
        let refused = WavSound::open(file.path(), WavOptions::default());
        assert!(matches!(refused, Err(WavRefused::Unreadable(_))));
    }
}
