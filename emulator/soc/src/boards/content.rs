//! The initial content of a board's flash chip.

use std::sync::Arc;

/// Bytes that are in the flash chip from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlashContent {
    /// The file they come from, as the board's own file names it.
    pub file: String,
    /// Where they begin.
    pub offset: u32,
    pub bytes: Arc<[u8]>,
}

espalier_core::persist!(value FlashContent { file, offset, bytes });
