//! Two people talk through the sound of their machine.

use conclave_scenario::{
    server::Server,
    sound::{aligned, espeak, find, follow, rms, spectral_likeness},
};
use serde_json::{Value, json};

use super::{
    headless::{Coming, Headless, chosen},
    sound_server::SoundServer,
};

const TEXT: &str =
    "The quick brown fox jumps over the lazy dog, and nobody in the room can say why";
/// Pieces in which speech is followed, 300 ms, and how far each may lie from the one before.
const PIECE: usize = 14_400;
const REACH: usize = 4_800;

struct Meeting {
    sound: SoundServer,
    ada: Headless,
    bob: Headless,
    _server: Server,
}

impl Meeting {
    /// Ada and Bob, each with their own microphone and speaker of one machine. Sound is left as it is.
    fn begin() -> Meeting {
        let (server, sound) = (Server::start(), SoundServer::start());
        let link = server.invite().to_string();
        let off = json!({"echo": "off", "noise": "off", "levelling": "off"});
        let come = |name: &str| {
            let lower = name.to_lowercase();
            let mut somebody = Headless::come(Coming {
                link: &link,
                name,
                devices: json!({
                    "microphone": chosen(&format!("{lower}_microphone")),
                    "speaker": chosen(&format!("{lower}_hears")),
                    "enhancement": off,
                }),
                environment: vec![("PULSE_SERVER", sound.address())],
                camera: false,
            });
            somebody.uses(&format!("{lower}_microphone"), &format!("{lower}_hears"));
            somebody
        };
        Meeting {
            ada: come("Ada"),
            bob: come("Bob"),
            sound,
            _server: server,
        }
    }
}

/// How alike what was heard is to what was said, by its spectrum over time.
fn likeness(said: &[i16], heard: &[i16]) -> f64 {
    // Where it begins is found by its first second.
    let (at, _) = find(&said[..48_000], heard);
    let found = follow(said, heard, PIECE, at as i64, REACH);
    spectral_likeness(said, &aligned(said, heard, &found, PIECE))
}

#[test]
fn what_one_says_into_a_microphone_comes_out_of_the_others_speaker() {
    let meeting = Meeting::begin();
    let speech = espeak(TEXT, "en");
    let ada_hears = meeting.sound.record("ada_hears").running();
    let bob_hears = meeting.sound.record("bob_hears").running();
    meeting.sound.say("ada_says", &speech);
    bob_hears.listen(1_000);
    let likeness = likeness(&speech, &bob_hears.heard());
    assert!(likeness > 0.8, "{likeness}");
    let own = rms(&ada_hears.heard());
    assert!(own < 10.0, "she hears herself: {own}");
}

#[test]
fn a_speaker_that_is_unplugged_while_somebody_talks_falls_to_the_default_and_comes_back() {
    let Meeting {
        sound,
        mut ada,
        bob,
        _server,
    } = Meeting::begin();
    // Ada hears on her own sink, and the default is Bob's.
    let default = sound.record("bob_hears").running();
    let sentences = [
        espeak(TEXT, "en"),
        espeak("One two three four five six seven", "en+f3"),
    ];
    let unplugged = std::thread::scope(|scope| {
        let speaking = scope.spawn(|| sound.say("bob_says", &sentences[0]));
        ada.reaches("with somebody's voice", |state| {
            state["levels"]["speaker"].as_u64().unwrap() < 60
        });
        let unplugged = sound.unplug("ada_hears");
        speaking.join().unwrap();
        unplugged
    });
    let event = ada.device_event("fell_back");
    assert_eq!(event["kind"], "speaker", "{event}");
    assert_eq!(event["instead"]["id"], "pulseaudio:bob_hears", "{event}");
    // The rest of the sentence, and all of the next one.
    let from = default.heard().len();
    sound.say("bob_says", &sentences[1]);
    default.listen(1_000);
    let heard = default.heard();
    let first = rms(&heard[..from]);
    assert!(
        first > 100.0,
        "nothing was heard of the first sentence: {first}"
    );
    let likeness_of_second = likeness(&sentences[1], &heard[from..]);
    assert!(likeness_of_second > 0.7, "{likeness_of_second}");

    sound.plug(&unplugged);
    let event = ada.device_event("returned");
    assert_eq!(event["device"]["id"], "pulseaudio:ada_hears", "{event}");
    let again = sound.record("ada_hears").running();
    sound.say("bob_says", &sentences[1]);
    again.listen(1_000);
    let likeness_again = likeness(&sentences[1], &again.heard());
    assert!(likeness_again > 0.7, "{likeness_again}");
    drop(bob);
}

#[test]
fn a_microphone_is_changed_while_it_is_used_and_a_new_one_is_offered() {
    let mut meeting = Meeting::begin();
    let speech = espeak(TEXT, "en");
    meeting
        .sound
        .plug("module-remap-source master=ada_says.monitor source_name=headset");
    let offered = meeting.ada.device_event("appeared");
    assert_eq!(offered["device"]["id"], "pulseaudio:headset", "{offered}");
    let choose = |name: &str| json!({"do": "choose", "kind": "microphone", "choice": chosen(name)});
    meeting.ada.order(&choose("headset"));
    meeting.ada.uses("headset", "ada_hears");
    let bob_hears = meeting.sound.record("bob_hears").running();
    meeting.sound.say("ada_says", &speech);
    bob_hears.listen(1_000);
    let likeness = likeness(&speech, &bob_hears.heard());
    assert!(likeness > 0.8, "{likeness}");
    // Bob's own is silent.
    meeting.ada.order(&choose("bob_microphone"));
    meeting.ada.uses("bob_microphone", "ada_hears");
    let from = bob_hears.heard().len();
    meeting.sound.say("ada_says", &speech);
    bob_hears.listen(500);
    let still = rms(&bob_hears.heard()[from..]);
    assert!(still < 30.0, "the old microphone is still heard: {still}");
}

#[test]
fn one_hears_oneself_in_the_test_and_is_told_when_one_talks_while_muted() {
    let mut meeting = Meeting::begin();
    let speech = espeak(TEXT, "en");
    let ada_hears = meeting.sound.record("ada_hears").running();
    meeting
        .ada
        .order(&json!({"do": "hear_yourself", "on": true}));
    meeting.sound.say("ada_says", &speech);
    ada_hears.listen(1_200);
    let likeness = likeness(&speech, &ada_hears.heard());
    assert!(likeness > 0.8, "{likeness}");
    meeting
        .ada
        .order(&json!({"do": "hear_yourself", "on": false}));

    meeting
        .ada
        .order(&json!({"do": "media", "microphone": false, "camera": false}));
    meeting.ada.reaches("muted", |state| {
        state["client"]["voice_up"]["sent"].is_u64()
    });
    meeting.sound.say("ada_says", &speech);
    let told = |said: &Value| (said["event"] == "talking_while_muted").then_some(());
    meeting.ada.hears("that it talks while muted", told);
}
