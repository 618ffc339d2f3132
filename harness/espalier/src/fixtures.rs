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
//!     board.console().expect("hello").await?;
//!     Ok(())
//! }
//! ```
//!
//! Another image than that of `ESPALIER_IMAGE` is named with `#[with("firmware.bin")]`.

use std::path::PathBuf;

use rstest::fixture;

use crate::board::{Board, IMAGE_VARIABLE};
use crate::error::ErrorKind;

/// A board that starts `firmware`; by default the image that `ESPALIER_IMAGE` names.
///
/// # Panics
/// If there is no such board, with the message of the error: a fixture cannot return it.
#[fixture]
pub async fn board(#[default("")] firmware: impl Into<PathBuf>) -> Board {
    let firmware = match firmware.into() {
        path if path.as_os_str().is_empty() => std::env::var_os(IMAGE_VARIABLE).map(PathBuf::from),
        path => Some(path),
    };
    let started = match firmware {
        Some(path) => Board::builder().firmware(path).start().await,
        None => Err(ErrorKind::NoFirmware { variable: IMAGE_VARIABLE }.into()),
    };
    started.unwrap_or_else(|error| panic!("{error}"))
}
