//! Files of all rooms, how much space they take, and the templates that people have saved.

use actix_web::web;
use askama::Template;
use conclave_wire::{FileId, RefusalCode};
use serde::{Deserialize, Serialize};

use super::{
    Answer, answer, done,
    frame::{Done, Frame, Said},
    shown::{Bytes, Stamp, percent},
};
use crate::{
    admin::{
        audit::Act,
        refused::Refused,
        request::{Nothing, Operator, Order},
    },
    files::Uploads,
    store::{FileOrder, KeptFile, RoomFiles, Store, StoreError},
};

/// Files that the page lists; which ones, the order says.
const FILES_SHOWN: u32 = 200;
/// Rooms whose sums are shown.
const ROOMS_SHOWN: u32 = 50;

/// A file in a table.
#[derive(Clone, Debug, Serialize)]
pub struct FileRow {
    pub room: String,
    pub room_id: String,
    pub room_ended: bool,
    pub keep_until_unix_ms: Option<Stamp>,
    pub id: FileId,
    pub name: String,
    pub size_bytes: Bytes,
    pub shared_unix_ms: Stamp,
    /// Whoever has the link may have the file.
    pub has_link: bool,
}

impl FileRow {
    /// Where it is removed.
    pub fn removal(&self) -> String {
        match self.room_ended {
            true => format!("/admin/storage/{}/{}/remove", self.room_id, self.id.0),
            false => format!("/admin/rooms/{}/files/{}/remove", self.room, self.id.0),
        }
    }
}

impl From<KeptFile> for FileRow {
    fn from(kept: KeptFile) -> FileRow {
        FileRow {
            room: kept.slug,
            room_id: kept.room_id,
            room_ended: kept.room_ended,
            keep_until_unix_ms: kept.keep_until_unix_ms.map(Stamp),
            id: kept.file.id,
            name: kept.file.name,
            size_bytes: Bytes(kept.file.size_bytes),
            shared_unix_ms: Stamp(kept.file.shared_at_ms),
            has_link: kept.file.share_token.is_some(),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/storage.html")]
struct StoragePage<'a> {
    frame: Frame,
    which: &'a WhichFiles,
    view: Storage,
    rooms: Vec<(RoomFiles, Bytes)>,
    file_bytes_max: Bytes,
    room_bytes_max: Bytes,
    disk_free_min: Bytes,
    files_shown: u32,
}

impl StoragePage<'_> {
    fn used_percent(&self) -> u64 {
        percent(self.view.used_bytes.0, self.view.bytes_max.0)
    }

    fn disk_free(&self) -> String {
        let free = self.view.disk_free_bytes;
        free.map_or_else(|| "unknown".to_owned(), |free| free.to_string())
    }

    fn orders(&self) -> [(&'static str, &'static str); 4] {
        [
            ("largest", "largest first"),
            ("oldest", "oldest first"),
            ("newest", "newest first"),
            ("room", "by room"),
        ]
    }
}

#[derive(Serialize)]
struct Storage {
    /// Finished files, and what uploads have claimed.
    used_bytes: Bytes,
    bytes_max: Bytes,
    uploads: usize,
    disk_free_bytes: Option<Bytes>,
    files: Vec<FileRow>,
    /// Names of those that people have saved.
    templates: Vec<String>,
}

#[derive(Deserialize)]
pub struct WhichFiles {
    #[serde(default)]
    room: String,
    #[serde(default)]
    order: String,
}

/// `GET /admin/storage`
pub async fn page(
    operator: Operator,
    which: web::Query<WhichFiles>,
    said: web::Query<Said>,
) -> Answer {
    let state = &operator.state;
    let order = match which.order.as_str() {
        "oldest" => FileOrder::Oldest,
        "newest" => FileOrder::Newest,
        "room" => FileOrder::Room,
        _ => FileOrder::Largest,
    };
    let room = which.room.trim();
    let room = (!room.is_empty()).then_some(room);
    let failed = |error: StoreError| Refused::from(error.refusal());
    let files = state.store.files(room, order, FILES_SHOWN).await;
    let rooms = state.store.files_by_room(ROOMS_SHOWN).await;
    let templates = state.store.templates().await;
    let config = &state.config;
    let disk_free_bytes = state.admin.samples.now().machine.disk_free_bytes;
    let page = StoragePage {
        frame: Frame::new(&operator, "/admin/storage", "Storage").saying(&said),
        which: &which,
        view: Storage {
            used_bytes: Bytes(state.uploads.taken_bytes()),
            bytes_max: Bytes(config.server_files_bytes_max),
            uploads: state.uploads.open_count(),
            disk_free_bytes: disk_free_bytes.map(Bytes),
            files: files
                .map_err(failed)?
                .into_iter()
                .map(FileRow::from)
                .collect(),
            templates: templates
                .map_err(failed)?
                .into_iter()
                .map(|template| template.name)
                .collect(),
        },
        rooms: rooms
            .map_err(failed)?
            .into_iter()
            .map(|room| (room.clone(), Bytes(room.bytes)))
            .collect(),
        file_bytes_max: Bytes(config.file_bytes_max),
        room_bytes_max: Bytes(config.room_files_bytes_max),
        disk_free_min: Bytes(config.disk_free_bytes_min),
        files_shown: FILES_SHOWN,
    };
    answer(&operator, &page, &page.view)
}

/// `POST /admin/storage/{room_id}/{file}/remove`: of a room that has ended.
pub async fn remove(path: web::Path<(String, u32)>, order: Order<Nothing>) -> Answer {
    let operator = order.operator;
    let (room_id, file) = path.into_inner();
    let act = Act::new("remove_file").on(format!("ended room {room_id} / file {file}"));
    let state = &operator.state;
    let removed = remove_kept(&state.store, &state.uploads, &room_id, FileId(file));
    operator.carry_out(act, removed).await?;
    Ok(done(&operator, "/admin/storage", Done::FileRemoved))
}

#[derive(Deserialize)]
pub struct OneTemplate {
    name: String,
}

/// `POST /admin/templates/delete`: whoever has saved it.
pub async fn delete_template(order: Order<OneTemplate>) -> Answer {
    let Order { operator, form } = order;
    let act = Act::new("delete_template").on(form.name.clone());
    let deleted = operator.carry_out(act, async {
        match operator.state.store.delete_template(&form.name, None).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(RefusalCode::NoSuchTemplate.into()),
            Err(error) => Err(error.refusal().into()),
        }
    });
    deleted.await?;
    Ok(done(&operator, "/admin/storage", Done::TemplateDeleted))
}

async fn remove_kept(
    store: &Store,
    uploads: &Uploads,
    room_id: &str,
    file: FileId,
) -> Result<(), Refused> {
    let gone = match store.remove_kept_file(room_id, file).await {
        Ok(gone) => gone,
        Err(StoreError::NoSuchRoom) => return Err(RefusalCode::FileNotFound.into()),
        Err(error) => return Err(error.refusal().into()),
    };
    if let Some(gone) = gone {
        let uploads = uploads.clone();
        let removed = actix_rt::task::spawn_blocking(move || {
            let hold = uploads.shelf().hold(&gone.slug, &gone.sha256);
            uploads.remove_file(hold, gone.size_bytes);
        });
        // What is left when it does not come off goes at the next start.
        removed.await.ok();
    }
    Ok(())
}
