//! The meeting: everybody joins, does their part for a while, and leaves.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant as StdInstant},
};

use conclave_client::{
    client::Client,
    link::invite::Invite,
    media::{
        clock::MediaClock,
        devices::{WavOptions, WavSound},
        voice_down::VoiceTally,
    },
};
use conclave_wire::{ParticipantId, command::Watch};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use crate::{
    args::Args,
    board::Board,
    chat, files, film,
    person::{Part, Person},
    place, screen,
    totals::{self, Came, Totals},
};

/// People who join at the same time.
const JOINING_MAX: usize = 16;
/// People who leave at the same time.
const LEAVING_MAX: usize = 64;
/// Talkers with a file begin so far apart from each other in it.
const WAV_APART: Duration = Duration::from_secs(3);
/// Before anything is counted, everybody's link has found its way.
const SETTLE: Duration = Duration::from_secs(1);

/// Meets, and adds up what came of it.
pub async fn meet(args: &Args) -> Result<Totals, Box<dyn Error>> {
    let invite = place::find(args).await?;
    let clock = MediaClock::start();
    let board = Arc::new(Board::new(clock, std::process::id()));
    let mut people = join(args, &invite, &board).await?;
    watch_cameras(args, &people).await?;
    tokio::time::sleep(SETTLE).await;
    let first_voices = begin_counting(&mut people, clock);
    let clients: Vec<&Client> = people.iter().map(|person| &person.client).collect();

    let viewers = args.screen_viewers as usize;
    let showing = match args.screen {
        true => Some(screen::show(&board, &clients, viewers).await),
        false => None,
    };
    let watching = film::Watching::begin(args, &clients).await;
    let began = Instant::now();
    let until = began + Duration::from_secs(args.seconds.into());
    let passing = files::pass_on(Arc::clone(&board), &clients, args.file_mb, args.seed);
    let writing = chat::write(Arc::clone(&board), &clients, args.chat_per_second, until);
    let (file, refused) = tokio::join!(passing, writing);
    tokio::time::sleep_until(until).await;
    let met = began.elapsed();
    chat::settle(&board, people.len()).await;

    let film = watching.end().await;
    let file = file.unwrap_or_else(|error| files::FileFigures {
        first_failure: Some(error.to_string()),
        ..files::FileFigures::default()
    });
    let screen = match showing {
        Some(Ok(showing)) => showing.end().await,
        Some(Err(error)) => screen::ScreenFigures {
            first_failure: Some(error.to_string()),
            ..screen::ScreenFigures::default()
        },
        None => screen::ScreenFigures::default(),
    };
    let first_voices = first_voices_of(&people, clock, first_voices);
    let came = Came {
        first_voices,
        file,
        film,
        screen,
        lines_refused: refused,
        met,
    };
    let totals = totals::add_up(args, &people, &board, came);
    stream::iter(people)
        .for_each_concurrent(LEAVING_MAX, Person::leave)
        .await;
    Ok(totals)
}

/// The first one joins alone: in a room of our own making it is the host.
async fn join(
    args: &Args,
    invite: &Invite,
    board: &Arc<Board>,
) -> Result<Vec<Person>, Box<dyn Error>> {
    let wav = match &args.wav {
        Some(path) => Some(WavSound::open(
            path,
            WavOptions {
                repeat: true,
                ..WavOptions::default()
            },
        )?),
        None => None,
    };
    let others = Invite {
        host_key: None,
        ..invite.clone()
    };
    let joining = |number: u32, invite: Invite| {
        let part = part_of(args, number, wav.as_ref());
        let seed = args.seed.wrapping_mul(10_007).wrapping_add(number.into());
        let (password, board) = (args.password.clone(), Arc::clone(board));
        async move {
            let media = args.media_address;
            Person::join(&invite, password, number, seed, part, media, board).await
        }
    };
    let mut people = vec![joining(0, invite.clone()).await?];
    let rest: Vec<Person> = stream::iter(1..args.people)
        .map(|number| joining(number, others.clone()))
        .buffered(JOINING_MAX)
        .try_collect()
        .await?;
    people.extend(rest);
    Ok(people)
}

/// Who does what, by number: talkers first, then cameras, so that few do both.
fn part_of(args: &Args, number: u32, wav: Option<&WavSound>) -> Part {
    let beeps = args.beacon && number == args.talking;
    let records = args.beacon && number == args.talking + 1;
    let talks = number < args.talking;
    // Cameras begin at the other end.
    let films = args.people - number <= args.cameras;
    Part {
        talks,
        says: wav
            .filter(|_| talks)
            .map(|wav| wav.clone().ahead(WAV_APART * number)),
        pauses: !args.without_pauses,
        beeps,
        films,
        films_clock: args.clock,
        decodes: number < args.decode,
        records,
    }
}

async fn watch_cameras(args: &Args, people: &[Person]) -> Result<(), Box<dyn Error>> {
    let filming = people.iter().filter(|person| person.part.films);
    let mut films: Vec<ParticipantId> = filming.map(Person::id).collect();
    if films.is_empty() || args.blind {
        return Ok(());
    }
    // Whoever else is there with a camera is watched, too.
    if let Some(person) = people.first() {
        let state = person.client.state().borrow().clone();
        let others = state.members.iter().filter(|member| member.media.camera);
        films.extend(others.map(|member| member.id));
        films.sort_unstable();
        films.dedup();
    }
    for person in people {
        let watched = films.iter().filter(|source| **source != person.id());
        let watch = watched
            .map(|source| Watch {
                source: *source,
                layer_max: args.layer.into(),
                pinned: false,
            })
            .collect();
        person.client.watch(watch).await?;
    }
    Ok(())
}

/// Begins the counts of voice anew, so that the rush of joining is not in them. Gives what was known of
/// everybody's first voice packet.
fn begin_counting(people: &mut [Person], clock: MediaClock) -> Vec<Option<Duration>> {
    people
        .iter_mut()
        .map(|person| {
            let before = person.client.with_voice_tally(std::mem::take);
            let sent = person.client.figures().voice_up;
            person.sent_before = (sent.sent, sent.unsent);
            first_voice(person, &before, clock)
        })
        .collect()
}

fn first_voices_of(
    people: &[Person],
    clock: MediaClock,
    known: Vec<Option<Duration>>,
) -> Vec<Duration> {
    let later = people.iter().map(|person| {
        person
            .client
            .with_voice_tally(|tally| first_voice(person, tally, clock))
    });
    known
        .into_iter()
        .zip(later)
        .filter_map(|(known, later)| known.or(later))
        .collect()
}

/// From the first step of joining to the first voice packet.
fn first_voice(person: &Person, tally: &VoiceTally, clock: MediaClock) -> Option<Duration> {
    let at: StdInstant = clock.instant(tally.first_at()?);
    Some(at.saturating_duration_since(person.joined_at))
}
