//! One actor an upload: it owns the bytes that are there, and says how many. When the last one has
//! come it checks the hash, puts the file on the shelf and tells the room.

use std::{io, time::Duration};

use actix::{fut::wrap_future, prelude::*};
use bytes::Bytes;
use conclave_core::transfer::Upload;
use conclave_wire::{Refusal, RefusalCode, SharedFile};

use crate::{
    actors::room::{ReleaseFile, ShareFile},
    auth::token,
    clock::Clock,
    files::{Hold, Partial, Shelf, Ticket, UploadId, Uploads, discard},
};

/// How long the room may take to accept a finished file.
const SHARE_DEADLINE: Duration = Duration::from_secs(20);
/// A finished upload still answers for so long, for a sender who did not get the last answer.
const LINGER: Duration = Duration::from_secs(60);

/// Append these bytes, which begin at `offset`. Answers with the new offset; when the upload is whole
/// by then, the file has been shared.
#[derive(Message)]
#[rtype(result = "Result<Standing, Refusal>")]
pub struct Append {
    pub offset: u64,
    pub pieces: Vec<Bytes>,
    /// What the whole file must be, for a sender who has known it only now.
    pub sha256: Option<String>,
}

#[derive(Message)]
#[rtype(result = "Standing")]
pub struct DescribeUpload;

/// Give the upload up and remove what is there.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AbandonUpload;

/// Where an upload stands.
#[derive(Clone, Debug, Eq, PartialEq, MessageResponse)]
pub struct Standing {
    pub offset: u64,
    pub size_bytes: u64,
    /// It is removed when nothing comes for so long.
    pub expires_in: Duration,
    /// Set by the append that made it whole.
    pub shared: Option<SharedFile>,
}

/// The room that the file is for, as far as an upload needs it.
#[derive(Clone)]
pub struct UploadRoom {
    pub share: Recipient<ShareFile>,
    pub release: Recipient<ReleaseFile>,
}

pub struct FileUploadActor {
    id: UploadId,
    ticket: Ticket,
    upload: Upload,
    /// Absent only while a blocking job has it; no message is handled meanwhile.
    partial: Option<Partial>,
    uploads: Uploads,
    room: UploadRoom,
    clock: Clock,
    alarm: Option<SpawnHandle>,
    shared: Option<SharedFile>,
}

impl FileUploadActor {
    pub fn new(
        id: UploadId,
        ticket: Ticket,
        partial: Partial,
        uploads: Uploads,
        room: UploadRoom,
        clock: Clock,
    ) -> FileUploadActor {
        let idle_max = uploads.limits().idle_max;
        let upload = Upload::resume(
            ticket.size_bytes,
            partial.length_bytes(),
            idle_max,
            clock.now(),
        );
        FileUploadActor {
            id,
            ticket,
            upload,
            partial: Some(partial),
            uploads,
            room,
            clock,
            alarm: None,
            shared: None,
        }
    }

    /// Gives the machine one input and resets its alarm. Every change goes through here.
    fn drive<R>(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Upload) -> R) -> R {
        let reply = input(&mut self.upload);
        if let Some(alarm) = self.alarm.take() {
            ctx.cancel_future(alarm);
        }
        let wait = self.clock.now().until(self.upload.expires());
        self.alarm = Some(ctx.run_later(wait, |actor, ctx| actor.give_up(ctx)));
        reply
    }

    fn standing(&self, shared: Option<SharedFile>) -> Standing {
        Standing {
            offset: self.upload.offset_bytes(),
            size_bytes: self.upload.size_bytes(),
            expires_in: self.clock.now().until(self.upload.expires()),
            shared,
        }
    }

    fn give_up(&mut self, ctx: &mut Context<Self>) {
        self.partial = None;
        let (folder, id) = (self.uploads.folder().to_owned(), self.id.clone());
        actix_rt::task::spawn_blocking(move || discard(&folder, &id));
        self.uploads.close(&self.id);
        if self.shared.is_none() {
            let release = ReleaseFile {
                owner: self.ticket.owner,
                size_bytes: self.ticket.size_bytes,
            };
            if self.room.release.try_send(release).is_err() {
                tracing::debug!("the room of an abandoned upload is gone or busy");
            }
        }
        ctx.stop();
    }

    /// What a whole upload becomes: checked, on the shelf, known to the room.
    fn publish(
        &self,
        partial: Partial,
    ) -> impl Future<Output = (Partial, Result<Published, Refusal>)> + use<> {
        let (ticket, uploads) = (self.ticket.clone(), self.uploads.clone());
        let share = self.room.share.clone();
        async move {
            let (expected, shelf) = (ticket.clone(), uploads.shelf().clone());
            let job = move |partial: &mut Partial| place(partial, &expected, &shelf);
            let (partial, placed) = on_disk(partial, job).await;
            let Placed { sha256, hold } = match placed {
                Ok(placed) => placed,
                Err(refusal) => return (partial, Err(refusal)),
            };
            let message = ShareFile {
                owner: ticket.owner,
                name: ticket.name,
                size_bytes: ticket.size_bytes,
                sha256,
                share_token: token::draw(),
            };
            let shared = match actix_rt::time::timeout(SHARE_DEADLINE, share.send(message)).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(RefusalCode::RoomEnded.into()),
                Err(_) => Err(RefusalCode::Timeout.into()),
            };
            let settled = match shared {
                Ok(file) => {
                    let kept_bytes = if hold.keep() { ticket.size_bytes } else { 0 };
                    Ok(Published { file, kept_bytes })
                }
                // The room may still take it: what it does not take goes with the next start.
                Err(refusal) if refusal.code == RefusalCode::Timeout => Err(refusal),
                Err(refusal) => {
                    give_back(hold, uploads).await;
                    Err(refusal)
                }
            };
            (partial, settled)
        }
    }

    fn published(
        &mut self,
        Published { file, kept_bytes }: Published,
        ctx: &mut Context<Self>,
    ) -> Standing {
        self.uploads.finished(&self.id, kept_bytes);
        self.shared = Some(file.clone());
        let (folder, id) = (self.uploads.folder().to_owned(), self.id.clone());
        actix_rt::task::spawn_blocking(move || discard(&folder, &id));
        ctx.run_later(LINGER, |actor, ctx| actor.give_up(ctx));
        self.standing(Some(file))
    }
}

impl Actor for FileUploadActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.drive(ctx, |_| ());
    }
}

impl Handler<Append> for FileUploadActor {
    type Result = AtomicResponse<Self, Result<Standing, Refusal>>;

    fn handle(
        &mut self,
        Append {
            offset,
            pieces,
            sha256,
        }: Append,
        _: &mut Self::Context,
    ) -> Self::Result {
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        if sha256.is_some() {
            self.ticket.sha256 = sha256;
        }
        let job = match (
            self.upload.check(offset, bytes, self.clock.now()),
            self.partial.take(),
        ) {
            (Ok(()), Some(partial)) => on_disk(partial, move |partial| partial.append(&pieces)),
            (Ok(()), None) => return refused(RefusalCode::UploadGone),
            (Err(why), partial) => {
                self.partial = partial;
                return refused(why.code());
            }
        };
        let taken = wrap_future::<_, Self>(job).map(move |(partial, done), actor, ctx| {
            actor.partial = Some(partial);
            let now = actor.clock.now();
            done.map(|()| {
                actor.uploads.received(bytes);
                actor.drive(ctx, |upload| upload.appended(bytes, now))
            })
        });
        let answered = taken.then(|done, actor, _| {
            let whole = done.is_ok() && actor.upload.is_whole() && actor.shared.is_none();
            let publishing = match (whole, actor.partial.take()) {
                (true, Some(partial)) => Some(actor.publish(partial)),
                (_, partial) => {
                    actor.partial = partial;
                    None
                }
            };
            let job = async move {
                match publishing {
                    Some(publishing) => Some(publishing.await),
                    None => None,
                }
            };
            wrap_future::<_, Self>(job).map(move |published, actor, ctx| {
                done?;
                match published {
                    Some((_, Ok(published))) => Ok(actor.published(published, ctx)),
                    Some((_, Err(refusal))) if refusal.code == RefusalCode::ChecksumMismatch => {
                        actor.give_up(ctx);
                        Err(refusal)
                    }
                    Some((partial, Err(refusal))) => {
                        actor.partial = Some(partial);
                        Err(refusal)
                    }
                    None => Ok(actor.standing(None)),
                }
            })
        });
        AtomicResponse::new(Box::pin(answered))
    }
}

impl Handler<DescribeUpload> for FileUploadActor {
    type Result = Standing;

    fn handle(&mut self, _: DescribeUpload, _: &mut Self::Context) -> Standing {
        self.standing(self.shared.clone())
    }
}

impl Handler<AbandonUpload> for FileUploadActor {
    type Result = ();

    fn handle(&mut self, _: AbandonUpload, ctx: &mut Self::Context) {
        self.give_up(ctx);
    }
}

struct Placed {
    sha256: String,
    /// Keeps the content from being removed until the room has answered.
    hold: Hold,
}

struct Published {
    file: SharedFile,
    kept_bytes: u64,
}

fn refused(code: RefusalCode) -> AtomicResponse<FileUploadActor, Result<Standing, Refusal>> {
    AtomicResponse::new(Box::pin(fut::ready(Err(code.into()))))
}

/// Lends the bytes to a job that blocks, and gives them back with what came of it.
async fn on_disk<T: Send + 'static>(
    mut partial: Partial,
    job: impl FnOnce(&mut Partial) -> io::Result<T> + Send + 'static,
) -> (Partial, Result<T, Refusal>) {
    let work = move || {
        let done = job(&mut partial);
        (partial, done)
    };
    let (partial, done) = actix_rt::task::spawn_blocking(work)
        .await
        .expect("a disk job returns its errors and does not panic");
    (partial, done.map_err(|error| disk_refusal(&error)))
}

/// What to tell a person about an error of the disk.
pub fn disk_refusal(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => RefusalCode::DiskFull.into(),
        io::ErrorKind::InvalidData => RefusalCode::ChecksumMismatch.into(),
        _ => {
            tracing::error!(%error, "an upload could not be written");
            RefusalCode::Internal.into()
        }
    }
}

/// The room has refused what was put on the shelf.
async fn give_back(hold: Hold, uploads: Uploads) {
    let given_back = actix_rt::task::spawn_blocking(move || {
        let free_bytes = hold.give_up()?;
        uploads.removed(free_bytes);
        io::Result::Ok(())
    });
    if !matches!(given_back.await, Ok(Ok(()))) {
        tracing::warn!("a file that the room refused could not be removed");
    }
}

fn place(partial: &mut Partial, ticket: &Ticket, shelf: &Shelf) -> io::Result<Placed> {
    let sha256 = partial.sha256();
    if ticket
        .sha256
        .as_ref()
        .is_some_and(|expected| *expected != sha256)
    {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let hold = shelf.hold(&ticket.slug, &sha256);
    hold.put(partial.path())?;
    Ok(Placed { sha256, hold })
}
