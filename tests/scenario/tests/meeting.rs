//! A whole meeting: people speak, see, show, write, pass files and raise their hands.

#![allow(clippy::unwrap_used, reason = "what fails here fails the story")]

use std::{fs, sync::Arc, time::Duration};

use conclave_client::{
    media::{
        clock::MediaClock,
        devices::{SyntheticCamera, read_frame_counter},
    },
    screen::{ScreenGone, ScreenShare, ScreenSource, ScreenView, Script, Shot, SyntheticDesktop},
};
use conclave_scenario::{
    people::{Coming, Person},
    server::{DEADLINE, Server, SharedServer},
    sound::{aligned, espeak, find, follow, rms, spectral_likeness},
};
use conclave_wire::{
    Command, Event, Layer, MediaState, ParticipantId,
    command::{Reply, Watch},
};
use parking_lot::Mutex;
use tokio::time::timeout;

static SERVER: SharedServer = SharedServer::new(&[]);
const MS: usize = 48;

async fn meeting_of(server: &Server, names: &[&str]) -> Vec<Person> {
    let invite = server.room().await;
    let mut people = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let key = if index == 0 {
            invite.host_key.clone()
        } else {
            None
        };
        let coming = Coming {
            camera: Some(Box::new(SyntheticCamera::with_size(index as u64, 320, 180))),
            ..Coming::default()
        };
        let invite = invite.for_room(&invite.slug, key);
        people.push(Person::come(&invite, name, coming).await);
    }
    for person in &people {
        person.connected().await;
    }
    people
}

/// How much of a speech somebody has heard: how alike waveform and spectrum are, 0 to 1. It is looked for piece by
/// piece near where it is found as a whole: on a busy machine a late packet stretches a moment, and all behind it
/// is heard later.
fn heard(speech: &[i16], recording: &[i16]) -> (f64, f64) {
    const PIECE: usize = 300 * MS;
    let loud = |sample: &i16| sample.abs() > 500;
    let start = speech.iter().position(loud).unwrap_or(0);
    let end = speech.iter().rposition(loud).unwrap_or(0);
    let speech = &speech[start..end];
    let (at, _) = find(speech, recording);
    let found = follow(speech, recording, PIECE, at as i64, 120 * MS);
    let waveform =
        found.iter().map(|found| found.likeness).sum::<f64>() / found.len().max(1) as f64;
    let place = aligned(speech, recording, &found, PIECE);
    (waveform, spectral_likeness(speech, &place))
}

/// A sentence as loud as all others, without the silence around it.
fn sentence(text: &str, voice: &str) -> Vec<i16> {
    const RMS: f64 = 2_500.0;
    let spoken = espeak(text, voice);
    let loud = |sample: &i16| sample.abs() > 500;
    let start = spoken.iter().position(loud).unwrap_or(0);
    let end = spoken.iter().rposition(loud).unwrap_or(0);
    let spoken = &spoken[start..end];
    let gain = RMS / rms(spoken);
    let spoken = spoken.iter().map(|&sample| f64::from(sample) * gain);
    spoken
        .map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_the_others_and_nobody_themselves() {
    let server = SERVER.get();
    let people = meeting_of(&server, &["Anna", "Bert", "Cara"]).await;
    let speeches = [
        sentence("Good morning everybody, the meeting is open.", "en"),
        sentence("My report has seven pages and two tables.", "en+f3"),
        sentence("Who would like to begin with the budget?", "en+m7"),
    ];

    // One after the other: passed on.
    for (speaker, speech) in people.iter().zip(&speeches) {
        let starts: Vec<usize> = people.iter().map(Person::heard_samples).collect();
        speaker.say_aloud(speech).await;
        speaker.listen(700).await;
        for (listener, start) in people.iter().zip(starts) {
            let recording = listener.heard_since(start);
            let itself = listener.id() == speaker.id();
            if itself {
                assert!(rms(&recording) < 20.0, "an echo of {}", rms(&recording));
                continue;
            }
            let (waveform, spectrum) = heard(speech, &recording);
            assert!(
                waveform > 0.6 && spectrum > 0.8,
                "{} hears {} as {waveform:.2}, {spectrum:.2}",
                listener.id().0,
                speaker.id().0
            );
        }
    }

    // All at once: mixed, and for each one without themselves.
    let starts: Vec<usize> = people.iter().map(Person::heard_samples).collect();
    for (speaker, speech) in people.iter().zip(&speeches) {
        speaker.begin(speech);
    }
    for speaker in &people {
        speaker.finished().await;
    }
    people[0].listen(700).await;
    for (listener, start) in people.iter().zip(starts) {
        let recording = listener.heard_since(start);
        for (speaker, speech) in people.iter().zip(&speeches) {
            let (by, of) = (listener.id().0, speaker.id().0);
            if by == of {
                let (_, waveform) = find(speech, &recording);
                assert!(waveform < 0.25, "{by} hears themselves as {waveform:.2}");
            } else {
                let (waveform, _) = heard(speech, &recording);
                assert!(waveform > 0.4, "{by} hears {of} as {waveform:.2}");
            }
        }
        let others: Vec<&Vec<i16>> = people
            .iter()
            .zip(&speeches)
            .filter(|(speaker, _)| speaker.id() != listener.id())
            .map(|(_, speech)| speech)
            .collect();
        let length = others.iter().map(|speech| speech.len()).max().unwrap_or(0);
        let sum: Vec<i16> = (0..length)
            .map(|n| {
                let samples = others.iter().filter_map(|speech| speech.get(n));
                let sum: i32 = samples.map(|&sample| i32::from(sample)).sum();
                sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
            })
            .collect();
        let (_, spectrum) = heard(&sum, &recording);
        assert!(
            spectrum > 0.75,
            "{} hears the mix as {spectrum:.2}",
            listener.id().0
        );
    }
    for person in people {
        person.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_is_shown_and_who_is_muted_is_heard_by_nobody() {
    let server = SERVER.get();
    let people = meeting_of(&server, &["Host", "Bert", "Cara"]).await;
    let (host, bert, cara) = (&people[0], &people[1], &people[2]);
    let words = espeak("I have something to say about this.", "en");
    let id = bert.id();
    bert.say_aloud(&words).await;
    cara.notices("who speaks", |signs| {
        let speaks = |person: &conclave_wire::event::PersonSigns| {
            person.id == id && person.speaking == Some(true)
        };
        signs.people.iter().any(speaks).then_some(())
    })
    .await;

    let mute = Command::Mute {
        id,
        may_unmute: false,
    };
    host.client.ask(mute).await.unwrap();
    bert.sees("that they are muted", |numbered| match &numbered.event {
        Event::MediaChanged {
            id: who,
            media,
            held_mute,
        } if *who == id => (!media.microphone && *held_mute).then_some(()),
        _ => None,
    })
    .await;
    let media = MediaState {
        microphone: true,
        sound: true,
        camera: true,
    };
    bert.client
        .set_media(media)
        .await
        .expect_err("they are muted by the host");
    cara.listen(500).await;
    let start = cara.heard_samples();
    bert.say_aloud(&words).await;
    cara.listen(700).await;
    assert!(rms(&cara.heard_since(start)) < 20.0, "the muted are heard");

    host.client.ask(Command::AllowUnmute { id }).await.unwrap();
    bert.client.set_media(media).await.unwrap();
    let start = cara.heard_samples();
    bert.say_aloud(&words).await;
    cara.listen(700).await;
    let recording = cara.heard_since(start);
    let (waveform, spectrum) = heard(&words, &recording);
    assert!(
        waveform > 0.6 && spectrum > 0.8,
        "{waveform:.2} {spectrum:.2}"
    );
    for person in people {
        person.leave().await;
    }
}

/// How loud each of two people hears a third, who says something now: root mean square at the place where
/// it is found.
async fn loudness(speaker: &Person, speech: &[i16], listeners: [&Person; 2]) -> [f64; 2] {
    let starts = listeners.map(Person::heard_samples);
    speaker.say_aloud(speech).await;
    for listener in listeners {
        listener.listen(700).await;
    }
    std::array::from_fn(|index| {
        let recording = listeners[index].heard_since(starts[index]);
        let (at, _) = find(speech, &recording);
        rms(&recording[at.min(recording.len() - speech.len())..][..speech.len()])
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_changes_what_one_hears_oneself_and_nobody_else() {
    let server = SERVER.get();
    let people = meeting_of(&server, &["Anna", "Bert", "Cara"]).await;
    let (anna, bert, cara) = (&people[0], &people[1], &people[2]);
    let speech = sentence("I am told that my microphone is rather loud today.", "en");

    for (percent, lowest, highest) in [(25, 0.15, 0.4), (0, 0.0, 0.01), (100, 0.8, 1.25)] {
        let set = anna.client.set_volume(bert.id(), percent).await.unwrap();
        assert_eq!(set, Reply::VolumeKept { mixed: true });
        let [by_anna, by_cara] = loudness(bert, &speech, [anna, cara]).await;
        let plain = rms(&speech);
        assert!(
            (0.6..1.6).contains(&(by_cara / plain)),
            "{by_cara:.0} of {plain:.0} for whom nothing was changed"
        );
        let ratio = by_anna / by_cara;
        assert!(
            (lowest..=highest).contains(&ratio),
            "{percent} percent is heard as {ratio:.3}"
        );
    }
    for person in people {
        person.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cameras_move_and_only_those_that_are_watched_are_sent() {
    let server = SERVER.get();
    let people = meeting_of(&server, &["Anna", "Bert", "Cara"]).await;
    let (anna, bert, cara) = (&people[0], &people[1], &people[2]);
    let see = |source: ParticipantId| Watch {
        source,
        layer_max: Layer::Thumbnail,
        pinned: false,
    };
    anna.client
        .watch(vec![see(bert.id()), see(cara.id())])
        .await
        .unwrap();
    for source in [bert.id(), cara.id()] {
        let mut counters = Vec::new();
        let watching = async {
            while counters.len() < 10 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if let Some(frame) = anna.client.take_camera_frame(source) {
                    let picture = frame.decode().unwrap();
                    assert_eq!(frame.source, source);
                    counters.push(read_frame_counter(&picture).expect("a test picture"));
                }
            }
        };
        timeout(DEADLINE, watching).await.expect("pictures come");
        assert!(
            counters.is_sorted_by(|before, after| before < after),
            "{counters:?}"
        );
    }
    assert_eq!(
        anna.client.figures().camera_up.frames,
        0,
        "nobody watches Anna"
    );
    assert!(bert.client.take_camera_frame(anna.id()).is_none());
    for person in people {
        person.leave().await;
    }
}

/// A desktop on which somebody works for a while and then pauses.
struct Pausing {
    desktop: Arc<Mutex<SyntheticDesktop>>,
    shown: Vec<u8>,
    steps: u32,
    width_px: u32,
    height_px: u32,
}

impl ScreenSource for Pausing {
    fn capture(&mut self) -> Result<Shot<'_>, ScreenGone> {
        let mut desktop = self.desktop.lock();
        if self.steps > 0 {
            self.steps -= 1;
            desktop.advance();
        }
        self.shown.clear();
        self.shown.extend_from_slice(desktop.pixels());
        Ok(Shot {
            width_px: self.width_px,
            height_px: self.height_px,
            bgra: &self.shown,
            stride: 4 * self.width_px as usize,
            pointer: Some((10, 20)),
        })
    }
}

/// Colours alone: the fourth byte does not matter.
fn same_colours(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .chunks_exact(4)
            .zip(right.chunks_exact(4))
            .all(|(left, right)| left[..3] == right[..3])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_that_is_shown_is_exact_at_the_other_side() {
    let server = SERVER.get();
    let people = meeting_of(&server, &["Anna", "Bert"]).await;
    let (anna, bert) = (&people[0], &people[1]);
    let (width_px, height_px) = (1_000, 640);
    let (view, mut seen) = ScreenView::open(bert.client.screen_access());
    anna.client.ask(Command::TakeFloor).await.unwrap();
    for script in [Script::Typing, Script::Scrolling, Script::Slides] {
        let desktop = Arc::new(Mutex::new(SyntheticDesktop::new(
            width_px, height_px, script,
        )));
        let source = Pausing {
            desktop: desktop.clone(),
            shown: Vec::new(),
            steps: 25,
            width_px,
            height_px,
        };
        let (share, _told) = ScreenShare::start(
            anna.client.screen_access(),
            MediaClock::start(),
            move || Box::new(source),
        );
        let exact = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let is = view.with_canvas(|canvas| {
                    canvas.is_some_and(|canvas| {
                        same_colours(canvas.pixels(), desktop.lock().pixels())
                    })
                });
                if is && share.figures().captured > 30 {
                    return;
                }
            }
        };
        let exactly = timeout(DEADLINE, exact).await;
        assert!(
            exactly.is_ok(),
            "{script:?}: {:?} {:?}",
            share.figures(),
            view.figures()
        );
        share.stop().await;
        let stopped = async {
            while seen.recv().await.expect("the view goes on")
                != conclave_client::screen::ScreenEvent::Stopped
            {}
        };
        timeout(DEADLINE, stopped).await.expect("viewers are told");
    }
    for person in people {
        person.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_write_pass_files_and_raise_their_hands() {
    let server = SERVER.get();
    let people = meeting_of(&server, &["Host", "Bert", "Cara"]).await;
    let (host, bert, cara) = (&people[0], &people[1], &people[2]);
    for (person, text) in [(bert, "one"), (cara, "two"), (bert, "*three*")] {
        person.client.say(text).await.unwrap();
    }
    for person in &people {
        let mut state = person.client.state();
        let said = state.wait_for(|state| {
            let lines: Vec<&str> = state.lines.iter().map(|line| line.text.as_str()).collect();
            lines.ends_with(&["one", "two", "*three*"])
        });
        assert!(timeout(DEADLINE, said).await.is_ok_and(|said| said.is_ok()));
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agenda.txt");
    fs::write(&path, b"1. Budget\n2. Any other business\n").unwrap();
    bert.client.files(None).share(&path).done().await.unwrap();
    let file = cara
        .sees("the file", |numbered| match &numbered.event {
            Event::FileShared { file } => Some(file.clone()),
            _ => None,
        })
        .await;
    let to = tempfile::tempdir().unwrap();
    let fetched = cara
        .client
        .files(None)
        .fetch(&file, to.path())
        .done()
        .await
        .unwrap();
    assert_eq!(fs::read(fetched).unwrap(), fs::read(&path).unwrap());

    cara.client
        .ask(Command::RaiseHand { raised: true })
        .await
        .unwrap();
    bert.client
        .ask(Command::RaiseHand { raised: true })
        .await
        .unwrap();
    let mut state = host.client.state();
    let hands = state.wait_for(|state| state.floor.hands == [cara.id(), bert.id()]);
    assert!(
        timeout(DEADLINE, hands)
            .await
            .is_ok_and(|hands| hands.is_ok()),
        "in the order they were raised"
    );
    host.client
        .ask(Command::LowerHand { id: cara.id() })
        .await
        .unwrap();
    let mut state = bert.client.state();
    let hands = state.wait_for(|state| state.floor.hands == [bert.id()]);
    assert!(
        timeout(DEADLINE, hands)
            .await
            .is_ok_and(|hands| hands.is_ok())
    );
    cara.client
        .ask(Command::MuteAll { may_unmute: true })
        .await
        .expect_err("only a host may");

    host.client.ask(Command::EndRoom).await.ok();
    for person in [bert, cara] {
        person
            .told("that the meeting is over", |event| {
                use conclave_client::{client::ClientEvent, session::SessionEvent};
                let ended = matches!(
                    event,
                    ClientEvent::Session(SessionEvent::Ended {
                        reason: conclave_wire::LeaveReason::RoomEnded,
                        ..
                    })
                );
                ended.then_some(())
            })
            .await;
    }
}
