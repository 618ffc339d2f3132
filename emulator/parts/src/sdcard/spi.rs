//! The card on a SPI bus (chapter 7).

use std::collections::VecDeque;

use espalier_core::Time;

use super::registers::{SCR, crc16, switch_status};
use super::{BLOCK, SdCard, WRITE_TIME};
use crate::part::SpiPart;

/// Bits of R1 (section 7.3.2.1).
const IDLE: u8 = 1;
const ILLEGAL: u8 = 1 << 2;
const ADDRESS_ERROR: u8 = 1 << 5;
/// Tokens (section 7.3.3).
const START: u8 = 0xFE;
const START_MULTIPLE: u8 = 0xFC;
const STOP_MULTIPLE: u8 = 0xFD;
const ACCEPTED: u8 = 0x05;
const FRAME: usize = 6;

/// The card's use of the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Command,
    /// It sends blocks until it is stopped: the next one.
    Reading(u32),
    /// It waits for the token of a block.
    Writing {
        block: u32,
        multiple: bool,
    },
    /// It takes a block with its CRC.
    Taking {
        block: u32,
        multiple: bool,
    },
}

espalier_core::persist!(
    enum Mode { Command, Reading(block), Writing { block, multiple }, Taking { block, multiple } }
);

/// The state of the card on a SPI bus.
#[derive(Clone, Debug)]
pub(super) struct SpiMode {
    idle: bool,
    /// The last command was CMD55.
    application: bool,
    frame: Vec<u8>,
    mode: Mode,
    taken: Vec<u8>,
    out: VecDeque<u8>,
}

espalier_core::persist!(value SpiMode { idle, application, frame, mode, taken, out });

impl Default for SpiMode {
    fn default() -> SpiMode {
        SpiMode {
            idle: true,
            application: false,
            frame: Vec::new(),
            mode: Mode::Command,
            taken: Vec::new(),
            out: VecDeque::new(),
        }
    }
}

impl SpiMode {
    fn r1(&self, errors: u8) -> u8 {
        errors | if self.idle { IDLE } else { 0 }
    }

    /// An answer comes after one byte at least (N_CR).
    fn answer(&mut self, bytes: &[u8]) {
        self.out.clear();
        self.out.push_back(0xFF);
        self.out.extend(bytes);
    }

    fn send_block(&mut self, bytes: &[u8]) {
        self.out.push_back(0xFF);
        self.out.push_back(START);
        self.out.extend(bytes);
        self.out.extend(crc16(bytes).to_be_bytes());
    }

    fn answer_with(&mut self, bytes: &[u8]) {
        let r1 = self.r1(0);
        self.answer(&[r1]);
        self.send_block(bytes);
    }
}

impl SdCard {
    fn spi_command(&mut self, command: u8, argument: u32) {
        let application = std::mem::take(&mut self.spi.application);
        self.spi.mode = Mode::Command;
        let ready = self.spi.r1(0);
        match (command, application) {
            (0, _) => {
                self.spi.idle = true;
                self.spi.answer(&[IDLE]);
            }
            (8, _) => {
                let [_, _, voltage, pattern] = argument.to_be_bytes();
                self.spi.answer(&[ready, 0, 0, voltage & 0xF, pattern]);
            }
            (55, _) => {
                self.spi.application = true;
                self.spi.answer(&[ready]);
            }
            (41, true) => {
                self.spi.idle = false;
                self.spi.answer(&[0]);
            }
            (58, _) => {
                let powered = if self.spi.idle { 0x00 } else { 0xC0 };
                self.spi.answer(&[ready, powered, 0xFF, 0x80, 0]);
            }
            (59, _) | (16, _) | (23, _) | (42, true) => self.spi.answer(&[ready]),
            (_, _) if self.spi.idle => self.spi.answer(&[IDLE | ILLEGAL]),
            (9, _) => {
                let csd = self.csd(false);
                self.spi.answer_with(&csd);
            }
            (10, _) => self.spi.answer_with(&SdCard::cid()),
            (13, true) => {
                self.spi.answer(&[ready, 0]);
                self.spi.send_block(&[0; 64]);
            }
            (13, false) => self.spi.answer(&[ready, 0]),
            (51, true) => self.spi.answer_with(&SCR),
            // No function but the default one.
            (6, false) => self.spi.answer_with(&switch_status(1, 0)),
            (12, _) => self.spi.answer(&[ready]),
            (17 | 18 | 24 | 25, _) if argument >= self.size => self.spi.answer(&[ready | ADDRESS_ERROR]),
            (17, _) => {
                let block = self.load(argument);
                self.spi.answer_with(&block);
            }
            (18, _) => {
                self.spi.answer(&[ready]);
                self.spi.mode = Mode::Reading(argument);
            }
            (24 | 25, _) => {
                self.spi.answer(&[ready]);
                self.spi.mode = Mode::Writing { block: argument, multiple: command == 25 };
            }
            _ => self.spi.answer(&[ready | ILLEGAL]),
        }
    }

    fn take_block(&mut self, block: u32, multiple: bool, now: Time) {
        let mut bytes = std::mem::take(&mut self.spi.taken);
        bytes.truncate(BLOCK);
        self.store(block, bytes);
        self.spi.out.clear();
        self.spi.out.push_back(ACCEPTED);
        self.busy_until = now + WRITE_TIME;
        self.spi.mode = match multiple {
            true if block + 1 < self.size => Mode::Writing { block: block + 1, multiple },
            _ => Mode::Command,
        };
    }
}

impl SpiPart for SdCard {
    fn send(&mut self, now: Time) -> u8 {
        if let Some(byte) = self.spi.out.pop_front() {
            return byte;
        }
        if now < self.busy_until {
            return 0;
        }
        if let Mode::Reading(block) = self.spi.mode
            && block < self.size
        {
            self.spi.mode = Mode::Reading(block + 1);
            let bytes = self.load(block);
            self.spi.send_block(&bytes);
        }
        0xFF
    }

    fn receive(&mut self, byte: u8, _data: bool, now: Time) {
        match self.spi.mode {
            Mode::Taking { block, multiple } => {
                self.spi.taken.push(byte);
                if self.spi.taken.len() == BLOCK + 2 {
                    self.take_block(block, multiple, now);
                }
            }
            Mode::Writing { block, multiple }
                if self.spi.frame.is_empty() && byte == if multiple { START_MULTIPLE } else { START } =>
            {
                self.spi.taken.clear();
                self.spi.mode = Mode::Taking { block, multiple };
            }
            Mode::Writing { multiple: true, .. } if self.spi.frame.is_empty() && byte == STOP_MULTIPLE => {
                self.spi.mode = Mode::Command;
                self.busy_until = now + WRITE_TIME;
            }
            // A command begins with 01.
            _ if !self.spi.frame.is_empty() || byte & 0xC0 == 0x40 => {
                self.spi.frame.push(byte);
                if self.spi.frame.len() == FRAME {
                    let frame = std::mem::take(&mut self.spi.frame);
                    let argument = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]);
                    self.spi_command(frame[0] & 0x3F, argument);
                }
            }
            _ => {}
        }
    }
}
