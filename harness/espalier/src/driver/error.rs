//! Errors of boards, whatever they are made of.

use std::path::PathBuf;

use super::{Capability, Kind, MODEL_VARIABLE, Model, UnknownModel};
use crate::error::{Cause, Source};

/// This kind of board cannot do it.
///
/// ```
/// use espalier::{Capability, Kind, Unsupported};
///
/// let error = Unsupported { capability: Capability::Fork, kind: Kind::Bench };
/// assert_eq!(error.to_string(), "bench boards do not support forking");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} boards do not support {capability}")]
pub struct Unsupported {
    /// The ability that was asked for.
    pub capability: Capability,
    /// The kind of board that was asked.
    pub kind: Kind,
}

/// A board that is in a world with others cannot do it.
///
/// ```
/// use espalier::{AmongOthers, Capability};
///
/// let error = AmongOthers { capability: Capability::Probe };
/// assert_eq!(error.to_string(), "a board in a world with others does not support a debug probe; one outside of a world does");
/// let error = AmongOthers { capability: Capability::Fork };
/// assert!(error.to_string().ends_with("does not support forking; fork its world"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a board in a world with others does not support {capability}; {}", instead(*capability))]
pub struct AmongOthers {
    /// The ability that was asked for.
    pub capability: Capability,
}

/// Returns the alternative that a board in a world has.
fn instead(capability: Capability) -> &'static str {
    match capability {
        Capability::Fork => "fork its world",
        Capability::Snapshot => "save its world",
        _ => "one outside of a world does",
    }
}

/// The board stopped for good.
///
/// ```
/// let error = espalier::Halted { reason: "write of 0x1 to SDMMC+0x0".to_owned() };
/// assert_eq!(error.to_string(), "the board halted: write of 0x1 to SDMMC+0x0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board halted: {reason}")]
pub struct Halted {
    /// The reason and the place.
    pub reason: String,
}

/// The board has no part of this name.
///
/// ```
/// let names = vec!["a".to_owned(), "b".to_owned()];
/// let error = espalier::UnknownPart { what: "button", name: "c".to_owned(), names };
/// assert_eq!(error.to_string(), "the board has no button \"c\"; it has a, b");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board has no {what} {name:?}; {}", there_are(what, names))]
pub struct UnknownPart {
    /// The kind of part.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The names of the parts of this kind.
    pub names: Vec<String>,
}

/// A property of a part cannot be set or read.
///
/// ```
/// let reason = "part \"climate\": temperature is 200, not a number from -40 to 85".to_owned();
/// assert!(espalier::PropertyError { reason }.to_string().ends_with("from -40 to 85"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PropertyError {
    /// The part, the property, and what is possible.
    pub reason: String,
}

/// The chip has no such pin.
///
/// ```
/// let error = espalier::NoSuchPin { pin: 24, pins: "0 to 19, 21 to 23, 25 to 27, 32 to 39" };
/// assert_eq!(error.to_string(), "the chip has no GPIO24; it has 0 to 19, 21 to 23, 25 to 27, 32 to 39");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chip has no GPIO{pin}; it has {pins}")]
pub struct NoSuchPin {
    /// The number.
    pub pin: usize,
    /// The pins of the chip.
    pub pins: &'static str,
}

/// The chip has no such UART.
///
/// ```
/// assert_eq!(espalier::NoSuchUart { uart: 3, uarts: 3 }.to_string(), "the chip has no UART3; it has 3, from UART0 on");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chip has no UART{uart}; it has {uarts}, from UART0 on")]
pub struct NoSuchUart {
    /// The number.
    pub uart: usize,
    /// Number of the board's UARTs.
    pub uarts: usize,
}

/// The board is made without such a part.
///
/// ```
/// assert_eq!(espalier::Absent { what: "buzzer" }.to_string(), "the board has no buzzer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board has no {what}")]
pub struct Absent {
    /// The part that was asked for, such as "display".
    pub what: &'static str,
}

/// Only the firmware knows what the display shows, and it has not announced that it can be asked.
///
/// ```
/// assert!(espalier::DisplayMute.to_string().contains("only be read through its firmware"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this board's display can only be read through its firmware, which has not announced support by an \"@event started\" (on \
     MicroPython, `mirror` has the display send every picture)"
)]
pub struct DisplayMute;

/// The peer could not do something on the network.
///
/// ```
/// let error = espalier::PeerError { action: "listen on port 80".to_owned(), source: "it is in use".into() };
/// assert_eq!(error.to_string(), "the peer cannot listen on port 80: it is in use");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the peer cannot {action}: {source}")]
pub struct PeerError {
    /// The operation, such as "listen on port 5001".
    pub action: String,
    /// Why it cannot.
    pub source: Source,
}

impl PeerError {
    pub(crate) fn new(action: impl Into<String>, source: impl Into<Source>) -> PeerError {
        PeerError { action: action.into(), source: source.into() }
    }
}

/// The emulator, or its network, could not do something.
///
/// ```
/// let error = espalier::EmulatorError("the flash is full".into());
/// assert_eq!(error.to_string(), "the emulated board refused: the flash is full");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the emulated board refused: {0}")]
pub struct EmulatorError(#[source] pub Source);

impl EmulatorError {
    pub(super) fn new(source: impl Into<Source>) -> EmulatorError {
        EmulatorError(source.into())
    }
}

/// A file is not a board or world that this build can load. The message names the file, and says what to do.
///
/// ```
/// let error = espalier::Board::load("Cargo.toml").err().expect("it is no board");
/// let reason = error.find::<espalier::SnapshotError>().expect("the file was read");
/// assert_eq!(reason.to_string(), "Cargo.toml: this is not a snapshot of a board");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct SnapshotError {
    /// The file.
    pub path: PathBuf,
    /// The fault.
    pub source: Source,
}

/// No board can be made of a model.
///
/// ```
/// use espalier::{Model, ModelError};
///
/// let unknown = ModelError::Unknown("toaster".parse::<Model>().unwrap_err());
/// assert!(unknown.to_string().starts_with("ESPALIER_MODEL: "));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The environment asks for a model of board that does not exist.
    #[error("{MODEL_VARIABLE}: {0}")]
    Unknown(UnknownModel),
    /// The description of a board cannot be used. The message names the file, the key and the value.
    #[error("{0}")]
    Description(#[source] Source),
    /// Boards in QEMU have another chip.
    #[error(
        "{model} has an {chip}, which Espressif's QEMU is not started as; an emulated board has one (ESPALIER_BOARD=emulated)"
    )]
    NotInQemu { model: Model, chip: &'static str },
}

fn there_are(what: &str, names: &[String]) -> String {
    match names {
        [] => format!("it has no {what} at all"),
        names => format!("it has {}", names.join(", ")),
    }
}

impl Cause for Unsupported {}
impl Cause for AmongOthers {}
impl Cause for Halted {}
impl Cause for UnknownPart {}
impl Cause for PropertyError {}
impl Cause for Absent {}
impl Cause for NoSuchPin {}
impl Cause for NoSuchUart {}
impl Cause for DisplayMute {}
impl Cause for PeerError {}
impl Cause for EmulatorError {}
impl Cause for SnapshotError {}
impl Cause for ModelError {}
