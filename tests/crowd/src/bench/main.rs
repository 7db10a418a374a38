//! Measures the server under load, each part in a process of its own, and writes the page of figures.

mod browser;
mod camera;
mod chat;
mod cost;
mod creation;
mod devices;
mod fifty;
mod files;
mod film;
mod history;
mod join;
mod light;
mod light_media;
mod load;
mod machine;
mod memory;
mod mixing;
mod operator;
mod page;
mod process;
mod relay;
mod rooms;
mod screen;
mod served;
mod speech;
mod start;
mod storm;
mod together;
mod voice;
mod votes;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};

use self::{load::Load, machine::Machine, page::Section};

/// What a measure or a part of it comes to.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// One measure takes no longer than this; what does is ended and said to have failed.
const MEASURE_MAX: Duration = Duration::from_secs(110);
/// Browsers join and leave 200 times.
const MEASURE_MAX_PAGE: Duration = Duration::from_secs(900);

/// Measures a Conclave server on this machine and writes docs/BENCHMARKS.md.
#[derive(Clone, Debug, Parser)]
#[command(name = "conclave-bench", version)]
struct Args {
    /// Only these; the figures are printed then, and no page is written unless one is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Short and small: to see that it works, not what it reaches.
    #[arg(long)]
    quick: bool,
    /// The page to write.
    #[arg(long)]
    page: Option<PathBuf>,
    /// The commit that the figures are of; that of the working tree when absent.
    #[arg(long)]
    commit: Option<String>,
    /// Do one measure in this process and print its section as JSON.
    #[arg(long, value_enum, hide = true)]
    role: Option<Measure>,
    /// Move a file in this process, to be killed in the middle of it.
    #[arg(long, hide = true)]
    carry: Option<String>,
}

/// What can be measured, in the order of the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Measure {
    Voice,
    Mixing,
    Rooms,
    Camera,
    Chat,
    Screen,
    Files,
    Memory,
    Start,
    Join,
    Devices,
    Creation,
    Fifty,
    Cost,
    History,
    Votes,
    Storm,
    Operator,
    Together,
    Film,
    Page,
}

impl Measure {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn longest(self) -> Duration {
        match self {
            Measure::Page => MEASURE_MAX_PAGE,
            Measure::Devices | Measure::Together | Measure::Film => 2 * MEASURE_MAX,
            _ => MEASURE_MAX,
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conclave-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Outcome<bool> {
    if let Some(order) = &args.carry {
        return files::carry(order).map(|()| true);
    }
    if let Some(measure) = args.role {
        let section = measure_here(measure, args.quick)?;
        println!("{}", serde_json::to_string(&section)?);
        return Ok(true);
    }
    let measures = match args.only.is_empty() {
        true => Measure::value_variants(),
        false => &args.only,
    };
    let machine = Machine::look(args.commit.as_deref());
    let mut sections = Vec::new();
    let mut complete = true;
    for &measure in measures {
        eprintln!("measuring {}", measure.name());
        let section = process::in_a_child(&measure.name(), args.quick, measure.longest());
        let section = section.unwrap_or_else(|error| {
            complete = false;
            Section::failed(&measure.name(), &error.to_string())
        });
        eprintln!("{}", section.to_markdown());
        sections.push(section);
    }
    let page = page::render(&machine, &sections, args.quick);
    let path = match (&args.page, args.only.is_empty() && !args.quick) {
        (Some(path), _) => Some(path.clone()),
        (None, true) => Some(PathBuf::from("docs/BENCHMARKS.md")),
        (None, false) => None,
    };
    match path {
        Some(path) => std::fs::write(path, page)?,
        None => println!("{page}"),
    }
    Ok(complete)
}

fn measure_here(measure: Measure, quick: bool) -> Outcome<Section> {
    let load = Load::start(quick)?;
    load.block_on(async {
        match measure {
            Measure::Voice => voice::measure(&load).await,
            Measure::Mixing => mixing::measure(&load).await,
            Measure::Rooms => rooms::measure(&load).await,
            Measure::Camera => camera::measure(&load).await,
            Measure::Chat => chat::measure(&load).await,
            Measure::Screen => screen::measure(&load).await,
            Measure::Files => files::measure(&load).await,
            Measure::Memory => memory::measure(&load).await,
            Measure::Start => start::measure(&load).await,
            Measure::Join => join::measure(&load).await,
            Measure::Devices => devices::measure(&load).await,
            Measure::Creation => creation::measure(&load).await,
            Measure::Fifty => fifty::measure(&load).await,
            Measure::Cost => cost::measure(&load).await,
            Measure::History => history::measure(&load).await,
            Measure::Votes => votes::measure(&load).await,
            Measure::Storm => storm::measure(&load).await,
            Measure::Operator => operator::measure(&load).await,
            Measure::Together => together::measure(&load).await,
            Measure::Film => film::measure(&load).await,
            Measure::Page => browser::measure(&load).await,
        }
    })
}
