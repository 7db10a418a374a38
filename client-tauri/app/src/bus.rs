//! Services of the desktop on its buses, none of which may keep us waiting.

use std::{io, time::Duration};

use zbus::{Connection, Message, export::serde::Serialize, zvariant::DynamicType};

/// A service that is started by the question may take its time.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// What a service says, from the connecting on.
///
/// # Errors
/// Those of the bus; `TimedOut` when nobody answers.
pub async fn answered<T>(call: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    tokio::time::timeout(ANSWER_DEADLINE, call)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

/// Asks a service whose interface has the same name.
///
/// # Errors
/// Those of the bus.
pub async fn ask<B: Serialize + DynamicType>(
    bus: &Connection,
    service: &str,
    path: &str,
    method: &str,
    words: &B,
) -> zbus::Result<Message> {
    bus.call_method(Some(service), path, Some(service), method, words)
        .await
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bus_that_does_not_answer_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        let mute = UnixListener::bind(&path).unwrap();
        let address = format!("unix:path={}", path.display());
        let connecting = zbus::connection::Builder::address(address.as_str()).unwrap();
        let refused = answered(connecting.build()).await.unwrap_err();
        let zbus::Error::InputOutput(error) = refused else {
            panic!("{refused}");
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(mute);
    }
}
