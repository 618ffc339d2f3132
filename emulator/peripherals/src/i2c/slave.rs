//! A controller as a slave, which follows the wires (TRM, chapter 11.3.6; UM10204, chapters 3.1.10 and 3.1.11).
//!
//! SDA is sampled when SCL rises, and what the slave drives changes when SCL falls. An address of ten bits is the first seven bits of
//! `SLAVE_ADDR`, 11110 and two of its bits, and the byte above them.

use espalier_core::Time;

use super::I2c;
use super::regs::reg;
use super::wires::{SCL, SDA};

const BITS: u8 = 8;
const SEVEN_BITS: u32 = 0x7F;

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No START was seen, or it was for others.
    #[default]
    Idle,
    /// A byte comes in, of which `count` bits are there.
    Receive { byte: u8, count: u8, what: Expected },
    /// The ninth clock of such a byte, at which the slave pulls SDA low; then it sends if `sends`.
    Acknowledge { sends: bool, next: Expected },
    /// A byte goes out; `count` of its bits have been put on the wire.
    Send { byte: u8, count: u8 },
    /// The ninth clock of such a byte, and whether the master wants more.
    Answer { more: bool },
}

/// The byte that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Address,
    /// The rest of an address of ten bits.
    Second,
    /// The place in the RAM that the following bytes go to.
    Place,
    Data,
}

espalier_core::persist! {
    enum Expected { Address, Second, Place, Data }
    enum Phase {
        Idle, Receive { byte, count, what }, Acknowledge { sends, next }, Send { byte, count }, Answer { more }
    }
    value Slave { phase, busy, addressed, whole }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Slave {
    phase: Phase,
    /// Between START and STOP.
    busy: bool,
    /// The slave was addressed since the last STOP; with ten bits, with all of them.
    addressed: bool,
    whole: bool,
}

impl Slave {
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }
}

impl I2c {
    /// Whether it is a slave that has been given an address.
    pub(super) fn is_slave(&self) -> bool {
        !self.registers.is_set(reg::CTR::MS_MODE) && self.registers.get(reg::SLAVE_ADDR) != 0
    }

    /// A line has another level.
    pub(super) fn hear(&mut self, line: usize, level: bool, at: Time) {
        let before = self.wires.hear(line, level);
        if before == level {
            return;
        }
        if line == SCL && level {
            self.master.bits().clock_rises(at);
        }
        if !self.is_slave() {
            return;
        }
        match (line, level) {
            (SCL, true) => self.clock_rises(),
            (SCL, false) => self.clock_falls(at),
            _ if !self.wires.line(SCL) => {}
            (_, false) => {
                self.slave.busy = true;
                self.let_go(at);
                self.slave.phase = Phase::Receive { byte: 0, count: 0, what: Expected::Address };
            }
            (_, true) => self.stop_slave(at),
        }
    }

    fn stop_slave(&mut self, at: Time) {
        self.let_go(at);
        if self.slave.addressed {
            self.raise(reg::INT_RAW::TRANS_COMPLETE.mask() | reg::INT_RAW::SLAVE_TRAN_COMP.mask());
        }
        self.slave = Slave::default();
        self.set_status(reg::SR::SLAVE_ADDRESSED.mask(), 0);
    }

    fn let_go(&mut self, at: Time) {
        self.wires.set(SDA, true, at);
    }

    fn clock_rises(&mut self) {
        let level = self.wires.line(SDA);
        match &mut self.slave.phase {
            Phase::Receive { byte, count, .. } => {
                *byte = *byte << 1 | u8::from(level);
                *count += 1;
            }
            Phase::Answer { more } => *more = !level,
            _ => {}
        }
    }

    fn clock_falls(&mut self, at: Time) {
        self.slave.phase = match self.slave.phase {
            Phase::Receive { byte, count: BITS, what } => match self.take_in(byte, what) {
                Some(phase) => {
                    self.wires.set(SDA, false, at);
                    phase
                }
                None => Phase::Idle,
            },
            Phase::Acknowledge { sends: false, next } => {
                self.let_go(at);
                Phase::Receive { byte: 0, count: 0, what: next }
            }
            Phase::Acknowledge { sends: true, .. } | Phase::Answer { more: true } => {
                let byte = self.next_byte_to_send();
                self.put_out(byte, 0, at)
            }
            Phase::Send { byte, count } if count < BITS => self.put_out(byte, count, at),
            Phase::Send { .. } => {
                self.let_go(at);
                self.set_status(reg::SR::BYTE_TRANS.mask(), reg::SR::BYTE_TRANS.mask());
                Phase::Answer { more: false }
            }
            Phase::Answer { more: false } => Phase::Idle,
            unchanged => unchanged,
        };
    }

    fn put_out(&mut self, byte: u8, count: u8, at: Time) -> Phase {
        self.wires.set(SDA, byte << count & 0x80 != 0, at);
        Phase::Send { byte, count: count + 1 }
    }

    /// A byte has come in. The phase of its acknowledge, unless it is refused.
    fn take_in(&mut self, byte: u8, what: Expected) -> Option<Phase> {
        let register = self.registers.get(reg::SLAVE_ADDR);
        let address = reg::SLAVE_ADDR::SLAVE_ADDR.get(register);
        let ten_bits = reg::SLAVE_ADDR::ADDR_10BIT_EN.is_set(register);
        let acknowledge = |sends, next| Some(Phase::Acknowledge { sends, next });
        match what {
            Expected::Address => {
                let sends = byte & 1 != 0;
                if u32::from(byte >> 1) != address & SEVEN_BITS || ten_bits && sends && !self.slave.whole {
                    return None;
                }
                if ten_bits && !sends {
                    return acknowledge(false, Expected::Second);
                }
                self.address_slave(sends);
                acknowledge(sends, self.first_byte())
            }
            Expected::Second => {
                if u32::from(byte) != address >> SEVEN_BITS.count_ones() {
                    return None;
                }
                self.slave.whole = true;
                self.address_slave(false);
                acknowledge(false, self.first_byte())
            }
            Expected::Place => {
                self.rx.seek(byte);
                self.tx.seek(byte);
                acknowledge(false, Expected::Data)
            }
            Expected::Data => {
                self.store_received(byte);
                self.set_status(reg::SR::BYTE_TRANS.mask(), reg::SR::BYTE_TRANS.mask());
                acknowledge(false, Expected::Data)
            }
        }
    }

    fn first_byte(&self) -> Expected {
        let by_place = self.is_nonfifo() && self.registers.is_set(reg::FIFO_CONF::FIFO_ADDR_CFG_EN);
        if by_place { Expected::Place } else { Expected::Data }
    }

    fn address_slave(&mut self, sends: bool) {
        self.slave.addressed = true;
        self.begin_counts();
        let status = reg::SR::SLAVE_RW.put(sends.into()) | reg::SR::SLAVE_ADDRESSED.mask();
        self.set_status(reg::SR::SLAVE_RW.mask() | reg::SR::BYTE_TRANS.mask(), status);
    }
}
