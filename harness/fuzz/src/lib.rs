//! Looks for bytes that firmware does not survive: on its UARTs, over TCP and UDP, as frames of Ethernet and 802.11, in its flash chip.
//!
//! A board is brought to where it waits for them once. Each input goes to a fork of it, which costs microseconds, and what the fork
//! executes says whether the input is worth more of its kind: `Board::each_edge` of `espalier-hil` has the jumps of
//! both cores. LibAFL makes the inputs. What is found is shrunk, and written as a finding of the explorer is, for `espalier replay`.
//!
//! The feature `search` has all of it. With `attempts` alone, which is quick to build, tests give a board single inputs
//! (`Fuzz::attempt`). Without either the crate is empty, so that a workspace that has it as a member does not build LibAFL.
//!
#![cfg_attr(feature = "search", doc = "```no_run")]
#![cfg_attr(not(feature = "search"), doc = "```ignore")]
//! use espalier::{Board, Units};
//! use espalier_fuzz::{Entry, Fuzz};
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let board = Board::builder().firmware("firmware.bin").start().await?;
//! board.console().expect("listening").await?;
//! let socket = board.peer().connect(5001).await?;
//! let fuzz = Fuzz::new(Entry::tcp(&socket)).seed("GET / HTTP/1.1\r\n\r\n").corpus("corpus");
//! let report = fuzz.run(&board, || false)?;
//! assert!(report.findings.is_empty(), "{report}");
//! # Ok(())
//! # }
//! ```

#![cfg(feature = "attempts")]
#![warn(clippy::missing_errors_doc)]
#![cfg_attr(not(feature = "search"), expect(dead_code, reason = "only a search needs it"))]

mod compare;
mod corpus;
#[cfg(feature = "search")]
mod engine;
mod entry;
mod error;
mod fault;
mod fuzz;
mod progress;
mod search;
mod shrink;
mod trial;

pub use compare::replacements;
pub use entry::Entry;
pub use error::FuzzError;
pub use fault::{Fault, FaultKind};
pub use fuzz::{Found, Fuzz, Report};
pub use progress::Progress;
pub use shrink::shrink;
pub use trial::Limits;
