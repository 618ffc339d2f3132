//! Errors of boards on a bench.

use std::path::PathBuf;

use super::variables::{BENCH_VARIABLE, WAIT_VARIABLE};
use crate::driver::BOARD_VARIABLE;
use crate::error::Cause;

/// An error of a board on a bench. Every message says what to do.
///
/// ```
/// let error = espalier::BenchError::Absent { board: "desk-3".to_owned() };
/// assert_eq!(error.to_string(), "desk-3 is not plugged in; `espalier boards` lists what is");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The name is that of no board.
    #[error(
        "{name:?} is not a board: {BOARD_VARIABLE} takes emulator, qemu, bench, a serial port such as /dev/ttyUSB0, \
         rfc2217://host:port, socket://host:port, or a name in bench.toml; {}",
        match file {
            Some(file) => format!("{} has: {}", file.display(), if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
            None => format!("there is no bench.toml here, above, in ~/.config/espalier, or named by {BENCH_VARIABLE}"),
        }
    )]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The file with the bench.
        file: Option<PathBuf>,
        /// The boards in it.
        names: Vec<String>,
    },
    /// The file with the bench cannot be used.
    #[error("{}: {reason}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// The fault.
        reason: String,
    },
    /// A password is written in the file.
    #[error(
        "{}: board {board:?} has its Wi-Fi {key} written down; a file is read by more people than a password is for, so name an \
         environment variable that holds it: {key}-env = \"BENCH_WIFI_{}\"",
        file.display(), key.to_uppercase()
    )]
    Secret {
        /// The file.
        file: PathBuf,
        /// The board.
        board: String,
        /// The key that has a value in the file.
        key: &'static str,
    },
    /// An environment variable that the file names is not set.
    #[error("board {board:?} takes its Wi-Fi {what} from {variable}, which is not set")]
    Unset {
        /// The board.
        board: String,
        /// The setting that it holds.
        what: &'static str,
        /// The variable.
        variable: String,
    },
    /// Nothing that may be a board is plugged in.
    #[error(
        "no board found: no serial port has the USB ids of a bridge that development boards use; plug one in, or name a port in \
         {BOARD_VARIABLE}; `espalier boards` lists what there is"
    )]
    NoneFound,
    /// More than one board is plugged in.
    #[error("more than one board is plugged in: {}; name one in {BOARD_VARIABLE}", found.join(", "))]
    Ambiguous {
        /// The ports.
        found: Vec<String>,
    },
    /// The board that was asked for is not plugged in.
    #[error("{board} is not plugged in; `espalier boards` lists what is")]
    Absent {
        /// The requested name.
        board: String,
    },
    /// The port cannot be opened.
    #[error("cannot open {port}: {reason}")]
    Open {
        /// The port.
        port: String,
        /// The operating system's error.
        reason: String,
    },
    /// The port belongs to another user or group.
    #[error(
        "no permission to open {port}: {}",
        match group {
            Some(group) => format!(
                "it belongs to the group {group} and you do not; add yourself with `sudo usermod -aG {group} $USER` and log in again"
            ),
            None => "only its owner may open it; add a udev rule for your group (that of serial ports is dialout on Debian and \
                     Fedora, uucp on Arch)".to_owned(),
        }
    )]
    Denied {
        /// The port.
        port: String,
        /// The group that may open it, if one may that is meant for people.
        group: Option<String>,
    },
    /// Another program has the port open.
    #[error("{port} is busy: {reason}; close the other program, such as a serial monitor")]
    Busy {
        /// The port.
        port: String,
        /// The error of the system or of the other side.
        reason: String,
    },
    /// Another test has the board.
    #[error("{board} is taken by {holder}, {}", if *waited == 0 {
        format!("and {WAIT_VARIABLE}=0 says not to wait")
    } else {
        format!("for {waited} seconds already; {WAIT_VARIABLE} says how many seconds to wait")
    })]
    Locked {
        /// The board.
        board: String,
        /// The holder.
        holder: String,
        /// The waiting time in seconds.
        waited: u64,
    },
    /// This very test has the board.
    #[error("{board} is taken by this test itself: drop its first handle before the board is opened again")]
    Taken {
        /// The board.
        board: String,
    },
    /// The port went away.
    #[error("{port} is gone: {reason}; plug it in again and reset the board, or start anew")]
    Gone {
        /// The port.
        port: String,
        /// The operating system's error.
        reason: String,
    },
    /// The port has no lines that could reset the board.
    #[error(
        "{port} has no lines that reset a board, and its firmware has not said that it takes a reset command; reset it by hand, or \
         use a port with DTR and RTS"
    )]
    NoReset {
        /// The port.
        port: String,
    },
    /// Another board than the one that was asked for.
    #[error("wrong board: {board} has the MAC address {expected}, this one has {found}")]
    WrongBoard {
        /// The board.
        board: String,
        /// The address that the file gives.
        expected: String,
        /// The address in the chip.
        found: String,
    },
    /// Files for locks cannot be made.
    #[error("cannot lock {}: {reason}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        reason: String,
    },
}

impl Cause for BenchError {}
