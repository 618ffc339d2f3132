//! Boards as rstest fixtures.
//!
//! ```
//! use espalier::Board;
//! use espalier::fixtures::board;
//! use rstest::rstest;
//!
//! #[rstest]
//! #[tokio::test]
//! async fn says_hello(#[future(awt)] board: Board) -> espalier::Result<()> {
//!     board.console().expect("ready").await?;
//!     board.console().send_line("hello").await?;
//!     Ok(())
//! }
//! ```
//!
//! The board was switched on at this moment: what is sent before its firmware listens is lost, so wait for what it says when
//! it does. A fixture of your own that boots once and forks is a few lines with [`BootOnce`](crate::BootOnce).
//!
//! Another image than that of `ESPALIER_IMAGE` is named with `#[with("firmware.bin")]`, and another board around the chip
//! than that of `ESPALIER_MODEL` with `#[with("firmware.bin", Model::MPython)]`. Test crates need `rstest` and `tokio`, with
//! its features `macros` and `rt`, among their own dependencies.

use std::path::PathBuf;

use rstest::fixture;

use crate::board::{Board, IMAGE_VARIABLE, NoFirmware};
use crate::driver::Model;

/// A board that starts `firmware`; by default the image that `ESPALIER_IMAGE` names, on the model that `ESPALIER_MODEL`
/// names.
///
/// # Panics
/// If there is no such board, with the message of the error: a fixture cannot return it.
#[fixture]
pub async fn board(
    #[default("")] firmware: impl Into<PathBuf>,
    #[default(None)] model: impl Into<Option<Model>>,
) -> Board {
    let builder = match model.into() {
        Some(model) => Board::builder().model(model),
        None => Board::builder(),
    };
    let firmware = match firmware.into() {
        path if path.as_os_str().is_empty() => std::env::var_os(IMAGE_VARIABLE).map(PathBuf::from),
        path => Some(path),
    };
    let started = match firmware {
        Some(path) => builder.firmware(path).start().await,
        None => Err(NoFirmware { variable: IMAGE_VARIABLE }.into()),
    };
    started.unwrap_or_else(|error| panic!("{error}"))
}
