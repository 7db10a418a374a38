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
mod kept;
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

use std::{error::Error, path::Path, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};

use self::{
    kept::Kept,
    load::Load,
    machine::Machine,
    page::{Measured, Section},
};

/// What a measure or a part of it comes to.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// One measure takes no longer than this; what does is ended and said to have failed.
const MEASURE_MAX: Duration = Duration::from_secs(110);
/// Browsers join and leave 200 times.
const MEASURE_MAX_PAGE: Duration = Duration::from_secs(900);
/// Where the figures stand: for people, and for the next time that only some are measured.
const FOLDER: &str = "docs";

/// Measures a Conclave server on this machine and writes docs/BENCHMARKS.md.
#[derive(Clone, Debug, Parser)]
#[command(name = "conclave-bench", version)]
struct Args {
    /// Only these; the page keeps what was measured of the others before.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Short and small: to see that it works, not what it reaches. The figures are printed, and no page is written.
    #[arg(long)]
    quick: bool,
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
            Measure::Devices | Measure::Fifty | Measure::Together | Measure::Film => {
                3 * MEASURE_MAX
            }
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
    let mut fresh = Vec::new();
    let mut complete = true;
    for &measure in measures {
        let name = measure.name();
        eprintln!("measuring {name}");
        let machine = Machine::look(args.commit.as_deref());
        let section = process::in_a_child(&name, args.quick, measure.longest());
        let section = section.unwrap_or_else(|error| {
            complete = false;
            Section::failed(&name, &error.to_string())
        });
        eprintln!("{}", section.to_markdown());
        fresh.push((name, Measured { machine, section }));
    }
    if args.quick {
        let sections: Vec<Measured> = fresh.into_iter().map(|(_, measured)| measured).collect();
        println!("{}", page::render(&sections, true));
        return Ok(complete);
    }
    let folder = Path::new(FOLDER);
    let mut kept = Kept::read(folder)?;
    for (name, measured) in fresh {
        kept.put(name, measured);
    }
    let names: Vec<String> = Measure::value_variants()
        .iter()
        .map(|measure| measure.name())
        .collect();
    kept.write(folder, &names)?;
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
