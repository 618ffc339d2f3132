//! The SD/MMC host, which is Synopsys' (ESP32 TRM, chapter "SD/MMC Host Controller").
//!
//! Commands and blocks take their time on the lines, and reach the card as a whole: there are no waveforms on the pads. A command waits in
//! CMD, with START_CMD set, until the command line is free, and the data lines too if it wants that.

mod dma;
mod host;
mod registers;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::VecDeque;

use espalier_core::{
    Device, Fidelity, Frequency, Register, Registers, SdResponse, Signal, Surroundings, Time, Unmodelled,
};

use dma::Dma;
use registers::{REGISTERS, interrupt, reg};
use transfer::Transfer;

/// The clock of the host, from the PLL.
const CLOCK: Frequency = Frequency::from_hertz(160_000_000);
/// Words of the FIFO.
const FIFO: usize = 32;
/// Inputs: card detects, write protections and interrupts of both slots.
const SLOTS: u32 = 2;
const INPUTS: u32 = 6;
/// In each word of CLKDIV, CLKSRC and CLKENA.
const DIVIDER_BITS: u32 = 8;
const SOURCE_BITS: u32 = 2;

/// A command on the command line.
#[derive(Clone, Debug)]
struct Command {
    word: u32,
    argument: u32,
    /// When its stage is over.
    until: Time,
    stage: CommandStage,
}

/// The part of a command that is on the line.
#[derive(Clone, Debug)]
enum CommandStage {
    /// The command itself.
    Sent,
    /// Its answer.
    Answer(SdResponse),
    /// The gap after an answer that was wrong or did not come.
    Failed,
}

/// The clock settings that are in force, which an update command takes over.
#[derive(Clone, Copy, Debug, Default)]
struct Clocks {
    dividers: u32,
    sources: u32,
    enabled: u32,
}

/// The host.
#[derive(Clone, Debug)]
pub struct Sdmmc {
    registers: Registers,
    clocks: Clocks,
    command: Option<Command>,
    transfer: Option<Transfer>,
    /// When the transfer goes on by itself.
    due: Option<Time>,
    /// Until when the stop command is on the line that ends a transfer by itself, and the slot.
    stop: Option<(Time, usize)>,
    dma: Dma,
    fifo: VecDeque<u32>,
    /// Software has given the DMA descriptors, or has used the FIFO: a transfer that waited goes on.
    fed: bool,
    /// Until when the card that was last addressed is busy.
    busy_until: Time,
    inputs: u32,
}

espalier_core::persist! {
    value Command { word, argument, until, stage }
    enum CommandStage { Sent, Answer(answer), Failed }
    value Clocks { dividers, sources, enabled }
    state Sdmmc {
        registers, clocks, command, transfer, due, stop, dma, fifo, fed, busy_until, inputs
    } if Sdmmc::is_sound;
}

impl Default for Sdmmc {
    fn default() -> Sdmmc {
        Sdmmc::new()
    }
}

impl Sdmmc {
    /// The host after reset.
    pub fn new() -> Sdmmc {
        Sdmmc {
            registers: Registers::new(&REGISTERS),
            clocks: Clocks::default(),
            command: None,
            transfer: None,
            due: None,
            stop: None,
            dma: Dma::default(),
            fifo: VecDeque::new(),
            fed: false,
            busy_until: Time::ZERO,
            inputs: (1 << SLOTS) - 1,
        }
    }

    fn is_sound(&self) -> bool {
        self.fifo.len() <= FIFO
    }

    fn raise(&mut self, bits: u32) {
        self.registers.modify(reg::RINTSTS, 0, bits);
    }

    /// The clock of a card; none if it is off.
    fn clock(&self, slot: usize) -> Option<Frequency> {
        if slot >= SLOTS as usize || self.clocks.enabled >> slot & 1 == 0 {
            return None;
        }
        let divider = self.clocks.sources >> (SOURCE_BITS * slot as u32) & 3;
        let divisor = match self.clocks.dividers >> (DIVIDER_BITS * divider) & 0xFF {
            0 => 1,
            half => 2 * u64::from(half),
        };
        let first = u64::from(self.registers.field(reg::CLK_EDGE_SEL::CCLLKIN_EDGE_N)) + 1;
        Some(CLOCK.divided_by(first * divisor))
    }

    /// The data lines that the host uses for a card.
    fn lines(&self, slot: usize) -> usize {
        let is_set = |field| self.registers.field(field) >> slot & 1 != 0;
        match (is_set(reg::CTYPE::CARD_WIDTH8), is_set(reg::CTYPE::CARD_WIDTH4)) {
            (true, _) => 8,
            (_, true) => 4,
            _ => 1,
        }
    }

    fn uses_dma(&self) -> bool {
        self.registers.is_set(reg::CTRL::USE_INTERNAL_DMA) && self.registers.is_set(reg::BMOD::DE)
    }

    /// Where the list of descriptors begins, and the words between two that are not chained.
    fn list(&self) -> (u32, u32) {
        (self.registers.get(reg::DBADDR), self.registers.field(reg::BMOD::DSL))
    }

    fn status(&self, now: Time) -> u32 {
        use reg::STATUS;
        let count = self.fifo.len() as u32;
        let flag = |field: espalier_core::Field, set: bool| field.put(u32::from(set));
        flag(STATUS::FIFO_RX_WATERMARK, count > self.registers.field(reg::FIFOTH::RX_WMARK))
            | flag(STATUS::FIFO_TX_WATERMARK, count <= self.registers.field(reg::FIFOTH::TX_WMARK))
            | flag(STATUS::FIFO_EMPTY, count == 0)
            | flag(STATUS::FIFO_FULL, count == FIFO as u32)
            | STATUS::DATA_3_STATUS.mask()
            | flag(STATUS::DATA_BUSY, now < self.busy_until)
            | flag(STATUS::DATA_STATE_MC_BUSY, self.transfer.is_some())
            | self.registers.get(STATUS) & STATUS::RESPONSE_INDEX.mask()
            | STATUS::FIFO_COUNT.put(count)
    }

    fn write_command(&mut self, value: u32) -> Result<(), Unmodelled> {
        if self.registers.is_set(reg::CMD::START_CMD) {
            self.raise(interrupt::LOCKED_WRITE);
            return Ok(());
        }
        self.registers.write(reg::CMD, value).map(drop)
    }

    fn write_control(&mut self) {
        let control = self.registers.get(reg::CTRL);
        if reg::CTRL::CONTROLLER_RESET.is_set(control) {
            self.registers.set_field(reg::CMD::START_CMD, 0);
            (self.command, self.transfer, self.due, self.stop) = (None, None, None, None);
        }
        if reg::CTRL::FIFO_RESET.is_set(control) {
            self.fifo.clear();
        }
        if reg::CTRL::DMA_RESET.is_set(control) {
            self.dma.start(self.registers.get(reg::DBADDR));
        }
        for done in [reg::CTRL::CONTROLLER_RESET, reg::CTRL::FIFO_RESET, reg::CTRL::DMA_RESET] {
            self.registers.set_field(done, 0);
        }
    }

    fn pop(&mut self) -> u32 {
        match self.fifo.pop_front() {
            Some(word) => {
                self.fed = true;
                word
            }
            None => {
                self.raise(interrupt::FIFO_RUN);
                0
            }
        }
    }

    fn push(&mut self, word: u32) {
        if self.fifo.len() == FIFO {
            self.raise(interrupt::FIFO_RUN);
        } else {
            self.fifo.push_back(word);
            self.fed = true;
        }
    }
}

impl Device for Sdmmc {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "no waveforms on pads, eight data lines, SDIO interrupts, double data rate, streams, boot, CE-ATA and other voltages",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::MINTSTS => self.registers.get(reg::RINTSTS) & self.registers.get(reg::INTMASK),
            reg::STATUS => self.status(now),
            reg::CDETECT => self.inputs & 3,
            reg::WRTPRT => self.inputs >> SLOTS & 3,
            reg::DSCADDR => self.dma.at,
            reg::BUFADDR => self.dma.buffer,
            reg::BUFFIFO => self.pop(),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        if offset == reg::CMD {
            return self.write_command(value);
        }
        self.registers.write(offset, value)?;
        match offset {
            reg::CTRL => self.write_control(),
            reg::BUFFIFO => self.push(value),
            reg::DBADDR => self.dma.start(value),
            reg::PLDMND => self.fed = true,
            reg::BMOD if reg::BMOD::SWR.is_set(value) => {
                self.registers.set_field(reg::BMOD::SWR, 0);
                self.dma.start(self.registers.get(reg::DBADDR));
            }
            _ => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        let command = self.command.as_ref().map(|command| command.until);
        [command, self.due, self.stop.map(|(until, _)| until)].into_iter().flatten().min()
    }

    fn settle(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        if std::mem::take(&mut self.fed) {
            self.feed(surroundings, now);
        }
        self.accept(now);
        while let Some(at) = self.deadline().filter(|at| *at <= now) {
            self.step(surroundings, at);
            self.accept(at);
        }
    }

    fn interrupts(&self) -> u32 {
        let told = self.registers.get(reg::RINTSTS) & self.registers.get(reg::INTMASK) != 0;
        let dma = self.registers.get(reg::IDSTS) & self.registers.get(reg::IDINTEN);
        let dma = (reg::IDSTS::NIS.mask() | reg::IDSTS::AIS.mask()) & dma != 0;
        u32::from(self.registers.is_set(reg::CTRL::INT_ENABLE) && (told || dma))
    }

    fn reset(&mut self) {
        *self = Sdmmc { inputs: self.inputs, ..Sdmmc::new() };
    }

    fn listening(&self) -> u64 {
        // An unused host looks at nothing.
        match self.registers.get(reg::INTMASK) | self.registers.get(reg::CLKENA) {
            0 => 0,
            _ => (1 << INPUTS) - 1,
        }
    }

    fn connect_input(&mut self, input: usize, signal: Signal) {
        let level = u32::from(signal == Signal::Level(true));
        self.inputs = self.inputs & !(1 << input) | level << input;
    }

    fn set_input(&mut self, input: usize, signal: Signal, _at: Time) {
        let before = self.inputs;
        self.connect_input(input, signal);
        if (before ^ self.inputs) & ((1 << SLOTS) - 1) != 0 {
            self.raise(interrupt::CARD_DETECT);
        }
    }
}
