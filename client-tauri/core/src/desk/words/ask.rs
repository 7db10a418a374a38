//! What the page asks for.

use conclave_wire::{Command, QualityChoice, SharedFile, command::Watch, http::CreateRoom};
use serde::Deserialize;

use crate::{
    desk::{FilmTune, Keys, OwnStudy, ReportKind, RoomLink},
    film::{controls::TrackKind, programs::PlayerKind},
    media::{devices::DeviceKind, enhance::Enhancement},
};

/// What the page asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum Ask {
    /// The first question of a page.
    Hello,
    ReadLink {
        text: String,
    },
    /// Looks for servers on the network, until it is switched off.
    FindServers {
        on: bool,
    },
    /// The person has compared the key and wants this server.
    Trust {
        server: String,
        fingerprint: String,
        name: String,
    },
    /// Which server is asked for its rooms.
    UseServer {
        server: String,
    },
    ForgetServer {
        server: String,
    },
    Servers,
    Recent,
    ForgetRecent {
        slug: String,
        server: String,
    },
    ServerInfo,
    ListRooms,
    ListTemplates,
    LookAtRoom {
        link: RoomLink,
    },
    CreateRoom {
        wish: CreateRoom,
    },
    /// What came of a meeting, for its hosts.
    ReadReport {
        link: RoomLink,
    },
    SaveReport {
        link: RoomLink,
        kind: ReportKind,
    },
    ReopenRoom {
        link: RoomLink,
    },
    Join {
        wish: JoinWish,
    },
    GiveUp,
    Leave,
    /// A command of the protocol.
    Do {
        command: Command,
    },
    SetMicrophone {
        on: bool,
    },
    SetCamera {
        on: bool,
    },
    SetSound {
        on: bool,
    },
    ListScreens,
    /// `None` ends it.
    ShareScreen {
        screen: Option<String>,
    },
    ChooseSending {
        choice: QualityChoice,
    },
    WatchCameras {
        watch: Vec<Watch>,
    },
    /// Begins a file that comes piece by piece.
    BeginUpload {
        id: u32,
        name: String,
        size_bytes: u64,
    },
    /// All pieces are there.
    SendUpload {
        id: u32,
    },
    /// A file of this machine.
    Upload {
        id: u32,
        path: String,
    },
    Download {
        id: u32,
        file: SharedFile,
    },
    Pause {
        id: u32,
        paused: bool,
    },
    Cancel {
        id: u32,
    },
    /// Shows where a file has gone that was fetched, in the system's own view of folders.
    ShowFile {
        id: u32,
    },
    /// Drags such a file out of the window; answered when it was let go.
    DragFile {
        id: u32,
    },
    FilmPlayers,
    /// Lets the person choose a file of this machine, for `OpenFilm`.
    ChooseFilm,
    OpenFilm {
        id: u32,
        player: PlayerKind,
    },
    /// Makes our copy the film of the room.
    FilmForRoom,
    TuneFilm(FilmTune),
    /// One picture forth or back.
    StepFilm {
        back: bool,
    },
    ChooseTrack {
        kind: TrackKind,
        id: Option<i64>,
    },
    StopHashing,
    CloseFilm,
    ListDevices,
    ChooseDevice {
        kind: DeviceKind,
        id: Option<String>,
    },
    Enhance {
        enhancement: Enhancement,
    },
    OpenPreview,
    OpenMeter {
        id: u32,
    },
    CloseTry {
        id: u32,
    },
    EchoBack {
        ms: u32,
    },
    PlayTone,
    Settings,
    Keep {
        ask_where: bool,
        start_hidden: bool,
        keys: Keys,
    },
    OwnStudy,
    KeepStudy {
        study: OwnStudy,
    },
    Notify {
        title: String,
        body: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinWish {
    pub link: RoomLink,
    pub name: String,
    pub password: Option<String>,
    /// SHA-256 of one's copy of the film, for rooms that are strict about it.
    #[serde(default)]
    pub file_hash: Option<String>,
    pub sound: bool,
    pub microphone: bool,
    pub camera: bool,
}
