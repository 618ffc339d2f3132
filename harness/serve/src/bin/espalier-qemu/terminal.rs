//! Standard input and output as the board's console.

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use tokio::io::AsyncWriteExt;

/// Ctrl-A, which escapes the next key (QEMU's manual, "Keys in the character backend multiplexer").
const ESCAPE: u8 = 0x01;
const HELP: &str = "\r\n\
    C-a h    print this help\r\n\
    C-a x    quit\r\n\
    C-a C-a  send C-a\r\n";
const NO_MONITOR: &str = "\r\nespalier-qemu has no monitor; use -qmp\r\n";

/// Puts a terminal into raw mode and restores it when it is dropped. Does nothing if standard input is none.
pub struct RawTerminal {
    before: Option<Termios>,
}

impl RawTerminal {
    pub fn enter() -> RawTerminal {
        let input = std::io::stdin();
        let before = if isatty(&input) { tcgetattr(&input).ok() } else { None };
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            // A terminal that cannot be raw echoes, which is no reason to stop.
            let _ = tcsetattr(&input, OptionalActions::Now, &raw);
        }
        RawTerminal { before }
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // There is nothing else to try.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// What a piece of input means.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// For the board.
    pub bytes: Vec<u8>,
    /// For the user.
    pub message: Option<&'static str>,
    pub quit: bool,
}

/// Finds escaped keys in the input.
#[derive(Debug)]
pub struct Keys {
    muxed: bool,
    escaped: bool,
}

impl Keys {
    /// Everything is for the board.
    pub fn raw() -> Keys {
        Keys { muxed: false, escaped: false }
    }

    /// Ctrl-A is an escape.
    pub fn muxed() -> Keys {
        Keys { muxed: true, escaped: false }
    }

    /// Sorts the next piece of input.
    pub fn take(&mut self, input: &[u8]) -> Typed {
        let mut typed = Typed::default();
        for byte in input {
            if !std::mem::take(&mut self.escaped) {
                if self.muxed && *byte == ESCAPE {
                    self.escaped = true;
                } else {
                    typed.bytes.push(*byte);
                }
                continue;
            }
            match byte {
                b'x' => {
                    typed.quit = true;
                    return typed;
                }
                b'h' | b'?' => typed.message = Some(HELP),
                b'c' => typed.message = Some(NO_MONITOR),
                &ESCAPE => typed.bytes.push(ESCAPE),
                // Other commands concern what is not there: disks, breaks, time stamps.
                _ => {}
            }
        }
        typed
    }
}

/// Shows bytes. A reader that has gone is no matter for the board.
pub async fn print(bytes: &[u8]) {
    let mut output = tokio::io::stdout();
    if output.write_all(bytes).await.is_ok() {
        let _ = output.flush().await;
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn ctrl_a_x_quits_and_ctrl_a_twice_is_one() {
        let mut keys = Keys::muxed();
        assert_eq!(keys.take(b"a\x01").bytes, b"a");
        assert_eq!(keys.take(b"\x01b").bytes, b"\x01b");
        assert!(keys.take(b"\x01h").message.is_some());
        let last = keys.take(b"c\x01xd");
        assert_eq!((last.bytes.as_slice(), last.quit), (&b"c"[..], true));
    }

    #[test]
    fn a_line_without_mux_passes_everything() {
        let typed = Keys::raw().take(b"\x01x\x03");
        assert_eq!((typed.bytes.as_slice(), typed.quit), (&b"\x01x\x03"[..], false));
    }
}
