//! Why a world cannot be.

use espalier_net::{AirError, LanError};
use espalier_soc::SocError;

/// Why a board cannot be part of a world, or there can be no such world.
///
/// ```
/// use espalier_soc::MachineConfig;
/// use espalier_world::{World, WorldError};
///
/// let mut world = World::new(1)?;
/// world.add_board("a", &MachineConfig::default())?;
/// let error = world.add_board("a", &MachineConfig::default()).unwrap_err();
/// assert!(matches!(error, WorldError::NameTaken { .. }));
/// # Ok::<_, WorldError>(())
/// ```
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("the world is that of one board; make it with World::new to add others")]
    OfOne,
    #[error("the world has a board {name:?} already")]
    NameTaken { name: String },
    #[error("a world has room for {max} boards")]
    Full { max: usize },
    #[error("a wire cannot lead to GPIO{pin} of board {board:?}, which is not {allowed}")]
    NoPad { board: String, pin: usize, allowed: &'static str },
    #[error("a wire leads from GPIO{pin} of board {board:?} to itself; it needs two pads")]
    ToItself { board: String, pin: usize },
    #[error(transparent)]
    Board(#[from] SocError),
    #[error(transparent)]
    Air(#[from] AirError),
    #[error(transparent)]
    Lan(#[from] LanError),
}
