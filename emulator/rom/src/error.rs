//! Errors of ROM files.

/// The file of a chip's ROM is not what it is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chip's ROM cannot be built: {0}")]
pub struct RomError(pub(crate) &'static str);
