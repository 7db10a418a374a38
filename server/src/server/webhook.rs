//! Tells an address of the operator's when an alert begins or ends: one JSON message by POST.

use std::{io, path::Path, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::{
    clock::unix_ms,
    config::Config,
    telemetry::alerts::{Alert, AlertChange},
};

/// Messages that wait to be sent; more are dropped.
const QUEUED_MAX: usize = 32;
const DEADLINE: Duration = Duration::from_secs(10);
/// A message that was not taken is sent again after these times, and then given up.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// Where alerts are sent. Dropping it ends the sending.
pub(super) struct Webhook {
    server: String,
    messages: mpsc::Sender<String>,
}

/// Why a message was not taken. It never names the address, which may hold a secret.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("the address of the webhook is none")]
    Address,
    #[error("the connection failed: {0}")]
    Connection(#[from] io::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request could not be made: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the answer was {0}")]
    Status(u16),
    #[error("it took too long")]
    Timeout,
}

impl Webhook {
    /// Starts sending, if the operator has named an address.
    pub(super) fn start(config: &Config) -> Option<Webhook> {
        let address = Url::parse(config.alert_webhook.as_deref()?).ok()?;
        let authorities = config.alert_webhook_authorities.clone();
        let (messages, mut waiting) = mpsc::channel::<String>(QUEUED_MAX);
        actix_rt::spawn(async move {
            while let Some(message) = waiting.recv().await {
                deliver(&address, &authorities, &message).await;
            }
        });
        Some(Webhook {
            server: config.server_name.trim().to_owned(),
            messages,
        })
    }

    /// Queues a message about a change.
    pub(super) fn tell(&self, change: &AlertChange) {
        if self
            .messages
            .try_send(message(&self.server, change))
            .is_err()
        {
            tracing::warn!("the webhook is behind: it is not told of an alert");
        }
    }
}

fn message(server: &str, change: &AlertChange) -> String {
    let told = match change {
        AlertChange::Began(Alert { kind, text, .. }) => {
            json!({"event": "began", "alert": kind, "text": text})
        }
        AlertChange::Ended(kind) => json!({"event": "ended", "alert": kind, "text": "It is over."}),
    };
    let mut told = told;
    told["server"] = json!(server);
    told["at_unix_ms"] = json!(unix_ms());
    told.to_string()
}

async fn deliver(address: &Url, authorities: &Path, message: &str) {
    for wait in AGAIN_AFTER.into_iter().map(Some).chain([None]) {
        let sent = timeout(DEADLINE, post(address, authorities, message)).await;
        match (sent.unwrap_or(Err(NotTaken::Timeout)), wait) {
            (Ok(()), _) => return,
            (Err(error), None) => tracing::warn!(%error, "the webhook did not take an alert"),
            (Err(error), Some(wait)) => {
                tracing::debug!(%error, "the webhook is tried again");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

async fn post(address: &Url, authorities: &Path, message: &str) -> Result<(), NotTaken> {
    let host = address.host_str().ok_or(NotTaken::Address)?;
    let port = address.port_or_known_default().ok_or(NotTaken::Address)?;
    // `url` keeps the brackets of an IPv6 address, which the resolver does not take.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, port)).await?;
    let path = match address.query() {
        Some(query) => format!("{}?{query}", address.path()),
        None => address.path().to_owned(),
    };
    let authority = match address.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let request = Request::post(path)
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(message.to_owned())))?;
    let status = match address.scheme() {
        "https" => {
            let name = ServerName::try_from(bare.to_owned()).map_err(|_| NotTaken::Address)?;
            let tls = TlsConnector::from(Arc::new(trusting(authorities)?));
            send(tls.connect(name, stream).await?, request).await?
        }
        _ => send(stream, request).await?,
    };
    match status {
        200..=299 => Ok(()),
        status => Err(NotTaken::Status(status)),
    }
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<u16, hyper::Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It works on its own, as long as the answer is waited for and no longer.
    let working = actix_rt::spawn(connection);
    let answer = sender.send_request(request).await;
    working.abort();
    Ok(answer?.status().as_u16())
}

fn trusting(authorities: &Path) -> Result<ClientConfig, io::Error> {
    let pem = std::fs::read(authorities)?;
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&pem) {
        roots
            .add(authority.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
