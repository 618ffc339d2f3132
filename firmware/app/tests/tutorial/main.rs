//! The application against a peer in memory, in virtual time.

mod board;
mod client;
mod common;
mod server;
