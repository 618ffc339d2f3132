//! Errors of flashing.

use std::error::Error;

use crate::error::Cause;
use espalier_core::Span;

/// An error of flashing. Every message names the operation that failed.
///
/// ```
/// let error = espalier::FlashError::Rate { baud: 1 };
/// assert!(error.to_string().contains("1 bits per second"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlashError {
    /// There is no pseudo-terminal to be had.
    #[error("cannot make a pseudo-terminal for espflash: {0}")]
    Port(#[from] serialport::Error),
    /// The system has no pseudo-terminals.
    #[error(
        "cannot flash a board {board} over its serial line on this system: espflash takes a serial port of the computer or a \
         pseudo-terminal, and there are no pseudo-terminals; name the board's own port, such as COM3"
    )]
    NoPseudoTerminal {
        /// Where the board is.
        board: crate::driver::Kind,
    },
    /// No serial line has this rate.
    #[error("a serial line cannot have {baud} bits per second; 300 to 5000000 are possible")]
    Rate {
        /// The rate.
        baud: u32,
    },
    /// The ROM does not say that it waits for a download.
    #[error(
        "the chip did not enter its serial download mode within {waited}; a fuse may forbid it, its console may not be UART0, or the \
         port has no lines to reset it: then hold its BOOT button and press EN"
    )]
    NoDownloadMode {
        /// The waiting time, in the board's time.
        waited: Span,
    },
    /// The chip does not answer, or what it sends is no answer.
    #[error("the chip does not answer: cannot {what}: {reason}; connect again")]
    NoAnswer {
        /// The operation.
        what: String,
        /// espflash's message.
        reason: String,
    },
    /// Another chip than the one that was expected.
    #[error("wrong chip: {reason}")]
    WrongChip {
        /// espflash's message.
        reason: String,
    },
    /// More than fits into the flash chip.
    #[error("cannot {what}: it would end at {end:#x}, and the flash chip has {size:#x} bytes")]
    TooLarge {
        /// The operation.
        what: String,
        /// Where it would end.
        end: u64,
        /// Where the flash chip ends.
        size: u32,
    },
    /// Flash is erased by sectors, so what is written begins with one.
    #[error("cannot {what}: {value:#x} is not a multiple of the sector size, {sector:#x}")]
    Unaligned {
        /// The operation.
        what: String,
        /// The offset or length.
        value: u32,
        /// Bytes in a sector.
        sector: u32,
    },
    /// The flash chip holds something else than it should.
    #[error("verification failed: flash holds {found:#04x} at {offset:#x}, expected {expected:#04x}")]
    Differs {
        /// Where the first difference is.
        offset: u32,
        /// The expected byte.
        expected: u8,
        /// The byte that was found.
        found: u8,
    },
    /// The digests differed, but what was read back afterwards does not.
    #[error(
        "cannot {what}: the chip's MD5 digest is wrong although its bytes read back right; connect and write again"
    )]
    WrongDigest {
        /// The operation.
        what: String,
    },
    /// Something was cut off in the middle.
    #[error("interrupted: could not {what} to its end; what is in flash there is undefined, connect and write again")]
    Interrupted {
        /// The operation.
        what: String,
    },
    /// The chip or espflash refused.
    #[error("cannot {what}: {reason}")]
    Refused {
        /// The operation.
        what: String,
        /// espflash's message.
        reason: String,
    },
}

impl Cause for FlashError {}

impl FlashError {
    /// Converts an error of espflash.
    pub(super) fn from_espflash(what: &str, error: &espflash::Error) -> FlashError {
        let (what, reason) = (what.to_owned(), chain(error));
        match error {
            espflash::Error::Connection(_) | espflash::Error::Flashing(_) => FlashError::NoAnswer { what, reason },
            espflash::Error::ChipMismatch(expected, found) => {
                FlashError::WrongChip { reason: format!("expected {expected}, found {found}") }
            }
            espflash::Error::ChipDetectError(_) => FlashError::WrongChip { reason },
            _ => FlashError::Refused { what, reason },
        }
    }

    /// Whether the chip may no longer know what it was doing, so that only a new connection helps.
    pub(super) fn ends_the_session(&self) -> bool {
        matches!(
            self,
            FlashError::Port(_)
                | FlashError::NoDownloadMode { .. }
                | FlashError::NoAnswer { .. }
                | FlashError::WrongChip { .. }
                | FlashError::Interrupted { .. }
        )
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
