//! Resets of a chip and their causes, by the numbers and names that the ROM prints (ESP32 TRM, "Reset and Clock", table of reset reasons; ESP-IDF,
//! `rom/rtc.h`).

use std::fmt;

use espalier_core::Time;

/// Why a chip was reset.
///
/// ```
/// use espalier::{ResetCause, ResetKind};
///
/// let cause = ResetCause::new(8);
/// assert_eq!((cause.name(), cause.kind()), ("TG1WDT_SYS_RESET", ResetKind::Watchdog));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResetCause(u8);

espalier_core::persist!(value ResetCause(value));

/// The meaning of a reset cause for a test.
///
/// ```
/// use espalier::{ResetCause, ResetKind};
///
/// assert_eq!(ResetCause::new(5).kind(), ResetKind::DeepSleep);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetKind {
    /// The chip was switched on, or reset by its EN pin.
    PowerOn,
    /// Software asked for it: a restart that is wanted, or the end of a panic.
    Software,
    /// The chip woke from deep sleep.
    DeepSleep,
    /// A watchdog.
    Watchdog,
    /// The supply voltage was too low.
    BrownOut,
    /// Anything else.
    Other,
}

/// Names by number.
const NAMES: [&str; 17] = [
    "NO_MEAN",
    "POWERON_RESET",
    "RESET_2",
    "SW_RESET",
    "OWDT_RESET",
    "DEEPSLEEP_RESET",
    "SDIO_RESET",
    "TG0WDT_SYS_RESET",
    "TG1WDT_SYS_RESET",
    "RTCWDT_SYS_RESET",
    "INTRUSION_RESET",
    "TGWDT_CPU_RESET",
    "SW_CPU_RESET",
    "RTCWDT_CPU_RESET",
    "EXT_CPU_RESET",
    "RTCWDT_BROWN_OUT_RESET",
    "RTCWDT_RTC_RESET",
];

impl ResetCause {
    /// The cause with this number.
    pub const fn new(number: u8) -> ResetCause {
        ResetCause(number)
    }

    /// Its number, as RTC_CNTL_RESET_STATE shows it.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its name, as the ROM prints it.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("unknown reset")
    }

    /// The kind of reset.
    pub fn kind(self) -> ResetKind {
        match self.0 {
            1 => ResetKind::PowerOn,
            3 | 12 => ResetKind::Software,
            5 => ResetKind::DeepSleep,
            4 | 7..=9 | 11 | 13 | 16 => ResetKind::Watchdog,
            15 => ResetKind::BrownOut,
            _ => ResetKind::Other,
        }
    }
}

impl fmt::Display for ResetCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#x})", self.name(), self.0)
    }
}

/// A reset of the chip that did not come over its reset line.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// for reset in board.resets() {
///     println!("{reset}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// When it happened.
    pub at: Time,
    /// The reason.
    pub cause: ResetCause,
    /// Where the cores were, the PRO CPU first; nothing where the board cannot tell.
    pub pcs: Vec<u32>,
    /// The reason that the firmware stored before the reset: ESP-IDF's `esp_reset_reason_t`.
    pub(crate) hint: Option<u16>,
}

espalier_core::persist!(value Reset { at, cause, pcs, hint });

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} of board time", self.cause, self.at)
    }
}
