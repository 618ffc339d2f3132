//! What can go wrong when a machine is put together.

/// A machine could not be made, or could not be given an image.
#[derive(Debug, thiserror::Error)]
pub enum SocError {
    #[error("the chip's ROM cannot be built: {0}")]
    Rom(&'static str),
    #[error(transparent)]
    Flash(#[from] espalier_parts::FlashError),
    #[error(transparent)]
    Lan(#[from] espalier_net::LanError),
    #[error(transparent)]
    Air(#[from] espalier_net::AirError),
}
