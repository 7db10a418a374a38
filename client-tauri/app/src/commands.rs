//! What the page may ask of the program: one question for everything, and the bytes of files.

use std::sync::Arc;

use conclave_client::desk::{Ask, Desk, Told, Trouble};
use serde_json::Value;
use tauri::{
    State,
    ipc::{Channel, InvokeBody, Request},
};

/// Which file a piece belongs to.
const FILE_ID: &str = "file-id";

/// A question of the page, see `conclave_client::desk::Ask`.
#[tauri::command]
pub async fn ask(desk: State<'_, Desk>, ask: Ask) -> Result<Value, Trouble> {
    desk.ask(ask).await
}

/// From now on this page is told everything.
#[tauri::command]
pub async fn listen(desk: State<'_, Desk>, channel: Channel<Told>) -> Result<(), Trouble> {
    desk.listen(Arc::new(move |told| {
        if let Err(error) = channel.send(told) {
            tracing::debug!(%error, "the page does not listen any more");
        }
    }));
    Ok(())
}

/// The next bytes of a file that the page hands over.
#[tauri::command]
pub async fn take_piece(desk: State<'_, Desk>, request: Request<'_>) -> Result<(), Trouble> {
    let id = request.headers().get(FILE_ID);
    let id = id.and_then(|id| id.to_str().ok()?.parse().ok());
    let (Some(id), InvokeBody::Raw(piece)) = (id, request.body()) else {
        return Err(Trouble::invalid("A piece of a file has no file."));
    };
    desk.take_piece(id, piece.clone()).await
}
