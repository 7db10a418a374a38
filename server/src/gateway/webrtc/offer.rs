//! Offers and answers: what is read of a browser's offer, the peer that comes of it, and the answer with
//! the server's candidates in it.

use std::{
    fmt::Write,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_wire::{
    RefusalCode,
    limits::{CHANNEL_MESSAGE_BYTES_MAX, SDP_BYTES_MAX},
};
use str0m::{
    Candidate, IceCreds, Rtc,
    change::SdpOffer,
    channel::ChannelId,
    config::{CryptoProvider, DtlsCert},
    crypto::from_feature_flags,
    format::{Codec, FormatParams},
    media::Frequency,
    net::TcpType,
    rtp::{Extension, ExtensionMap},
};

use super::camera::{self, CHANNEL_BYTES_MAX};
use crate::{auth::token, media::sessions::Candidates};

/// Media lines in an offer: voice, the data channel, and as many that are declined.
const MEDIA_LINES_MAX: usize = 4;
const LINES_MAX: usize = 512;
/// The payload type that Chromium gives Opus too.
const OPUS_PAYLOAD_TYPE: u8 = 111;
/// A message of the data channel fits into one datagram with the headers of SCTP (28) and DTLS (37), and
/// that into the least MTU of IPv6 (1,280 less 48).
const MTU: usize = 1_240;
/// RTCP reports; browsers show what they make of them.
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// The address of ours that peers know of. Which of the real ones was reached is kept beside them: behind a
/// mapped port none of those that browsers know is on this machine.
pub const UDP_PLACE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 9));
pub const TCP_PLACE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 2), 9));

/// Answers offers. One certificate serves all guests of a process; it names nobody.
pub struct Answerer {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

/// A peer that waits for its browser.
pub struct Answered {
    pub rtc: Rtc,
    pub channel: ChannelId,
    pub sdp: String,
}

impl Answerer {
    /// `None` when no certificate can be made.
    pub fn new() -> Option<Answerer> {
        let crypto = Arc::new(from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate()?;
        Some(Answerer {
            crypto,
            certificate,
        })
    }

    /// Makes a peer of an offer.
    ///
    /// # Errors
    /// `offer_too_large`; `offer_invalid` for everything else that is wrong with it.
    pub fn answer(
        &self,
        now: Instant,
        offer: &str,
        ufrag: String,
        candidates: &Candidates,
    ) -> Result<Answered, RefusalCode> {
        if offer.len() > SDP_BYTES_MAX {
            return Err(RefusalCode::OfferTooLarge);
        }
        let offer = strip(offer).ok_or(RefusalCode::OfferInvalid)?;
        // Strangers' text meets a parser of somebody else's here. Nothing that was touched is kept.
        let answered = catch_unwind(AssertUnwindSafe(|| self.accept(now, &offer, ufrag)));
        let (rtc, channel, answer) = answered.ok().flatten().ok_or(RefusalCode::OfferInvalid)?;
        Ok(Answered {
            rtc,
            channel,
            sdp: complete(&answer, candidates),
        })
    }

    fn accept(&self, now: Instant, offer: &str, ufrag: String) -> Option<(Rtc, ChannelId, String)> {
        let offer = SdpOffer::from_sdp_string(offer)
            .inspect_err(|error| tracing::debug!(%error, "an offer cannot be read"))
            .ok()?;
        let mut extensions = ExtensionMap::empty();
        extensions.set(1, Extension::AudioLevel);
        extensions.set(4, Extension::RtpMid);
        let mut config = Rtc::builder()
            .set_crypto_provider(self.crypto.clone())
            .set_dtls_cert(self.certificate.clone())
            .set_local_ice_credentials(IceCreds {
                ufrag,
                pass: hex::encode(token::random_bytes::<16>()),
            })
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_extension_map(extensions)
            .set_rtcp_report_interval_audio(REPORT_EVERY)
            .set_sctp_max_buffered_amount(CHANNEL_BYTES_MAX)
            .set_sctp_max_message_size(CHANNEL_MESSAGE_BYTES_MAX as u32)
            .set_mtu(MTU..=MTU)
            .clear_codecs();
        let opus = FormatParams {
            min_p_time: Some(10),
            use_inband_fec: Some(true),
            use_dtx: Some(true),
            ..FormatParams::default()
        };
        config.codec_config().add_config(
            OPUS_PAYLOAD_TYPE.into(),
            None,
            Codec::Opus,
            Frequency::FORTY_EIGHT_KHZ,
            Some(2),
            opus,
        );
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(UDP_PLACE, "udp").ok()?);
        let tcp = Candidate::builder().tcp().host(TCP_PLACE);
        rtc.add_local_candidate(tcp.tcptype(TcpType::Passive).build().ok()?);
        let answer = rtc
            .sdp_api()
            .accept_offer(offer)
            .inspect_err(|error| tracing::debug!(%error, "an offer cannot be answered"))
            .ok()?;
        let channel = rtc.direct_api().create_data_channel(camera::config());
        Some((rtc, channel, answer.to_sdp_string()))
    }
}

/// An offer without what is not needed of it: the browser's own addresses, which nobody is to learn, and a
/// short cut of SCTP. `None` when it asks for more than a guest may have.
fn strip(offer: &str) -> Option<String> {
    let lines: Vec<&str> = offer.lines().map(str::trim_end).collect();
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    let fits = lines.len() <= LINES_MAX
        && (1..=MEDIA_LINES_MAX).contains(&count("m="))
        && count("m=audio") <= 1
        && count("m=application") <= 1;
    if !fits {
        return None;
    }
    let unneeded = ["a=candidate:", "a=end-of-candidates", "a=sctp-init:"];
    let kept = lines
        .into_iter()
        .filter(|line| !line.is_empty() && !unneeded.iter().any(|start| line.starts_with(start)));
    let mut stripped = String::with_capacity(offer.len());
    for line in kept {
        stripped.push_str(line);
        stripped.push_str("\r\n");
    }
    Some(stripped)
}

/// The answer with the real candidates in place of ours, and with frames of 20 ms.
fn complete(answer: &str, candidates: &Candidates) -> String {
    let mut whole = String::with_capacity(answer.len() + 1_024);
    let mut named = false;
    for line in answer.lines() {
        if line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates") {
            continue;
        }
        // Where a browser names a rate str0m answers with 0, which RFC 7587, section 6.1, does not know.
        whole.push_str(&line.replace("maxplaybackrate=0;", ""));
        whole.push_str("\r\n");
        // All lines share the first one's transport.
        if line.starts_with("a=ice-pwd:") && !named {
            named = true;
            write_candidates(&mut whole, candidates);
        }
        if line.starts_with("a=fmtp:") && line.contains("usedtx=1") {
            whole.push_str("a=ptime:20\r\na=maxptime:20\r\n");
        }
    }
    whole
}

/// RFC 8445 section 5.1.2.1 and RFC 6544 section 4.2: hosts of component 1, UDP before TCP.
fn write_candidates(sdp: &mut String, candidates: &Candidates) {
    let priority = |local_preference: u32| (126 << 24) + (local_preference << 8) + 255;
    let udp = candidates.udp.iter().map(|at| (at, "udp", ""));
    let tcp = candidates
        .tcp
        .iter()
        .map(|at| (at, "tcp", " tcptype passive"));
    for (index, (address, protocol, role)) in udp.chain(tcp).enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let base = if protocol == "udp" { 65_535 } else { 32_767 };
        let (ip, port) = (address.ip(), address.port());
        let priority = priority(base - index.min(32_767));
        writeln!(
            sdp,
            "a=candidate:{index} 1 {protocol} {priority} {ip} {port} typ host{role}\r"
        )
        .expect("writing to a string does not fail");
    }
    sdp.push_str("a=end-of-candidates\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 1 10.1.2.3 5000 typ host\r\na=mid:0\r\n";

    #[test]
    fn a_browsers_addresses_are_not_even_read() {
        let stripped = strip(OFFER).unwrap();
        assert!(!stripped.contains("10.1.2.3"));
        assert!(stripped.contains("m=audio") && stripped.ends_with("a=mid:0\r\n"));
    }

    #[test]
    fn an_offer_of_more_than_a_guest_may_have_is_refused() {
        let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
        assert!(strip("v=0\r\n").is_none());
        assert!(strip(&audio.repeat(2)).is_none());
        assert!(strip(&video.repeat(4)).is_some());
        assert!(strip(&video.repeat(5)).is_none());
        assert!(strip(&format!("{audio}{}", "a=x\r\n".repeat(600))).is_none());
    }

    #[test]
    fn an_answer_names_every_candidate_once_udp_first() {
        let candidates = Candidates {
            udp: vec![
                "192.0.2.7:7443".parse().unwrap(),
                "[2001:db8::7]:7443".parse().unwrap(),
            ],
            tcp: vec!["192.0.2.7:7444".parse().unwrap()],
        };
        let answer = "a=ice-lite\r\nm=audio 9\r\na=candidate:x 1 udp 1 192.0.2.1 9 typ host\r\n\
            a=ice-pwd:p\r\na=fmtp:111 maxplaybackrate=0;usedtx=1\r\nm=application 9\r\na=ice-pwd:p\r\n";
        let whole = complete(answer, &candidates);
        let named: Vec<&str> = whole
            .lines()
            .filter(|line| line.contains("candidate:"))
            .collect();
        assert_eq!(
            named,
            [
                "a=candidate:0 1 udp 2130706431 192.0.2.7 7443 typ host",
                "a=candidate:1 1 udp 2130706175 2001:db8::7 7443 typ host",
                "a=candidate:2 1 tcp 2122317311 192.0.2.7 7444 typ host tcptype passive",
            ]
        );
        assert_eq!(whole.matches("a=end-of-candidates\r\n").count(), 1);
        assert!(whole.contains("a=fmtp:111 usedtx=1\r\na=ptime:20\r\na=maxptime:20\r\n"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_offered_is_refused_or_answered_and_never_panics(
            lines in proptest::collection::vec("(v=0|m=audio 9 UDP/TLS/RTP/SAVPF 111|a=[a-z-]{1,12}:.{0,40}|.{0,60})", 0..12),
        ) {
            let answerer = Answerer::new().unwrap();
            let candidates = Candidates::default();
            let offer = lines.join("\r\n");
            let answered = answerer.answer(Instant::now(), &offer, "0".repeat(24), &candidates);
            if let Err(code) = answered {
                assert_eq!(code, RefusalCode::OfferInvalid);
            }
        }
    }
}
