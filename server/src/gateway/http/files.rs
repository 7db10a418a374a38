//! Files over HTTP: uploads by tus 1.0 (creation, checksum, expiration, termination), downloads with
//! ranges by seat or by share link, the list of them.

mod download;
mod tus;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use conclave_wire::{
    Command, FileId, Refusal,
    RefusalCode::{self, *},
};

use super::{
    State, answer,
    api::{Endpoint, Parameter, ParameterKind, Who, options},
    callers::Spend,
    seats::{act, view},
    shapes::{Done, FileEntry, FileList},
};

const GROUP: &str = "Files";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/api/rooms/{slug}/files", "listFiles", || {
        web::get().to(list)
    })
    .says(GROUP, "The files that were shared.")
    .by(Who::Seat)
    .gives::<FileList>(200)
    .takes_its_time(),
    Endpoint::new("POST", "/api/rooms/{slug}/files", "beginUpload", || {
        web::post().to(tus::create)
    })
    .says(
        GROUP,
        "Begins an upload (tus 1.0); `Location` says where it goes on.",
    )
    .by(Who::Seat)
    .with(&[
        VERSION,
        length("Upload-Length"),
        text("Upload-Metadata", "`filename` in base64."),
    ])
    .gives_nothing(201)
    .refuses(&[
        UnsupportedVersion,
        TooLarge,
        NotAllowed,
        FileNameInvalid,
        FileTooLarge,
        RoomQuotaReached,
        ServerQuotaReached,
        DiskFull,
        TooManyUploads,
        UploadGone,
        ChecksumMismatch,
    ])
    .takes_its_time(),
    Endpoint::new(
        "OPTIONS",
        "/api/rooms/{slug}/files",
        "describeUploads",
        || options().to(tus::describe),
    )
    .says(GROUP, "What uploads can do (tus 1.0).")
    .spends(Spend::Nothing)
    .gives_nothing(204)
    .takes_its_time(),
    Endpoint::new("GET", "/api/rooms/{slug}/files/{file}", "download", || {
        web::get().to(download::by_seat)
    })
    .says(GROUP, "A file, whole or a range of it.")
    .by(Who::Seat)
    .gives_bytes(200, "application/octet-stream")
    .or(&[206])
    .refuses(&[FileNotFound, RangeInvalid])
    .takes_its_time(),
    Endpoint::new(
        "HEAD",
        "/api/rooms/{slug}/files/{file}",
        "lookAtFile",
        || web::head().to(download::by_seat),
    )
    .says(GROUP, "What a download would bring.")
    .by(Who::Seat)
    .gives_nothing(200)
    .or(&[206])
    .refuses(&[FileNotFound, RangeInvalid])
    .takes_its_time(),
    Endpoint::new(
        "DELETE",
        "/api/rooms/{slug}/files/{file}",
        "removeFile",
        || web::delete().to(remove),
    )
    .says(GROUP, "Removes a file: one's own, or as host anybody's.")
    .by(Who::Seat)
    .gives::<Done>(200)
    .refuses(&[NotAllowed, FileNotFound, DiskFull])
    .takes_its_time(),
    Endpoint::new(
        "DELETE",
        "/api/rooms/{slug}/files/{file}/link",
        "revokeShare",
        || web::delete().to(revoke),
    )
    .says(GROUP, "Takes the share link back; the file stays.")
    .by(Who::Seat)
    .gives::<Done>(200)
    .refuses(&[NotAllowed, FileNotFound, DiskFull]),
    Endpoint::new("HEAD", "/api/uploads/{upload}", "standOfUpload", || {
        web::head().to(tus::stand)
    })
    .says(GROUP, "Where an upload goes on (tus 1.0).")
    .spends(Spend::Upload)
    .with(&[VERSION])
    .gives_nothing(200)
    .refuses(UPLOAD_REFUSES)
    .takes_its_time(),
    Endpoint::new("PATCH", "/api/uploads/{upload}", "goOnWithUpload", || {
        web::patch().to(tus::append)
    })
    .says(
        GROUP,
        "Bytes of an upload from `Upload-Offset` on (tus 1.0).",
    )
    .spends(Spend::Upload)
    .with(&[VERSION, length("Upload-Offset")])
    .takes_bytes("application/offset+octet-stream")
    .gives_nothing(204)
    .refuses(UPLOAD_REFUSES)
    .takes_its_time(),
    Endpoint::new("DELETE", "/api/uploads/{upload}", "giveUpUpload", || {
        web::delete().to(tus::terminate)
    })
    .says(GROUP, "The sender has given up (tus 1.0).")
    .spends(Spend::Upload)
    .with(&[VERSION])
    .gives_nothing(204)
    .refuses(UPLOAD_REFUSES)
    .takes_its_time(),
    Endpoint::new("OPTIONS", "/api/uploads/{upload}", "describeUpload", || {
        options().to(tus::describe)
    })
    .says(GROUP, "What uploads can do (tus 1.0).")
    .spends(Spend::Nothing)
    .gives_nothing(204)
    .takes_its_time(),
];

const UPLOAD_REFUSES: &[RefusalCode] = &[
    UnsupportedVersion,
    UploadGone,
    OffsetMismatch,
    FileTooLarge,
    TooLarge,
    DiskFull,
    ChecksumMismatch,
    RoomNotFound,
    RoomEnded,
    RoomQuotaReached,
    ServerQuotaReached,
    FileNameInvalid,
    NotAllowed,
    SeatUnknown,
    NoSuchPerson,
];

const VERSION: Parameter = Parameter {
    name: "Tus-Resumable",
    says: "`1.0.0`",
    kind: ParameterKind::Text,
    is_required: true,
    is_header: true,
};

const fn length(name: &'static str) -> Parameter {
    Parameter {
        name,
        says: "In bytes.",
        kind: ParameterKind::Integer(0, u64::MAX),
        is_required: true,
        is_header: true,
    }
}

const fn text(name: &'static str, says: &'static str) -> Parameter {
    Parameter {
        name,
        says,
        kind: ParameterKind::Text,
        is_required: true,
        is_header: true,
    }
}

/// Downloads for whoever has a share link: not part of the interface, but of pages that people pass on.
pub fn share_routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/s/{token}")
            .route(web::get().to(download::by_share_link))
            .route(web::head().to(download::by_share_link)),
    );
}

async fn list(request: HttpRequest, slug: web::Path<String>, state: State) -> HttpResponse {
    let view = view(&request, &state, &slug).await;
    let files = view.map(|view| {
        let files = view.state.files.into_iter();
        FileList {
            files: files.map(|file| FileEntry::of(&slug, file)).collect(),
        }
    });
    answer(StatusCode::OK, files)
}

async fn remove(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: State,
) -> HttpResponse {
    let (slug, file) = path.into_inner();
    let file = FileId(file);
    let removed = act(&request, &state, &slug, Command::RemoveFile { file }).await;
    answer(StatusCode::OK, removed.map(|_| Done { success: true }))
}

async fn revoke(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    state: State,
) -> HttpResponse {
    let (slug, file) = path.into_inner();
    let file = FileId(file);
    let revoked = act(&request, &state, &slug, Command::RevokeShare { file }).await;
    answer(StatusCode::OK, revoked.map(|_| Done { success: true }))
}

fn seat_token(request: &HttpRequest) -> Result<String, Refusal> {
    let token = super::bearer(request.headers()).ok_or(RefusalCode::SeatUnknown)?;
    Ok(token.to_owned())
}
