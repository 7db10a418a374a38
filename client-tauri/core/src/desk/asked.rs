//! Each question of the page, and who answers it.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Ask, Shared, Told, Trouble, doors, films, finding::Finding, joining, links::RoomLink, reports,
    trying,
};
use crate::media::devices::{DeviceChoice, DeviceInfo, DeviceKind};

pub(super) async fn answer(shared: &Arc<Shared>, ask: Ask) -> Result<Value, Trouble> {
    match ask {
        Ask::Hello => hello(shared),
        Ask::ReadLink { text } => value(RoomLink::read(&text, &shared.kept.lock())?),
        Ask::FindServers { on } => {
            *shared.finding.lock() = on.then(|| Finding::start(Arc::downgrade(shared)));
            nothing()
        }
        Ask::Trust {
            server,
            fingerprint,
            name,
        } => value(doors::trust(shared, server, fingerprint, name).await?),
        Ask::UseServer { server } => {
            shared.keep(|kept| kept.current = Some(server));
            nothing()
        }
        Ask::ForgetServer { server } => {
            shared.keep(|kept| kept.forget_server(&server));
            nothing()
        }
        Ask::Servers => {
            let kept = shared.kept.lock();
            value(json!({ "servers": kept.servers, "current": kept.current }))
        }
        Ask::Recent => value(&shared.kept.lock().recent),
        Ask::ForgetRecent { slug, server } => {
            let link = RoomLink {
                slug,
                server: Some(server),
                ..RoomLink::default()
            };
            shared.keep(|kept| kept.forget_room(&link));
            nothing()
        }
        Ask::ServerInfo => value(doors::info(shared).await?),
        Ask::ListRooms => value(doors::rooms(shared).await?),
        Ask::ListTemplates => value(doors::templates(shared).await?),
        Ask::LookAtRoom { link } => value(doors::look(shared, &link).await?),
        Ask::CreateRoom { wish } => value(doors::create(shared, &wish).await?),
        Ask::ReadReport { link } => reports::read(shared, &link).await,
        Ask::SaveReport { link, kind } => value(reports::save(shared, &link, kind).await?),
        Ask::ReopenRoom { link } => {
            reports::reopen(shared, &link).await?;
            nothing()
        }
        Ask::Join { wish } => value(joined(shared, wish).await?),
        Ask::GiveUp => {
            shared.give_up.notify_waiters();
            nothing()
        }
        Ask::Notify { title, body } => {
            shared.host.notify(&title, &body);
            nothing()
        }
        Ask::Settings => settings(shared),
        Ask::Keep {
            ask_where,
            start_hidden,
            keys,
        } => {
            shared.host.keys(&keys).map_err(Trouble::invalid)?;
            shared.keep(|kept| {
                kept.ask_where = ask_where;
                kept.start_hidden = start_hidden;
                kept.keys = keys;
            });
            nothing()
        }
        Ask::OwnStudy => value(&shared.kept.lock().study),
        Ask::KeepStudy { study } => {
            study.check()?;
            shared.keep(|kept| kept.study = Some(study));
            nothing()
        }
        Ask::FilmPlayers => value(films::offers()),
        Ask::ChooseFilm
        | Ask::OpenFilm { .. }
        | Ask::FilmForRoom
        | Ask::TuneFilm(_)
        | Ask::StepFilm { .. }
        | Ask::ChooseTrack { .. }
        | Ask::StopHashing
        | Ask::CloseFilm => film(shared, ask).await,
        Ask::ListDevices
        | Ask::ChooseDevice { .. }
        | Ask::Enhance { .. }
        | Ask::OpenPreview
        | Ask::OpenMeter { .. }
        | Ask::CloseTry { .. }
        | Ask::EchoBack { .. }
        | Ask::PlayTone
        | Ask::ListScreens => devices(shared, ask).await,
        Ask::Leave
        | Ask::Do { .. }
        | Ask::SetMicrophone { .. }
        | Ask::SetCamera { .. }
        | Ask::SetSound { .. }
        | Ask::ShareScreen { .. }
        | Ask::ChooseSending { .. }
        | Ask::WatchCameras { .. } => in_meeting(shared, ask).await,
        Ask::BeginUpload { .. }
        | Ask::SendUpload { .. }
        | Ask::Upload { .. }
        | Ask::Download { .. }
        | Ask::Pause { .. }
        | Ask::Cancel { .. }
        | Ask::ShowFile { .. }
        | Ask::DragFile { .. } => files(shared, ask).await,
    }
}

/// What the page has to know before it shows anything.
fn hello(shared: &Arc<Shared>) -> Result<Value, Trouble> {
    let lacks: serde_json::Map<String, Value> = shared
        .host
        .lacks()
        .into_iter()
        .map(|(what, why)| (what.to_owned(), why.into()))
        .collect();
    let link = shared.waiting_link.lock().take();
    let settings = shared.rack.settings();
    let chosen = |kind| match settings.choice(kind) {
        DeviceChoice::Default => None,
        DeviceChoice::Device { id, .. } => Some(id.clone()),
    };
    value(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "lacks": lacks,
        "link": link,
        "settingsTrouble": shared.keeping.trouble(),
        "devices": {
            "microphone": chosen(DeviceKind::Microphone),
            "speaker": chosen(DeviceKind::Speaker),
            "camera": chosen(DeviceKind::Camera),
        },
    }))
}

async fn joined(shared: &Arc<Shared>, wish: super::JoinWish) -> Result<Value, Trouble> {
    let link = wish.link.clone();
    let welcome = joining::join(shared, wish).await?;
    let meeting = shared.meeting()?;
    let invite = meeting.invite.for_room(&meeting.invite.slug, None);
    tracing::debug!(slug = %link.slug, "joined");
    Ok(json!({ "you": welcome.you, "joinLink": invite.to_string() }))
}

async fn in_meeting(shared: &Arc<Shared>, ask: Ask) -> Result<Value, Trouble> {
    let meeting = shared.meeting()?;
    match ask {
        Ask::Leave => meeting.leave().await,
        Ask::Do { command } => return value(meeting.ask(command).await?),
        Ask::SetMicrophone { on } => meeting.set_microphone(on).await,
        Ask::SetCamera { on } => meeting.set_camera(on).await,
        Ask::SetSound { on } => meeting.set_sound(on).await,
        Ask::ShareScreen { screen } => meeting.share_screen(screen).await,
        Ask::ChooseSending { choice } => {
            meeting.client.choose_sending(choice);
            meeting.own.change(|media| media.send = choice);
        }
        Ask::WatchCameras { watch } => {
            meeting.client.watch(watch).await?;
        }
        _ => return Err(Trouble::invalid("That is not of a meeting.")),
    }
    nothing()
}

async fn files(shared: &Arc<Shared>, ask: Ask) -> Result<Value, Trouble> {
    let transfers = &shared.meeting()?.transfers;
    match ask {
        Ask::BeginUpload {
            id,
            name,
            size_bytes,
        } => transfers.begin_upload(id, &name, size_bytes).await?,
        Ask::SendUpload { id } => transfers.send_upload(id).await?,
        Ask::Upload { id, path } => transfers.upload(id, &path)?,
        Ask::Download { id, file } => transfers.download(id, file)?,
        Ask::Pause { id, paused } => transfers.pause(id, paused),
        Ask::Cancel { id } => transfers.cancel(id).await,
        Ask::ShowFile { id } => shared.host.show_file(&transfers.fetched(id)?),
        Ask::DragFile { id } => shared.host.drag_file(&transfers.fetched(id)?).await,
        _ => return Err(Trouble::invalid("That is not of files.")),
    }
    nothing()
}

async fn film(shared: &Arc<Shared>, ask: Ask) -> Result<Value, Trouble> {
    let meeting = shared.meeting()?;
    let films = &meeting.films;
    match ask {
        Ask::ChooseFilm => return films.choose(shared).await,
        Ask::OpenFilm { id, player } => {
            films.open(shared, &meeting.client, id, player).await?;
        }
        Ask::FilmForRoom => return value(films.open_for_room().await?),
        Ask::TuneFilm(tune) => films.tune(tune).await?,
        Ask::StepFilm { back } => return value(films.step(back).await?),
        Ask::ChooseTrack { kind, id } => films.choose_track(kind, id).await?,
        Ask::StopHashing => films.stop_hashing().await,
        Ask::CloseFilm => films.close().await,
        _ => return Err(Trouble::invalid("That is not of films.")),
    }
    nothing()
}

async fn devices(shared: &Arc<Shared>, ask: Ask) -> Result<Value, Trouble> {
    let rack = &shared.rack;
    match ask {
        Ask::ListDevices => {
            let list = rack.list();
            let all: Vec<&DeviceInfo> = (list.microphones.iter())
                .chain(&list.speakers)
                .chain(&list.cameras)
                .collect();
            let kinds = [
                DeviceKind::Microphone,
                DeviceKind::Speaker,
                DeviceKind::Camera,
            ];
            let failing: BTreeMap<DeviceKind, String> = (kinds.into_iter())
                .filter_map(|kind| Some((kind, rack.refusal(kind)?.message)))
                .collect();
            let settings = rack.settings();
            return value(json!({ "devices": all, "failing": failing, "settings": settings }));
        }
        Ask::ChooseDevice { kind, id } => choose(shared, kind, id),
        Ask::Enhance { enhancement } => {
            rack.enhance(enhancement);
            shared.keep(|kept| kept.devices = rack.settings());
        }
        Ask::OpenPreview => trying::preview(shared)?,
        Ask::OpenMeter { id } => trying::open_meter(shared, id)?,
        Ask::CloseTry { id } => shared.tries.close(id),
        Ask::EchoBack { ms } => trying::echo_back(shared, ms).await?,
        Ask::PlayTone => trying::play_tone(shared).await?,
        Ask::ListScreens => {
            let rack = Arc::clone(rack);
            let screens = tokio::task::spawn_blocking(move || rack.screens()).await;
            return match screens {
                Ok(Ok(screens)) => value(screens),
                Ok(Err(refused)) => Err(refused.into()),
                Err(_) => Err(Trouble::refusal("internal", "Screens cannot be listed.")),
            };
        }
        _ => return Err(Trouble::invalid("That is not of devices.")),
    }
    nothing()
}

fn choose(shared: &Arc<Shared>, kind: DeviceKind, id: Option<String>) {
    let rack = &shared.rack;
    let choice = match id {
        None => DeviceChoice::Default,
        Some(id) => {
            let list = rack.list();
            let name = list.find(kind, &id).map(|device| device.name.clone());
            DeviceChoice::Device {
                id,
                name: name.unwrap_or_default(),
            }
        }
    };
    rack.choose(kind, choice);
    shared.keep(|kept| kept.devices = rack.settings());
    shared.tell(Told::Devices);
    if let Ok(meeting) = shared.meeting() {
        meeting.own.name_devices(&**rack);
    }
}

fn settings(shared: &Arc<Shared>) -> Result<Value, Trouble> {
    let kept = shared.kept.lock();
    value(json!({
        "askWhere": kept.ask_where,
        "startHidden": kept.start_hidden,
        "keys": kept.keys,
        "enhancement": shared.rack.settings().enhancement,
    }))
}

fn value(answer: impl Serialize) -> Result<Value, Trouble> {
    serde_json::to_value(answer).map_err(|error| Trouble::refusal("internal", error.to_string()))
}

fn nothing() -> Result<Value, Trouble> {
    Ok(Value::Null)
}
