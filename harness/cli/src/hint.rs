//! Hints at mistakes that firmware cannot see.

use espalier::Model;

use crate::style::{FAINT, PLAIN};

/// Error of MicroPython for an I2C address that no part acknowledges (`errno.h`: ENODEV).
const NO_DEVICE: &[u8] = b"OSError: [Errno 19] ENODEV";

/// Says so if firmware misses a part on the I2C bus of a board that has none: it may be made for another board.
pub fn wrong_board(board: &Model, output: &[u8]) {
    if *board == Model::DevKit && output.windows(NO_DEVICE.len()).any(|part| part == NO_DEVICE) {
        anstream::eprintln!(
            "{FAINT}hint: nothing is on the I2C bus of the board {board}; is this firmware or script made for --board mpython?{PLAIN}"
        );
    }
}
