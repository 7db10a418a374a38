//! The server's program: flags, logs, a server, and the signal that stops it.

use std::{io, process::ExitCode};

use conclave_server::{
    config::{Config, Flags},
    server::Server,
    telemetry,
};

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
        println!("The configuration is right.");
        return ExitCode::SUCCESS;
    }
    let _logs = match telemetry::start(&config) {
        Ok(guard) => guard,
        Err(error) => return failed(&error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(serve(config)),
        Err(error) => failed(&error),
    }
}

async fn serve(config: Config) -> ExitCode {
    let told_to_stop = match stop_signals() {
        Ok(told_to_stop) => told_to_stop,
        Err(error) => return failed(&error),
    };
    let running = match Server::start(config).await {
        Ok(running) => running,
        Err(error) => return failed(&error),
    };
    println!("{}", running.banner());
    told_to_stop.await;
    tracing::info!("stopping");
    running.stop().await;
    ExitCode::SUCCESS
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
