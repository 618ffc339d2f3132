//! Whether the firmware crashed: panics, watchdogs, brown-outs and boards that restart for ever.
//!
//! The chip's resets are known by their cause where the board tells them (an emulated one), and otherwise by the line that the ROM
//! prints after each (ESP32 TRM, "Reset and Clock", has the causes). A panic handler that restarts the chip uses a software reset,
//! as firmware does that wants one. What tells them apart is the panic's text on the console, and the word that ESP-IDF leaves in
//! RTC_CNTL_STORE6 (`esp_reset_reason_set_hint`).

mod watch;

use std::fmt;

use espalier_core::Time;

use crate::backtrace::Place;
use crate::driver::Reset;
pub(crate) use watch::Watch;

/// The kind of a firmware's crash.
///
/// ```
/// use espalier::CrashKind;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let bitten = board.crash().is_some_and(|crash| crash.kind == CrashKind::Watchdog);
/// assert!(!bitten);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrashKind {
    /// A panic or an abort.
    Panic {
        /// The handler's first message, or the reason for the restart.
        message: String,
    },
    /// A watchdog reset the chip.
    Watchdog,
    /// The supply voltage was too low.
    BrownOut,
    /// The chip was restarted by software again and again, each time soon after its start.
    RestartLoop {
        /// Number of restarts.
        restarts: usize,
    },
}

espalier_core::persist!(enum CrashKind { Panic { message }, Watchdog, BrownOut, RestartLoop { restarts } });

/// A crash of the firmware; see [`Board::crash`](crate::Board::crash).
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// if let Some(crash) = board.crash() {
///     println!("{crash}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// The kind of the crash.
    pub kind: CrashKind,
    /// When the panic was printed, or the chip was reset.
    pub at: Time,
    /// The reset that ended it. A panic handler may halt instead.
    pub reset: Option<Reset>,
    /// Where the firmware was; with functions and lines if there is an ELF file.
    pub places: Vec<Place>,
}

/// Number of places in a message.
const PLACES: usize = 16;

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            CrashKind::Panic { message } => write!(f, "the firmware panicked: {message}")?,
            CrashKind::Watchdog => f.write_str("a watchdog reset the board")?,
            CrashKind::BrownOut => f.write_str("the brown-out detector reset the board")?,
            CrashKind::RestartLoop { restarts } => {
                write!(f, "the board restarts again and again, {restarts} times so far")?
            }
        }
        write!(f, "\n  at {} of board time", self.at)?;
        if let Some(reset) = &self.reset {
            write!(f, "; reset by {}", reset.cause)?;
        }
        for place in self.places.iter().take(PLACES) {
            write!(f, "\n  {place}")?;
        }
        Ok(())
    }
}
