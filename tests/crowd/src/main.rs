//! A headless crowd: people who speak, show themselves, write and pass files, in one process, and what
//! came of it in figures.

mod args;
mod beacon;
mod board;
mod chat;
mod clock;
mod crowd;
mod files;
mod film;
mod person;
mod place;
mod report;
mod screen;
mod totals;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.into())
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let totals = match runtime.block_on(crowd::meet(&args)) {
        Ok(totals) => totals,
        Err(error) => return failed(&*error),
    };
    match args.json {
        true => println!("{}", report::json(&totals)),
        false => print!("{}", report::text(&totals)),
    }
    match totals.undelivered.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("conclave-crowd: {why}");
    ExitCode::FAILURE
}
