//! The command line of `qemu-system-xtensa`, as far as it makes sense for the emulated board.
//!
//! Options follow QEMU's manual ("Invocation"); [`table`] has a row for each. Those that have no meaning here are taken, and a note
//! says so; any other that is not known is refused, because a suite that asks for something must not silently get something else.

mod chardev;
mod drive;
mod fields;
mod global;
mod line;
mod network;
mod table;
mod take;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

use espalier_core::Timing;
use espalier_serve::{HostForward, Pace, StreamConfig};
use espalier_soc::Strap;

pub use drive::Drive;
use line::Line;
pub use table::help;
use table::{Meaning, Row};

/// A fault of the command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("{0}: invalid option")]
    Unknown(String),
    #[error("{0}: invalid option; did you mean {1}?")]
    Misspelt(String, String),
    #[error("-{0}: requires an argument")]
    NoValue(String),
    #[error("-{option} {value}: {reason}")]
    Value { option: String, value: String, reason: String },
    #[error("{0}")]
    Together(String),
    #[error("'{0}': a flash image is given as -drive file=F,if=mtd,format=raw")]
    Positional(String),
}

/// The settings from the command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Version,
    Help,
    /// Text that answers an option's `help`.
    List(&'static str),
    Run(Box<Options>),
}

/// A board that is to run.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    pub flash: Option<Drive>,
    pub efuses: Option<Drive>,
    /// Bytes of PSRAM, if there is one.
    pub psram_size: Option<u32>,
    /// A program that starts in RAM.
    pub kernel: Option<PathBuf>,
    /// UARTs that are pseudo-terminals, and what QEMU calls these.
    pub ptys: Vec<(usize, String)>,
    pub streams: Vec<StreamConfig>,
    pub gdb: Option<SocketAddr>,
    /// A program that listens for the board's Ethernet frames.
    pub cable_to: Option<SocketAddr>,
    pub host_forwards: Vec<HostForward>,
    pub strap: Strap,
    pub paused: bool,
    /// A reset ends the program.
    pub ends_with_reset: bool,
    /// None: as the environment says.
    pub pace: Option<Pace>,
    /// None: as the environment says.
    pub timing: Option<Timing>,
    /// Keys of the terminal that send signals send them, instead of going to the board.
    pub signals: bool,
    pub daemonize: bool,
    pub pid_file: Option<PathBuf>,
    /// Options that have no meaning here.
    pub notes: Vec<String>,
}

/// The meaning of a value, or the reason why it has none.
type Parsed<T> = Result<T, String>;

impl Options {
    /// Reads the arguments, without the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Action, UsageError> {
        let mut line = Line::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let Some(name) = argument.strip_prefix('-').filter(|name| !name.is_empty()) else {
                return Err(UsageError::Positional(argument));
            };
            let name = name.strip_prefix('-').unwrap_or(name).to_owned();
            let Some(row) = Row::find(&name) else {
                return Err(match Row::nearest(&name) {
                    Some(nearest) => UsageError::Misspelt(argument, format!("-{nearest}")),
                    None => UsageError::Unknown(argument),
                });
            };
            let value = match row.argument {
                "" => String::new(),
                _ => arguments.next().ok_or_else(|| UsageError::NoValue(name.clone()))?,
            };
            match row.meaning {
                Meaning::Version => return Ok(Action::Version),
                Meaning::Help => return Ok(Action::Help),
                Meaning::Flag(set) => set(&mut line),
                Meaning::Value(take) => {
                    take(&mut line, &value).map_err(|reason| UsageError::Value { option: name, value, reason })?
                }
                Meaning::Moot(reason) => line.note(&format!("-{name}"), &value, reason),
            }
            if let Some(answer) = line.answer.take() {
                return Ok(Action::List(answer));
            }
        }
        line.finish().map(|options| Action::Run(Box::new(options))).map_err(UsageError::Together)
    }
}
