//! Errors of boards in QEMU.

use std::path::PathBuf;
use std::time::Duration;

use super::names::{EMULATOR_VARIABLE, MACHINE, PROGRAM, TOOLS_VARIABLE};
use crate::error::Cause;

/// Advice for a host without a QEMU that has the machine.
const INSTALL: &str = "Espressif's releases have it: `python $IDF_PATH/tools/idf_tools.py install qemu-xtensa`, or an archive \
                       from github.com/espressif/qemu/releases";

/// Why there is no board in QEMU, or no more.
///
/// ```
/// let error = espalier::QemuError::FlashSize { size: 3 << 20 };
/// assert_eq!(error.to_string(), "QEMU has no flash chip of 3145728 bytes, only of 2, 4, 8 or 16 MB");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QemuError {
    /// There is no QEMU at all.
    #[error(
        "no {PROGRAM}: {EMULATOR_VARIABLE} is not set, and there is none on PATH nor in Espressif's tools folder \
         ({TOOLS_VARIABLE}, otherwise ~/.espressif); {INSTALL}"
    )]
    Absent,
    /// There are QEMUs, but none of them can be a board.
    #[error("no QEMU here has the machine {MACHINE:?}:{}\n  {INSTALL}", list(refused))]
    Unfit {
        /// The programs that were found, each with what is wrong with it.
        refused: Vec<(PathBuf, String)>,
    },
    /// The program could not be started.
    #[error("{} does not start: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The process ended by itself, or was killed.
    #[error("QEMU has ended ({status}){}", words(last_words))]
    Ended {
        /// Its exit status.
        status: String,
        /// Its last output.
        last_words: String,
    },
    /// The process runs, but does not connect its serial port, its network or its control channel.
    #[error("QEMU does not connect its {what} within {waited:?}{}", words(last_words))]
    Unconnected {
        /// The channel that it should connect.
        what: &'static str,
        /// The waiting time.
        waited: Duration,
        /// Its last output.
        last_words: String,
    },
    /// A command over QMP failed.
    #[error("QEMU does not do {command}: {reason}")]
    Command {
        /// The command.
        command: String,
        /// QEMU's message, or the reason why there is none.
        reason: String,
    },
    /// QEMU has no flash chip of this size.
    #[error("QEMU has no flash chip of {size} bytes, only of 2, 4, 8 or 16 MB")]
    FlashSize {
        /// The size that was asked for.
        size: u32,
    },
    /// An image does not fit into the flash chip.
    #[error("{length} bytes at {offset:#x} do not fit into a flash chip of {size} bytes")]
    FlashRange {
        /// Where they were to be written.
        offset: u32,
        /// Number of bytes.
        length: usize,
        /// The size of the chip.
        size: u32,
    },
}

impl Cause for QemuError {}

fn list(refused: &[(PathBuf, String)]) -> String {
    refused.iter().map(|(program, reason)| format!("\n  {} {reason}", program.display())).collect()
}

fn words(last_words: &str) -> String {
    match last_words.trim() {
        "" => String::new(),
        words => format!("; it said: {words}"),
    }
}
