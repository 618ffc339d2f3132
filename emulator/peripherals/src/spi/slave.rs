//! A controller as a slave, in full duplex (TRM, chapter 7.4.3 "GP-SPI Slave Mode", and its clock modes in 7.4.2).
//!
//! Clock, chip select and data come edge by edge from pads. Software starts the slave by `CMD.USR`; the data that it sends is taken from
//! the buffer or from its list then, and what came in is stored when chip select rises, which ends the transfer. Data is sampled at one
//! edge of the clock and changes at the other, as `CK_I_EDGE` and `CK_IDLE_EDGE` say; the first bit is there when chip select falls,
//! unless the clock's first edge brings it. What changes at the very instant of a sample comes too late for it: ESP-IDF's settings for
//! DMA let a slave sample where the controller changes its data, and send half a clock early.

use espalier_core::{GuestMemory, Time};

use super::line::{CLOCK, DATA, Q, SELECT};
use super::registers::reg;
use super::user::bytes_of;
use super::{BYTE_BITS, Spi};

/// The transfer of a slave, and its lines.
#[derive(Clone, Debug)]
pub(super) struct Slave {
    /// Software has started it, and the data to send is at hand.
    started: bool,
    clock: bool,
    /// Chip select, low while the slave is selected.
    select: bool,
    data: bool,
    /// The level of the data line before its last change, and when that was.
    changed: (Time, bool),
    sending: Vec<u8>,
    received: Vec<u8>,
    /// Bits that were sampled, and those that were put out before the present one.
    sampled: u64,
    sent: u64,
    /// The transfer is over since then, and not stored.
    over: Option<Time>,
}

espalier_core::persist! {
    value Slave { started, clock, select, data, changed, sending, received, sampled, sent, over }
}

impl Default for Slave {
    fn default() -> Slave {
        Slave {
            started: false,
            clock: false,
            select: true,
            data: false,
            changed: (Time::ZERO, false),
            sending: Vec::new(),
            received: Vec::new(),
            sampled: 0,
            sent: 0,
            over: None,
        }
    }
}

impl Slave {
    /// The same after a reset of the block: the lines stay connected.
    pub(super) fn after_reset(&self) -> Slave {
        Slave { clock: self.clock, select: self.select, data: self.data, ..Slave::default() }
    }

    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.over
    }

    fn data_before(&self, at: Time) -> bool {
        if self.changed.0 == at { self.changed.1 } else { self.data }
    }

    fn bit_to_send(&self) -> bool {
        let byte = usize::try_from(self.sent / u64::from(BYTE_BITS)).ok().and_then(|index| self.sending.get(index));
        byte.is_some_and(|byte| byte >> (7 - self.sent % u64::from(BYTE_BITS)) & 1 != 0)
    }

    fn receive(&mut self, level: bool, limit: u64) {
        if self.sampled < limit {
            let bit = (self.sampled % u64::from(BYTE_BITS)) as u32;
            if bit == 0 {
                self.received.push(0);
            }
            if let Some(last) = self.received.last_mut() {
                *last |= u8::from(level) << (BYTE_BITS - 1 - bit);
            }
        }
        self.sampled += 1;
    }
}

impl Spi {
    pub(super) fn is_slave(&self) -> bool {
        self.registers.is_set(reg::SLAVE::MODE)
    }

    /// Software has started the slave.
    pub(super) fn start_slave(&mut self, memory: &mut dyn GuestMemory) {
        let phases = self.registers.get(reg::USER);
        let length = bytes_of(self.registers.get(reg::SLV_RDBUF_DLEN));
        let sending = match reg::USER::USR_MISO.is_set(phases) {
            true => self.data_to_send(length, reg::USER::USR_MISO_HIGHPART.mask(), memory),
            false => Vec::new(),
        };
        let slave = &mut self.slave;
        (slave.sending, slave.received) = (sending, Vec::new());
        (slave.sampled, slave.sent, slave.over, slave.started) = (0, 0, None, true);
    }

    /// `SYNC_RESET`, and a slave that is one no more.
    pub(super) fn stop_slave(&mut self) {
        self.slave = self.slave.after_reset();
        self.pending = 0;
    }

    /// The transfer that is over is stored, and software is told.
    pub(super) fn finish_slave(&mut self, memory: &mut dyn GuestMemory) {
        if self.slave.over.take().is_none() {
            return;
        }
        self.slave.started = false;
        let mut received = std::mem::take(&mut self.slave.received);
        if self.registers.is_set(reg::USER::USR_MOSI) {
            self.store(&mut received, reg::USER::USR_MOSI_HIGHPART.mask(), memory);
        }
        // A whole transfer counts one bit less than it has.
        let last = u64::from(self.registers.get(reg::SLV_WRBUF_DLEN));
        self.registers.set(reg::SLV_RD_BIT, self.slave.sampled.min(last) as u32);
        self.finish();
    }

    /// The level of a line has changed; at no instant that is known when the line was only connected.
    pub(super) fn hear(&mut self, input: usize, level: bool, at: Option<Time>) {
        let slave = &mut self.slave;
        match input {
            DATA => {
                if let Some(at) = at
                    && slave.data != level
                {
                    slave.changed = (at, slave.data);
                }
                slave.data = level;
            }
            CLOCK => {
                let changes = std::mem::replace(&mut slave.clock, level) != level;
                if let Some(at) = at.filter(|_| changes && !slave.select && slave.started && slave.over.is_none()) {
                    self.clock_slave(level, at);
                }
            }
            SELECT => {
                let changes = std::mem::replace(&mut slave.select, level) != level;
                if let Some(at) = at.filter(|_| changes && slave.started && slave.over.is_none()) {
                    self.select_slave(!level, at);
                }
            }
            _ => {}
        }
    }

    fn clock_slave(&mut self, rises: bool, at: Time) {
        let falling = self.registers.is_set(reg::USER::CK_I_EDGE);
        if rises != falling {
            let limit = u64::from(self.registers.get(reg::SLV_WRBUF_DLEN)) + 1;
            let level = self.slave.data_before(at);
            self.slave.receive(level, limit);
            return;
        }
        // With the other phase the clock's first edge brings the first bit.
        let brings_first = self.registers.is_set(reg::PIN::CK_IDLE_EDGE) == falling;
        if !brings_first || self.slave.sampled > 0 {
            self.slave.sent += 1;
        }
        self.put_out(at);
    }

    fn select_slave(&mut self, selected: bool, at: Time) {
        if selected {
            (self.slave.sampled, self.slave.sent) = (0, 0);
            self.slave.received.clear();
            self.put_out(at);
        } else if self.slave.sampled > 0 {
            self.slave.over = Some(at);
        }
    }

    fn put_out(&mut self, at: Time) {
        let level = self.slave.bit_to_send();
        self.lines.tell(Q, level, at);
    }
}
