//! MicroPython's raw REPL as a state machine: bytes of the console in, bytes for the console out, no I/O of its own.
//!
//! It follows "The MicroPython Interactive Interpreter Mode" in MicroPython's documentation, chapters "Raw mode" and
//! "Raw-paste mode". In raw mode the board says nothing while it takes a script, so the script is sent slowly; in raw-paste
//! mode, which newer firmware has, the board says how much it can take.

use espalier_core::{Span, Time};

/// Begins raw mode at the prompt, or an empty script in raw mode.
const CTRL_A: u8 = 0x01;
/// Goes back to the prompt.
pub(super) const CTRL_B: u8 = 0x02;
/// Interrupts what runs.
pub(super) const CTRL_C: u8 = 0x03;
/// Ends a script; on its own it is a soft reset. The board ends its answers with the same byte.
pub(super) const CTRL_D: u8 = 0x04;
/// Asks for raw-paste mode. Firmware that does not know it sees an empty script begin, and greets again.
const PASTE_REQUEST: &[u8] = b"\x05A\x01";
/// The board knows raw-paste mode, and has it.
const PASTE_ACCEPTED: &[u8] = b"R\x01";
/// The board knows raw-paste mode, but does not have it.
const PASTE_DECLINED: &[u8] = b"R\x00";
/// The board can take another window of a script.
const WINDOW_OPENS: u8 = 0x01;

pub(super) const PROMPT: &[u8] = b">>> ";
const GREETING: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";
const ACCEPTED: &[u8] = b"OK";
const REBOOT: &[u8] = b"soft reboot\r\n";

/// Time limit for a board's answer before it is asked for its prompt again; it may still be booting.
const ASK_AGAIN: Span = Span::from_millis(100);
/// Number of bytes of a script that are sent at once.
const CHUNK: usize = 64;
/// Time for a chunk in raw mode: at 115200 baud it is on its way for 5.6 ms.
const CHUNK_TIME: Span = Span::from_millis(10);

/// The output of a script, and its traceback if it failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ScriptOutput {
    pub(super) printed: Vec<u8>,
    pub(super) traceback: Vec<u8>,
}

/// Progress of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The board waits for a script.
    Ready,
    /// The script runs, and the bytes from here on are its output.
    Started,
    /// The script has ended.
    Finished(ScriptOutput),
    /// The board is at its prompt.
    Left,
}

/// The method of bringing the board to its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PromptRequest {
    /// By input that does not disturb a running program.
    Plain,
    /// By input that ends a running program.
    Interrupt,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Prompt { asking: PromptRequest, next: Time, asked: u32 },
    Entering,
    Idle,
    Offered,
    Window { low: Option<u8> },
    Pasting { window: usize, increment: usize },
    Pasted,
    Sending { next: Time },
    Accepting,
    Printing,
    Raising,
    Rebooting,
    Leaving,
}

/// One conversation, from the board's prompt back to it.
#[derive(Clone, Debug)]
pub(super) struct RawRepl {
    phase: Phase,
    /// Bytes received in this phase; no more than is searched, except for output.
    seen: Vec<u8>,
    script: Vec<u8>,
    sent: usize,
    ran: ScriptOutput,
    outgoing: Vec<u8>,
}

impl RawRepl {
    /// Waits for the prompt and enters raw mode. A program that runs is left alone.
    pub(super) fn entering(now: Time) -> RawRepl {
        RawRepl::asking(PromptRequest::Plain, now)
    }

    /// Ends whatever runs. It is done when the board is at its prompt.
    pub(super) fn interrupting(now: Time) -> RawRepl {
        RawRepl::asking(PromptRequest::Interrupt, now)
    }

    fn asking(asking: PromptRequest, now: Time) -> RawRepl {
        let phase = Phase::Prompt { asking, next: now, asked: 0 };
        RawRepl {
            phase,
            seen: Vec::new(),
            script: Vec::new(),
            sent: 0,
            ran: ScriptOutput::default(),
            outgoing: Vec::new(),
        }
    }

    /// The outstanding answer of the board, for a message.
    pub(super) fn awaited(&self) -> &'static str {
        match self.phase {
            Phase::Prompt { asking: PromptRequest::Plain, .. } => {
                "MicroPython's prompt (if a program runs, `interrupt` ends it)"
            }
            Phase::Prompt { asking: PromptRequest::Interrupt, .. } => "MicroPython's prompt after an interrupt",
            Phase::Entering | Phase::Idle | Phase::Offered => "MicroPython's raw REPL",
            Phase::Window { .. } | Phase::Pasting { .. } | Phase::Pasted | Phase::Sending { .. } | Phase::Accepting => {
                "MicroPython to take the script"
            }
            Phase::Printing | Phase::Raising => "the end of the script",
            Phase::Rebooting => "MicroPython's soft reset",
            Phase::Leaving => "MicroPython's prompt after raw mode",
        }
    }

    /// Whether it still waits for the board's prompt.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Prompt { .. } | Phase::Entering)
    }

    /// Whether something is to be done at a time, whatever the board prints.
    pub(super) fn looks_at_clock(&self) -> bool {
        matches!(self.phase, Phase::Prompt { .. } | Phase::Sending { .. })
    }

    /// Takes what is to be sent now.
    pub(super) fn take_outgoing(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outgoing)
    }

    /// Runs a script; the board has to be [`Ready`](Event::Ready). It must not hold control characters of the protocol.
    pub(super) fn run(&mut self, script: Vec<u8>) {
        self.script = script;
        self.sent = 0;
        self.ran = ScriptOutput::default();
        self.outgoing.extend_from_slice(PASTE_REQUEST);
        self.go(Phase::Offered);
    }

    /// Starts the interpreter afresh; the board has to be [`Ready`](Event::Ready), and will be again.
    pub(super) fn soft_reset(&mut self) {
        self.outgoing.push(CTRL_D);
        self.go(Phase::Rebooting);
    }

    /// Goes back to the prompt.
    pub(super) fn leave(&mut self) {
        self.outgoing.push(CTRL_B);
        self.go(Phase::Leaving);
    }

    fn go(&mut self, phase: Phase) {
        self.phase = phase;
        self.seen.clear();
    }

    /// Does what is due at `now`.
    pub(super) fn tick(&mut self, now: Time) {
        match &mut self.phase {
            Phase::Prompt { asking, next, asked } if *next <= now => {
                let keys: &[u8] = match asking {
                    // In raw mode the Enter key has no answer, and Ctrl-B has.
                    PromptRequest::Plain if *asked % 3 == 2 => &[CTRL_B],
                    PromptRequest::Plain => b"\r",
                    PromptRequest::Interrupt if *asked % 2 == 1 => &[CTRL_B],
                    PromptRequest::Interrupt => &[CTRL_C],
                };
                self.outgoing.extend_from_slice(keys);
                *asked += 1;
                *next = now + ASK_AGAIN;
            }
            Phase::Sending { next } if *next <= now => {
                *next = now + CHUNK_TIME;
                if self.send(CHUNK) == 0 {
                    self.outgoing.push(CTRL_D);
                    self.go(Phase::Accepting);
                }
            }
            _ => {}
        }
    }

    /// Sends up to `most` bytes of the script, and says how many there were.
    fn send(&mut self, most: usize) -> usize {
        let rest = &self.script[self.sent..];
        let chunk = &rest[..rest.len().min(most)];
        self.outgoing.extend_from_slice(chunk);
        self.sent += chunk.len();
        chunk.len()
    }

    /// Takes a byte of the console that came at `now`.
    pub(super) fn byte(&mut self, now: Time, byte: u8) -> Option<Event> {
        let phase = self.phase;
        match phase {
            Phase::Prompt { asking, .. } if self.sees(byte, PROMPT) => match asking {
                PromptRequest::Interrupt => return self.reach(Event::Left),
                PromptRequest::Plain => {
                    self.outgoing.push(CTRL_A);
                    self.go(Phase::Entering);
                }
            },
            Phase::Entering if self.sees(byte, GREETING) => return self.reach(Event::Ready),
            Phase::Rebooting if self.sees(byte, REBOOT) => self.go(Phase::Entering),
            Phase::Leaving if self.sees(byte, PROMPT) => return self.reach(Event::Left),
            Phase::Offered => self.answered(now, byte),
            Phase::Window { low: None } => self.phase = Phase::Window { low: Some(byte) },
            Phase::Window { low: Some(low) } => {
                let increment = usize::from(u16::from_le_bytes([low, byte]));
                self.go(Phase::Pasting { window: increment, increment });
                self.paste();
            }
            Phase::Pasting { window, increment } => match byte {
                WINDOW_OPENS => {
                    self.phase = Phase::Pasting { window: window.saturating_add(increment), increment };
                    self.paste();
                }
                CTRL_D => {
                    // The board has seen enough, as after a syntax error, and wants that confirmed.
                    self.outgoing.push(CTRL_D);
                    self.go(Phase::Printing);
                    return Some(Event::Started);
                }
                _ => {}
            },
            Phase::Pasted if byte == CTRL_D => {
                self.go(Phase::Printing);
                return Some(Event::Started);
            }
            Phase::Accepting if self.sees(byte, ACCEPTED) => {
                self.go(Phase::Printing);
                return Some(Event::Started);
            }
            Phase::Printing if byte == CTRL_D => {
                self.ran.printed = std::mem::take(&mut self.seen);
                self.go(Phase::Raising);
            }
            Phase::Raising if byte == CTRL_D => {
                self.ran.traceback = std::mem::take(&mut self.seen);
                let ran = std::mem::take(&mut self.ran);
                return self.reach(Event::Finished(ran));
            }
            Phase::Printing | Phase::Raising => self.seen.push(byte),
            _ => {}
        }
        None
    }

    fn reach(&mut self, event: Event) -> Option<Event> {
        self.go(Phase::Idle);
        Some(event)
    }

    /// The answer to the question for raw-paste mode.
    fn answered(&mut self, now: Time, byte: u8) {
        if self.sees(byte, GREETING) || self.seen.ends_with(PASTE_DECLINED) {
            self.go(Phase::Sending { next: now });
        } else if self.seen.ends_with(PASTE_ACCEPTED) {
            self.go(Phase::Window { low: None });
        }
    }

    /// Sends what the board has room for, and ends the script after its last byte.
    fn paste(&mut self) {
        let Phase::Pasting { window, increment } = self.phase else { return };
        let window = window - self.send(window);
        self.phase = Phase::Pasting { window, increment };
        if self.sent == self.script.len() {
            self.outgoing.push(CTRL_D);
            self.go(Phase::Pasted);
        }
    }

    /// Whether `needle` has just come.
    fn sees(&mut self, byte: u8, needle: &[u8]) -> bool {
        if self.seen.len() >= needle.len() {
            self.seen.remove(0);
        }
        self.seen.push(byte);
        self.seen == needle
    }
}

#[cfg(test)]
mod tests;
