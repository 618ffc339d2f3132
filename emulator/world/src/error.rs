//! Why a world cannot be.

use espalier_net::{AirError, LanError};
use espalier_soc::SocError;

/// Why a board cannot be part of a world, or there can be no such world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("the world is that of one board; make it with World::new to add others")]
    OfOne,
    #[error("the world has a board {name:?} already")]
    NameTaken { name: String },
    #[error("a world has room for {max} boards")]
    Full { max: usize },
    #[error(transparent)]
    Board(#[from] SocError),
    #[error(transparent)]
    Air(#[from] AirError),
    #[error(transparent)]
    Lan(#[from] LanError),
}
