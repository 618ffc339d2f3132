//! Explores what a board does in the cases that no test thinks of: its power is cut at every moment of what it writes to flash, each of
//! its frames gets lost, a key is pressed when nothing waits for it.
//!
//! A run of an emulated board repeats to the byte and a fork of it costs microseconds. So a test can say what a board does once (the
//! scenario) and what has to hold whatever happens meanwhile (the invariant), and the explorer looks for a case in which it does not
//! hold:
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
mod inputs;
mod network;
mod power;
mod progress;
mod ramps;
mod saved;
mod starts;
mod trials;

pub use cases::Cut;
pub use explored::{Case, Explored, Finding, Found, HistoryOverflow};
pub use finding::{
    KEPT_FOLDER, KeptWithoutBoard, NoFinding, Replayed, SavedFinding, SavedReplay, Sighting, keep, replay,
};
pub use inputs::{Input, InputCase, Inputs, inputs};
pub use network::{FrameCase, NetworkCase, NetworkFaults, network};
pub use power::{PowerCuts, power_cuts};
pub use ramps::NotRepeatable;
pub use saved::{Direction, SavedCase, SavedFault, SavedInput};
pub use trials::TooManyCases;
