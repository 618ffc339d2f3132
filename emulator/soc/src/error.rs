//! Errors of putting a machine together.

/// A machine could not be made, or could not be given an image.
#[derive(Debug, thiserror::Error)]
pub enum SocError {
    #[error(transparent)]
    Rom(#[from] espalier_rom::RomError),
    /// Strict mode was told to allow a block that the chip does not have.
    #[error("the chip has no block `{name}` to allow; its blocks are {names}")]
    UnknownBlock { name: String, names: String },
    #[error(transparent)]
    Flash(#[from] espalier_parts::FlashError),
    #[error(transparent)]
    Psram(#[from] espalier_parts::PsramSizeError),
    #[error(transparent)]
    Lan(#[from] espalier_net::LanError),
    /// A part of the board cannot be made.
    #[error(transparent)]
    Part(#[from] espalier_parts::PartError),
    #[error(transparent)]
    Air(#[from] espalier_net::AirError),
}
