//! Standard input as the board's keyboard.

#[cfg(unix)]
use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// Puts a terminal into raw mode and restores it when it is dropped. Does nothing if standard input is none.
pub struct RawTerminal {
    #[cfg(unix)]
    before: Option<Termios>,
}

#[cfg(unix)]
impl RawTerminal {
    /// With `signals`, Ctrl-C and its like send signals.
    pub fn enter(signals: bool) -> RawTerminal {
        let input = std::io::stdin();
        let before = if isatty(&input) { tcgetattr(&input).ok() } else { None };
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            if signals {
                raw.local_modes |= LocalModes::ISIG;
            }
            // A terminal that cannot be raw echoes, which is no reason to stop.
            let _ = tcsetattr(&input, OptionalActions::Now, &raw);
        }
        RawTerminal { before }
    }
}

#[cfg(unix)]
impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // There is nothing else to try.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(not(unix))]
impl RawTerminal {
    /// The console of other systems stays as it is: it sends whole lines.
    pub fn enter(_signals: bool) -> RawTerminal {
        RawTerminal {}
    }
}
