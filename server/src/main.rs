//! The server's program: flags, logs, a server, and the signal that stops it.

use std::{io, process::ExitCode};

use conclave_server::{
    config::{Config, Flags, Sources},
    server::{Given, GivenSockets, Server},
    telemetry::{self, Logs},
};

mod supervisor;

fn main() -> ExitCode {
    let flags = Flags::from_command_line();
    let config = match flags.load() {
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    if flags.print_config {
        print!("{}", config.to_toml());
        return ExitCode::SUCCESS;
    }
    if flags.check {
        if let Err(error) = config.check_files() {
            return failed(&error);
        }
        println!("The configuration is right.");
        return ExitCode::SUCCESS;
    }
    // Held until the end, so that the last lines are written.
    let logs = match telemetry::start(&config) {
        Ok(logs) => logs,
        Err(error) => return failed(&error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(config, flags.sources(), logs.logs())),
        Err(error) => failed(&error),
    }
}

async fn serve(config: Config, sources: Sources, logs: Logs) -> ExitCode {
    let told_to_stop = match stop_signals() {
        Ok(told_to_stop) => told_to_stop,
        Err(error) => return failed(&error),
    };
    let given = Given {
        logs,
        sources,
        sockets: GivenSockets::from_environment(),
    };
    let running = match Server::start_with(config, given).await {
        Ok(running) => running,
        Err(error) => return failed(&error),
    };
    println!("{}", running.banner());
    supervisor::started();
    tokio::select! {
        () = told_to_stop => {}
        () = running.stop_asked() => {}
        () = supervisor::feed_watchdog(running.state.clone()) => {}
    }
    tracing::info!("stopping");
    supervisor::stopping();
    let failed = running.stop_has_failed();
    running.stop().await;
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// Waits for Ctrl-C, or for the signal by which the system ends programs. They are heard from the call on,
/// so that a server that has only just started stops in order too.
#[cfg(unix)]
fn stop_signals() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signals() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("conclave-server: {why}");
    ExitCode::FAILURE
}
