//! The ESP32's SPI controllers SPI0 to SPI3 (TRM, chapter 7).
//!
//! SPI0 and SPI1 drive the flash, SPI2 and SPI3 are for general use. The block knows no device: a write to `CMD` leaves a
//! transaction pending, and the wiring runs it right after that write with [`Spi::execute`] on the device that
//! [`Spi::chip_select`] selects. The data moves at once, and the controller stays busy until its bits would have passed. On the
//! flash's controllers, a transaction that fits into the data buffer takes no guest time, and software finds `CMD` cleared when it
//! looks. A controller for general use can have a slave on wires, whose answer is taken when the transaction is over, and can be one.

mod answer;
mod dma;
mod flash;
mod line;
mod mem;
mod registers;
mod slave;
#[cfg(test)]
mod slave_tests;
#[cfg(test)]
mod tests;
mod user;

use espalier_core::{
    Device, Fidelity, Frequency, GuestMemory, OutputChange, Register, Registers, Signal, SpiTarget, SpiTransaction,
    Surroundings, Time, Unmodelled,
};

use crate::clocks::APB_WITH_PLL;
use crate::flash_encryption::FLASH_CIPHER_BYTES;
use answer::Answer;
use dma::Link;
use line::{CLOCK, DATA, Lines, Q, SELECT};
pub use mem::SpiMem;
use registers::{BUFFER_WORDS, REGISTERS, cmd, reg};
use slave::Slave;

/// The byte that a controller reads when nothing drives its input line.
const IDLE_LINE: u8 = 0xFF;
const BUFFER_BYTES: usize = BUFFER_WORDS as usize * 4;
const BYTE_BITS: u32 = 8;
const CHIP_SELECTS: usize = 3;

/// Chip select lines of a controller. On SPI0 and SPI1, CS0 is the flash and CS1 the PSRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChipSelect {
    Cs0,
    Cs1,
    Cs2,
}

/// A SPI controller.
#[derive(Clone, Debug)]
pub struct Spi {
    registers: Registers,
    /// The bits that software wrote to `CMD` and that have not been executed.
    pending: u32,
    apb: Frequency,
    /// Short transactions take their time too.
    timed: bool,
    /// Until when a transaction takes.
    busy: Option<Time>,
    /// DMA interrupts that come with its end.
    held_interrupts: u32,
    outlink: Link,
    inlink: Link,
    /// The bytes that are programmed in the place of those in the buffer, while the encryption of flash is switched on.
    encrypted: Option<[u8; FLASH_CIPHER_BYTES]>,
    /// The lines, for those who look at their pads.
    lines: Lines,
    /// Transactions have read, so that the data input matters.
    reads: bool,
    answer: Answer,
    slave: Slave,
}

espalier_core::persist! {
    state Spi {
        registers, pending, apb, busy, held_interrupts, outlink, inlink, encrypted, lines, reads, answer, slave
    } fixed { timed }
}

impl Default for Spi {
    fn default() -> Spi {
        Spi::new()
    }
}

impl Spi {
    /// Index of the block's own interrupt line.
    pub const INTERRUPT: u32 = 0;
    /// Index of the interrupt line of its DMA.
    pub const DMA_INTERRUPT: u32 = 1;

    /// A controller of the flash.
    pub fn new() -> Spi {
        Spi {
            registers: Registers::new(&REGISTERS),
            pending: 0,
            apb: APB_WITH_PLL,
            timed: false,
            busy: None,
            held_interrupts: 0,
            outlink: Link::default(),
            inlink: Link::default(),
            encrypted: None,
            lines: Lines::default(),
            reads: false,
            answer: Answer::default(),
            slave: Slave::default(),
        }
    }

    /// A controller for any device.
    pub fn general() -> Spi {
        Spi { timed: true, ..Spi::new() }
    }

    /// The APB clock, which the controller divides, changes. What is under way keeps its length.
    pub fn set_apb_clock(&mut self, apb: Frequency) {
        self.apb = apb;
    }

    /// The data of page programs come from the block that encrypts flash, or from the buffer again.
    pub fn set_encrypted(&mut self, encrypted: Option<[u8; FLASH_CIPHER_BYTES]>) {
        self.encrypted = encrypted;
    }

    /// Whether software started a transaction that [`execute`](Spi::execute) has not run yet.
    pub fn has_transaction(&self) -> bool {
        self.pending != 0
    }

    /// The line that falls during a transaction; the lowest, if software enabled several.
    pub fn chip_select(&self) -> Option<ChipSelect> {
        let disabled = self.registers.get(reg::PIN);
        [
            (reg::PIN::CS0_DIS.mask(), ChipSelect::Cs0),
            (reg::PIN::CS1_DIS.mask(), ChipSelect::Cs1),
            (reg::PIN::CS2_DIS.mask(), ChipSelect::Cs2),
        ]
        .into_iter()
        .find_map(|(bit, line)| (disabled & bit == 0).then_some(line))
    }

    /// Runs the pending transaction on the selected device, or on an open bus if there is none. `memory` is what DMA reaches.
    pub fn execute(&mut self, target: Option<&mut dyn SpiTarget>, memory: &mut dyn GuestMemory, now: Time) {
        let pending = std::mem::take(&mut self.pending);
        if pending == 0 {
            return;
        }
        let mut bus = Bus { target, now };
        if pending & !cmd::USR != 0 {
            self.execute_flash(pending & !cmd::USR, &mut bus);
        } else {
            let bytes = self.user_data_bytes();
            if self.timed {
                self.busy = Some(now + self.user_time(bytes));
            } else if bytes > BUFFER_BYTES {
                self.busy = Some(now + self.data_time(bytes));
            }
            self.execute_user(&mut bus, memory);
        }
        if self.busy.is_none() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.busy = None;
        let held = std::mem::take(&mut self.held_interrupts);
        self.registers.modify(reg::DMA_INT_RAW, 0, held);
        let next = self.registers.field(reg::SLAVE::TRANS_CNT) + 1;
        self.registers.set_field(reg::SLAVE::TRANS_CNT, next);
        self.registers.set_field(reg::SLAVE::TRANS_DONE, 1);
    }

    /// Bytes of the data buffer, in the order in which they are sent if no register changes it.
    fn buffer(&self) -> [u8; BUFFER_BYTES] {
        let mut bytes = [0; BUFFER_BYTES];
        for (index, word) in bytes.chunks_exact_mut(4).enumerate() {
            word.copy_from_slice(&self.registers.get(reg::W + 4 * index as u32).to_le_bytes());
        }
        bytes
    }

    fn set_buffer_byte(&mut self, index: usize, byte: u8) {
        let offset = reg::W + (index as u32 & !3);
        let shift = (index as u32 & 3) * BYTE_BITS;
        self.registers.modify(offset, u32::from(u8::MAX) << shift, u32::from(byte) << shift);
    }

    fn raise_dma(&mut self, interrupts: u32) {
        if self.busy.is_some() {
            self.held_interrupts |= interrupts;
        } else {
            self.registers.modify(reg::DMA_INT_RAW, 0, interrupts);
        }
    }

    /// A line carries a level, or nothing drives it.
    fn take_level(&mut self, input: usize, level: Option<bool>, at: Option<Time>) {
        if input == Q {
            self.answer.set(level, at);
        } else if self.is_slave() {
            self.hear(input, level.unwrap_or(input == SELECT), at);
        }
    }

    fn dma_interrupts(&self) -> u32 {
        self.registers.get(reg::DMA_INT_RAW) & self.registers.get(reg::DMA_INT_ENA)
    }
}

/// The wires to the selected device.
struct Bus<'a> {
    target: Option<&'a mut dyn SpiTarget>,
    now: Time,
}

impl Bus<'_> {
    fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8]) {
        miso.fill(IDLE_LINE);
        if let Some(target) = &mut self.target {
            target.transfer(transaction, miso, self.now);
        }
    }
}

impl Device for Spi {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "transactions of the flash that fit into the buffer take no time; a slave has full duplex only and drives its output also while it is not selected; delays, CRC and hold lines are registers only",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.advance(now);
        match offset {
            reg::CMD if self.busy.is_some() || self.slave.is_started() => Ok(cmd::USR),
            reg::DMA_INT_ST => Ok(self.dma_interrupts()),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.advance(now);
        self.registers.write(offset, value)?;
        match offset {
            reg::CMD if self.busy.is_some() => {}
            reg::CMD if self.is_slave() => self.pending = value & cmd::USR,
            reg::CMD => self.pending = value & cmd::ALL,
            reg::SLAVE if reg::SLAVE::SYNC_RESET.is_set(value) || self.slave.is_started() && !self.is_slave() => {
                self.stop_slave();
            }
            reg::USER => self.reads |= reg::USER::USR_MISO.is_set(value),
            reg::PIN => self.rest(now),
            reg::DMA_OUT_LINK
                if value & (reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_RESTART.mask())
                    != 0 =>
            {
                self.outlink.start(value)
            }
            reg::DMA_OUT_LINK if reg::DMA_OUT_LINK::OUTLINK_STOP.is_set(value) => self.outlink.stop(),
            reg::DMA_IN_LINK
                if value & (reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_RESTART.mask())
                    != 0 =>
            {
                self.inlink.start(value)
            }
            reg::DMA_IN_LINK if reg::DMA_OUT_LINK::OUTLINK_STOP.is_set(value) => self.inlink.stop(),
            reg::DMA_CONF => {
                if reg::DMA_CONF::OUT_RST.is_set(value) {
                    self.outlink.stop();
                }
                if reg::DMA_CONF::IN_RST.is_set(value) {
                    self.inlink.stop();
                }
            }
            reg::DMA_INT_CLR => self.registers.modify(reg::DMA_INT_RAW, value, 0),
            _ => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.busy.into_iter().chain(self.lines.deadline()).chain(self.slave.deadline()).min()
    }

    /// A slave hears its controller, and a controller that reads hears its slave.
    fn listening(&self) -> u64 {
        match self.is_slave() {
            _ if !self.timed => 0,
            true => 1 << CLOCK | 1 << DATA | 1 << SELECT,
            false => u64::from(self.reads) << Q,
        }
    }

    fn connect_input(&mut self, input: usize, signal: Signal) {
        self.take_level(input, Some(signal.level_at(Time::ZERO)), None);
    }

    fn set_input(&mut self, input: usize, signal: Signal, at: Time) {
        self.take_level(input, Some(signal.level_at(at)), Some(at));
    }

    fn release_input(&mut self, input: usize, at: Time) {
        self.take_level(input, None, Some(at));
    }

    fn set_watched(&mut self, outputs: u64) {
        self.lines.set_watched(outputs);
    }

    fn set_awaited(&mut self, outputs: u64) {
        self.lines.set_awaited(outputs);
    }

    fn output(&self, output: usize) -> Signal {
        self.lines.signal(output)
    }

    fn take_output_changes(&mut self) -> Vec<OutputChange> {
        self.lines.take_changes()
    }

    fn advance(&mut self, now: Time) {
        self.lines.follow(now);
        if self.busy.is_some_and(|end| end <= now) && !self.answer.is_awaited() {
            self.finish();
        }
    }

    fn interrupts(&self) -> u32 {
        let state = self.registers.get(reg::SLAVE);
        let done = reg::SLAVE::TRANS_DONE.is_set(state) && reg::SLAVE::TRANS_INTEN.is_set(state);
        u32::from(done) << Spi::INTERRUPT | u32::from(self.dma_interrupts() != 0) << Spi::DMA_INTERRUPT
    }

    fn reset(&mut self) {
        *self = Spi {
            apb: self.apb,
            timed: self.timed,
            encrypted: self.encrypted,
            lines: self.lines.after_reset(),
            answer: self.answer.after_reset(),
            slave: self.slave.after_reset(),
            ..Spi::new()
        };
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        if self.slave.deadline().is_some() {
            self.finish_slave(surroundings.memory());
        }
        // The edges of the transaction have to reach its slave, and the answer this controller, before it is read.
        let is_over = self.busy.is_some_and(|end| end <= now) && !self.lines.is_under_way() && self.lines.is_told();
        if is_over && self.answer.is_awaited() {
            self.take_answer(surroundings.memory());
            self.finish();
        }
        if !self.has_transaction() {
            return;
        }
        if self.is_slave() {
            self.pending = 0;
            return self.start_slave(surroundings.memory());
        }
        let (target, memory) = surroundings.spi(self.chip_select().map(|line| line as usize));
        self.execute(target, memory, now);
    }

    fn set_apb_clock(&mut self, apb: Frequency, _now: Time) {
        self.set_apb_clock(apb);
    }
}
