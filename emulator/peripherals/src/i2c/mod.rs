//! I2C controller (ESP32 Technical Reference Manual, chapter 11).
//!
//! As a master the controller works through its command list in guest time: every command takes as long as the timing
//! registers say, and a byte reaches the bus at the end of its nine bit times. [`I2c::run`] does that work, because only
//! the wiring knows the bus. Where another controller hears the wires, each bit is put on them and sampled in its time, and of two
//! masters one loses the arbitration. As a slave the controller follows the wires.
//!
//! Where the manual is silent, this follows the expectations of the drivers of ESP-IDF 3.x and 5.x, Arduino, RIOT and `esp-hal`:
//! * TRANS_START clears itself; every write of a one starts the list at COMD0, unless it is running.
//! * END leaves the bus claimed, with SCL low, until the list is started again; its COMMAND_DONE is not set.
//! * A refused acknowledge ends the list. The controller then sends a STOP by itself, so TRANS_COMPLETE follows ACK_ERR.
//! * TIME_OUT stops nothing: the byte goes on when the target lets go of SCL. Drivers reset the block.
//! * Without FIFO, each list begins at the start of both RAMs.
//! * A slave neither stretches SCL nor refuses a byte: with an empty FIFO it sends what the RAM holds, with a full one it loses
//!   the byte (ESP-IDF's issue 323). A STOP after its address raises both TRANS_COMPLETE and SLAVE_TRAN_COMP.
//! * A list that writes or reads without a START before stays silent; no interrupt tells of it.

mod bits;
mod fifo;
mod master;
mod regs;
mod slave;
#[cfg(test)]
mod slave_tests;
mod steps;
#[cfg(test)]
mod tests;
mod wires;

use espalier_core::{
    Device, Fidelity, Frequency, I2cTarget, OutputChange, Register, Registers, Signal, Span, Surroundings, Time,
    Unmodelled,
};

use fifo::{DEPTH, Fifo};
use master::Master;
use regs::{REGISTERS, reg};
use slave::Slave;
use wires::{SCL, SDA, Wires};

/// One I2C controller.
///
/// Drivers write DATA through the AHB alias of the block (0x6001_3000 and 0x6002_7000); the wiring maps both to here.
#[derive(Clone, Debug)]
pub struct I2c {
    registers: Registers,
    apb: Frequency,
    tx: Fifo,
    rx: Fifo,
    master: Master,
    slave: Slave,
    stretch: Span,
    /// The levels of its pads, for those who look at them.
    wires: Wires,
}

espalier_core::persist!(state I2c { registers, apb, tx, rx, master, slave, stretch, wires });

impl I2c {
    /// A controller that counts its bit times in cycles of `apb`.
    pub fn new(apb: Frequency) -> I2c {
        I2c {
            registers: Registers::new(&REGISTERS),
            apb,
            tx: Fifo::default(),
            rx: Fifo::default(),
            master: Master::default(),
            slave: Slave::default(),
            stretch: Span::ZERO,
            wires: Wires::default(),
        }
    }

    /// Does on `bus` what is due up to `now`.
    ///
    /// The wiring calls this where it would call [`advance`](Device::advance): whenever the controller's
    /// [`deadline`](Device::deadline) has come. A write to CTR may set a first deadline but moves nothing on the bus yet;
    /// calling `run` right after it, or too often, does no harm. Targets see each condition and byte with the exact time
    /// at which it is over, even if `now` is later.
    pub fn run(&mut self, bus: &mut dyn I2cTarget, now: Time) {
        self.run_master(bus, now);
        self.update_levels();
    }

    /// From now on the targets on this bus hold SCL low for `stretch` in every byte (UM10204, chapter 3.1.9). This is a
    /// fault to inject from outside; a reset of the controller does not end it. When it exceeds TO, the controller raises
    /// TIME_OUT in every byte, and goes on once SCL is released if software lets it.
    pub fn set_stretch(&mut self, stretch: Span) {
        self.stretch = stretch;
    }

    fn raise(&mut self, interrupts: u32) {
        self.registers.set(reg::INT_RAW, self.registers.get(reg::INT_RAW) | interrupts);
    }

    fn is_nonfifo(&self) -> bool {
        self.registers.is_set(reg::FIFO_CONF::NONFIFO_EN)
    }

    /// The threshold interrupts come back after a clear for as long as their condition holds.
    fn update_levels(&mut self) {
        if self.is_nonfifo() {
            return;
        }
        let conf = self.registers.get(reg::FIFO_CONF);
        let full = reg::FIFO_CONF::RXFIFO_FULL_THRHD.get(conf) as usize;
        let empty = reg::FIFO_CONF::TXFIFO_EMPTY_THRHD.get(conf) as usize;
        if self.rx.len() > 0 && self.rx.len() >= full {
            self.raise(reg::INT_RAW::RXFIFO_FULL.mask());
        }
        if self.tx.len() <= empty {
            self.raise(reg::INT_RAW::TXFIFO_EMPTY.mask());
        }
    }

    fn status(&self) -> u32 {
        self.registers.get(reg::SR)
            | if self.master.is_busy() || self.slave.is_busy() { reg::SR::BUS_BUSY.mask() } else { 0 }
            | reg::SR::RXFIFO_CNT.put(self.rx.len() as u32)
            | reg::SR::TXFIFO_CNT.put(self.tx.len() as u32)
    }

    fn fifo_positions(&self) -> u32 {
        reg::RXFIFO_ST::RXFIFO_START_ADDR.put(self.rx.start() as u32)
            | reg::RXFIFO_ST::RXFIFO_END_ADDR.put(self.rx.end() as u32)
            | reg::RXFIFO_ST::TXFIFO_START_ADDR.put(self.tx.start() as u32)
            | reg::RXFIFO_ST::TXFIFO_END_ADDR.put(self.tx.end() as u32)
    }

    fn configure_fifos(&mut self, conf: u32) {
        if reg::FIFO_CONF::TX_FIFO_RST.is_set(conf) {
            self.tx.clear();
        }
        if reg::FIFO_CONF::RX_FIFO_RST.is_set(conf) {
            self.rx.clear();
        }
    }
}

/// The word of the RAM window at `offset`.
fn ram_index(offset: u32) -> Option<usize> {
    let index = offset.checked_sub(reg::RAM)? as usize / 4;
    (index < DEPTH).then_some(index)
}

impl Device for I2c {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("a START waits for no other master; a slave has no time-out")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        if let Some(index) = ram_index(offset) {
            return Ok(self.rx.ram(index).into());
        }
        match offset {
            reg::SR => Ok(self.status()),
            reg::RXFIFO_ST => Ok(self.fifo_positions()),
            reg::INT_STATUS => Ok(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA)),
            reg::DATA => {
                let stale = self.rx.stale();
                Ok(self.rx.pop().unwrap_or(stale).into())
            }
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        if let Some(index) = ram_index(offset) {
            self.tx.set_ram(index, value as u8);
            return Ok(());
        }
        let stored = self.registers.write(offset, value)?;
        match offset {
            reg::CTR => {
                self.registers.set(reg::CTR, stored & !reg::CTR::TRANS_START.mask());
                if reg::CTR::TRANS_START.is_set(stored) && reg::CTR::MS_MODE.is_set(stored) {
                    self.start_list(now);
                }
            }
            reg::FIFO_CONF => self.configure_fifos(stored),
            // A full FIFO drops the byte.
            reg::DATA => {
                self.tx.push(value as u8);
            }
            reg::INT_CLR => self.registers.set(reg::INT_RAW, self.registers.get(reg::INT_RAW) & !value),
            _ => {}
        }
        self.update_levels();
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.master.deadline()
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    fn reset(&mut self) {
        *self = I2c { stretch: self.stretch, wires: self.wires.after_reset(), ..I2c::new(self.apb) };
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        if self.deadline().is_none_or(|due| due > now) {
            return;
        }
        match surroundings.i2c() {
            Some(bus) => self.run(bus, now),
            None => self.run(&mut Unwired, now),
        }
    }

    fn set_stretch(&mut self, stretch: Span) {
        self.set_stretch(stretch);
    }

    fn set_watched(&mut self, outputs: u64) {
        self.wires.set_watched(outputs);
    }

    fn set_awaited(&mut self, outputs: u64) {
        self.wires.set_awaited(outputs);
    }

    /// A slave follows both lines, and so does a master that shares them.
    fn listening(&self) -> u64 {
        let hears = self.is_slave() || self.wires.are_shared();
        if hears { 1 << SCL | 1 << SDA } else { 0 }
    }

    fn connect_input(&mut self, input: usize, signal: Signal) {
        self.wires.hear(input.min(SDA), signal.level_at(Time::ZERO));
    }

    fn set_input(&mut self, input: usize, signal: Signal, at: Time) {
        self.hear(input.min(SDA), signal.level_at(at), at);
        self.update_levels();
    }

    /// The lines are released, unless something looks at their pads.
    fn output(&self, output: usize) -> Signal {
        self.wires.signal(output)
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        self.wires.take_changes()
    }
}

/// Pads that lead to no target: both lines stay high.
struct Unwired;

impl I2cTarget for Unwired {
    fn start(&mut self, _address: u8, _read: bool, _now: Time) -> bool {
        false
    }

    fn write(&mut self, _byte: u8, _now: Time) -> bool {
        false
    }

    fn read(&mut self, _now: Time) -> u8 {
        u8::MAX
    }

    fn stop(&mut self, _now: Time) {}
}
