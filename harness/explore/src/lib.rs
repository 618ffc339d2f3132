//! Explores what a board does in the cases that no test thinks of: its power is cut at every moment of what it writes to flash.
//!
//! A run of an emulated board repeats to the byte and a fork of it costs microseconds. So a test can say what a board does once (the
//! scenario) and what has to hold whenever its power was cut in the middle of it (the invariant), and the explorer looks for a moment
//! at which it does not hold:
//!
//! ```no_run
//! use espalier::{Board, Units};
//! use espalier_explore::power_cuts;
//!
//! # async fn test() -> espalier::Result<()> {
//! let board = Board::builder().firmware("firmware.bin").start().await?;
//! board.console().expect("ready").await?;
//! let explored = power_cuts(
//!     &board,
//!     async |board| {
//!         board.console().send_line("set volume 7").await?;
//!         board.console().expect("saved").await.map(drop)
//!     },
//!     async |board, _cut| {
//!         board.console().expect("settings are whole").within(5.s()).await.map(drop)
//!     },
//! )
//! .await?;
//! explored.check()?;
//! # Ok(())
//! # }
//! ```

#![warn(clippy::missing_errors_doc)]

mod cases;
mod crew;
mod explored;
mod finding;
mod power;
mod progress;

pub use cases::Cut;
pub use explored::{Explored, Finding, Found, HistoryOverflow};
pub use finding::{Kind, NoFinding, Replayed, SavedFinding, replay};
pub use power::{PowerCuts, power_cuts};
