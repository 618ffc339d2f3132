//! Follows a board's console and its resets, and finds the first crash.

use std::collections::VecDeque;

use espalier_core::{Span, Time};

use super::CrashKind;
use crate::driver::{Reset, ResetCause, ResetKind};
use crate::text::escaped;

/// Number of bytes of a line that are searched.
const LINE: usize = 512;
/// Number of kept resets; older ones are dropped, and still counted.
const KEPT: usize = 16;
/// Silence of the console after a panic that shows the end of its handler's output, if no reset follows.
const QUIET: Span = Span::from_millis(200);
/// So many restarts by software, each no later than [`SOON`] after the one before, are a loop.
const LOOP: usize = 3;
const SOON: Span = Span::from_secs(2);

/// Beginnings of the first line of a panic: ESP-IDF's exceptions, `abort`, `assert` and its checks of stack and heap ("Fatal errors" in the
/// ESP-IDF programming guide), the ROM's handler, Rust's, and that of `espalier-protocol`.
const PANICS: [&str; 11] = [
    "Guru Meditation Error",
    "abort() was called at PC",
    "assert failed: ",
    "assertion \"",
    "***ERROR*** A stack overflow in task",
    "Stack smashing protect failure!",
    "CORRUPT HEAP: ",
    "Fatal exception (",
    "panicked at ",
    "thread 'main' panicked at ",
    "@panic ",
];

/// The hint that ESP-IDF leaves when the brown-out detector has interrupted it (ESP_RST_BROWNOUT).
const BROWN_OUT_HINT: u16 = 9;
/// Panic messages by the values of `esp_reset_reason_t` that ESP-IDF's panic handler stores.
const PANIC_HINTS: [(u16, &str); 3] = [
    (4, "its panic handler restarted the chip (ESP_RST_PANIC)"),
    (5, "its interrupt watchdog ran out (ESP_RST_INT_WDT)"),
    (6, "its task watchdog ran out (ESP_RST_TASK_WDT)"),
];

/// A crash as it is noticed. The functions are looked up when the crash is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: CrashKind,
    pub(crate) at: Time,
    pub(crate) reset: Option<Reset>,
}

espalier_core::persist!(value Seen { kind, at, reset });

/// The findings since the board was switched on or reset by its line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    line: Vec<u8>,
    /// The panic since the last reset: its first line, when it came, and when the last byte after it came.
    panic: Option<(String, Time, Time)>,
    /// Each with the offset in the console before which it happened.
    resets: VecDeque<(Reset, usize)>,
    count: u64,
    /// Restarts by software, each soon after the one before.
    restarts: Vec<Time>,
    crash: Option<Seen>,
}

espalier_core::persist!(value Watch { line, panic, resets, count, restarts, crash });

impl Watch {
    /// Takes a byte of the console, which has `printed` bytes before it. `told` says whether resets are reported by
    /// [`reset`](Watch::reset), and are not to be read here.
    pub(crate) fn byte(&mut self, at: Time, byte: u8, printed: usize, told: bool) {
        if let Some((_, _, last)) = &mut self.panic {
            *last = at;
        }
        if byte != b'\n' {
            if self.line.len() < LINE {
                self.line.push(byte);
            }
            return;
        }
        let line = std::mem::take(&mut self.line);
        let text = escaped(plain(&line));
        if self.panic.is_none() && PANICS.iter().any(|begin| text.starts_with(begin)) {
            self.panic = Some((text, at, at));
        } else if let (false, Some(cause)) = (told, printed_cause(&text)) {
            // The line has begun after the reset.
            self.reset(Reset { at, cause, pcs: Vec::new(), hint: None }, (printed + 1).saturating_sub(line.len() + 1));
        }
    }

    /// The board was reset by its line: what happened before counts no more.
    pub(crate) fn forget(&mut self) {
        *self = Watch { resets: std::mem::take(&mut self.resets), count: self.count, ..Watch::default() };
    }

    /// Takes a reset that happened when the console had `printed` so many bytes.
    pub(crate) fn reset(&mut self, reset: Reset, printed: usize) {
        let panic = self.panic.take();
        let kind = reset.cause.kind();
        if kind == ResetKind::PowerOn {
            return;
        }
        self.line.clear();
        self.count += 1;
        if self.resets.len() == KEPT {
            self.resets.pop_front();
        }
        self.resets.push_back((reset.clone(), printed));
        if kind == ResetKind::Software {
            let soon = self.restarts.last().is_none_or(|last| reset.at.since(*last) <= SOON);
            if !soon {
                self.restarts.clear();
            }
            self.restarts.push(reset.at);
            self.restarts.drain(..self.restarts.len().saturating_sub(LOOP));
        } else {
            self.restarts.clear();
        }
        let hinted = PANIC_HINTS.iter().find(|(hint, _)| reset.hint == Some(*hint)).map(|(_, told)| *told);
        let panicked = |message| CrashKind::Panic { message };
        let (kind, at) = match (panic, kind) {
            (Some((message, at, _)), _) => (panicked(message), at),
            (None, ResetKind::Software) if hinted.is_some() => {
                (panicked(hinted.unwrap_or_default().to_owned()), reset.at)
            }
            (None, ResetKind::Software) if reset.hint == Some(BROWN_OUT_HINT) => (CrashKind::BrownOut, reset.at),
            (None, ResetKind::Watchdog) => (CrashKind::Watchdog, reset.at),
            (None, ResetKind::BrownOut) => (CrashKind::BrownOut, reset.at),
            (None, _) if self.restarts.len() == LOOP => (CrashKind::RestartLoop { restarts: LOOP }, reset.at),
            _ => return,
        };
        self.crash.get_or_insert(Seen { kind, at, reset: Some(reset) });
    }

    /// The first crash, once all is known of it.
    pub(crate) fn crash(&self, now: Time) -> Option<Seen> {
        let halted = || {
            let (message, at, last) = self.panic.as_ref()?;
            let kind = CrashKind::Panic { message: message.clone() };
            (now.since(*last) >= QUIET).then_some(Seen { kind, at: *at, reset: None })
        };
        self.crash.clone().or_else(halted)
    }

    /// Whether a panic has begun since the last reset.
    pub(crate) fn is_panicking(&self) -> bool {
        self.panic.is_some()
    }

    /// The last resets, oldest first.
    pub(crate) fn resets(&self) -> impl Iterator<Item = &Reset> {
        self.resets.iter().map(|(reset, _)| reset)
    }

    /// The first reset after the first `count` ones, and the offset in the console before which it happened.
    pub(crate) fn reset_after(&self, count: u64) -> Option<&(Reset, usize)> {
        let after = usize::try_from(self.count.saturating_sub(count)).unwrap_or(usize::MAX);
        // If it has been dropped, the oldest one that is kept has to do.
        self.resets.get(self.resets.len().saturating_sub(after)).filter(|_| after > 0)
    }

    /// Returns the number of resets.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

/// A line without its end, and without the colours before it.
fn plain(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    let mut line = &line[..end];
    // ECMA-48, "SGR": CSI, numbers and semicolons, m.
    while let Some(rest) = line.strip_prefix(b"\x1b[") {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        match rest.get(digits) {
            Some(b'm') => line = &rest[digits + 1..],
            _ => break,
        }
    }
    line
}

/// The cause in the line that the ROM prints after a reset: `rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)`.
fn printed_cause(line: &str) -> Option<ResetCause> {
    let (number, rest) = line.strip_prefix("rst:0x")?.split_once(" (")?;
    rest.contains("),boot:0x").then_some(())?;
    Some(ResetCause::new(u8::from_str_radix(number, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::{CrashKind, QUIET, Reset, ResetCause, Seen, Watch};
    use espalier_core::{Span, Time};

    const SOFTWARE: u8 = 12;
    const WATCHDOG: u8 = 8;
    const DEEP_SLEEP: u8 = 5;

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    fn reset(millis: u64, cause: u8) -> Reset {
        Reset { at: at(millis), cause: ResetCause::new(cause), pcs: Vec::new(), hint: None }
    }

    fn print(watch: &mut Watch, millis: u64, text: &str, told: bool) {
        text.bytes().enumerate().for_each(|(printed, byte)| watch.byte(at(millis), byte, printed, told));
    }

    fn kind(watch: &Watch, millis: u64) -> Option<CrashKind> {
        watch.crash(at(millis)).map(|Seen { kind, .. }| kind)
    }

    #[test]
    fn a_panic_is_reported_with_its_reset_or_when_its_handler_is_quiet() {
        let mut watch = Watch::default();
        print(
            &mut watch,
            5,
            "ready\r\n\x1b[0;31mGuru Meditation Error: Core  0 panic'ed (LoadProhibited).\r\nPC: 1\r\n",
            true,
        );
        assert_eq!(kind(&watch, 6), None, "it is still being told");
        let panic =
            CrashKind::Panic { message: "Guru Meditation Error: Core  0 panic'ed (LoadProhibited).".to_owned() };
        let mut halted = watch.clone();
        print(&mut halted, 100, "halted\r\n", true);
        assert_eq!(kind(&halted, 250), None);
        assert_eq!(halted.crash(at(100) + QUIET).map(|seen| (seen.kind, seen.reset)), Some((panic.clone(), None)));
        watch.reset(reset(20, SOFTWARE), 0);
        assert_eq!(watch.crash(at(20)), Some(Seen { kind: panic, at: at(5), reset: Some(reset(20, SOFTWARE)) }));
        watch.reset(reset(30, WATCHDOG), 0);
        assert_eq!(watch.crash(at(40)).map(|seen| seen.at), Some(at(5)), "the first one counts");
    }

    #[test]
    fn a_silent_panic_is_known_by_its_reset_reason() {
        let mut watch = Watch::default();
        watch.reset(Reset { hint: Some(4), ..reset(9, SOFTWARE) }, 0);
        let told = "its panic handler restarted the chip (ESP_RST_PANIC)".to_owned();
        assert_eq!(kind(&watch, 9), Some(CrashKind::Panic { message: told }));
    }

    #[test]
    fn a_brown_out_interrupt_is_known_by_its_reset_reason() {
        let mut watch = Watch::default();
        watch.reset(Reset { hint: Some(9), ..reset(9, SOFTWARE) }, 0);
        assert_eq!(kind(&watch, 9), Some(CrashKind::BrownOut));
    }

    #[test]
    fn restarts_by_the_firmware_are_no_crash() {
        let mut watch = Watch::default();
        print(&mut watch, 1, "log: Guru Meditation Error in the middle of a line\r\n", true);
        watch.reset(Reset { hint: Some(3), ..reset(1000, SOFTWARE) }, 0);
        for second in 2..40 {
            watch.reset(reset(second * 1000, DEEP_SLEEP), second as usize);
        }
        assert_eq!((kind(&watch, 50_000), watch.count(), watch.resets().count()), (None, 39, 16));
        let after = |count| watch.reset_after(count).map(|(_, printed)| *printed);
        assert_eq!((after(39), after(38), after(0)), (None, Some(39), Some(24)));
    }

    #[test]
    fn watchdogs_and_endless_restarts_are_crashes() {
        let mut watch = Watch::default();
        watch.reset(reset(9, WATCHDOG), 0);
        assert_eq!(kind(&watch, 9), Some(CrashKind::Watchdog));
        let restarted = |millis: [u64; 3]| {
            let mut watch = Watch::default();
            millis.into_iter().for_each(|millis| watch.reset(reset(millis, SOFTWARE), 0));
            kind(&watch, 100_000)
        };
        assert_eq!(restarted([500, 1000, 1500]), Some(CrashKind::RestartLoop { restarts: 3 }));
        assert_eq!(restarted([5000, 10_000, 15_000]), None);
    }

    #[test]
    fn the_rom_tells_resets_of_boards_that_do_not() {
        let mut watch = Watch::default();
        print(
            &mut watch,
            3,
            "ets Jul 29 2019\r\n\r\nrst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n",
            false,
        );
        assert_eq!((kind(&watch, 3), watch.count()), (Some(CrashKind::Watchdog), 1));
        assert_eq!(watch.reset_after(0).map(|(_, printed)| *printed), Some(19), "where the line begins");
        let mut watch = Watch::default();
        print(&mut watch, 3, "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n", false);
        print(&mut watch, 3, "rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n", true);
        assert_eq!((kind(&watch, 3), watch.count()), (None, 0));
    }
}
