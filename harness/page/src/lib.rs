//! The page of a board, without a server: the state of a machine as JSON, as it changes ([`Look`]), actions on it as JSON ([`Action`]), files
//! that are made of it ([`Export`]), and the files that the page itself consists of ([`FILES`]).
//!
//! `espalier-serve` carries both over HTTP and QMP. In a browser that runs the emulator itself, nothing has to carry them. So this crate
//! knows no socket, no thread and no clock, and builds for WebAssembly.

mod action;
mod console;
mod conversation;
mod export;
mod frames;
mod look;
mod peer;
mod picture;
mod surroundings;
mod waveform;

pub use action::{Action, ActionError, Expected, Hands, Level, span};
pub use console::UartLog;
pub use conversation::Conversation;
pub use export::{Export, export};
#[doc(hidden)]
pub use frames::describe_any_capture;
pub use look::{CAPTURE, Look, Seen, Standing, cable, record, state_of};
pub use peer::{Peer, PeerOf};
pub use picture::{picture_as_png, picture_as_ppm};
pub use surroundings::Away;

/// The files of the page of a served board: path, media type, content. They say nothing of a board. Without a server, another file takes the
/// place of `server.js`, which leads to the board.
pub const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("static/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("static/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("static/page.js")),
    ("/server.js", "text/javascript; charset=utf-8", include_str!("static/server.js")),
];
