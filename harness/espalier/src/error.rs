//! What can go wrong with a board, told so that a failed test explains itself.

use std::fmt;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use espalier_core::{Rgb, Span};

use crate::air::AirError;
use crate::buzzer::PlayedTone;
use crate::flasher::FlashError;
use crate::image::ImageError;
#[cfg(unix)]
use crate::kind::QemuError;
use crate::kind::{BenchError, Capability, Kind, MODEL_VARIABLE, UnknownModel};
use crate::leds::Colours;
use crate::micropython::MicroPythonFailure;
use crate::scene::Scene;
use crate::screen::ScreenError;

/// The result of everything that a test does with a board.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something failed, with what was to be seen at that moment.
///
/// Both `{}` and `{:?}` show the whole story: the console's last lines, what went over the network, the screen.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    scene: Option<Scene>,
}

/// Why something failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was waited for did not come in time.
    #[error("waited {waited} of board time for {what}, which did not come")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long, in the board's time.
        waited: Span,
    },
    /// The board stopped for good.
    #[error("the board halted: {reason}")]
    Halted {
        /// Why, and where.
        reason: String,
    },
    /// This kind of board cannot do it.
    #[error("{kind} boards do not support {capability}")]
    Unsupported {
        /// What was asked for.
        capability: Capability,
        /// The kind of board that was asked.
        kind: Kind,
    },
    /// A board on a bench cannot be had.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The environment asks for a model of board that does not exist.
    #[error("{MODEL_VARIABLE}: {0}")]
    UnknownModel(UnknownModel),
    /// The description of a board cannot be used. The message names the file, the key and the value.
    #[error("{0}")]
    Model(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The board has no part of this name.
    #[error("the board has no {what} {name:?}; {}", there_are(what, names))]
    UnknownPart {
        /// What kind of part was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// The board is made without it.
    #[error("the board has no {what}")]
    Absent {
        /// What was asked for.
        what: &'static str,
    },
    /// The LEDs do not show what they should.
    #[error("the LEDs show {}, not {}", Colours(shown), Colours(expected))]
    Leds {
        /// What they should show.
        expected: Vec<Rgb>,
        /// What they show.
        shown: Vec<Rgb>,
    },
    /// A tone was not played.
    #[error("no tone of {expected:.1} Hz was played{}", Played(played))]
    Tone {
        /// In hertz.
        expected: f64,
        /// What was played since power-on.
        played: Vec<PlayedTone>,
    },
    /// There is no firmware to run.
    #[error("no firmware: call `firmware` on the builder, or name an image in {variable}")]
    NoFirmware {
        /// The variable that was looked at.
        variable: &'static str,
    },
    /// Flashing failed.
    #[error(transparent)]
    Flash(#[from] FlashError),
    /// A firmware image cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The emulator could not do it.
    #[error("the emulated board refused: {0}")]
    Emulator(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no board in QEMU, or no more.
    #[cfg(unix)]
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// A regular expression does not parse.
    #[error("invalid regular expression: {0}")]
    Pattern(#[from] regex::Error),
    /// The peer wanted to listen on a port that is taken, or could not open a socket.
    #[error("the peer cannot {what}: {reason}")]
    Peer {
        /// What it was about to do.
        what: String,
        /// Why it cannot.
        reason: String,
    },
    /// The board refused a connection.
    #[error("the board refused a connection to {to}")]
    Refused {
        /// Where the peer wanted to connect to.
        to: SocketAddrV4,
    },
    /// The connection ended before what was waited for.
    #[error("the connection {} before {what}", if *reset { "was reset" } else { "was closed by the board" })]
    Closed {
        /// What was waited for.
        what: String,
        /// Whether it was cut instead of closed.
        reset: bool,
    },
    /// The screen does not show what it should, or cannot be looked at.
    #[error(transparent)]
    Screen(Box<ScreenError>),
    /// MicroPython raised an exception, or could not do what it was asked.
    #[error(transparent)]
    MicroPython(#[from] MicroPythonFailure),
    /// Something in the air could not be done.
    #[error(transparent)]
    Air(#[from] AirError),
    /// The debug probe, or the chip at it, did not do it.
    #[cfg(feature = "probe")]
    #[error("cannot {action} the {what} with the debug probe: {source}")]
    Probe {
        /// What was about to be done, such as "halt".
        action: &'static str,
        /// To what, such as "PRO CPU".
        what: String,
        /// What probe-rs said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stream failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was about to be done, such as "read".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn there_are(what: &str, names: &[String]) -> String {
    match names {
        [] => format!("it has no {what} at all"),
        names => format!("it has {}", names.join(", ")),
    }
}

/// How many of the tones a message names.
const TONES: usize = 4;

/// The last tones that were played.
struct Played<'a>(&'a [PlayedTone]);

impl fmt::Display for Played<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = &self.0[self.0.len().saturating_sub(TONES)..];
        match last.split_first() {
            None => f.write_str(", nor any other"),
            Some((first, rest)) => {
                write!(f, "; the last of {}: {first}", self.0.len())?;
                rest.iter().try_for_each(|tone| write!(f, "; {tone}"))
            }
        }
    }
}

impl From<ScreenError> for ErrorKind {
    fn from(error: ScreenError) -> ErrorKind {
        ErrorKind::Screen(Box::new(error))
    }
}

impl ErrorKind {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ErrorKind {
        let path = path.into();
        move |source| ErrorKind::File { action, path, source }
    }
}

impl Error {
    pub(crate) fn with_scene(kind: ErrorKind, scene: Scene) -> Error {
        Error { inner: Box::new(Inner { kind, scene: Some(scene) }) }
    }

    /// Why it failed.
    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// What was to be seen when it failed, if a board was involved.
    pub fn scene(&self) -> Option<&Scene> {
        self.inner.scene.as_ref()
    }

    /// Whether something was waited for in vain.
    pub fn is_timeout(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Timeout { .. })
    }
}

impl<K: Into<ErrorKind>> From<K> for Error {
    fn from(kind: K) -> Error {
        Error { inner: Box::new(Inner { kind: kind.into(), scene: None }) }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.inner.kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner.kind, f)?;
        match &self.inner.scene {
            Some(scene) => write!(f, "\n{scene}"),
            None => Ok(()),
        }
    }
}

/// The same as `{}`: this is what `cargo test` prints when a test returns an error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
