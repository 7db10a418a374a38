//! How often strangers may ask, by address, and people with a seat, by seat. Each has token buckets of their
//! own (GCRA, by `governor`); memory is bounded, however many ask.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    middleware::Next,
    web,
};
use conclave_core::Moment;
use conclave_wire::{Refusal, RefusalCode};
use governor::{
    Quota, RateLimiter,
    clock::{self, Clock as _},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use parking_lot::Mutex;

use super::{api, ask, bearer, limits::Attempt, refused};
use crate::{
    actors::{lobby::FindRoom, room::AuthenticateSeat},
    auth::token::{self, TokenHash},
    clock::Clock,
    config::Config,
    files::UploadId,
    gateway::{sockets::network_of, upgrade::client_of},
    server::AppState,
};

/// Addresses, or seats, that are remembered of each kind. Who comes while there are so many shares one bucket
/// with everybody else who does.
const CALLERS_MAX: usize = 65_536;
/// Those whose bucket is full again are forgotten at most so often.
const SWEPT_EVERY: Duration = Duration::from_secs(1);
const SECONDS_PER_MINUTE: u64 = 60;
/// The header with an invite; in the address of a WebSocket, `?invite=`.
pub const INVITE_HEADER: &str = "conclave-invite";

/// What a request costs a stranger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spend {
    /// What pages and monitors ask all day: it costs the server next to nothing.
    Nothing,
    MakeRoom,
    Join,
    Messages,
    /// Nothing with the id of an upload that is under way, else as [`Spend::Rest`].
    Upload,
    Rest,
}

/// The buckets of everybody who asks over HTTP, and of strangers who open control links.
#[derive(Debug)]
pub struct CallerLimits {
    rooms: Buckets<IpAddr>,
    joins: Buckets<IpAddr>,
    messages: Buckets<IpAddr>,
    rest: Buckets<IpAddr>,
    seats: Buckets<TokenHash>,
}

impl CallerLimits {
    pub fn new(config: &Config, clock: Clock) -> CallerLimits {
        let window = Duration::from_secs(u64::from(config.stranger_minutes) * SECONDS_PER_MINUTE);
        let strangers = |most: u32| Buckets::new(most, window / most.max(1), clock);
        let second = Duration::from_secs(1) / config.commands_per_second.max(1);
        CallerLimits {
            rooms: strangers(config.rooms_made_per_stranger),
            joins: strangers(config.joins_per_stranger),
            messages: strangers(config.messages_per_stranger),
            rest: strangers(config.requests_per_stranger),
            seats: Buckets::new(config.commands_burst, second, clock),
        }
    }

    /// Counts what a stranger asks.
    ///
    /// # Errors
    /// `TooFast`, with how long to wait.
    pub fn stranger(&self, address: IpAddr, spend: Spend) -> Result<(), Refusal> {
        let buckets = match spend {
            Spend::Nothing => return Ok(()),
            Spend::MakeRoom => &self.rooms,
            Spend::Join => &self.joins,
            Spend::Messages => &self.messages,
            Spend::Upload | Spend::Rest => &self.rest,
        };
        buckets.take(network_of(address), IpAddr::from([0, 0, 0, 0]))
    }

    /// Counts what somebody with a seat asks, as commands on a link are counted.
    ///
    /// # Errors
    /// `TooFast`, with how long to wait.
    pub fn seat(&self, token: TokenHash) -> Result<(), Refusal> {
        self.seats.take(token, [0; 32])
    }
}

/// The server's clock, as `governor` reads it.
#[derive(Clone, Debug)]
struct Ticks(Clock);

impl clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(self.0.now().0)
    }
}

#[derive(Debug)]
struct Buckets<K: Clone + Eq + Hash> {
    limiter: RateLimiter<K, HashMapStateStore<K>, Ticks, NoOpMiddleware<Duration>>,
    clock: Clock,
    swept: Mutex<Moment>,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// `burst` at once, and another after each `period`.
    fn new(burst: u32, period: Duration, clock: Clock) -> Buckets<K> {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let period = period.max(Duration::from_nanos(1));
        let quota = Quota::with_period(period)
            .expect("the period was made longer than nothing")
            .allow_burst(burst);
        Buckets {
            limiter: RateLimiter::hashmap_with_clock(quota, Ticks(clock)),
            clock,
            swept: Mutex::new(clock.now()),
        }
    }

    fn take(&self, key: K, shared: K) -> Result<(), Refusal> {
        let key = match self.is_full() {
            true => shared,
            false => key,
        };
        self.limiter.check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(Ticks(self.clock).now());
            let ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
            Refusal::retry_after(RefusalCode::TooFast, ms.saturating_add(1))
        })
    }

    /// Whether no more callers are remembered.
    fn is_full(&self) -> bool {
        if self.limiter.len() < CALLERS_MAX {
            return false;
        }
        let now = self.clock.now();
        let mut swept = self.swept.lock();
        if now.since(*swept) >= SWEPT_EVERY {
            *swept = now;
            self.limiter.retain_recent();
        }
        self.limiter.len() >= CALLERS_MAX
    }
}

/// Middleware: counts each request of the interface against whoever asks.
pub async fn limited<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let state = request.app_data::<web::Data<Arc<AppState>>>().cloned();
    let allowed = match (api::endpoint_of(&request), state) {
        (Some(endpoint), Some(state)) => allow(&request, &state, endpoint.spends).await,
        _ => Ok(()),
    };
    match allowed {
        Ok(()) => next.call(request).await,
        Err(refusal) => {
            Err(InternalError::from_response("too many requests", refused(&refusal)).into())
        }
    }
}

async fn allow(request: &ServiceRequest, state: &AppState, spend: Spend) -> Result<(), Refusal> {
    if spend == Spend::Nothing {
        return Ok(());
    }
    if let Some(token) = bearer(request.headers())
        && let Some(slug) = token::room_of(token)
        && has_seat(state, slug, token).await
    {
        return state.callers.seat(token::hash(token));
    }
    let address = client_of(request.request(), state).ok_or(RefusalCode::Internal)?;
    let mut parts = request.path().split('/').skip(2);
    match (parts.next(), parts.next()) {
        (Some("rooms"), Some(slug)) if is_invited(request, state, slug) => {
            state.limits.spend(address, Attempt::Join)
        }
        (Some("uploads"), Some(id)) if spend == Spend::Upload && is_under_way(state, id) => Ok(()),
        _ => state.callers.stranger(address, spend),
    }
}

/// Whether the token is that of a seat; to ask keeps the seat for a while.
async fn has_seat(state: &AppState, slug: &str, token: &str) -> bool {
    let found = async {
        let slug = slug.to_owned();
        let room = ask(state.lobby.send(FindRoom { slug })).await??;
        let token = token.to_owned();
        ask(room.send(AuthenticateSeat { token })).await?
    };
    found.await.is_ok()
}

fn is_invited(request: &ServiceRequest, state: &AppState, slug: &str) -> bool {
    let invite = shown_invite(request.request());
    invite.is_some_and(|invite| state.links.is_invite(slug, &invite))
}

/// What of a room's link is shown with a request: in a header, or in the address, since browsers open
/// WebSockets without headers of their own.
pub fn shown_invite(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(INVITE_HEADER);
    let header = header.and_then(|invite| invite.to_str().ok());
    header
        .map(str::to_owned)
        .or_else(|| invite_in(request.query_string()))
}

/// `invite` of the part of an address behind its `?`.
fn invite_in(query: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(name, _)| name == "invite")
        .map(|(_, invite)| invite.into_owned())
}

fn is_under_way(state: &AppState, id: &str) -> bool {
    UploadId::parse(id).is_some_and(|id| state.uploads.resuming(&id).is_some())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn limits() -> CallerLimits {
        let config = Config {
            stranger_minutes: 15,
            rooms_made_per_stranger: 10,
            joins_per_stranger: 50,
            commands_burst: 2,
            commands_per_second: 1,
            ..Config::default()
        };
        CallerLimits::new(&config, Clock::start())
    }

    #[tokio::test(start_paused = true)]
    async fn ten_rooms_pass_and_the_next_waits_as_long_as_it_is_told() {
        let limits = limits();
        let address = "192.0.2.1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(limits.stranger(address, Spend::MakeRoom), Ok(()));
        }
        let refusal = limits.stranger(address, Spend::MakeRoom).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::TooFast);
        // Ten in 15 minutes: one in 90 seconds.
        let wait = refusal.retry_after_ms.unwrap();
        assert!((89_990..=90_010).contains(&wait), "{wait}");
        // Other things are counted apart, and other addresses do not pay.
        assert_eq!(limits.stranger(address, Spend::Join), Ok(()));
        let other = "192.0.2.2".parse().unwrap();
        assert_eq!(limits.stranger(other, Spend::MakeRoom), Ok(()));
        tokio::time::advance(Duration::from_millis(wait.into())).await;
        assert_eq!(limits.stranger(address, Spend::MakeRoom), Ok(()));
        assert!(limits.stranger(address, Spend::MakeRoom).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_one_ipv6_network_share_a_bucket() {
        let limits = limits();
        for number in 0..10_u16 {
            let address = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, number, 1, 2, 3).into();
            assert_eq!(limits.stranger(address, Spend::MakeRoom), Ok(()));
        }
        let neighbour = "2001:db8::99".parse().unwrap();
        assert!(limits.stranger(neighbour, Spend::MakeRoom).is_err());
        let elsewhere = "2001:db8:0:1::99".parse().unwrap();
        assert_eq!(limits.stranger(elsewhere, Spend::MakeRoom), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn seats_are_counted_one_by_one() {
        let limits = limits();
        for seat in [[1; 32], [2; 32]] {
            assert_eq!(limits.seat(seat), Ok(()));
            assert_eq!(limits.seat(seat), Ok(()));
            assert!(limits.seat(seat).is_err());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(limits.seat([1; 32]), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_those_who_come_too_many_share_one_bucket() {
        let limits = limits();
        let many = u32::try_from(CALLERS_MAX).unwrap();
        for number in 1..=many {
            let address = Ipv4Addr::from_bits(number).into();
            assert_eq!(limits.stranger(address, Spend::MakeRoom), Ok(()));
        }
        let mut passed = 0;
        for number in many + 1..=many + 100 {
            let address = Ipv4Addr::from_bits(number).into();
            passed += u32::from(limits.stranger(address, Spend::MakeRoom).is_ok());
        }
        assert_eq!(passed, 10, "they share the bucket of one");
        assert!(limits.rooms.limiter.len() <= CALLERS_MAX + 1);
        // Once the buckets are full again nobody has to be remembered.
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(limits.stranger(address, Spend::MakeRoom), Ok(()));
        assert!(limits.rooms.limiter.len() <= 1);
    }

    #[test]
    fn an_invite_is_found_in_an_address() {
        assert_eq!(invite_in("a=1&invite=x-_y&b"), Some("x-_y".to_owned()));
        assert_eq!(invite_in(""), None);
    }
}
