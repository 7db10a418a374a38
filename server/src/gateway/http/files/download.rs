//! Downloads: ranges and resumption are `actix-files`'; who may have the file, and under which name, is
//! ours. `If-None-Match` and its like are not heeded: what changes is who may have a file, never a file.

use std::{path::PathBuf, sync::Arc};

use actix_files::NamedFile;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
        HeaderValue,
    },
    web,
};
use conclave_wire::{FileId, RefusalCode, SharedFile};

use super::seat_token;
use crate::{
    actors::{
        lobby::{FindRoom, FindShareToken},
        room::{AuthenticateSeat, FindFile},
    },
    gateway::http::{ask, refused},
    server::AppState,
};

/// `GET /api/rooms/{slug}/files/{file}`, for people in the room.
pub async fn by_seat(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: web::Data<Arc<AppState>>,
) -> HttpResponse {
    let (slug, file) = path.into_inner();
    let found = async {
        let room = ask(state.lobby.send(FindRoom { slug: slug.clone() })).await??;
        ask(room.send(AuthenticateSeat {
            token: seat_token(&request)?,
        }))
        .await??;
        ask(room.send(FindFile { file: FileId(file) })).await?
    };
    match found.await {
        Ok(file) => send(&request, &state, &slug, file).await,
        Err(refusal) => refused(&refusal),
    }
}

/// `GET /s/{token}`, for whoever has the link.
pub async fn by_share_link(
    request: HttpRequest,
    token: web::Path<String>,
    state: web::Data<Arc<AppState>>,
) -> HttpResponse {
    let found = async {
        ask(state.lobby.send(FindShareToken {
            token: token.into_inner(),
        }))
        .await?
    };
    match found.await {
        Ok((slug, file)) => send(&request, &state, &slug, file).await,
        Err(refusal) => refused(&refusal),
    }
}

async fn send(
    request: &HttpRequest,
    state: &AppState,
    slug: &str,
    file: SharedFile,
) -> HttpResponse {
    let path = state.uploads.shelf().path(slug, &file.sha256);
    let opened = actix_web::rt::task::spawn_blocking(move || open(path)).await;
    let Ok(Some(named)) = opened else {
        return refused(&RefusalCode::FileNotFound.into());
    };
    let mut response = named
        .use_etag(false)
        .use_last_modified(false)
        .disable_content_disposition()
        .into_response(request);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    for (name, value) in [
        (
            header::CONTENT_DISPOSITION,
            attachment(&file.name).to_string(),
        ),
        (header::ETAG, format!("\"{}\"", file.sha256)),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

fn open(path: PathBuf) -> Option<NamedFile> {
    NamedFile::open(path).ok()
}

/// Always an attachment, so that nothing that was uploaded runs as a page of this server.
fn attachment(name: &str) -> ContentDisposition {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !matches!(c, '"' | '\\') || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let exact = ExtendedValue {
        charset: Charset::Ext("UTF-8".into()),
        language_tag: None,
        value: name.into(),
    };
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(plain),
            DispositionParam::FilenameExt(exact),
        ],
    }
}
