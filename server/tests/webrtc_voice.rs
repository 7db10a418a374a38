//! Browsers in a room: voice by RTP, between themselves and with native clients.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod browser;
mod media;

use browser::*;
use conclave_core::{media::voices::opus_samples, room::VoiceOrder};
use conclave_server::{
    actors::mixer::Order,
    media::{figures::Count, sessions::Candidates},
};
use conclave_wire::{
    MediaSession, ParticipantId, RefusalCode,
    datagram::{Kind, Voice},
};
use media::*;
use str0m::ice::{StunMessage, TransId};
use tokio::net::UdpSocket;

/// 20 ms of mono (SILK wideband), and what stands for sound.
fn opus(fill: u8) -> Vec<u8> {
    let mut packet = vec![9 << 3];
    packet.resize(60, fill);
    assert_eq!(opus_samples(&packet), Some(960));
    packet
}

async fn enter(hall: &Hall, id: ParticipantId) -> MediaSession {
    let candidates = Candidates {
        udp: vec![hall.gateway.local_address()],
        tcp: Vec::new(),
    };
    hall.sessions.set_candidates(candidates);
    for order in [
        VoiceOrder::Enter {
            seat: id,
            ears: true,
        },
        VoiceOrder::Allow {
            seat: id,
            may_speak: true,
        },
    ] {
        hall.mixer.send(Order(order)).await.unwrap().unwrap();
    }
    hall.sessions.open(hall.seat(id))
}

fn number_of(session: &MediaSession) -> u64 {
    u64::from_str_radix(&session.session, 16).unwrap()
}

async fn offer(hall: &Hall, session: &MediaSession) -> Browser {
    let offering = Offering::new().await;
    let answer = hall
        .sessions
        .offer(number_of(session), offering.sdp.clone());
    offering.answered(&answer.await.unwrap())
}

/// Somebody with a browser whose connection stands.
async fn browse(hall: &Hall, id: ParticipantId) -> Browser {
    let session = enter(hall, id).await;
    let browser = offer(hall, &session).await;
    browser.stands().await;
    browser
}

async fn speak(from: &Caller, packet: u32) {
    let opus = opus(packet as u8);
    let voice = Voice {
        source: CARA,
        spurt_start: packet == 0,
        level: 30,
        media_time: 4_000_000_000u32.wrapping_add(packet * 960),
        opus: &opus,
    };
    from.send(Kind::Voice, |body| voice.write(body)).await;
}

#[actix::test]
async fn a_browser_is_heard_by_a_native_client_as_anybody_is() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let mut anna = browse(&hall, ANNA).await;
    let start = u32::MAX - 2_000;
    let mut times = Vec::new();
    for packet in 0..5u32 {
        anna.say(start.wrapping_add(packet * 960), 33, &opus(packet as u8));
        let received = bert.receive_kind(Kind::Voice).await;
        let voice = Voice::parse(&received.body).unwrap();
        assert_eq!(voice.source, ANNA);
        assert_eq!(voice.opus, opus(packet as u8));
        assert_eq!(voice.spurt_start, packet == 0);
        assert_eq!(voice.level, 33, "from the extension of RFC 6464");
        times.push(voice.media_time);
    }
    let steps: Vec<u32> = times
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]))
        .collect();
    assert_eq!(steps, [960; 4]);
    let clock = u32::try_from(hall.clock.now().as_ms() * 48).unwrap();
    assert!(times[0] <= clock + 48_000, "on the room's clock");
}

#[actix::test]
async fn a_browser_hears_one_stream_on_the_rooms_clock_without_gaps_in_its_numbers() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let anna = browse(&hall, ANNA).await;
    for packet in [0, 1, 2, 4] {
        speak(&bert, packet).await;
        hall.counted(Count::VoiceSent, u64::from(packet.min(3)) + 1)
            .await;
    }
    let heard = anna.hears(4).await;
    let opuses: Vec<_> = heard.iter().map(|packet| packet.opus.clone()).collect();
    assert_eq!(opuses, [opus(0), opus(1), opus(2), opus(4)]);
    let steps: Vec<_> = heard
        .windows(2)
        .map(|pair| {
            let time = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            (pair[1].sequence - pair[0].sequence, time)
        })
        .collect();
    // What Bert's link has lost is missing in time, and no loss of Anna's.
    assert_eq!(steps, [(1, 960), (1, 960), (1, 1_920)]);
    assert!(heard[0].marker && !heard[1].marker);
    let clock = u32::try_from(hall.clock.now().as_ms() * 48).unwrap();
    assert!(heard[0].timestamp <= clock + 48_000, "on the room's clock");
}

#[actix::test]
async fn two_browsers_hear_each_other() {
    let hall = Hall::open();
    let mut anna = browse(&hall, ANNA).await;
    let mut bert = browse(&hall, BERT).await;
    anna.say(0, 30, &opus(1));
    assert_eq!(bert.hears(1).await[0].opus, opus(1));
    bert.say(0, 30, &opus(2));
    let heard = anna.hears(1).await;
    assert!(
        heard.iter().all(|packet| packet.opus != opus(1)),
        "not herself"
    );
}

#[actix::test]
async fn what_a_browser_loses_is_a_gap_and_no_new_spurt() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let mut anna = browse(&hall, ANNA).await;
    anna.say(0, 30, &opus(0));
    let first = bert.receive_kind(Kind::Voice).await;
    anna.lose(2);
    for packet in 1..=3u32 {
        anna.say(packet * 960, 30, &opus(packet as u8));
    }
    let next = bert.receive_kind(Kind::Voice).await;
    let (first, next) = (
        Voice::parse(&first.body).unwrap(),
        Voice::parse(&next.body).unwrap(),
    );
    assert_eq!(next.opus, opus(3));
    assert_eq!(next.media_time.wrapping_sub(first.media_time), 3 * 960);
    assert!(!next.spurt_start);
}

#[actix::test]
async fn silence_under_dtx_is_not_passed_on_and_the_next_word_begins_a_spurt() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let mut anna = browse(&hall, ANNA).await;
    anna.say(0, 30, &opus(0));
    bert.receive_kind(Kind::Voice).await;
    anna.say(960, 127, &[9 << 3]);
    anna.say(20_160, 127, &[9 << 3]);
    anna.say(40_320, 30, &opus(1));
    let next = bert.receive_kind(Kind::Voice).await;
    let next = Voice::parse(&next.body).unwrap();
    assert!(next.spurt_start);
    assert_eq!(next.opus, opus(1));
    assert_eq!(hall.count(Count::VoiceReceived), 2, "silence is no voice");
}

#[actix::test]
async fn what_is_sent_twice_is_heard_once() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let mut anna = browse(&hall, ANNA).await;
    anna.say(0, 30, &opus(0));
    bert.receive_kind(Kind::Voice).await;
    anna.replay();
    anna.replay();
    anna.say(960, 30, &opus(1));
    let next = bert.receive_kind(Kind::Voice).await;
    assert_eq!(Voice::parse(&next.body).unwrap().opus, opus(1));
    assert_eq!(hall.count(Count::VoiceReceived), 2);
}

#[actix::test]
async fn noise_of_every_protocol_changes_nothing_and_is_not_answered() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let mut anna = browse(&hall, ANNA).await;
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let before = hall.count(Count::Received);
    for first in 0..=255u8 {
        for length in [1, 2, 19, 20, 60, 1_300] {
            let noise = vec![first; length];
            stranger
                .send_to(&noise, hall.gateway.local_address())
                .await
                .unwrap();
            // From the browser's own address it reaches her peer, which must bear it.
            if length != 1 {
                anna.raw(noise);
            }
        }
        hall.counted(Count::Received, before + u64::from(first) * 11)
            .await;
    }
    anna.say(0, 30, &opus(7));
    let voice = bert.receive_kind(Kind::Voice).await;
    assert_eq!(Voice::parse(&voice.body).unwrap().opus, opus(7));
    let mut nothing = [0; 64];
    let answered = stranger.try_recv(&mut nothing);
    assert_eq!(answered.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(!anna.seen().closed);
}

fn check(ufrag: &str) -> Vec<u8> {
    let message = StunMessage::binding_request(ufrag, TransId::new(), true, 1, 1_862_270_975, true);
    let mut datagram = vec![0; 500];
    // A password that the guest's is not.
    let length = message
        .to_bytes(Some(b"guessed"), &mut datagram, |_, _| [7; 20])
        .unwrap();
    datagram.truncate(length);
    datagram
}

#[actix::test]
async fn a_check_of_connectivity_is_answered_only_to_who_knows_the_password() {
    let hall = Hall::open();
    let session = enter(&hall, ANNA).await;
    let offering = Offering::new().await;
    let remote = line(&offering.sdp, "a=ice-ufrag:").to_owned();
    let answer = hall
        .sessions
        .offer(number_of(&session), offering.sdp.clone())
        .await
        .unwrap();
    let local = line(&answer, "a=ice-ufrag:");
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = hall.gateway.local_address();
    let (strangers, forged) = (hall.count(Count::Stranger), hall.count(Count::Forged));
    stranger
        .send_to(&check("nobody:there"), server)
        .await
        .unwrap();
    hall.counted(Count::Stranger, strangers + 1).await;
    let known = check(&format!("{local}:{remote}"));
    stranger.send_to(&known, server).await.unwrap();
    hall.counted(Count::Forged, forged + 1).await;
    // DTLS from an address that no authentic check came from goes nowhere.
    stranger.send_to(&[22, 254, 253, 0], server).await.unwrap();
    hall.counted(Count::Stranger, strangers + 2).await;
    let mut nothing = [0; 64];
    assert!(stranger.try_recv(&mut nothing).is_err(), "it was answered");
    // The browser itself comes in all the same.
    offering.answered(&answer).stands().await;
}

fn line<'a>(sdp: &'a str, start: &str) -> &'a str {
    let mut lines = sdp.lines();
    lines.find_map(|line| line.strip_prefix(start)).unwrap()
}

#[actix::test]
async fn a_new_offer_replaces_what_the_older_one_made() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let session = enter(&hall, ANNA).await;
    let older = offer(&hall, &session).await;
    older.stands().await;
    let newer = offer(&hall, &session).await;
    older.is_closed().await;
    newer.stands().await;
    speak(&bert, 0).await;
    assert_eq!(newer.hears(1).await[0].opus, opus(0));
    assert_eq!(older.seen().voice, []);
}

#[actix::test]
async fn a_new_control_link_keeps_the_older_connection_until_the_new_one_stands() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let older = browse(&hall, ANNA).await;
    let session = hall.sessions.open(hall.seat(ANNA));
    speak(&bert, 0).await;
    older.hears(1).await;
    let newer = offer(&hall, &session).await;
    newer.stands().await;
    speak(&bert, 1).await;
    assert_eq!(newer.hears(1).await[0].opus, opus(1));
    // The older session dies, and its connection with it.
    older.is_closed().await;
}

#[actix::test]
async fn the_connection_ends_with_the_seat() {
    let hall = Hall::open();
    let mut anna = browse(&hall, ANNA).await;
    hall.sessions.close(hall.room, ANNA);
    anna.is_closed().await;
    let heard = hall.count(Count::VoiceReceived);
    anna.say(0, 30, &opus(0));
    assert_eq!(hall.count(Count::VoiceReceived), heard);
}

#[actix::test]
async fn offers_that_cannot_be_used_are_refused_and_counted() {
    let hall = Hall::open();
    let session = enter(&hall, ANNA).await;
    let good = Offering::new().await.sdp;
    let audio = good
        .lines()
        .position(|line| line.starts_with("m=audio"))
        .unwrap();
    let two_voices = format!(
        "{good}{}\r\n",
        good.lines().skip(audio).collect::<Vec<_>>().join("\r\n")
    );
    let unsigned: Vec<_> = good
        .lines()
        .filter(|line| !line.starts_with("a=fingerprint"))
        .collect();
    let refused = [
        ("", RefusalCode::OfferInvalid),
        ("v=0", RefusalCode::OfferInvalid),
        (&"m=audio 9 ".repeat(50), RefusalCode::OfferInvalid),
        (&two_voices, RefusalCode::OfferInvalid),
        (&unsigned.join("\r\n"), RefusalCode::OfferInvalid),
        (&"a".repeat(20_000), RefusalCode::OfferTooLarge),
    ];
    for (sdp, code) in &refused {
        let answer = hall.sessions.offer(number_of(&session), (*sdp).to_owned());
        assert_eq!(answer.await.unwrap_err().code, *code, "{sdp:.40}");
    }
    let count = refused.len() as u64;
    assert_eq!(hall.count(Count::GuestOffersRefused), count);
    assert_eq!(hall.count(Count::GuestOffers), count);
    // No session of this number.
    let nobody = hall.sessions.offer(number_of(&session) ^ 1, good);
    assert_eq!(nobody.await.unwrap_err().code, RefusalCode::MediaBusy);
}

#[actix::test]
async fn there_are_no_more_guests_than_the_operator_allows() {
    let hall = Hall::open_for(1);
    let anna = enter(&hall, ANNA).await;
    let bert = enter(&hall, BERT).await;
    let browser = offer(&hall, &anna).await;
    browser.stands().await;
    let sdp = Offering::new().await.sdp;
    let refused = hall.sessions.offer(number_of(&bert), sdp.clone()).await;
    assert_eq!(refused.unwrap_err().code, RefusalCode::GuestsFull);
    // Who is there already may come again.
    let again = offer(&hall, &anna).await;
    browser.is_closed().await;
    again.stands().await;
    hall.sessions.close(hall.room, ANNA);
    again.is_closed().await;
    assert!(hall.sessions.offer(number_of(&bert), sdp).await.is_ok());
}

#[actix::test]
async fn an_answer_names_the_servers_candidates_and_nobody_elses() {
    let hall = Hall::open();
    let session = enter(&hall, ANNA).await;
    let candidates = Candidates {
        udp: vec!["192.0.2.7:7443".parse().unwrap()],
        tcp: vec!["192.0.2.7:7444".parse().unwrap()],
    };
    hall.sessions.set_candidates(candidates);
    let offering = Offering::new().await;
    let own = line(&offering.sdp, "a=candidate:");
    assert!(own.contains("127.0.0.1"));
    let answer = hall
        .sessions
        .offer(number_of(&session), offering.sdp.clone())
        .await
        .unwrap();
    let named: Vec<_> = answer
        .lines()
        .filter(|line| line.starts_with("a=candidate:"))
        .map(|line| {
            line.split(' ')
                .skip(4)
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(named, ["192.0.2.7 7443", "192.0.2.7 7444"]);
    assert!(!answer.contains("127.0.0.1"), "{answer}");
    assert!(answer.contains("a=ice-lite") && answer.contains("usedtx=1"));
}

#[actix::test]
async fn an_answer_takes_over_the_numbers_and_the_stereo_that_the_offer_has_for_opus() {
    let hall = Hall::open();
    let session = enter(&hall, ANNA).await;
    let sdp = Offering::new().await.sdp;
    let line_of_voice = sdp
        .lines()
        .find(|line| line.starts_with("m=audio"))
        .unwrap();
    // As Firefox has them.
    let sdp = sdp
        .replace(line_of_voice, "m=audio 9 UDP/TLS/RTP/SAVPF 109")
        .replace("rtpmap:111", "rtpmap:109")
        .replace("rtcp-fb:111", "rtcp-fb:109")
        .replace(
            "fmtp:111 minptime=10;",
            "fmtp:109 maxplaybackrate=48000;stereo=1;",
        );
    let answer = hall.sessions.offer(number_of(&session), sdp).await.unwrap();
    for line in [
        "a=rtpmap:109 opus/48000/2",
        "a=ptime:20",
        "a=maxptime:20",
        "a=sendrecv",
    ] {
        assert!(answer.lines().any(|said| said == line), "{line}: {answer}");
    }
    assert!(!answer.contains("stereo=1"));
}

#[actix::test]
async fn a_browser_without_a_microphone_hears_all_the_same() {
    let hall = Hall::open();
    let bert = hall.greeted(BERT).await;
    let session = enter(&hall, ANNA).await;
    let offering = Offering::listening().await;
    let answer = hall
        .sessions
        .offer(number_of(&session), offering.sdp.clone());
    let anna = offering.answered(&answer.await.unwrap());
    anna.stands().await;
    speak(&bert, 0).await;
    assert_eq!(anna.hears(1).await[0].opus, opus(0));
}
