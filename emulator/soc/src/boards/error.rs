//! Why a board cannot be made from its description.

use std::path::PathBuf;

use espalier_board_file::FormatError;
use espalier_net::AirError;
use espalier_parts::PartError;

/// A description of a board cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("board {}: {kind}", origin.display())]
pub struct BoardError {
    /// The name or the file of the board.
    pub origin: PathBuf,
    pub kind: BoardErrorKind,
}

/// Why a description of a board cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardErrorKind {
    #[error("no board has this name; there are {names}, or give the path of a .toml file")]
    UnknownName { names: String },
    #[error("cannot be read: {source}")]
    Read { source: std::io::Error },
    /// The message shows the line.
    #[error(transparent)]
    Format(FormatError),
    #[error("{key} is {value}, not {allowed}")]
    Value { key: String, value: String, allowed: &'static str },
    /// An error of one part.
    #[error(transparent)]
    Part(#[from] PartError),
    #[error("{second} is {gpio}, a pin that is used already: by {first}")]
    PinTaken { gpio: u8, first: String, second: String },
    #[error("{second} is {address:#04x}, which is taken on this I2C bus by {first}")]
    AddressTaken { address: u8, first: String, second: String },
    #[error("{name} is taken by {first}")]
    NameTaken { name: String, first: String },
    #[error("access-point {ssid:?}: {source}")]
    AccessPoint { ssid: String, source: AirError },
    #[error("the eFuses in {file:?} cannot be read: {source}")]
    Efuses { file: String, source: std::io::Error },
    #[error("flash-content {file:?} cannot be read: {source}")]
    FlashContent { file: String, source: std::io::Error },
    #[error("flash-content {file:?} ends at {end:#x}, beyond the flash chip of {flash_size:#x} bytes")]
    FlashOverflow { file: String, end: u64, flash_size: u32 },
    #[error("it extends a board that extends a board, and so on for more than {depth} files")]
    Depth { depth: u32 },
}

impl BoardErrorKind {
    pub(super) fn at(self, origin: impl Into<PathBuf>) -> BoardError {
        BoardError { origin: origin.into(), kind: self }
    }
}
