//! The server's program: flags, logs, a server, and the signal that stops it.

use std::process::ExitCode;

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
    let running = match Server::start(config).await {
        Ok(running) => running,
        Err(error) => return failed(&error),
    };
    println!("{}", running.banner());
    if let Err(error) = told_to_stop().await {
        tracing::error!(%error, "signals cannot be waited for, so the server stops");
    }
    tracing::info!("stopping");
    running.stop().await;
    ExitCode::SUCCESS
}

/// Waits for Ctrl-C, or for the signal by which the system ends programs.
async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("conclave-server: {why}");
    ExitCode::FAILURE
}
