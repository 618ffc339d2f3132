//! Gives the UART what clients send, in order and at the rate of the serial line.

use std::sync::Arc;

use espalier_core::{Frequency, Span, Time};
use espalier_soc::Machine;
use tokio::sync::mpsc::Receiver;

use crate::handle::ConsoleLog;
use crate::lines::ModemLines;
use crate::outlet::Outlet;
use crate::serial_input::SerialInput;

/// The UART that boards lead to their serial port, and that has the modem lines.
pub(crate) const CONSOLE: usize = 0;
/// Bits of a frame: start, eight data bits, stop.
const FRAME_BITS: u64 = 10;
/// The rate at which bytes are given to a line that follows the UART's own rate.
const ASSUMED_BAUD: u32 = 115_200;
/// Rates that a line can have.
const BAUD_RANGE: std::ops::RangeInclusive<u32> = 50..=5_000_000;
/// The line is given this much of what waits for it, so that it is never silent between two slices.
const AHEAD: Span = Span::from_millis(2);

/// A UART as the world outside sees it: what its clients send, and what each of them has not taken yet.
#[derive(Debug)]
pub(crate) struct SerialLine {
    uart: usize,
    pub feed: SerialFeed,
    pub outlets: Vec<Arc<Outlet>>,
    pub log: Arc<ConsoleLog>,
}

impl SerialLine {
    pub fn new(uart: usize, inputs: Receiver<SerialInput>) -> SerialLine {
        SerialLine { uart, feed: SerialFeed::new(uart, inputs), outlets: Vec::new(), log: Arc::default() }
    }

    /// Carries to the clients what the UART has sent. True if it has sent something.
    pub fn carry_output(&self, machine: &mut Machine) -> bool {
        let sent: Vec<u8> = machine.uart_take(self.uart).into_iter().map(|(_, byte)| byte).collect();
        if !sent.is_empty() {
            self.outlets.iter().for_each(|outlet| outlet.push(&sent));
            self.log.push(&sent);
        }
        !sent.is_empty()
    }
}

/// Gives bytes to a UART at the rate of the line, so that as little as possible waits inside the machine.
#[derive(Debug)]
pub(crate) struct SerialFeed {
    uart: usize,
    inputs: Receiver<SerialInput>,
    next: Option<SerialInput>,
    baud: Option<u32>,
    /// When the line has carried what it was given.
    free_at: Time,
    /// Bytes were given to the machine.
    heard: bool,
}

impl SerialFeed {
    pub fn new(uart: usize, inputs: Receiver<SerialInput>) -> SerialFeed {
        SerialFeed { uart, inputs, next: None, baud: None, free_at: Time::ZERO, heard: false }
    }

    /// True if something waits that the line has no room for yet.
    pub fn is_pending(&mut self) -> bool {
        self.next.is_some() || !self.inputs.is_empty()
    }

    /// Whether a client has typed since the last call.
    pub fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Gives the machine what the line can carry now. Returns the modem lines if a client set them; what comes after them waits
    /// for the next call.
    pub fn pump(&mut self, machine: &mut Machine, held: bool) -> Option<ModemLines> {
        while let Some(input) = self.next.take().or_else(|| self.inputs.try_recv().ok()) {
            let now = machine.now();
            match input {
                SerialInput::Lines(lines) => return Some(lines),
                // A chip in reset does not hear.
                SerialInput::Bytes(..) if held => {}
                SerialInput::Bytes(_, cancel) if cancel.is_cancelled() => {}
                SerialInput::Bytes(bytes, _) if self.free_at <= now + AHEAD => {
                    let baud = self.baud.unwrap_or(ASSUMED_BAUD);
                    let bits = FRAME_BITS * bytes.len() as u64;
                    self.free_at = self.free_at.max(now) + Frequency::from_hertz(u64::from(baud)).cycles(bits);
                    machine.uart_send(self.uart, &bytes);
                    self.heard = true;
                }
                SerialInput::Baud(baud) if held || self.free_at <= now => {
                    self.baud = baud.map(|baud| baud.clamp(*BAUD_RANGE.start(), *BAUD_RANGE.end()));
                    machine.set_uart_line_baud(self.uart, self.baud);
                }
                waits => {
                    self.next = Some(waits);
                    return None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{CONSOLE, SerialFeed};
    use crate::serial_input::{CancelToken, SerialInput};
    use espalier_core::Span;
    use espalier_soc::{Machine, MachineConfig};
    use tokio::sync::mpsc;

    #[test]
    fn bytes_wait_for_the_line_and_the_rate_changes_behind_them() {
        let (inputs, receiver) = mpsc::channel(8);
        let mut feed = SerialFeed::new(CONSOLE, receiver);
        let mut machine = Machine::new(&MachineConfig::default()).unwrap();
        for input in [
            SerialInput::Baud(Some(115_200)),
            SerialInput::Bytes(vec![0x55; 115], CancelToken::default()),
            SerialInput::Bytes(vec![0x55; 115], CancelToken::default()),
            SerialInput::Baud(Some(9600)),
        ] {
            inputs.try_send(input).unwrap();
        }
        feed.pump(&mut machine, false);
        assert!(feed.is_pending(), "115 frames at 115200 baud take 10 ms");
        machine.run_for(Span::from_millis(9));
        feed.pump(&mut machine, false);
        assert!(matches!(feed.next, Some(SerialInput::Baud(Some(9600)))), "{:?}", feed.next);
        assert_eq!(feed.baud, Some(115_200));
        machine.run_for(Span::from_millis(12));
        feed.pump(&mut machine, false);
        assert_eq!((feed.is_pending(), feed.baud), (false, Some(9600)));
    }

    #[test]
    fn a_chip_in_reset_does_not_hear() {
        let (inputs, receiver) = mpsc::channel(8);
        let mut feed = SerialFeed::new(CONSOLE, receiver);
        let mut machine = Machine::new(&MachineConfig::default()).unwrap();
        inputs.try_send(SerialInput::Bytes(vec![0x55; 4000], CancelToken::default())).unwrap();
        inputs.try_send(SerialInput::Bytes(vec![0x55; 4000], CancelToken::default())).unwrap();
        assert_eq!(feed.pump(&mut machine, true), None);
        assert!(!feed.is_pending());
    }

    #[test]
    fn bytes_that_were_taken_back_are_not_carried() {
        let (inputs, receiver) = mpsc::channel(8);
        let mut feed = SerialFeed::new(CONSOLE, receiver);
        let mut machine = Machine::new(&MachineConfig::default()).unwrap();
        let cancel = CancelToken::default();
        for cancel in [CancelToken::default(), cancel.clone(), cancel.clone()] {
            inputs.try_send(SerialInput::Bytes(vec![0x55; 4000], cancel)).unwrap();
        }
        feed.pump(&mut machine, false);
        assert!(feed.is_pending(), "the line is busy with the first bytes");
        cancel.cancel();
        feed.pump(&mut machine, false);
        assert!(!feed.is_pending());
    }
}
