//! The desktop program: a window round the desk of `conclave-client`. What is of a system or of Tauri is
//! here, and nothing that decides anything about meetings.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod args;
#[cfg(target_os = "linux")]
mod bus;
mod commands;
mod dragging;
mod folder;
mod habits;
mod host;
mod keys;
mod links;
mod notes;
mod pictures;
#[cfg(unix)]
mod signal;
mod sleep;
mod tray;
mod window;

use std::{process::ExitCode, sync::Arc};

use clap::Parser;
use conclave_client::{
    desk::{Desk, Kept, Places, RealRack},
    media::devices::real::{DeviceEvent, Devices},
};
use tauri::{AppHandle, Manager, RunEvent};
use tokio::sync::mpsc;

use crate::{args::Args, host::WindowHost};

fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CONCLAVE_LOG")
                .unwrap_or_else(|_| "warn,conclave=info,conclave_client=info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until the program is ended.
///
/// # Errors
/// A sentence that says why it does not run.
fn start(args: Args) -> Result<(), String> {
    #[cfg(unix)]
    if let Some(word) = args.word() {
        let is_ptt = args.command.is_some();
        match signal::send(&word) {
            Ok(()) => return Ok(()),
            Err(_) if !is_ptt => {}
            Err(error) => return Err(format!("Conclave does not run: {error}. Start it first.")),
        }
    }
    habits::check_display()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("No threads can be started: {error}"))?;
    tauri::async_runtime::set(runtime.handle().clone());
    let app = build(&args)?;
    app.run(|app, event| {
        if let RunEvent::ExitRequested { api, code, .. } = event
            && code.is_none()
        {
            // The seat is given up first.
            api.prevent_exit();
            quit(app);
        }
    });
    Ok(())
}

fn build(args: &Args) -> Result<tauri::App, String> {
    let mut builder = tauri::Builder::default()
        .plugin(tauri_plugin_dialog::init())
        .plugin(window::remembered());
    if keys::are_possible() {
        builder = builder.plugin(keys::plugin());
    }
    #[cfg(not(unix))]
    {
        builder = builder.plugin(tauri_plugin_single_instance::init(|app, words, _| {
            links::opened_again(app, &words);
        }));
    }
    #[cfg(not(target_os = "linux"))]
    {
        builder = builder.plugin(tauri_plugin_deep_link::init());
    }
    let link = args.link.clone();
    let hidden = args.hidden;
    builder
        .register_asynchronous_uri_scheme_protocol("media", |context, request, responder| {
            pictures::answer(context.app_handle(), &request, responder);
        })
        .invoke_handler(tauri::generate_handler![
            commands::ask,
            commands::listen,
            commands::take_piece,
        ])
        .setup(move |app| {
            let desk = open_desk(app.handle())?;
            if let Some(link) = link {
                desk.open_link(link);
            }
            let kept = desk.kept();
            app.manage(desk.clone());
            tray::open(app.handle());
            if let Err(why) = keys::register(app.handle(), &kept.keys) {
                tracing::warn!(why, "the chosen keys do not work");
            }
            links::listen(app.handle());
            #[cfg(unix)]
            signal::listen(app.handle(), desk);
            window::open(app.handle(), hidden || kept.start_hidden)?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .map_err(|error| format!("The window cannot be opened: {error}"))
}

/// The devices, the settings, and the desk over both.
fn open_desk(app: &AppHandle) -> Result<Desk, tauri::Error> {
    let path = app.path();
    let places = Places {
        config: path.app_config_dir()?,
        data: path.app_data_dir()?,
        downloads: path.download_dir().or_else(|_| path.home_dir())?,
    };
    let kept = Kept::read(&places.config).unwrap_or_default();
    let (devices, events) = Devices::open(kept.devices);
    let rack = Arc::new(RealRack::new(devices));
    let desk = Desk::open(places, rack, Arc::new(WindowHost::new(app.clone())));
    tauri::async_runtime::spawn(tell_devices(desk.clone(), events));
    Ok(desk)
}

async fn tell_devices(desk: Desk, mut events: mpsc::Receiver<DeviceEvent>) {
    while let Some(event) = events.recv().await {
        desk.devices_changed();
        if let Some(note) = RealRack::note(&event) {
            desk.note(note);
        }
    }
}

/// Gives the seat up and ends.
fn quit(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let desk = app.state::<Desk>().inner().clone();
        desk.close().await;
        app.exit(0);
    });
}
