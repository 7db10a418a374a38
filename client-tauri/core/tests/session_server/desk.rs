//! What a window needs, with no window: the page's questions asked, and what it is told listened to.

mod devices;
mod doors;
mod files;
mod pictures;
mod settings;

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use conclave_client::desk::{Ask, Desk, Host, Keys, Places, SyntheticRack, Told, Trouble};
use conclave_wire::{Event, SharedFile};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

use crate::served::PATIENCE;

const CAMERA: u8 = 1;
const SCREEN: u8 = 3;

/// A host that shows nothing and gives no place to save at; it notes the files that it should show or drag.
#[derive(Default)]
struct NoHost {
    shown: Mutex<Vec<PathBuf>>,
    dragged: Mutex<Vec<PathBuf>>,
    /// What the person chooses to watch.
    film: Mutex<Option<PathBuf>>,
}

impl Host for NoHost {
    fn save_as(&self, _: String) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>> {
        Box::pin(async { None })
    }
    fn open_film(&self) -> Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>> {
        let film = self.film.lock().clone();
        Box::pin(async move { film })
    }
    fn show_file(&self, path: &Path) {
        self.shown.lock().push(path.to_owned());
    }
    fn drag_file(&self, path: &Path) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.dragged.lock().push(path.to_owned());
        Box::pin(async {})
    }
    fn notify(&self, _: &str, _: &str) {}
    fn meeting(&self, _: bool) {}
    fn microphone(&self, _: Option<bool>) {}
    fn keys(&self, _: &Keys) -> Result<(), String> {
        Ok(())
    }
    fn lacks(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
}

/// A page that listens.
struct Page {
    desk: Desk,
    host: Arc<NoHost>,
    rack: Arc<SyntheticRack>,
    told: mpsc::UnboundedReceiver<Told>,
    folder: TempDir,
}

impl Page {
    fn open() -> Page {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            config: folder.path().join("config"),
            data: folder.path().join("data"),
            downloads: folder.path().join("downloads"),
        };
        std::fs::create_dir_all(&places.downloads).unwrap();
        std::fs::create_dir_all(&places.config).unwrap();
        std::fs::write(
            places.config.join("settings.json"),
            r#"{"ask_where": false}"#,
        )
        .unwrap();
        let host = Arc::new(NoHost::default());
        let rack = SyntheticRack::new();
        let desk = Desk::open(places, Arc::clone(&rack) as _, Arc::clone(&host) as _);
        let (telling, told) = mpsc::unbounded_channel();
        desk.listen(Arc::new(move |told| {
            let _ = telling.send(told);
        }));
        Page {
            desk,
            host,
            rack,
            told,
            folder,
        }
    }

    async fn ask(&self, ask: Value) -> Result<Value, Trouble> {
        let ask: Ask = serde_json::from_value(ask).unwrap();
        timeout(PATIENCE, self.desk.ask(ask)).await.unwrap()
    }

    /// From a pasted link into the room.
    async fn join(&self, link: &str, name: &str, camera: bool) -> Result<Value, Trouble> {
        let wish = json!({ "name": name, "camera": camera });
        self.join_with(link, wish).await
    }

    /// With a wish of one's own.
    async fn join_with(&self, link: &str, wish: Value) -> Result<Value, Trouble> {
        let link = self
            .ask(json!({ "type": "read_link", "payload": { "text": link } }))
            .await?;
        let mut whole = json!({
            "link": link, "password": null,
            "sound": true, "microphone": false, "camera": false,
        });
        let (parts, wish) = (whole.as_object_mut().unwrap(), wish.as_object().unwrap());
        parts.extend(wish.clone());
        self.ask(json!({ "type": "join", "payload": { "wish": whole } }))
            .await
    }

    async fn heard<T>(&mut self, what: impl Fn(&Told) -> Option<T>) -> T {
        let hearing = async {
            loop {
                let told = self.told.recv().await.unwrap();
                if let Some(found) = what(&told) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, hearing).await.expect("it was not told")
    }

    async fn happened<T>(&mut self, what: impl Fn(&Event) -> Option<T>) -> T {
        self.heard(|told| match told {
            Told::Events { events } => events.iter().find_map(|one| what(&one.event)),
            _ => None,
        })
        .await
    }

    /// Pictures of this kind in the next answer that has any.
    async fn pictures(&self, wanted: u8) -> Vec<Vec<u8>> {
        let fetching = async {
            loop {
                let found: Vec<Vec<u8>> = records(&self.desk.frames().next().await)
                    .into_iter()
                    .filter(|(kind, _)| *kind == wanted)
                    .map(|(_, bytes)| bytes)
                    .collect();
                if !found.is_empty() {
                    return found;
                }
            }
        };
        timeout(PATIENCE, fetching).await.expect("no picture came")
    }
}

fn records(mut batch: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let [kind, _, _, _, _, a, b, c, d, rest @ ..] = batch {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        found.push((*kind, rest[..length].to_vec()));
        batch = &rest[length..];
    }
    assert!(batch.is_empty(), "a batch is whole");
    found
}

fn code(trouble: &Trouble) -> &str {
    match trouble {
        Trouble::Refusal { code, .. } => code,
        Trouble::Device { .. } => "device",
    }
}

fn shared(event: &Event) -> Option<SharedFile> {
    match event {
        Event::FileShared { file } => Some(file.clone()),
        _ => None,
    }
}
