//! How long a voice takes through the server while it is mixed with others.

use std::{f64::consts::TAU, sync::Arc, time::Duration};

use conclave_client::media::{
    devices::SAMPLE_RATE,
    figures::{Summary, record},
};
use conclave_core::{Moment, media::quality::Histogram};
use conclave_wire::datagram::Voice;
use opus::{Channels, Decoder};
use parking_lot::Mutex;

use crate::{
    Outcome,
    light_media::Inlet,
    load::{Load, pass},
    page::{Section, percentiles},
    served::Served,
    speech::{PACKET_SAMPLES, Script, Talker, Talking},
    voice::{open, talkers},
};

/// Above the voices of the others.
const BEEP_HERTZ: f32 = 3_000.0;
const BEEP: Duration = Duration::from_millis(200);
/// Samples looked at together, and from one look to the next: 5 ms and a quarter of one.
const WINDOW: usize = 240;
const STEP: usize = 12;
/// A quarter of a steady beep's power: half of the window is filled with it.
const ONSET_POWER: f64 = 0.25 * 0.4 * 0.4;
const SETTLE_SECONDS: f64 = 2.0;
/// A beep is not heard later than this.
const LATE_MAX: Duration = Duration::from_millis(400);

const ABOUT: &str = "Two talk without pauses; a third beeps once a second, each time from another place \
within the room's 20 ms. A fourth person's mix is decoded afterwards and the beep's onset looked for. \
*Packet to packet* is from before the send of the packet that the beep begins in to the read of the packet \
in which it is heard, as where one voice is passed on. *Sound to sound* adds where in its packet the onset \
stands, so it also has the look-ahead of both Opus encoders in it (6.5 ms each; the first is the talker's).";

/// A packet of Opus, and when it was read.
type Heard = (Moment, Vec<u8>);

/// Everything that came, to be decoded later.
struct Recorder(Arc<Mutex<Vec<Heard>>>);

impl Inlet for Recorder {
    fn voice(&mut self, at: Moment, _: u64, voice: &Voice<'_>) {
        self.0.lock().push((at, voice.opus.to_vec()));
    }
}

pub async fn measure(load: &Load) -> Outcome<Section> {
    let seconds = load.scale(22.0, 6.0);
    let served = Served::start()?;
    let way = load.to(&served)?;
    way.room("mixing", 10).await?;
    let speakers = talkers(load, &way, "mixing", 3, Duration::from_secs(5)).await?;
    let recorded = Arc::default();
    let listener = way.person("mixing", "Listener").await?;
    let ears = open(load, &listener, Recorder(Arc::clone(&recorded)))?;
    ears.alive().await?;

    let beep = Script::beep(BEEP_HERTZ, BEEP)?;
    let starts = Arc::new(Mutex::new(Vec::new()));
    let talking = Talking::start(
        load.clock,
        speakers[..2].iter().map(|one| one.talker()).collect(),
    );
    pass(SETTLE_SECONDS).await;
    let beeping = Talker {
        media: speakers[2].media.clone(),
        script: beep.clone(),
        // Each time 3 ms later within the 20 ms that the room counts in.
        pause: Some(|times| Duration::from_millis(800 + u64::from(3 * times % 20))),
    };
    let beeping = Talking::start(load.clock, vec![beeping]);
    watch_starts(&beep, seconds, &starts).await;
    drop((talking, beeping));
    way.check()?;

    let recorded = std::mem::take(&mut *recorded.lock());
    let onsets = onsets(&recorded)?;
    let (mut packets, mut sounds) = (Histogram::new(), Histogram::new());
    let starts = std::mem::take(&mut *starts.lock());
    for &start in &starts {
        let Some(onset) = onsets.iter().find(|onset| onset.at >= start) else {
            continue;
        };
        let took = onset.at.since(start);
        if took <= LATE_MAX {
            record(&mut packets, took);
            record(&mut sounds, took + onset.within);
        }
    }
    if packets.total() == 0 {
        return Err("no beep was heard".into());
    }
    let (packets, sounds) = (Summary::of(&packets), Summary::of(&sounds));
    let mut section = Section::new("Voice: latency while mixing", ABOUT);
    section.row(
        "beeps heard",
        format!("{} of {}", packets.count, starts.len()),
    );
    section.row("packet to packet", percentiles(&packets));
    section.row("sound to sound", percentiles(&sounds));
    section.at_most(
        "Voice through the server when mixing: p50, packet to packet",
        30.0,
        packets.p50_ms,
        "ms",
        "the mix waits for the voices' jitter buffers",
    );
    Ok(section)
}

/// Notes when each beep's first packet was sent.
async fn watch_starts(beep: &Script, seconds: f64, starts: &Mutex<Vec<Moment>>) {
    let first = &beep.packets[0].opus;
    let until = tokio::time::Instant::now() + Duration::from_secs_f64(seconds);
    while tokio::time::Instant::now() < until {
        if let Some(sent) = beep.sent_at(first).filter(|sent| sent.0 > 0) {
            let mut starts = starts.lock();
            if starts.last() != Some(&sent) {
                starts.push(sent);
            }
        }
        pass(0.05).await;
    }
    // The last one may not have been heard yet.
    starts.lock().pop();
}

struct Onset {
    /// When the packet was read in which the beep begins, and where in it that is.
    at: Moment,
    within: Duration,
}

fn onsets(recorded: &[Heard]) -> Outcome<Vec<Onset>> {
    let mut decoder = Decoder::new(SAMPLE_RATE, Channels::Mono)?;
    let mut samples = Vec::new();
    for (_, opus) in recorded {
        let mut frame = [0; PACKET_SAMPLES];
        decoder.decode(opus, &mut frame, false)?;
        samples.extend(frame);
    }
    let mut onsets = Vec::new();
    let mut sounding = false;
    let mut quiet_for = 0;
    for start in (0..samples.len().saturating_sub(WINDOW)).step_by(STEP) {
        let loud = power(&samples[start..start + WINDOW]) >= ONSET_POWER;
        quiet_for = if loud { 0 } else { quiet_for + STEP };
        if loud && !sounding {
            let onset = start + WINDOW / 2;
            let (packet, sample) = (onset / PACKET_SAMPLES, onset % PACKET_SAMPLES);
            onsets.push(Onset {
                at: recorded[packet].0,
                within: Duration::from_secs_f64(sample as f64 / f64::from(SAMPLE_RATE)),
            });
        }
        // A dip within a beep is not its end.
        sounding = loud || (sounding && quiet_for < SAMPLE_RATE as usize / 10);
    }
    Ok(onsets)
}

/// Power at the beep's frequency, of a full-scale sine: one bin of a Fourier transform.
fn power(window: &[i16]) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (index, &sample) in window.iter().enumerate() {
        let angle = TAU * f64::from(BEEP_HERTZ) * index as f64 / f64::from(SAMPLE_RATE);
        let sample = f64::from(sample) / 32_768.0;
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
    }
    let half = window.len() as f64 / 2.0;
    (real * real + imaginary * imaginary) / (half * half)
}
