//! The tutorial's TCP client and server, portable.
//!
//! [`App`] knows no hardware: it is given a network interface ([`Nic`]), a [`Display`] and a [`Console`], and is polled with
//! the time. Each [`App::poll`] does what there is to do without blocking and says when it wants to be polled again if
//! nothing arrives before that, so a target can sleep in between and a test can run it in virtual time.
//!
//! The socket steps are those of the tutorial: the client connects, greets, shows and echoes what it receives; the server
//! binds, listens, accepts one client after another, shows and echoes. Where the tutorial's programs end at an error, this
//! one says what happened on the screen and the console, and goes on.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod app;
mod client;
mod connection;
mod io;
mod message;
mod network;
mod outbox;
mod screen;
mod server;
mod stage;
mod text;

pub use app::{App, Wait};
pub use io::{Console, Display, DisplayError, Nic};

/// Name that the application gives on the console.
pub const NAME: &str = "espalier-app";

/// Version that the application gives on the console.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
