//! The card on a bus of its own (chapter 4): commands and answers on one line, blocks on one data line or on four.

use espalier_core::{SdData, SdResponse, SdTarget, Time};

use super::registers::{SCR, switch_status};
use super::{BLOCK, SdCard, WRITE_TIME};

/// The address that the card proposes first, and the distance to the next.
const FIRST_ADDRESS: u16 = 0x1234;
/// Bits of the card status (section 4.10.1).
mod status {
    pub const OUT_OF_RANGE: u32 = 1 << 31;
    pub const ERASE_SEQ_ERROR: u32 = 1 << 28;
    pub const BLOCK_LEN_ERROR: u32 = 1 << 29;
    pub const ERASE_PARAM: u32 = 1 << 27;
    pub const ILLEGAL_COMMAND: u32 = 1 << 22;
    pub const READY_FOR_DATA: u32 = 1 << 8;
    pub const APP_CMD: u32 = 1 << 5;
    /// The state that CURRENT_STATE has while the card writes.
    pub const PROGRAMMING: u32 = 7;
}
/// OCR (section 5.1): 2.7 to 3.6 V, high capacity, not busy.
const OCR: u32 = 0xC0FF_8000;
/// The command before one of an application.
const APP_CMD: u8 = 55;
/// The number in an answer that repeats none.
const NO_INDEX: u8 = 0x3F;
/// Functions of the first group of the switch command: 25 and 50 MHz.
const SPEEDS: u8 = 0b11;
/// The function of a group that is to stay as it is.
const UNCHANGED: u32 = 0xF;

/// CURRENT_STATE of the card status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Ready,
    Identification,
    StandBy,
    Transfer,
    Sending,
    Receiving,
}

espalier_core::persist!(
    enum State {
        Idle,
        Ready,
        Identification,
        StandBy,
        Transfer,
        Sending,
        Receiving,
    }
);

/// The next content of the data lines.
#[derive(Clone, Debug, Default)]
enum Data {
    #[default]
    Nothing,
    Register(Vec<u8>),
    /// Blocks from this one on.
    Blocks {
        next: u32,
        multiple: bool,
    },
}

espalier_core::persist!(enum Data { Nothing, Register(bytes), Blocks { next, multiple } });

/// The state of the card on its bus.
#[derive(Clone, Debug, Default)]
pub(super) struct Native {
    state: State,
    address: u16,
    /// Four data lines.
    wide: bool,
    fast: bool,
    /// The last command was CMD55.
    application: bool,
    /// Bits of the status that the next answer carries.
    errors: u32,
    data: Data,
    /// Blocks of the last write that were taken.
    written: u32,
    /// The ends of the range that is to be erased.
    erase: [Option<u32>; 2],
}

espalier_core::persist! {
    value Native { state, address, wide, fast, application, errors, data, written, erase }
}

impl Native {
    fn lines(&self) -> usize {
        if self.wide { 4 } else { 1 }
    }

    /// An answer with the card status, whose errors are gone then.
    fn r1(&mut self, index: u8, busy: bool) -> SdResponse {
        let state = if busy { status::PROGRAMMING } else { self.state as u32 };
        let ready = if busy { 0 } else { status::READY_FOR_DATA };
        let application = if self.application { status::APP_CMD } else { 0 };
        let value = std::mem::take(&mut self.errors) | state << 9 | ready | application;
        SdResponse::Short { index, value, has_crc: true }
    }

    /// The command is none that the card takes in its state: there is no answer, and the next one tells.
    fn refuse(&mut self) -> SdResponse {
        self.errors |= status::ILLEGAL_COMMAND;
        SdResponse::Silent
    }

    /// The card sends a register after its answer.
    fn send(&mut self, index: u8, register: &[u8]) -> SdResponse {
        let answer = self.r1(index, false);
        self.state = State::Sending;
        self.data = Data::Register(register.to_vec());
        answer
    }

    fn stop(&mut self) {
        if matches!(self.state, State::Sending | State::Receiving) {
            self.state = State::Transfer;
        }
        self.data = Data::Nothing;
    }
}

impl SdCard {
    /// Commands without an address, as they are on every bus.
    fn broadcast(&mut self, index: u8, argument: u32) -> SdResponse {
        let native = &mut self.native;
        match (index, native.state) {
            (0, _) => {
                *native = Native::default();
                SdResponse::Silent
            }
            (8, State::Idle) => SdResponse::Short { index, value: argument & 0xFFF, has_crc: true },
            (2, State::Ready) => {
                native.state = State::Identification;
                SdResponse::Long(SdCard::cid())
            }
            (3, State::Identification | State::StandBy) => {
                let SdResponse::Short { value: told, .. } = native.r1(index, false) else {
                    return SdResponse::Silent;
                };
                native.state = State::StandBy;
                native.address = native.address.wrapping_add(FIRST_ADDRESS).max(1);
                // Bits 23, 22 and 19 of the status, and its lowest 13 (section 4.9.5).
                let told = told >> 8 & 0xC000 | told >> 6 & 0x2000 | told & 0x1FFF;
                SdResponse::Short { index, value: u32::from(native.address) << 16 | told, has_crc: true }
            }
            _ => native.refuse(),
        }
    }

    /// Commands to the card at an address: of a card of another address they are none.
    fn addressed(&mut self, index: u8, busy: bool) -> SdResponse {
        let fast = self.native.fast;
        match (index, self.native.state) {
            (9, State::StandBy) => SdResponse::Long(self.csd(fast)),
            (10, State::StandBy) => SdResponse::Long(SdCard::cid()),
            (7, State::StandBy) => {
                let answer = self.native.r1(index, busy);
                self.native.state = State::Transfer;
                answer
            }
            (13, State::StandBy | State::Transfer | State::Sending | State::Receiving) => self.native.r1(index, busy),
            (15, _) => SdResponse::Silent,
            _ => self.native.refuse(),
        }
    }

    /// Commands to the card that is selected.
    fn selected(&mut self, index: u8, argument: u32, busy: bool) -> SdResponse {
        match index {
            12 => {
                let answer = self.native.r1(index, busy);
                self.native.stop();
                answer
            }
            _ if self.native.state != State::Transfer => self.native.refuse(),
            16 => {
                if argument != BLOCK as u32 {
                    self.native.errors |= status::BLOCK_LEN_ERROR;
                }
                self.native.r1(index, busy)
            }
            17 | 18 | 24 | 25 => {
                if argument >= self.size {
                    self.native.errors |= status::OUT_OF_RANGE;
                    return self.native.r1(index, busy);
                }
                let answer = self.native.r1(index, busy);
                self.native.state = if index < 24 { State::Sending } else { State::Receiving };
                self.native.data = Data::Blocks { next: argument, multiple: matches!(index, 18 | 25) };
                self.native.written = 0;
                answer
            }
            6 => {
                let switch = argument >> 31 != 0;
                let speed = match argument & 0xF {
                    UNCHANGED => u32::from(self.native.fast),
                    speed @ 0..=1 => speed,
                    _ => UNCHANGED,
                };
                if switch && speed != UNCHANGED {
                    self.native.fast = speed == 1;
                }
                self.native.send(index, &switch_status(SPEEDS, speed as u8))
            }
            32 | 33 => {
                if argument >= self.size {
                    self.native.errors |= status::OUT_OF_RANGE;
                } else {
                    self.native.erase[usize::from(index == 33)] = Some(argument);
                }
                self.native.r1(index, busy)
            }
            38 => self.erase(index),
            _ => self.native.refuse(),
        }
    }

    fn erase(&mut self, index: u8) -> SdResponse {
        match std::mem::take(&mut self.native.erase) {
            [Some(first), Some(last)] if first <= last => {
                let erased: Vec<u32> = self.blocks.range(first..=last).map(|(block, _)| *block).collect();
                erased.iter().for_each(|block| drop(self.blocks.remove(block)));
            }
            [Some(_), Some(_)] => self.native.errors |= status::ERASE_PARAM,
            _ => self.native.errors |= status::ERASE_SEQ_ERROR,
        }
        self.native.r1(index, false)
    }

    /// Commands after CMD55 (section 4.7.4, table 4-31).
    fn application(&mut self, index: u8, argument: u32) -> SdResponse {
        let native = &mut self.native;
        match (index, native.state) {
            (41, State::Idle | State::Ready) => {
                // Without a voltage it only asks what the card can.
                if argument & 0xFF_FFFF != 0 {
                    native.state = State::Ready;
                }
                SdResponse::Short { index: NO_INDEX, value: OCR, has_crc: false }
            }
            (6, State::Transfer) => {
                native.wide = argument & 3 == 2;
                native.r1(index, false)
            }
            (13, State::Transfer) => {
                let mut register = [0; 64];
                register[0] = if native.wide { 0x80 } else { 0 };
                native.send(index, &register)
            }
            (22, State::Transfer) => {
                let written = native.written.to_be_bytes();
                native.send(index, &written)
            }
            (23 | 42, State::Transfer) => native.r1(index, false),
            (51, State::Transfer) => native.send(index, &SCR),
            _ => native.refuse(),
        }
    }
}

impl SdTarget for SdCard {
    fn command(&mut self, index: u8, argument: u32, now: Time) -> SdResponse {
        let busy = now < self.busy_until;
        let here = (argument >> 16) as u16 == self.native.address;
        if std::mem::take(&mut self.native.application) && index != APP_CMD {
            // The answer to a command of an application says that it was taken for one.
            self.native.application = true;
            let answer = self.application(index, argument);
            self.native.application = false;
            return answer;
        }
        match index {
            0 | 2 | 3 | 8 => self.broadcast(index, argument),
            7 | 9 | 10 | 13 | 15 if here => self.addressed(index, busy),
            // Another card is selected.
            7 => {
                if matches!(self.native.state, State::Transfer | State::Sending) {
                    self.native.stop();
                    self.native.state = State::StandBy;
                }
                SdResponse::Silent
            }
            9 | 10 | 13 | 15 => SdResponse::Silent,
            APP_CMD if here => {
                self.native.application = true;
                self.native.r1(index, busy)
            }
            APP_CMD => SdResponse::Silent,
            _ => self.selected(index, argument, busy),
        }
    }

    fn send_block(&mut self, into: &mut [u8], lines: usize, _now: Time) -> SdData {
        if self.native.state != State::Sending {
            return SdData::Silent;
        }
        let block = match &mut self.native.data {
            Data::Nothing => return SdData::Silent,
            Data::Register(register) => {
                let register = std::mem::take(register);
                self.native.stop();
                register
            }
            Data::Blocks { next, .. } if *next >= self.size => {
                self.native.errors |= status::OUT_OF_RANGE;
                return SdData::Silent;
            }
            Data::Blocks { next, multiple } => {
                let (block, multiple) = (*next, *multiple);
                *next += 1;
                if !multiple {
                    self.native.stop();
                }
                self.load(block)
            }
        };
        if lines > self.native.lines() {
            return SdData::NoStart;
        }
        if lines < self.native.lines() || block.len() != into.len() {
            return SdData::Garbled;
        }
        into.copy_from_slice(&block);
        SdData::Block
    }

    fn take_block(&mut self, block: &[u8], lines: usize, now: Time) -> bool {
        let Data::Blocks { next, multiple } = self.native.data else { return false };
        if self.native.state != State::Receiving || lines != self.native.lines() || block.len() != BLOCK {
            return false;
        }
        if next >= self.size {
            self.native.errors |= status::OUT_OF_RANGE;
            return false;
        }
        self.store(next, block.to_vec());
        self.native.written = self.native.written.wrapping_add(1);
        self.busy_until = now + WRITE_TIME;
        match multiple {
            true => self.native.data = Data::Blocks { next: next + 1, multiple },
            false => self.native.stop(),
        }
        true
    }

    fn busy_until(&self) -> Time {
        self.busy_until
    }
}
