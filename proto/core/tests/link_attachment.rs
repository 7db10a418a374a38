//! One seat on one link: coming in, limits both ways, signs of life, the end.

use std::time::Duration;

use conclave_core::{
    Moment,
    link::{
        attachment::{
            Attachment, AttachmentLimits, Effect, Effects, OutboxLimits, PaceLimits, Shared,
        },
        heartbeat::{BEAT_INTERVAL, DEAD_AFTER},
    },
};
use conclave_wire::{
    AtTheDoor, ClientMessage, ClockChange, Command, EncodedOnce, Encoding, Event, FilmAnchor,
    FilmMove, LeaveReason, Numbered, ParticipantId, RefusalCode, ServerMessage, Signs, StudyClock,
    StudyPhase, limits::SDP_BYTES_MAX, message::Enter,
};

const START: Moment = Moment(9_000_000);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// An attachment, its clock, and what it did since it was last asked.
struct Link {
    attachment: Attachment,
    now: Moment,
    effects: Effects,
}

impl Link {
    fn new(limits: AttachmentLimits) -> Link {
        Link {
            attachment: Attachment::new(limits, Encoding::Json, START),
            now: START,
            effects: Effects::new(),
        }
    }

    /// Somebody who is in.
    fn seated(limits: AttachmentLimits) -> Link {
        let mut link = Link::new(limits);
        link.say(hello());
        link.attachment
            .admitted(link.now, 0, Vec::new(), &mut link.effects);
        link.effects.clear();
        link
    }

    fn say(&mut self, message: ClientMessage) {
        self.attachment.said(self.now, message, &mut self.effects);
    }

    fn command(&mut self, reference: u32) {
        let command = Command::AskFloor;
        self.say(ClientMessage::Do { reference, command });
    }

    fn deliver(&mut self, batch: Vec<Shared>) {
        self.attachment.deliver(self.now, batch, &mut self.effects);
    }

    /// Lets time pass; pings come back at once unless `silent`.
    fn pass(&mut self, time: Duration, silent: bool) -> Vec<Effect> {
        let (end, mut seen) = (self.now + time, Vec::new());
        loop {
            while let Some(effect) = self.effects.pop_front() {
                if let (Effect::Ping(mark), false) = (&effect, silent) {
                    self.attachment.returned(self.now, *mark, &mut self.effects);
                }
                seen.push(effect);
            }
            let Some(at) = self.attachment.next_wakeup().filter(|&at| at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            self.attachment.wake(self.now, &mut self.effects);
        }
        self.now = end;
        seen
    }

    fn take(&mut self) -> Vec<Effect> {
        self.effects.drain(..).collect()
    }
}

fn hello() -> ClientMessage {
    ClientMessage::Hello {
        enter: Enter::Resume {
            seat_token: "room.token".to_owned(),
            cursor: None,
        },
        client: "test".to_owned(),
    }
}

fn event(number: u32) -> Shared {
    let event = Event::HandRaised {
        id: ParticipantId(1),
    };
    let events = vec![Numbered { number, event }];
    EncodedOnce::new(ServerMessage::Events { events })
}

fn sign() -> Shared {
    EncodedOnce::new(ServerMessage::Signs(Signs::default()))
}

/// References of the commands that went to the room.
fn acted(effects: &[Effect]) -> Vec<u32> {
    let reference = |effect: &Effect| match effect {
        Effect::Act { reference, .. } => Some(*reference),
        _ => None,
    };
    effects.iter().filter_map(reference).collect()
}

fn refusals(effects: &[Effect]) -> Vec<(Option<u32>, RefusalCode)> {
    let refused = |effect: &Effect| match effect {
        Effect::Send(shared) => match &shared.message {
            ServerMessage::Refused { reference, refusal } => Some((*reference, refusal.code)),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(refused).collect()
}

fn lost(effects: &[Effect]) -> Option<LeaveReason> {
    effects.iter().find_map(|effect| match effect {
        Effect::Lost(reason) => Some(*reason),
        _ => None,
    })
}

fn has(effects: &[Effect], wanted: impl Fn(&Effect) -> bool) -> bool {
    effects.iter().any(wanted)
}

#[test]
fn who_says_nothing_is_turned_away_in_time() {
    let mut link = Link::new(AttachmentLimits::default());
    let before = link.pass(ms(9_999), false);
    assert!(refusals(&before).is_empty());
    let after = link.pass(ms(1), false);
    assert_eq!(refusals(&after), [(None, RefusalCode::Timeout)]);
    assert!(has(&after, |effect| matches!(effect, Effect::Close)));
    assert_eq!(lost(&after), None, "there is no seat to lose");
    let rest = link.pass(ms(1_000), false);
    assert!(has(&rest, |effect| matches!(effect, Effect::ShutDown)));
    assert!(link.attachment.is_over());
}

#[test]
fn the_first_message_must_be_hello_and_only_the_first() {
    let mut link = Link::new(AttachmentLimits::default());
    link.command(1);
    assert_eq!(refusals(&link.take()), [(None, RefusalCode::HelloExpected)]);
    link.say(hello());
    assert!(has(&link.take(), |effect| matches!(
        effect,
        Effect::Enter { .. }
    )));
    link.say(hello());
    assert_eq!(refusals(&link.take()), [(None, RefusalCode::HelloTwice)]);
}

#[test]
fn what_the_room_sends_while_somebody_comes_in_follows_the_welcome() {
    let mut link = Link::new(AttachmentLimits::default());
    link.say(hello());
    link.deliver(vec![event(8)]);
    link.command(1);
    assert!(matches!(link.take()[..], [Effect::Enter { .. }]));
    let first = vec![event(7)];
    link.attachment
        .admitted(link.now, 0, first, &mut link.effects);
    let effects = link.take();
    let numbers: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(shared) => match &shared.message {
                ServerMessage::Events { events } => Some(events[0].number),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(numbers, [7, 8]);
    assert_eq!(
        acted(&effects),
        [1],
        "a command that came early is done now"
    );
}

#[test]
fn who_is_let_in_after_they_have_gone_loses_the_link_at_once() {
    let mut link = Link::new(AttachmentLimits::default());
    link.say(hello());
    link.attachment.link_closed(&mut link.effects);
    assert!(!link.attachment.is_over(), "the room still owes an answer");
    link.take();
    link.attachment
        .admitted(link.now, 0, Vec::new(), &mut link.effects);
    assert_eq!(lost(&link.take()), Some(LeaveReason::LinkLost));
    assert!(link.attachment.is_over());
}

#[test]
fn who_is_refused_is_told_why_and_the_link_is_closed() {
    let mut link = Link::new(AttachmentLimits::default());
    link.say(hello());
    link.take();
    let refusal = RefusalCode::SeatUnknown.into();
    link.attachment
        .turned_away(link.now, refusal, &mut link.effects);
    let effects = link.take();
    assert_eq!(refusals(&effects), [(None, RefusalCode::SeatUnknown)]);
    assert!(matches!(effects.last(), Some(Effect::Close)));
    link.attachment.link_closed(&mut link.effects);
    assert!(link.attachment.is_over());
}

#[test]
fn a_flood_is_slowed_then_refused_then_dropped() {
    let limits = AttachmentLimits {
        pace: PaceLimits {
            commands_burst: 3,
            commands_per_second: 10,
            commands_held_max: 2,
            refused_max: 4,
            ..PaceLimits::default()
        },
        ..AttachmentLimits::default()
    };
    let mut link = Link::seated(limits);
    for reference in 1..=9 {
        link.command(reference);
    }
    let effects = link.take();
    assert_eq!(acted(&effects), [1, 2, 3], "a burst passes");
    let too_fast: Vec<_> = (6..=9)
        .map(|reference| (Some(reference), RefusalCode::TooFast))
        .collect();
    assert_eq!(refusals(&effects), too_fast);
    let waited = link.pass(ms(100), false);
    assert_eq!(acted(&waited), [4], "what was held comes at the rate");
    let waited = link.pass(ms(100), false);
    assert_eq!(acted(&waited), [5]);
    // Nothing more was taken for granted: the flood goes on, and the link goes.
    for reference in 10..=40 {
        link.command(reference);
    }
    let effects = link.take();
    assert_eq!(lost(&effects), Some(LeaveReason::Flooding));
    assert!(matches!(effects.last(), Some(Effect::Close)));
    assert!(refusals(&effects).len() <= 4);
}

#[test]
fn a_refusal_says_when_to_try_again() {
    let limits = AttachmentLimits {
        pace: PaceLimits {
            commands_burst: 1,
            commands_per_second: 2,
            commands_held_max: 0,
            ..PaceLimits::default()
        },
        ..AttachmentLimits::default()
    };
    let mut link = Link::seated(limits);
    link.command(1);
    link.command(2);
    let retry = link.take().into_iter().find_map(|effect| match effect {
        Effect::Send(shared) => match &shared.message {
            ServerMessage::Refused { refusal, .. } => refusal.retry_after_ms,
            _ => None,
        },
        _ => None,
    });
    assert_eq!(retry, Some(500));
}

#[test]
fn too_many_acknowledgements_are_a_flood_too() {
    let mut link = Link::seated(AttachmentLimits::default());
    for number in 0..=AttachmentLimits::default().pace.chatter_burst {
        link.say(ClientMessage::Ack { number });
    }
    assert_eq!(lost(&link.take()), Some(LeaveReason::Flooding));
}

#[test]
fn some_unreadable_messages_are_answered_and_then_the_link_is_closed() {
    let limits = AttachmentLimits::default();
    let mut link = Link::seated(limits);
    for _ in 1..limits.unreadable_max {
        link.attachment
            .unreadable(link.now, RefusalCode::TooDeep, &mut link.effects);
        assert_eq!(refusals(&link.take()), [(None, RefusalCode::TooDeep)]);
    }
    link.attachment
        .unreadable(link.now, RefusalCode::Malformed, &mut link.effects);
    let effects = link.take();
    assert!(matches!(effects.last(), Some(Effect::Close)));
    assert_eq!(lost(&effects), Some(LeaveReason::Flooding));
}

#[test]
fn a_link_where_nothing_is_heard_is_shut_down() {
    let mut link = Link::seated(AttachmentLimits::default());
    let alive = link.pass(ms(60_000), false);
    assert_eq!(lost(&alive), None, "pings came back");
    let dead = link.pass(DEAD_AFTER + ms(1), true);
    assert_eq!(lost(&dead), Some(LeaveReason::LinkLost));
    assert!(has(&dead, |effect| matches!(effect, Effect::ShutDown)));
    assert!(link.attachment.is_over());
}

#[test]
fn a_client_that_talks_but_does_not_read_is_shut_down() {
    let limits = AttachmentLimits::default();
    let mut link = Link::seated(limits);
    let mut reason = None;
    for _ in 0..12 {
        link.say(ClientMessage::Beat { sent_ms: 0 });
        reason = reason.or(lost(&link.pass(ms(1_000), true)));
    }
    assert_eq!(reason, Some(LeaveReason::TooSlow));
    assert!(link.now <= START + limits.outbox.returned_within + ms(3_000));
}

#[test]
fn who_does_not_acknowledge_events_is_shut_down_at_the_limit() {
    let limits = AttachmentLimits {
        outbox: OutboxLimits {
            messages_max: 10,
            ..OutboxLimits::default()
        },
        ..AttachmentLimits::default()
    };
    let mut slow = Link::seated(limits);
    for number in 1..=10 {
        slow.deliver(vec![event(number)]);
    }
    assert_eq!(lost(&slow.take()), None);
    slow.deliver(vec![event(11)]);
    let effects = slow.take();
    assert_eq!(lost(&effects), Some(LeaveReason::TooSlow));
    assert!(matches!(effects.last(), Some(Effect::ShutDown)));

    let mut quick = Link::seated(limits);
    for number in 1..=1_000 {
        quick.deliver(vec![event(number)]);
        quick.say(ClientMessage::Ack { number });
        quick.now = quick.now + ms(20);
    }
    assert_eq!(lost(&quick.take()), None);
}

#[test]
fn what_has_no_number_is_acknowledged_by_the_ping_behind_it() {
    let limits = AttachmentLimits {
        outbox: OutboxLimits {
            messages_max: 4,
            ..OutboxLimits::default()
        },
        ..AttachmentLimits::default()
    };
    let mut link = Link::seated(limits);
    for _ in 0..100 {
        link.deliver(vec![sign(), sign(), sign()]);
        let effects = link.pass(BEAT_INTERVAL, false);
        assert_eq!(lost(&effects), None);
    }
}

#[test]
fn a_batch_is_taken_whole_however_large_it_is() {
    let limits = AttachmentLimits {
        outbox: OutboxLimits {
            messages_max: 4,
            bytes_max: 100,
            ..OutboxLimits::default()
        },
        ..AttachmentLimits::default()
    };
    let mut link = Link::seated(limits);
    link.deliver((1..=50).map(event).collect());
    assert_eq!(lost(&link.take()), None, "what was missed comes at once");
    link.deliver(vec![sign()]);
    assert_eq!(lost(&link.take()), Some(LeaveReason::TooSlow));
}

#[test]
fn a_goodbye_of_the_room_closes_the_link_and_loses_nothing() {
    let mut link = Link::seated(AttachmentLimits::default());
    let goodbye = ServerMessage::Goodbye {
        reason: LeaveReason::Kicked,
        text: String::new(),
    };
    link.deliver(vec![event(1), EncodedOnce::new(goodbye)]);
    let effects = link.take();
    assert!(matches!(
        effects[..],
        [Effect::Send(_), Effect::Send(_), Effect::Close]
    ));
    link.command(1);
    link.deliver(vec![event(2)]);
    assert!(link.take().is_empty(), "nothing follows a goodbye");
    // A link that does not close by itself is shut down.
    let rest = link.pass(ms(1_000), true);
    assert!(has(&rest, |effect| matches!(effect, Effect::ShutDown)));
    assert_eq!(lost(&rest), None);
    assert!(link.attachment.is_over());
}

#[test]
fn beats_come_back_with_the_room_clock_and_their_interval_is_logged() {
    let mut link = Link::new(AttachmentLimits::default());
    link.say(hello());
    link.attachment
        .admitted(link.now, 5_000, Vec::new(), &mut link.effects);
    link.take();
    link.now = link.now + ms(700);
    link.say(ClientMessage::Beat { sent_ms: 42 });
    let answer = link.take().into_iter().find_map(|effect| match effect {
        Effect::Send(shared) => Some(shared.message.clone()),
        _ => None,
    });
    let beat = ServerMessage::Beat {
        sent_ms: 42,
        room_clock_ms: 5_700,
        pulse: None,
    };
    assert_eq!(answer, Some(beat));
    link.now = link.now + ms(2_000);
    link.say(ClientMessage::Beat { sent_ms: 43 });
    let interval = link.take().into_iter().find_map(|effect| match effect {
        Effect::BeatHeard { interval } => Some(interval),
        _ => None,
    });
    assert_eq!(interval, Some(ms(2_000)));
}

#[test]
fn the_round_trip_is_told_to_the_room() {
    let mut link = Link::seated(AttachmentLimits::default());
    let mark = link
        .pass(BEAT_INTERVAL, true)
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Ping(mark) => Some(mark),
            _ => None,
        });
    link.attachment
        .returned(link.now, mark.unwrap(), &mut link.effects);
    assert!(has(&link.take(), |effect| matches!(
        effect,
        Effect::Measured { .. }
    )));
}

#[test]
fn an_unchanged_round_trip_is_told_once() {
    let mut link = Link::seated(AttachmentLimits::default());
    let mut told = 0;
    for _ in 0..20 {
        let effects = link.pass(BEAT_INTERVAL, false);
        told += effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Measured { .. }))
            .count();
    }
    assert_eq!(told, 1);
}

#[test]
fn pings_go_along_with_answers_to_beats() {
    let mut link = Link::seated(AttachmentLimits::default());
    link.pass(ms(300), false);
    for beat in 0..10 {
        link.say(ClientMessage::Beat { sent_ms: beat });
        let effects: Vec<_> = link.take();
        let sent = effects
            .iter()
            .filter(|effect| !matches!(effect, Effect::BeatHeard { .. }))
            .count();
        assert_eq!(sent, if beat == 0 { 1 } else { 2 }, "{beat}: {effects:?}");
        for effect in effects {
            if let Effect::Ping(mark) = effect {
                link.attachment.returned(link.now, mark, &mut link.effects);
            }
        }
        link.effects.clear();
        let between = link.pass(BEAT_INTERVAL, false);
        let pings = has(&between, |effect| matches!(effect, Effect::Ping(_)));
        assert!(!pings || beat == 0, "{beat}: {between:?}");
    }
}

#[test]
fn a_room_that_is_busy_or_gone_is_said() {
    let mut link = Link::seated(AttachmentLimits::default());
    link.attachment.room_busy(7, &mut link.effects);
    assert_eq!(refusals(&link.take()), [(Some(7), RefusalCode::Busy)]);
    link.attachment.room_gone(link.now, &mut link.effects);
    let effects = link.take();
    assert_eq!(refusals(&effects), [(None, RefusalCode::Internal)]);
    assert!(matches!(effects.last(), Some(Effect::Close)));
}

fn offer(sdp: &str) -> ClientMessage {
    ClientMessage::OfferMedia {
        sdp: sdp.to_owned(),
    }
}

fn offers(effects: &[Effect]) -> Vec<String> {
    let offered = |effect: &Effect| match effect {
        Effect::OfferMedia { sdp } => Some(sdp.clone()),
        _ => None,
    };
    effects.iter().filter_map(offered).collect()
}

#[test]
fn an_offer_goes_out_only_behind_the_welcome() {
    let mut link = Link::new(AttachmentLimits::default());
    link.say(offer("v=0"));
    link.say(hello());
    link.say(offer("v=0"));
    let effects = link.take();
    assert_eq!(offers(&effects), Vec::<String>::new());
    let refused = [(None, RefusalCode::HelloExpected); 2];
    assert_eq!(refusals(&effects), refused);
    let mut link = Link::seated(AttachmentLimits::default());
    link.say(offer("v=0"));
    assert_eq!(offers(&link.take()), ["v=0"]);
}

#[test]
fn what_comes_of_an_offer_is_said_to_whoever_is_still_there() {
    let mut link = Link::seated(AttachmentLimits::default());
    link.attachment
        .media_answered(Ok("answer".to_owned()), &mut link.effects);
    link.attachment
        .media_answered(Err(RefusalCode::GuestsFull.into()), &mut link.effects);
    let effects = link.take();
    assert!(matches!(&effects[0], Effect::Send(shared)
        if matches!(&shared.message, ServerMessage::MediaAnswer { sdp } if sdp == "answer")));
    assert_eq!(refusals(&effects), [(None, RefusalCode::GuestsFull)]);
    link.attachment.link_closed(&mut link.effects);
    link.take();
    link.attachment
        .media_answered(Ok("late".to_owned()), &mut link.effects);
    assert!(link.take().is_empty());
}

#[test]
fn offers_that_are_too_large_or_too_many_are_refused_with_codes_of_their_own() {
    let limits = AttachmentLimits {
        offers_burst: 2,
        offers_per_minute: 6,
        ..AttachmentLimits::default()
    };
    let mut link = Link::seated(limits);
    link.say(offer(&"a".repeat(SDP_BYTES_MAX + 1)));
    assert_eq!(refusals(&link.take()), [(None, RefusalCode::OfferTooLarge)]);
    for _ in 0..3 {
        link.say(offer(&"a".repeat(SDP_BYTES_MAX)));
    }
    let effects = link.take();
    assert_eq!(offers(&effects).len(), 2);
    assert_eq!(refusals(&effects), [(None, RefusalCode::OffersTooFast)]);
    // Six a minute are one in ten seconds.
    link.pass(ms(9_900), false);
    link.say(offer("v=0"));
    assert_eq!(offers(&link.take()), Vec::<String>::new());
    link.pass(ms(200), false);
    link.say(offer("v=0"));
    assert_eq!(offers(&link.take()), ["v=0"]);
}

// at the door

fn waiting(position: u32) -> Shared {
    EncodedOnce::new(ServerMessage::Waiting(AtTheDoor {
        title: "Room".to_owned(),
        position,
        seat_token: "room.token".to_owned(),
    }))
}

/// Somebody who waits at the door.
fn at_the_door() -> Link {
    let mut link = Link::new(AttachmentLimits::default());
    link.say(hello());
    link.deliver(vec![waiting(2)]);
    link.effects.clear();
    link
}

fn sent(effects: &[Effect]) -> Vec<&ServerMessage> {
    fn message(effect: &Effect) -> Option<&ServerMessage> {
        match effect {
            Effect::Send(shared) => Some(&shared.message),
            _ => None,
        }
    }
    effects.iter().filter_map(message).collect()
}

#[test]
fn who_waits_is_told_the_place_and_is_not_late() {
    let mut link = at_the_door();
    link.deliver(vec![waiting(1)]);
    let long = AttachmentLimits::default().join_within * 10;
    let effects = link.pass(long, false);
    assert!(matches!(
        sent(&effects)[..],
        [ServerMessage::Waiting(AtTheDoor { position: 1, .. })]
    ));
    assert!(!link.attachment.is_over());
}

#[test]
fn what_happens_behind_the_door_follows_the_welcome() {
    let mut link = at_the_door();
    link.deliver(vec![event(7)]);
    assert_eq!(sent(&link.take()).len(), 0);
    let welcome = vec![event(6)];
    link.attachment
        .admitted(link.now, 0, welcome, &mut link.effects);
    let effects = link.take();
    let numbers = |message: &&ServerMessage| match message {
        ServerMessage::Events { events } => events[0].number,
        other => panic!("{other:?}"),
    };
    let numbers: Vec<_> = sent(&effects).iter().map(numbers).collect();
    assert_eq!(numbers, [6, 7]);
    link.command(1);
    assert_eq!(acted(&link.take()), [1]);
}

#[test]
fn who_waits_can_only_go() {
    let mut link = at_the_door();
    link.command(1);
    let effects = link.take();
    assert_eq!(refusals(&effects), [(Some(1), RefusalCode::AtTheDoor)]);
    assert!(acted(&effects).is_empty());
    link.say(ClientMessage::Do {
        reference: 2,
        command: Command::Leave,
    });
    let effects = link.take();
    assert!(matches!(
        sent(&effects)[..],
        [ServerMessage::Goodbye {
            reason: LeaveReason::Left,
            ..
        }]
    ));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Close)));
}

#[test]
fn a_link_that_dies_at_the_door_is_over_at_once_and_owes_the_room_nothing() {
    let mut link = at_the_door();
    let effects = link.pass(DEAD_AFTER * 2, true);
    let shut_down = |effect: &Effect| matches!(effect, Effect::ShutDown);
    assert!(effects.iter().any(shut_down));
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Lost(_)))
    );
    assert!(link.attachment.is_over());

    let mut link = at_the_door();
    link.attachment.link_closed(&mut link.effects);
    assert!(link.attachment.is_over());
}

#[test]
fn who_is_turned_away_is_told_why() {
    let mut link = at_the_door();
    let refusal = RefusalCode::TurnedAway.into();
    link.attachment
        .turned_away(link.now, refusal, &mut link.effects);
    let effects = link.take();
    assert_eq!(refusals(&effects), [(None, RefusalCode::TurnedAway)]);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Close)));
}

#[test]
fn every_beat_says_again_how_clock_and_film_stand() {
    let mut link = Link::seated(AttachmentLimits::default());
    let clock = StudyClock {
        phase: StudyPhase::Focus,
        ends_at_ms: Some(1_500_000),
        ..StudyClock::default()
    };
    let anchor = FilmAnchor {
        playing: true,
        position_ms: 5_000,
        ..FilmAnchor::default()
    };
    let told = |number, event| {
        EncodedOnce::new(ServerMessage::Events {
            events: vec![Numbered { number, event }],
        })
    };
    let said = |link: &mut Link| {
        link.take();
        link.say(ClientMessage::Beat { sent_ms: 1 });
        let answers = link.take().into_iter();
        let beats = answers.filter_map(|effect| match effect {
            Effect::Send(shared) => match &shared.message {
                ServerMessage::Beat { pulse, .. } => Some(pulse.clone()),
                _ => None,
            },
            _ => None,
        });
        beats.last().flatten()
    };
    assert_eq!(said(&mut link), None);
    let why = ClockChange::Started;
    link.deliver(vec![told(1, Event::StudyClockChanged { clock, why })]);
    link.deliver(vec![told(
        2,
        Event::FilmMoved {
            anchor: anchor.clone(),
            why: FilmMove::Played,
            by: None,
        },
    )]);
    let pulse = said(&mut link).unwrap();
    assert_eq!((pulse.clock, pulse.film), (Some(clock), Some(anchor)));
    link.deliver(vec![told(
        3,
        Event::FilmOpened {
            file: None,
            leader: None,
            anchor: FilmAnchor::default(),
        },
    )]);
    let why = ClockChange::Reset;
    let clock = StudyClock::default();
    link.deliver(vec![told(4, Event::StudyClockChanged { clock, why })]);
    assert_eq!(said(&mut link), None, "there is nothing to say any more");
}
