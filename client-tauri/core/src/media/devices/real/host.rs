//! The sound system of this machine: what it has, and streams from and to it.

use std::time::Duration;

use cpal::{
    BufferSize, Device, DeviceId, ErrorKind, FromSample, Host, Sample, SampleFormat, SizedSample,
    StreamConfig,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};

use super::{
    DeviceRefused,
    lines::{Between, Captured, Capturing, Sounding, Sounds, capture_ring, playback_ring},
};
use crate::media::devices::{DEVICES_MAX, DeviceInfo, DeviceKind, SAMPLE_RATE};

/// How long a device may take to be opened.
const OPEN_DEADLINE: Duration = Duration::from_secs(2);
/// Sound that a microphone gives at once, and a speaker takes at once: less costs more wakes of the
/// sound server than it saves time. A frame waits for the end of such a piece, as it never ends with one.
const CAPTURE_PERIOD: Duration = Duration::from_micros(2_500);
const PLAYBACK_PERIOD: Duration = Duration::from_millis(5);
/// Of a microphone whose person is muted, and only to be told so.
const CALM_PERIOD: Duration = Duration::from_millis(80);
/// Channels that are folded into one or filled from one.
const CHANNELS_MAX: u16 = 8;

/// A stream that runs until it is dropped.
pub(super) trait Stream {
    /// Stands still, or goes on.
    fn rest(&self, rests: bool);
}

pub(super) type OpenStream = Box<dyn Stream>;

impl Stream for cpal::Stream {
    fn rest(&self, rests: bool) {
        let done = match rests {
            true => self.pause(),
            false => self.play(),
        };
        if let Err(error) = done {
            // Not every system can; then it plays silence.
            tracing::debug!(%error, rests, "a stream goes on as it was");
        }
    }
}

/// Called once when a stream breaks.
pub(super) type Alarm = Box<dyn Fn() + Send>;

/// What the thread of the devices needs of a sound system.
pub(super) trait SoundHost {
    /// Microphones and speakers.
    fn list(&mut self) -> Result<Vec<DeviceInfo>, DeviceRefused>;

    /// A calm one gives its sound in long pieces.
    fn listen(
        &mut self,
        device: &DeviceInfo,
        calm: bool,
        alarm: Alarm,
    ) -> Result<(OpenStream, Captured), DeviceRefused>;

    fn speak(
        &mut self,
        device: &DeviceInfo,
        alarm: Alarm,
    ) -> Result<(OpenStream, Sounds), DeviceRefused>;
}

/// PulseAudio, PipeWire or ALSA; WASAPI; CoreAudio.
#[derive(Default)]
pub(super) struct SystemSound {
    /// A connection to the sound server, made anew when it is lost.
    host: Option<Host>,
}

impl SystemSound {
    fn host(&mut self) -> &Host {
        self.host.get_or_insert_with(cpal::default_host)
    }

    fn device(&mut self, wanted: &DeviceInfo) -> Result<Device, DeviceRefused> {
        let id: Result<DeviceId, _> = wanted.id.parse();
        let found = id.ok().and_then(|id| self.host().device_by_id(&id));
        found.ok_or_else(|| DeviceRefused::none(wanted.kind))
    }
}

impl SoundHost for SystemSound {
    fn list(&mut self) -> Result<Vec<DeviceInfo>, DeviceRefused> {
        let listed = list(self.host());
        if listed.is_err() {
            self.host = None;
        }
        listed
    }

    fn listen(
        &mut self,
        wanted: &DeviceInfo,
        calm: bool,
        alarm: Alarm,
    ) -> Result<(OpenStream, Captured), DeviceRefused> {
        let device = self.device(wanted)?;
        let refused = |error| refusal(&wanted.name, &error);
        let (format, config) = input_config(&device, calm).map_err(refused)?;
        let (ring, captured) = capture_ring(config.sample_rate);
        let between = std::sync::Arc::clone(&captured.between);
        let alarm = Breaking { between, alarm };
        let stream = match format {
            SampleFormat::I16 => read::<i16>(&device, config, ring, alarm),
            SampleFormat::I32 => read::<i32>(&device, config, ring, alarm),
            SampleFormat::U16 => read::<u16>(&device, config, ring, alarm),
            SampleFormat::U8 => read::<u8>(&device, config, ring, alarm),
            _ => read::<f32>(&device, config, ring, alarm),
        };
        let stream = stream.map_err(refused)?;
        stream.play().map_err(refused)?;
        Ok((Box::new(stream), captured))
    }

    fn speak(
        &mut self,
        wanted: &DeviceInfo,
        alarm: Alarm,
    ) -> Result<(OpenStream, Sounds), DeviceRefused> {
        let device = self.device(wanted)?;
        let refused = |error| refusal(&wanted.name, &error);
        let (format, config) = output_config(&device).map_err(refused)?;
        let period = samples(PLAYBACK_PERIOD, config.sample_rate);
        let (ring, sounds) = playback_ring(config.sample_rate, period);
        let between = std::sync::Arc::clone(&sounds.between);
        let alarm = Breaking { between, alarm };
        let stream = match format {
            SampleFormat::I16 => write::<i16>(&device, config, ring, alarm),
            SampleFormat::I32 => write::<i32>(&device, config, ring, alarm),
            SampleFormat::U16 => write::<u16>(&device, config, ring, alarm),
            SampleFormat::U8 => write::<u8>(&device, config, ring, alarm),
            _ => write::<f32>(&device, config, ring, alarm),
        };
        let stream = stream.map_err(refused)?;
        stream.play().map_err(refused)?;
        Ok((Box::new(stream), sounds))
    }
}

/// What a stream's error callback does: says once that it is to be built anew.
struct Breaking {
    between: std::sync::Arc<Between>,
    alarm: Alarm,
}

impl Breaking {
    fn heard(&self, error: &cpal::Error) {
        let harmless = matches!(
            error.kind(),
            ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied
        );
        // Some systems repeat an error with every callback.
        if !harmless
            && !self
                .between
                .broken
                .swap(true, std::sync::atomic::Ordering::Relaxed)
        {
            (self.alarm)();
        }
    }
}

fn read<T: SizedSample + Send + 'static>(
    device: &Device,
    config: StreamConfig,
    mut ring: Capturing,
    breaking: Breaking,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels);
    device.build_input_stream::<T, _, _>(
        config,
        move |data, info| {
            let times = info.timestamp();
            let latency = times.callback.duration_since(times.capture);
            ring.take(data, channels, latency);
        },
        move |error| breaking.heard(&error),
        Some(OPEN_DEADLINE),
    )
}

fn write<T: SizedSample + Sample + FromSample<f32> + Send + 'static>(
    device: &Device,
    config: StreamConfig,
    mut ring: Sounding,
    breaking: Breaking,
) -> Result<cpal::Stream, cpal::Error> {
    let channels = usize::from(config.channels);
    device.build_output_stream::<T, _, _>(
        config,
        move |data, info| {
            let times = info.timestamp();
            let latency = times.playback.duration_since(times.callback);
            ring.give(data, channels, latency);
        },
        move |error| breaking.heard(&error),
        Some(OPEN_DEADLINE),
    )
}

/// Our own rate and one channel where the system converts by itself, else what the device has.
fn input_config(device: &Device, calm: bool) -> Result<(SampleFormat, StreamConfig), cpal::Error> {
    let default = device.default_input_config()?;
    let ranges = device.supported_input_configs()?;
    let period = if calm { CALM_PERIOD } else { CAPTURE_PERIOD };
    Ok(choose(ranges, &default, period))
}

fn output_config(device: &Device) -> Result<(SampleFormat, StreamConfig), cpal::Error> {
    let default = device.default_output_config()?;
    let ranges = device.supported_output_configs()?;
    Ok(choose(ranges, &default, PLAYBACK_PERIOD))
}

fn choose(
    ranges: impl Iterator<Item = cpal::SupportedStreamConfigRange>,
    default: &cpal::SupportedStreamConfig,
    period: Duration,
) -> (SampleFormat, StreamConfig) {
    let ours = ranges
        .filter(|range| range.channels() <= CHANNELS_MAX && rank(range.sample_format()).is_some())
        .filter(|range| (range.min_sample_rate()..=range.max_sample_rate()).contains(&SAMPLE_RATE))
        .min_by_key(|range| (range.channels(), rank(range.sample_format())));
    let (format, channels, rate) = match ours {
        Some(range) => (range.sample_format(), range.channels(), SAMPLE_RATE),
        None => (
            default.sample_format(),
            default.channels(),
            default.sample_rate(),
        ),
    };
    let config = StreamConfig {
        channels,
        sample_rate: rate,
        buffer_size: BufferSize::Fixed(samples(period, rate) as u32),
    };
    (format, config)
}

/// Formats that are read and written, the best first.
fn rank(format: SampleFormat) -> Option<usize> {
    let known = [
        SampleFormat::F32,
        SampleFormat::I16,
        SampleFormat::I32,
        SampleFormat::U16,
        SampleFormat::U8,
    ];
    known.iter().position(|&known| known == format)
}

fn samples(period: Duration, rate_hz: u32) -> usize {
    (u64::from(rate_hz) * period.as_micros() as u64 / 1_000_000) as usize
}

fn list(host: &Host) -> Result<Vec<DeviceInfo>, DeviceRefused> {
    let refused = |_| DeviceRefused::no_sound_server();
    let id = |device: &Device| device.id().ok().map(|id| id.to_string());
    let default_input = host.default_input_device().as_ref().and_then(id);
    let default_output = host.default_output_device().as_ref().and_then(id);
    let mut devices: Vec<DeviceInfo> = Vec::new();
    let mut cards = false;
    for device in host.devices().map_err(refused)? {
        let (Ok(id), Ok(described)) = (device.id(), device.description()) else {
            continue;
        };
        let alsa = id.host().to_string() == "alsa";
        cards |= !alsa || is_card(id.id());
        if !is_for_people(alsa, id.id()) {
            continue;
        }
        let kinds = [
            (
                DeviceKind::Microphone,
                described.supports_input(),
                &default_input,
            ),
            (
                DeviceKind::Speaker,
                described.supports_output(),
                &default_output,
            ),
        ];
        for (kind, supported, default) in kinds {
            let of_kind = devices.iter().filter(|device| device.kind == kind).count();
            if supported && of_kind < DEVICES_MAX {
                let id = id.to_string();
                devices.push(DeviceInfo {
                    kind,
                    is_default: default.as_ref() == Some(&id),
                    id,
                    name: described.name().to_owned(),
                });
            }
        }
    }
    match cards {
        true => Ok(devices),
        // ALSA always has its plug-ins, which lead to nowhere.
        false => Err(DeviceRefused::no_sound_server()),
    }
}

/// What a person would call a microphone or a speaker: not what a speaker plays, and of ALSA's many names
/// for a card the one that converts, and the system's default.
fn is_for_people(alsa: bool, id: &str) -> bool {
    match alsa {
        true => id == "default" || id.starts_with("plughw:"),
        false => !id.ends_with(".monitor"),
    }
}

fn is_card(alsa_id: &str) -> bool {
    alsa_id.starts_with("hw:") || alsa_id.starts_with("plughw:")
}

fn refusal(name: &str, error: &cpal::Error) -> DeviceRefused {
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceRefused::busy(name),
        ErrorKind::PermissionDenied => DeviceRefused::denied(name),
        ErrorKind::HostUnavailable => DeviceRefused::no_sound_server(),
        _ => DeviceRefused::failed(name, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_shown_devices_and_not_plumbing() {
        assert!(is_for_people(false, "alsa_input.usb-Headset.mono"));
        assert!(!is_for_people(false, "alsa_output.pci.stereo.monitor"));
        assert!(is_for_people(true, "plughw:CARD=0,DEV=0"));
        for plug_in in [
            "dmix:CARD=0",
            "null",
            "pulse",
            "sysdefault:CARD=0",
            "hw:CARD=0,DEV=0",
        ] {
            assert!(!is_for_people(true, plug_in), "{plug_in}");
        }
    }

    #[test]
    fn each_failure_says_what_to_do() {
        let of = |kind| refusal("Headset", &cpal::Error::new(kind));
        let told = [
            (of(ErrorKind::DeviceBusy), "device_busy", "Close that one"),
            (of(ErrorKind::PermissionDenied), "device_denied", "Allow it"),
            (
                of(ErrorKind::HostUnavailable),
                "no_sound_server",
                "Start PipeWire",
            ),
            (of(ErrorKind::BackendError), "device_failed", "unplug it"),
        ];
        for (refused, code, advice) in told {
            assert_eq!(refused.code, code);
            assert!(refused.message.contains(advice), "{refused}");
        }
    }
}
