//! Ways to a server: join links, TLS that trusts one key, the control link, HTTP.

pub mod control;
pub mod dial;
pub mod first_use;
pub mod http;
pub mod invite;
pub mod tls;
