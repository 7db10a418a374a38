//! What the operator sees when the server has started: where to go.

use std::fmt;

use fast_qr::{QRBuilder, qr::QRCodeError};

use super::Running;

impl Running {
    /// The links, and the join link as a QR code of block characters.
    pub fn banner(&self) -> Banner<'_> {
        Banner(self)
    }
}

/// Text for a terminal.
pub struct Banner<'a>(&'a Running);

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Banner(running) = self;
        writeln!(
            f,
            "Conclave runs: TCP port {} and UDP port {}, data in {}",
            running.tcp_port,
            running.udp_port,
            running.state.config.data.display()
        )?;
        if let Some(room) = &running.first_room {
            if let Ok(code) = qr_code(&room.join_link) {
                writeln!(f, "\n{code}")?;
            }
            writeln!(f, "\nJoin:   {}", room.join_link)?;
            if let Some(host_link) = &room.host_link {
                writeln!(f, "Host:   {host_link}  (whoever has it is host)")?;
            }
        }
        writeln!(f, "Admin:  {}", running.admin_link)
    }
}

fn qr_code(link: &str) -> Result<String, QRCodeError> {
    Ok(QRBuilder::new(link).build()?.to_str())
}
