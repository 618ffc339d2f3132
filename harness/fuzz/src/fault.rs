//! The faults of a board that has got an input.

use std::fmt;

use espalier::{Board, Crash, CrashKind, Span};

/// Texts with which common heaps say that they are broken: ESP-IDF's `multi_heap_poisoning` and newlib's.
const HEAP_TEXTS: [&str; 4] =
    ["CORRUPT HEAP", "heap_caps_check_integrity", "Heap corruption detected", "free(): invalid"];
/// Words of a panic that tell what the processor did not do: ESP-IDF's names of its exceptions, and the register that has their number.
const ACCESSES: [&str; 7] = [
    "LoadProhibited",
    "StoreProhibited",
    "InstrFetchProhibited",
    "LoadStoreError",
    "IllegalInstruction",
    "InstrFetchError",
    CAUSE,
];
/// The register with the number of an exception (Xtensa ISA reference manual, "Exception Cause Register").
const CAUSE: &str = "EXCCAUSE";
/// The board's time in which a panic handler gets its message out.
const HANDLER: Span = Span::from_millis(1500);
const STEP: Span = Span::from_millis(50);

/// The kind of a fault.
///
/// ```
/// assert_eq!(espalier_fuzz::FaultKind::IllegalAccess.to_string(), "illegal-access");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The firmware panics or aborts.
    Panic,
    /// It panics because of an address that it must not access or execute.
    IllegalAccess,
    /// The firmware says that its heap is broken.
    Heap,
    /// A watchdog resets the board.
    Watchdog,
    /// The board restarts for another reason.
    Reset,
    /// The board does not come to rest.
    EndlessLoop,
    /// The console has a text that it must not have.
    Text,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultKind::Panic => "panic",
            FaultKind::IllegalAccess => "illegal-access",
            FaultKind::Heap => "heap",
            FaultKind::Watchdog => "watchdog",
            FaultKind::Reset => "reset",
            FaultKind::EndlessLoop => "endless-loop",
            FaultKind::Text => "text",
        })
    }
}

/// The fault of a board that has got an input.
///
/// ```
/// use espalier_fuzz::{Fault, FaultKind};
///
/// let fault = Fault { kind: FaultKind::Panic, message: "the firmware panicked: boom\n  at 2 s".to_owned() };
/// assert_eq!(fault.to_string(), "panic: the firmware panicked: boom");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// The words of the firmware or the board.
    pub message: String,
}

impl Fault {
    /// Looks what is wrong with a board that has got an input. `stopped` says whether it has come to rest, and `rests` whether it should.
    pub(crate) fn look(
        board: &Board,
        stopped: bool,
        rests: Option<Span>,
        texts: &[String],
    ) -> espalier::Result<Option<Fault>> {
        let mut waited = Span::ZERO;
        while !stopped || board.is_panicking() {
            if board.crash().is_some() || waited >= HANDLER {
                break;
            }
            // A handler that is done may have halted the chip: that is no rest to wait for.
            board.run_to_rest(STEP, STEP)?;
            waited = waited + STEP;
        }
        let console = board.console().take_unread();
        let console = String::from_utf8_lossy(&console);
        if let Some(text) = HEAP_TEXTS.iter().find(|text| console.contains(**text)) {
            let line = console.lines().find(|line| line.contains(text)).unwrap_or(text);
            return Ok(Some(Fault { kind: FaultKind::Heap, message: line.to_owned() }));
        }
        if let Some(crash) = board.crash() {
            return Ok(Some(Fault { kind: kind_of(&crash), message: crash.to_string() }));
        }
        if let Some(text) = texts.iter().find(|text| console.contains(text.as_str())) {
            return Ok(Some(Fault { kind: FaultKind::Text, message: format!("the console has {text:?}") }));
        }
        Ok(match rests {
            Some(bound) if !stopped => {
                let message = format!("a core is still busy with it after {bound} of board time");
                Some(Fault { kind: FaultKind::EndlessLoop, message })
            }
            _ => None,
        })
    }

    /// The part of it that is the same whatever the input was: faults of one key are one finding.
    ///
    /// ```
    /// use espalier_fuzz::{Fault, FaultKind};
    ///
    /// let key = |message: &str| Fault { kind: FaultKind::Panic, message: message.to_owned() }.key();
    /// assert_eq!(key("index 17 of 16"), key("index 250 of 16"));
    /// ```
    pub fn key(&self) -> String {
        let line = self.message.lines().next().unwrap_or_default();
        // Numbers in a message are often lengths, indices or addresses out of the input; that of an exception is not.
        let is_word = |word: &str| !word.contains(|letter: char| letter.is_ascii_digit());
        let mut before = "";
        let words =
            line.split([' ', ',', ':']).filter(|word| is_word(word) | (std::mem::replace(&mut before, word) == CAUSE));
        let words: Vec<&str> = words.collect();
        format!("{} {}", self.kind, words.join(" "))
    }
}

fn kind_of(crash: &Crash) -> FaultKind {
    match &crash.kind {
        CrashKind::Panic { message } if ACCESSES.iter().any(|word| message.contains(word)) => FaultKind::IllegalAccess,
        CrashKind::Panic { .. } => FaultKind::Panic,
        CrashKind::Watchdog => FaultKind::Watchdog,
        _ => FaultKind::Reset,
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message.lines().next().unwrap_or_default())
    }
}
