//! The TWAI controller, a CAN 2.0B node with the registers of Philips' SJA1000 in its PeliCAN mode (ESP32 TRM, chapter "Two-wire Automotive
//! Interface (TWAI)"; Philips, "SJA1000 Stand-alone CAN controller", 2000-01-04).
//!
//! The bus is at the pads: the node drives TX and samples RX bit by bit while there is a frame, and an idle bus costs nothing.

mod message;
mod registers;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use espalier_core::{
    CanError, CanEvent, CanNode, CanTiming, CanTransmission, Device, Fidelity, Frequency, OutputChange, Register,
    Registers, Signal, Time, Unmodelled,
};

use crate::clocks::APB_WITH_PLL;
use message::BUFFER;
use registers::{REGISTERS, reg};

/// Outputs, in the order of their signals in the matrix.
const TX: usize = 0;
const BUS_OFF: usize = 1;

/// Bytes of the receiver's FIFO.
const FIFO: usize = 64;
/// More messages than this are not counted.
const MOST_MESSAGES: u32 = 64;
/// The count of errors that a node has which is off the bus.
const BUS_OFF_COUNT: u16 = 127;

/// Bits of INT_RAW, by their fields.
mod interrupt {
    use super::reg::INT_RAW;

    pub const RECEIVED: u32 = INT_RAW::RX_INT_ST.mask();
    pub const SENT: u32 = INT_RAW::TX_INT_ST.mask();
    pub const WARNING: u32 = INT_RAW::ERR_WARN_INT_ST.mask();
    pub const OVERRUN: u32 = INT_RAW::OVERRUN_INT_ST.mask();
    pub const PASSIVE: u32 = INT_RAW::ERR_PASSIVE_INT_ST.mask();
    pub const LOST: u32 = INT_RAW::ARB_LOST_INT_ST.mask();
    pub const BUS_ERROR: u32 = INT_RAW::BUS_ERR_INT_ST.mask();
}

/// The controller.
#[derive(Clone, Debug)]
pub struct Twai {
    registers: Registers,
    apb: Frequency,
    node: CanNode,
    /// Code and mask of the filter, which stand where the buffers are while the node takes no part.
    filter: [u8; 8],
    transmit: [u8; BUFFER],
    received: VecDeque<Vec<u8>>,
    /// The last frame that was to be sent is on the bus.
    complete: bool,
    overrun: bool,
    /// It has left the bus for its errors.
    off: bool,
    /// The states that were told last: over the limit of warning, and passive.
    warned: bool,
    passive: bool,
    /// Place and kind have been captured, and not been read.
    lost: bool,
    failed: bool,
    watched: u64,
    changes: Vec<OutputChange>,
}

espalier_core::persist! {
    state Twai {
        registers, apb, node, filter, transmit, received, complete, overrun, off, warned, passive, lost, failed, watched, changes
    }
}

impl Default for Twai {
    fn default() -> Twai {
        Twai::new()
    }
}

impl Twai {
    /// The controller after reset.
    pub fn new() -> Twai {
        Twai {
            registers: Registers::new(&REGISTERS),
            apb: APB_WITH_PLL,
            node: CanNode::new(CanTiming::of_rate(500_000)),
            filter: [0; 8],
            transmit: [0; BUFFER],
            received: VecDeque::new(),
            complete: true,
            overrun: false,
            off: false,
            warned: false,
            passive: false,
            lost: false,
            failed: false,
            watched: 0,
            changes: Vec::new(),
        }
    }

    fn is_reset(&self) -> bool {
        self.registers.is_set(reg::MODE::RESET_MODE)
    }

    /// The bit that the timing registers make.
    fn timing(&self) -> CanTiming {
        let field = |field| u64::from(self.registers.field(field)) + 1;
        let divider = if self.registers.is_set(reg::INT_ENA::BRP_DIV) { 2 } else { 1 };
        let quantum = 2 * field(reg::BUS_TIMING_0::BAUD_PRESC) * divider;
        let before = 1 + field(reg::BUS_TIMING_1::TIME_SEG1);
        let span = |quanta: u64| self.apb.cycles(quanta * quantum);
        CanTiming {
            bit: span(before + field(reg::BUS_TIMING_1::TIME_SEG2)),
            sample: span(before),
            jump: span(field(reg::BUS_TIMING_0::SYNC_JUMP_WIDTH)),
        }
    }

    fn raise(&mut self, interrupt: u32) {
        let enabled = self.registers.get(reg::INT_ENA) & !reg::INT_ENA::BRP_DIV.mask();
        self.registers.modify(reg::INT_RAW, 0, interrupt & enabled);
    }

    fn write_mode(&mut self, old: u32, new: u32, now: Time) {
        use reg::MODE::{LISTEN_ONLY_MODE, RESET_MODE, SELF_TEST_MODE};
        if RESET_MODE.is_set(new) {
            // The other modes are chosen while the node takes no part.
            self.node.stop(now);
            return;
        }
        if !RESET_MODE.is_set(old) {
            self.registers.set(reg::MODE, old & !RESET_MODE.mask());
            return;
        }
        self.node.set_timing(self.timing());
        self.node.set_mode(LISTEN_ONLY_MODE.is_set(new), SELF_TEST_MODE.is_set(new));
        let count = |offset| self.registers.get(offset) as u16;
        self.node.set_errors(count(reg::TX_ERR_CNT), count(reg::RX_ERR_CNT));
        if self.off { self.node.recover(now) } else { self.node.start(now) }
    }

    fn command(&mut self, command: u32, now: Time) {
        use reg::CMD::{ABORT_TX, CLR_OVERRUN, RELEASE_BUF, SELF_RX_REQ, TX_REQ};
        if RELEASE_BUF.is_set(command) {
            self.received.pop_front();
        }
        if CLR_OVERRUN.is_set(command) {
            self.overrun = false;
        }
        if self.is_reset() {
            return;
        }
        let (send, abort) = (TX_REQ.is_set(command) || SELF_RX_REQ.is_set(command), ABORT_TX.is_set(command));
        if send && self.node.pending().is_none() {
            let heard = SELF_RX_REQ.is_set(command) && !TX_REQ.is_set(command);
            self.complete = false;
            let frame = message::read(&self.transmit);
            self.node.send(CanTransmission { frame, once: abort, heard }, now);
        } else if abort {
            self.node.abort();
        }
    }

    /// Takes over what the node has done.
    fn follow(&mut self, now: Time) {
        for event in self.node.take_events() {
            match event {
                CanEvent::Received(frame) => {
                    let [c0, c1, c2, c3, m0, m1, m2, m3] = self.filter;
                    let single = self.registers.is_set(reg::MODE::RX_FILTER_MODE);
                    if message::passes(&frame, single, [c0, c1, c2, c3], [m0, m1, m2, m3]) {
                        self.store(message::write(&frame));
                    }
                }
                CanEvent::Sent => {
                    self.complete = true;
                    self.raise(interrupt::SENT);
                }
                CanEvent::Dropped => self.raise(interrupt::SENT),
                CanEvent::Lost { bits } => {
                    if !std::mem::replace(&mut self.lost, true) {
                        self.registers.set(reg::ARB_LOST_CAP, bits.into());
                    }
                    self.raise(interrupt::LOST);
                }
                CanEvent::Error { kind, segment, sending } => {
                    if !std::mem::replace(&mut self.failed, true) {
                        self.capture(kind, segment, sending);
                    }
                    self.raise(interrupt::BUS_ERROR);
                }
                CanEvent::BusOff => self.leave_bus(now),
                CanEvent::Recovered => {
                    self.off = false;
                    self.tell_bus_off(false, now);
                    self.raise(interrupt::WARNING);
                }
            }
        }
        self.follow_errors();
        for (at, level) in self.node.take_changes() {
            self.tell(TX, level, at);
        }
    }

    fn capture(&mut self, kind: CanError, segment: u8, sending: bool) {
        use reg::ERR_CODE_CAP::{ECC_DIRECTION, ECC_SEGMENT, ECC_TYPE};
        let kind = match kind {
            CanError::Bit => 0,
            CanError::Form => 1,
            CanError::Stuff => 2,
            CanError::Other => 3,
        };
        let word = ECC_SEGMENT.put(segment.into()) | ECC_DIRECTION.put((!sending).into()) | ECC_TYPE.put(kind);
        self.registers.set(reg::ERR_CODE_CAP, word);
    }

    /// Too many errors: the node takes no part until software lets it, and the bus has been quiet.
    fn leave_bus(&mut self, now: Time) {
        self.node.stop(now);
        self.node.set_errors(BUS_OFF_COUNT, 0);
        self.registers.set(reg::TX_ERR_CNT, BUS_OFF_COUNT.into());
        self.registers.set(reg::RX_ERR_CNT, 0);
        self.registers.set_field(reg::MODE::RESET_MODE, 1);
        (self.off, self.warned, self.passive) = (true, true, false);
        self.tell_bus_off(true, now);
        self.raise(interrupt::WARNING);
    }

    /// The counts of errors cross their limits, in either direction.
    fn follow_errors(&mut self) {
        if self.off {
            return;
        }
        let warned = self.is_over_limit();
        if std::mem::replace(&mut self.warned, warned) != warned {
            self.raise(interrupt::WARNING);
        }
        let passive = self.node.is_passive();
        if std::mem::replace(&mut self.passive, passive) != passive {
            self.raise(interrupt::PASSIVE);
        }
    }

    fn is_over_limit(&self) -> bool {
        let (tx, rx) = self.node.errors();
        u32::from(tx.max(rx)) >= self.registers.get(reg::ERR_WARNING_LIMIT)
    }

    fn store(&mut self, message: Vec<u8>) {
        if self.received.iter().map(Vec::len).sum::<usize>() + message.len() > FIFO {
            self.overrun = true;
            self.raise(interrupt::OVERRUN);
            return;
        }
        self.received.push_back(message);
    }

    fn status(&self) -> u32 {
        use reg::STATUS::{BUS_OFF_ST, ERR_ST, OVERRUN_ST, RX_BUF_ST, RX_ST, TX_BUF_ST, TX_COMPLETE, TX_ST};
        RX_BUF_ST.put((!self.received.is_empty()).into())
            | OVERRUN_ST.put(self.overrun.into())
            | TX_BUF_ST.put(self.node.pending().is_none().into())
            | TX_COMPLETE.put(self.complete.into())
            | RX_ST.put(self.node.is_receiving().into())
            | TX_ST.put(self.node.is_sending().into())
            | ERR_ST.put((self.off || self.is_over_limit()).into())
            | BUS_OFF_ST.put(self.off.into())
    }

    /// Reading takes all interrupts back but that of received messages.
    fn take_interrupts(&mut self) -> u32 {
        let told = self.interrupt_bits();
        self.registers.set(reg::INT_RAW, 0);
        told
    }

    fn interrupt_bits(&self) -> u32 {
        let waiting = if self.received.is_empty() { 0 } else { interrupt::RECEIVED };
        self.registers.get(reg::INT_RAW) | waiting & self.registers.get(reg::INT_ENA)
    }

    /// The bytes behind DATA: the filter, or the buffers.
    fn read_data(&self, place: usize) -> u32 {
        if self.is_reset() {
            return self.filter.get(place).copied().unwrap_or(0).into();
        }
        self.received.front().and_then(|message| message.get(place)).copied().unwrap_or(0).into()
    }

    fn write_data(&mut self, place: usize, byte: u8) {
        if !self.is_reset() {
            self.transmit[place] = byte;
        } else if let Some(of_filter) = self.filter.get_mut(place) {
            *of_filter = byte;
        }
    }

    fn tell(&mut self, output: usize, level: bool, at: Time) {
        if self.watched >> output & 1 != 0 {
            self.changes.push(OutputChange { output, at, signal: Signal::Level(level) });
        }
    }

    fn tell_bus_off(&mut self, off: bool, at: Time) {
        self.tell(BUS_OFF, off, at);
    }
}

impl Device for Twai {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("PeliCAN mode as drivers set it; no CLKOUT, one sample to a bit")
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        self.node.advance(now);
        self.follow(now);
        Ok(match offset {
            reg::STATUS => self.status(),
            reg::INT_RAW => self.take_interrupts(),
            reg::RX_ERR_CNT if !self.is_reset() => self.node.errors().1.min(0xFF).into(),
            reg::TX_ERR_CNT if !self.is_reset() => self.node.errors().0.min(0xFF).into(),
            reg::ARB_LOST_CAP => {
                self.lost = false;
                value
            }
            reg::ERR_CODE_CAP => {
                self.failed = false;
                value
            }
            reg::RX_MESSAGE_CNT => (self.received.len() as u32).min(MOST_MESSAGES),
            reg::DATA..=0x70 => self.read_data((offset - reg::DATA) as usize / 4),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        let old = self.registers.read(offset)?;
        self.node.advance(now);
        let new = self.registers.write(offset, value)?;
        match offset {
            reg::MODE => self.write_mode(old, new, now),
            reg::CMD => self.command(value, now),
            reg::DATA..=0x70 => self.write_data((offset - reg::DATA) as usize / 4, value as u8),
            // They can be written while the node takes no part.
            reg::BUS_TIMING_0 | reg::BUS_TIMING_1 | reg::ERR_WARNING_LIMIT | reg::RX_ERR_CNT | reg::TX_ERR_CNT => {
                if !self.is_reset() {
                    self.registers.set(offset, old);
                } else if offset == reg::RX_ERR_CNT || offset == reg::TX_ERR_CNT {
                    let count = |offset| self.registers.get(offset) as u16;
                    self.node.set_errors(count(reg::TX_ERR_CNT), count(reg::RX_ERR_CNT));
                }
            }
            _ => {}
        }
        self.follow(now);
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.node.deadline()
    }

    fn advance(&mut self, now: Time) {
        self.node.advance(now);
        self.follow(now);
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.interrupt_bits() != 0)
    }

    fn reset(&mut self) {
        *self = Twai { apb: self.apb, watched: self.watched, ..Twai::new() };
    }

    fn set_apb_clock(&mut self, apb: Frequency, _now: Time) {
        self.apb = apb;
    }

    fn set_watched(&mut self, outputs: u64) {
        self.watched = outputs;
    }

    fn output(&self, output: usize) -> Signal {
        Signal::Level(match output {
            TX => self.node.output(),
            BUS_OFF => self.off,
            _ => false,
        })
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        std::mem::take(&mut self.changes)
    }

    fn listening(&self) -> u64 {
        u64::from(self.node.is_on())
    }

    fn connect_input(&mut self, _input: usize, signal: Signal) {
        // The level counts from the next bit on; an edge into it was not seen.
        self.node.connect(signal.level_at(Time::ZERO));
    }

    fn set_input(&mut self, _input: usize, signal: Signal, at: Time) {
        self.node.set_level(signal.level_at(at), at);
        self.follow(at);
    }
}
