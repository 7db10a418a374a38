//! Who somebody is: the server's own key, tokens of seats, passwords of rooms.

pub mod addresses;
pub mod identity;
pub mod invites;
pub mod own_certificate;
pub mod password;
pub mod token;
