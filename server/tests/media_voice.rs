//! Voice and probes over real loopback sockets.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod media;

use conclave_core::{media::voices::opus_samples, room::VoiceOrder};
use conclave_server::{actors::mixer::Order, media::figures::Count};
use conclave_wire::datagram::{HEADER_BYTES, Kind, Probe, TAG_BYTES, Voice};
use media::*;

/// A TOC byte of 20 ms mono (SILK wideband), and what stands for sound.
fn opus(fill: u8) -> Vec<u8> {
    let mut packet = vec![9 << 3];
    packet.resize(60, fill);
    assert_eq!(opus_samples(&packet), Some(960));
    packet
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
async fn voice_of_one_goes_to_the_other_as_it_is_on_the_rooms_clock() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let bert = hall.greeted(BERT).await;
    let mut times = Vec::new();
    for packet in 0..5 {
        speak(&anna, packet).await;
        let received = bert.receive_kind(Kind::Voice).await;
        let voice = Voice::parse(&received.body).unwrap();
        assert_eq!(voice.source, ANNA, "whatever the sender wrote there");
        assert_eq!(voice.opus, opus(packet as u8));
        assert_eq!(voice.spurt_start, packet == 0);
        times.push(voice.media_time);
    }
    let steps: Vec<u32> = times
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]))
        .collect();
    assert_eq!(steps, [960; 4]);
    let clock = u32::try_from(hall.clock.now().as_ms() * 48).unwrap();
    assert!(
        times[0] <= clock + 48_000,
        "stamped with the room's clock, not the sender's"
    );
    anna.expect_nothing_before_echo().await;
}

#[actix::test]
async fn a_muted_voice_goes_nowhere() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let bert = hall.greeted(BERT).await;
    let mute = VoiceOrder::Allow {
        seat: ANNA,
        may_speak: false,
    };
    hall.mixer.send(Order(mute)).await.unwrap().unwrap();
    for packet in 0..3 {
        speak(&anna, packet).await;
    }
    hall.counted(Count::VoiceReceived, 3).await;
    // The mixer has taken them when it has answered this.
    hall.mixer.send(Order(mute)).await.unwrap().unwrap();
    bert.expect_nothing_before_echo().await;
}

#[actix::test]
async fn a_probe_is_echoed_with_the_rooms_clock_and_no_more_bytes() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let before = hall.clock.now().0;
    anna.probe(Kind::Probe, 77).await;
    let echo = anna.receive_raw().await;
    assert_eq!(echo.len(), HEADER_BYTES + Probe::BYTES + TAG_BYTES);
    let echo = Probe::parse(&anna.keys.open(&mut echo.clone()).body).unwrap();
    assert_eq!(echo.sent_us, 77);
    assert!((before..=hall.clock.now().0).contains(&echo.room_clock_us));
}

#[actix::test]
async fn what_is_not_authentic_changes_nothing_and_is_not_answered() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let other = Caller::new(&hall.sessions.open(hall.seat(CARA)), anna.server).await;
    let probe = |body: &mut Vec<u8>| Probe::default().write(body);

    // Of no protocol of ours, of another version, cut, too long.
    for noise in [
        &b"\x00\x01\x00\x00stun"[..],
        b"",
        &[0xe0; 60],
        &[0xd1; 20],
        &[0xd1; 1_400],
    ] {
        other.send_raw(noise).await;
    }
    // An empty one is not even counted.
    hall.counted(Count::NotOurs, 4).await;

    // Of a stranger.
    let mut stranger = anna.keys.seal(Kind::Probe, probe);
    stranger[1] ^= 0x80;
    other.send_raw(&stranger).await;
    hall.counted(Count::Stranger, 1).await;

    // Forged: under Anna's name with Cara's key, and with one bit of the body changed.
    let mut forged = other.keys.seal(Kind::Hello, probe);
    forged[1..9].copy_from_slice(&anna.keys.session.to_be_bytes());
    forged[9..17].copy_from_slice(&1_000u64.to_be_bytes());
    other.send_raw(&forged).await;
    let mut flipped = anna.keys.seal(Kind::Hello, probe);
    *flipped.last_mut().unwrap() ^= 1;
    other.send_raw(&flipped).await;
    hall.counted(Count::Forged, 2).await;

    // Replayed from another address.
    let whole = anna.keys.seal(Kind::Probe, probe);
    anna.send_raw(&whole).await;
    anna.receive_kind(Kind::Echo).await;
    other.send_raw(&whole).await;
    hall.counted(Count::Replayed, 1).await;

    // Of kinds that only the server sends.
    for kind in [Kind::Echo, Kind::Challenge] {
        let datagram = anna.keys.seal(kind, probe);
        other.send_raw(&datagram).await;
    }
    hall.counted(Count::Unexpected, 2).await;

    // Nothing was answered there, and Anna is still reached where she was.
    let mut nothing = [0; 64];
    let answered = other.socket.try_recv(&mut nothing);
    assert_eq!(answered.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    let bert = hall.greeted(BERT).await;
    speak(&bert, 0).await;
    anna.receive_kind(Kind::Voice).await;
}

#[actix::test]
async fn an_authentic_datagram_with_a_bad_body_is_dropped() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let bert = hall.greeted(BERT).await;
    for (kind, body) in [
        (Kind::Voice, &[0; 3][..]),
        (Kind::Voice, &[0; 10]),
        // 60 ms in one packet are no voice here.
        (
            Kind::Voice,
            &[0, 0, 0, 0, 0, 30, 0, 0, 0, 0, 3 << 3, 1, 2, 3],
        ),
        (Kind::Probe, &[1; 7]),
        (Kind::Camera, &[0; 18]),
        (Kind::ReRequest, &[0; 10]),
        (Kind::Report, &[0; 12]),
        (Kind::Response, &[0; 3]),
    ] {
        anna.send(kind, |datagram| datagram.extend_from_slice(body))
            .await;
    }
    hall.counted(Count::Malformed, 8).await;
    bert.expect_nothing_before_echo().await;
    anna.expect_nothing_before_echo().await;
}

#[actix::test]
async fn a_flood_of_voice_is_cut_to_what_a_voice_needs() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    for packet in 0..600 {
        speak(&anna, packet).await;
        if packet % 50 == 0 {
            hall.counted(Count::Received, u64::from(packet)).await;
        }
    }
    anna.expect_nothing_before_echo().await;
    let (taken, dropped) = (hall.count(Count::VoiceReceived), hall.count(Count::TooFast));
    assert_eq!(taken + dropped, 600);
    assert!(
        taken >= 120 && dropped > 0,
        "{taken} taken, {dropped} dropped"
    );
}

#[actix::test]
async fn an_address_that_changes_in_the_middle_of_a_word_loses_no_packet_of_it() {
    let hall = Hall::open();
    let mut anna = hall.greeted(ANNA).await;
    let mut bert = hall.greeted(BERT).await;
    speak(&anna, 0).await;
    bert.receive_kind(Kind::Voice).await;
    // The speaker's address changes.
    anna.move_house().await;
    speak(&anna, 1).await;
    let voice = bert.receive_kind(Kind::Voice).await;
    assert_eq!(Voice::parse(&voice.body).unwrap().opus, opus(1));
    // The listener's address changes: the first datagram from there moves voice.
    let old = bert.move_house().await;
    bert.probe(Kind::Probe, 3).await;
    bert.receive_kind(Kind::Echo).await;
    speak(&anna, 2).await;
    let voice = bert.receive_kind(Kind::Voice).await;
    assert_eq!(Voice::parse(&voice.body).unwrap().opus, opus(2));
    let mut nothing = [0; 64];
    assert!(
        old.try_recv(&mut nothing).is_err(),
        "nothing goes to the old address"
    );
}

#[actix::test]
async fn an_older_packet_that_was_delayed_does_not_move_the_address_back() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let mut bert = hall.greeted(BERT).await;
    let delayed = bert
        .keys
        .seal(Kind::Probe, |body| Probe::default().write(body));
    let old = bert.move_house().await;
    bert.probe(Kind::Probe, 3).await;
    bert.receive_kind(Kind::Echo).await;
    // It is authentic, so it is answered, but it is not the newest.
    old.send_to(&delayed, bert.server).await.unwrap();
    hall.counted(Count::Echoed, 6).await;
    speak(&anna, 0).await;
    bert.receive_kind(Kind::Voice).await;
}

#[actix::test]
async fn a_new_session_takes_over_when_it_says_hello_and_a_closed_one_is_dead() {
    let hall = Hall::open();
    let anna = hall.greeted(ANNA).await;
    let bert = hall.greeted(BERT).await;
    // Bert's control link is new, the client has not heard of the new session yet.
    let again = Caller::new(&hall.sessions.open(hall.seat(BERT)), bert.server).await;
    speak(&anna, 0).await;
    bert.receive_kind(Kind::Voice).await;
    bert.expect_nothing_before_echo().await;
    again.greet().await;
    speak(&anna, 1).await;
    again.receive_kind(Kind::Voice).await;

    hall.sessions.close(hall.room, BERT);
    let strangers = hall.count(Count::Stranger);
    bert.probe(Kind::Probe, 4).await;
    again.probe(Kind::Probe, 5).await;
    hall.counted(Count::Stranger, strangers + 2).await;
    assert_eq!(hall.sessions.len(), 1, "Anna's");
}
