//! Lines that firmware and harness exchange over the console.
//!
//! Both directions are text lines, so that a person can type the commands and grep the answers, and so that they survive
//! among the log lines of boot loaders. A [`Command`] goes to the firmware; an [`Answer`] comes back as one line that starts
//! with [`MARKER`]; any other line is log. [`LineReader`] cuts a byte stream into lines, however it was split on the way.
//!
//! Nothing here does I/O or allocates.
//!
//! ```
//! use espalier_protocol::{Answer, Command, LineReader};
//!
//! let mut reader = LineReader::<128>::new();
//! let mut commands = 0;
//! for byte in b"hello\r\nclient 192.168.4.2 5001\n" {
//!     if let Some(line) = reader.push(*byte) {
//!         let command = Command::parse(line.unwrap());
//!         assert!(command.is_ok());
//!         commands += 1;
//!     }
//! }
//! assert_eq!(commands, 2);
//! assert_eq!(Answer::parse("I (31) boot: ESP-IDF"), Ok(None));
//! ```
#![cfg_attr(not(test), no_std)]

mod answer;
mod base64;
mod command;
mod crc32;
mod event;
mod frame;
mod line;
mod status;

pub use answer::{Answer, AnswerError, MARKER};
pub use command::{Command, CommandError, HELP, NetworkSetup};
pub use crc32::crc32;
pub use event::{Event, Origin};
pub use frame::{Frame, FrameError};
pub use line::{LineError, LineReader};
pub use status::{Role, State, Status};

/// Version of the protocol, as `hello` answers it.
pub const VERSION: u32 = 1;

/// Longest command line that firmware accepts, in bytes without the line end.
pub const COMMAND_LENGTH: usize = 320;

/// Room for the longest answer: a framebuffer in base64 and its heading.
pub const ANSWER_LENGTH: usize = 1536;
