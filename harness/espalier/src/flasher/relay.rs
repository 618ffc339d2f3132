//! The serial cable between espflash and a board that lives in the host's time, as espflash does: what comes in at one end goes
//! out at the other.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::task::Context;
use std::time::Duration;

use serialport::{SerialPort, TTYPort};

use super::cable::is_temporary;
use crate::driver::Driver;
use crate::error::Failure;

/// Bytes that are moved at once.
const BUFFER: usize = 1 << 12;
/// Interval of reading the pseudo-terminal, in board time.
const TURN: espalier_core::Span = espalier_core::Span::from_millis(1);

pub(super) struct Relay {
    port: TTYPort,
    baud: Option<u32>,
    /// Bytes that the board has sent and the pseudo-terminal has not taken yet.
    outgoing: VecDeque<u8>,
}

impl Relay {
    /// A new cable, and the end of it that espflash opens.
    pub(super) fn new() -> Result<(Relay, TTYPort), serialport::Error> {
        let (mut port, far) = TTYPort::pair()?;
        port.set_timeout(Duration::ZERO)?;
        Ok((Relay { port, baud: None, outgoing: VecDeque::new() }, far))
    }

    /// Moves what there is to move, and has the task woken when there may be more.
    pub(super) fn step(&mut self, driver: &mut dyn Driver, cx: &mut Context<'_>) -> Result<(), Failure> {
        self.look(driver)?;
        self.outgoing.extend(driver.console_take().iter().map(|(_, byte)| byte));
        self.deliver()?;
        driver.poll_advance(cx, driver.now() + TURN)
    }

    /// Carries what espflash has written, at the rate that it has set.
    fn look(&mut self, driver: &mut dyn Driver) -> Result<(), Failure> {
        let mut buffer = [0; BUFFER];
        loop {
            let length = match self.port.read(&mut buffer) {
                Ok(length) => length,
                Err(error) if is_temporary(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            // Both ends of a pseudo-terminal have one rate.
            let baud = self.port.baud_rate().map_err(io::Error::from)?;
            if self.baud.replace(baud) != Some(baud) {
                driver.console_baud(baud);
            }
            driver.console_send(&buffer[..length]);
            if length < buffer.len() {
                return Ok(());
            }
        }
    }

    fn deliver(&mut self) -> Result<(), Failure> {
        while !self.outgoing.is_empty() {
            let (bytes, _) = self.outgoing.as_slices();
            match self.port.write(bytes) {
                Ok(length) => drop(self.outgoing.drain(..length)),
                Err(error) if is_temporary(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
