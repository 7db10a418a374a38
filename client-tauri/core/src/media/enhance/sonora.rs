//! Echo cancellation, noise suppression and levelling with the algorithms of WebRTC (AEC3, NS, AGC2), and
//! RNNoise for strong noise suppression.

use nnnoiseless::DenoiseState;
use sonora::{
    AudioProcessing, Config, StreamConfig,
    config::{
        AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate,
        NoiseSuppression, NoiseSuppressionLevel, Pipeline,
    },
};

use super::{
    Enhancement, Enhancer, Strength,
    gate::{EchoGate, power},
};
use crate::media::devices::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

const STREAM: StreamConfig = StreamConfig::new(SAMPLE_RATE, 1);
const FULL_SCALE: f32 = 32_768.0;

/// Three stages in this order, each only when it is wanted: echo and normal noise suppression, strong noise
/// suppression (10 ms later), level.
pub struct SonoraEnhancer {
    front: Option<Box<AudioProcessing>>,
    gate: Option<EchoGate>,
    strong: Option<Box<DenoiseState<'static>>>,
    level: Option<Box<AudioProcessing>>,
    samples: [f32; FRAME_SAMPLES],
    other: [f32; FRAME_SAMPLES],
}

impl SonoraEnhancer {
    pub fn new(wanted: Enhancement) -> SonoraEnhancer {
        let strong = wanted.noise == Strength::Strong;
        SonoraEnhancer {
            front: front(wanted),
            gate: (wanted.echo == Strength::Strong).then(EchoGate::new),
            strong: strong.then(DenoiseState::new),
            level: level(wanted.levelling),
            samples: [0.0; FRAME_SAMPLES],
            other: [0.0; FRAME_SAMPLES],
        }
    }

    /// Runs a stage of WebRTC over the samples.
    fn run(stage: &mut AudioProcessing, samples: &mut [f32], other: &mut [f32]) {
        match stage.process_capture_f32(&[samples], &mut [other]) {
            Ok(()) => samples.copy_from_slice(other),
            // Only of formats, and ours never changes; the sound stays as it is.
            Err(error) => tracing::debug!(?error, "a frame was not enhanced"),
        }
    }
}

fn processing(config: Config) -> Box<AudioProcessing> {
    let builder = AudioProcessing::builder()
        .config(Config {
            pipeline: Pipeline {
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            ..config
        })
        .capture_config(STREAM)
        .render_config(STREAM);
    Box::new(builder.build())
}

fn front(wanted: Enhancement) -> Option<Box<AudioProcessing>> {
    // RNNoise wants the sound before any other suppressor has been at it.
    let suppresses = wanted.noise == Strength::Normal;
    let cancels = wanted.echo > Strength::Off;
    if wanted == Enhancement::OFF {
        return None;
    }
    Some(processing(Config {
        high_pass_filter: Some(HighPassFilter::default()),
        echo_canceller: cancels.then(EchoCanceller::default),
        noise_suppression: suppresses.then(|| NoiseSuppression {
            level: NoiseSuppressionLevel::High,
            ..NoiseSuppression::default()
        }),
        ..Config::default()
    }))
}

fn level(strength: Strength) -> Option<Box<AudioProcessing>> {
    let adaptive = match strength {
        Strength::Off => return None,
        Strength::Normal => AdaptiveDigital {
            max_gain_db: 24.0,
            initial_gain_db: 6.0,
            ..AdaptiveDigital::default()
        },
        Strength::Strong => AdaptiveDigital {
            max_gain_db: 40.0,
            initial_gain_db: 12.0,
            max_gain_change_db_per_second: 12.0,
            headroom_db: 3.0,
            ..AdaptiveDigital::default()
        },
    };
    Some(processing(Config {
        gain_controller2: Some(GainController2 {
            adaptive_digital: Some(adaptive),
            ..GainController2::default()
        }),
        ..Config::default()
    }))
}

impl Enhancer for SonoraEnhancer {
    fn played(&mut self, frame: &Frame) {
        let Some(front) = &mut self.front else { return };
        scale(frame, &mut self.samples);
        if let Some(gate) = &mut self.gate {
            gate.played(power(&self.samples));
        }
        if let Err(error) = front.process_render_f32(&[&self.samples], &mut [&mut self.other]) {
            tracing::debug!(?error, "a frame that is played was not taken");
        }
    }

    fn captured(&mut self, frame: &mut Frame) {
        let (samples, other) = (&mut self.samples, &mut self.other);
        scale(frame, samples);
        let raw = power(samples);
        if let Some(front) = &mut self.front {
            Self::run(front, samples, other);
        }
        if let Some(gate) = &mut self.gate {
            gate.pass(raw, samples);
        }
        if let Some(strong) = &mut self.strong {
            // RNNoise counts in the range of 16 bits.
            samples.iter_mut().for_each(|sample| *sample *= FULL_SCALE);
            strong.process_frame(other, samples);
            for (sample, denoised) in samples.iter_mut().zip(other.iter()) {
                *sample = denoised / FULL_SCALE;
            }
        }
        if let Some(level) = &mut self.level {
            Self::run(level, samples, other);
        }
        for (sample, enhanced) in frame.iter_mut().zip(samples) {
            // `as` saturates: the limiter leaves nothing above full scale.
            *sample = (*enhanced * FULL_SCALE).round() as i16;
        }
    }
}

fn scale(frame: &Frame, samples: &mut [f32; FRAME_SAMPLES]) {
    for (scaled, sample) in samples.iter_mut().zip(frame) {
        *scaled = f32::from(*sample) / FULL_SCALE;
    }
}

#[cfg(test)]
mod tests;
