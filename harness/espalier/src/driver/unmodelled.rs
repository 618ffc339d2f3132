//! Lines about what the firmware touched and the emulator does not model.
//!
//! A driver that waits for hardware that is not there waits for ever, and the console says nothing. These lines do.

use std::fmt;

use espalier_core::Time;

use crate::backtrace::Place;

/// The first touch of a block that is not modelled, or of a register that a modelled block lacks.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// for note in board.unmodelled_notes(0) {
///     println!("{}: {note}", note.at);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmodelledNote {
    /// When it was touched.
    pub at: Time,
    /// The first access, such as `write of 0x1 to SDMMC+0x0 (0x3ff68000)`.
    pub access: String,
    /// The core that touched it.
    pub core: usize,
    /// Where that core was, with the function if there is an ELF file beside the image.
    pub place: Place,
}

impl fmt::Display for UnmodelledNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnmodelledNote { access, core, place, .. } = self;
        write!(f, "not modelled: {access} by core {core} in the code at {place}")
    }
}
