//! The tutorial's two programs on the image that is committed: its client and its server, every step of them, with the
//! goldens that the application's own tests use on the host.

mod client;
mod common;
mod failure;
mod machine;
mod network;
mod server;
