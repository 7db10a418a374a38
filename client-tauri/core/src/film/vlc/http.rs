//! VLC's Lua HTTP interface (share/lua/http/requests/README.txt): one question a connection, on loopback.

use std::{io, net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::film::player::PlayerError;

/// An answer comes within this, or the player hangs: below the deadline of whoever asks the player.
const ANSWER_MAX: Duration = Duration::from_millis(900);
/// The status of a film with many tracks has some 20 KB.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Where VLC answers, and what it wants to hear.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub address: SocketAddr,
    pub password: String,
}

impl Door {
    /// Does a command, if one is given, and gives the status after it. `query` is encoded already.
    pub(super) async fn ask(&self, query: &str) -> Result<Value, PlayerError> {
        let asking = timeout(ANSWER_MAX, self.exchange(query)).await;
        let answer = match asking {
            Err(_) => return Err(PlayerError::Hung),
            Ok(Err(_)) => return Err(PlayerError::Gone),
            Ok(Ok(answer)) => answer,
        };
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let good = head
            .split_ascii_whitespace()
            .nth(1)
            .is_some_and(|status| status == "200");
        if !good {
            return Err(PlayerError::Refused("VLC does not let us in.".to_owned()));
        }
        serde_json::from_str(body)
            .map_err(|_| PlayerError::Refused("VLC's answer cannot be read.".to_owned()))
    }

    async fn exchange(&self, query: &str) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).await?;
        let who = STANDARD.encode(format!(":{}", self.password));
        let question = format!(
            "GET /requests/status.json?{query} HTTP/1.0\r\nHost: {}\r\nAuthorization: Basic {who}\r\n\r\n",
            self.address
        );
        stream.write_all(question.as_bytes()).await?;
        let mut answer = Vec::new();
        stream
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut answer)
            .await?;
        Ok(answer)
    }
}

/// Everything but letters and digits as `%XX`: whole in an address and in a question.
pub(super) fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_of_a_path_changes_the_question() {
        let path = "/a b/ü&command=pl_stop#?.mkv";
        let encoded = encoded(path.as_bytes(), b"/.-_");
        assert_eq!(encoded, "/a%20b/%C3%BC%26command%3Dpl_stop%23%3F.mkv");
    }
}
