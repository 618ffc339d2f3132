//! The ULP coprocessor of the ESP32 (ESP32 TRM, chapter "ULP Coprocessor"; the instructions as in ESP-IDF's `ulp.h`).
//!
//! It executes from RTC slow memory, a few instructions at a time: what it does to memory may be seen some microseconds early. An
//! instruction that reaches registers, the ADCs or the RTC controller is executed at its own time.

mod instruction;
#[cfg(test)]
mod tests;

use espalier_core::{Span, Time};

use crate::clocks::RC_FAST;
use instruction::{Alu, Condition, Instruction, Operand, decode};

/// Instructions that are executed at once.
const BATCH: usize = 16;
/// Its memory has so many words, all of which an address can name.
const ADDRESS: u16 = 0x7FF;

/// The surroundings of the coprocessor. Addresses are in words.
pub trait UlpBus {
    fn load(&mut self, address: u16) -> u32;
    fn store(&mut self, address: u16, value: u32);
    /// The register so many words after the first one of RTC_CNTL.
    fn read_register(&mut self, word: u16) -> u32;
    fn write_register(&mut self, word: u16, value: u32);
    /// The second ADC converts, or the first one.
    fn convert(&mut self, second: bool, channel: usize) -> u16;
    fn temperature(&mut self) -> u8;
    /// Writes a byte to a register of the I2C device whose address has this number, or reads the register. Returns what was read, and
    /// the time that it took.
    fn i2c(&mut self, device: usize, register: u8, data: Option<u8>) -> (u8, Span);
    /// It wants the chip to wake up.
    fn wake(&mut self);
}

/// The state after some instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UlpNext {
    /// It executes its next instruction at this time.
    RunsAt(Time),
    /// It has stopped at this time, until its timer starts it again.
    Halted(Time),
}

/// The registers of the coprocessor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ulp {
    registers: [u16; 4],
    /// The stage counter.
    counter: u8,
    zero: bool,
    overflow: bool,
    pc: u16,
    /// The register with the period of its timer.
    period: u8,
}

espalier_core::persist!(value Ulp { registers, counter, zero, overflow, pc, period } if Ulp::is_sound;);

impl Ulp {
    fn is_sound(&self) -> bool {
        u32::from(self.period) < instruction::PERIODS
    }

    /// The same at the beginning of a program.
    #[must_use]
    pub fn starting_at(self, pc: u16) -> Ulp {
        Ulp { pc: pc & ADDRESS, ..self }
    }

    /// The number of the register with the period of its timer.
    pub fn period(&self) -> usize {
        usize::from(self.period)
    }

    /// The address of the next instruction, in words.
    pub fn pc(&self) -> u16 {
        self.pc
    }

    fn operand(&self, operand: Operand) -> u16 {
        match operand {
            Operand::Register(register) => self.registers[register],
            Operand::Immediate(value) => value,
        }
    }

    fn address(&self, register: usize, offset: u16) -> u16 {
        self.registers[register].wrapping_add(offset) & ADDRESS
    }

    /// Executes instructions from `at` on.
    pub fn run(&mut self, bus: &mut impl UlpBus, at: Time) -> UlpNext {
        let (mut cycles, mut waited) = (0, Span::ZERO);
        for count in 0..BATCH {
            let instruction = decode(bus.load(self.pc & ADDRESS));
            if count > 0 && instruction.reaches_out() {
                break;
            }
            cycles += instruction.cycles();
            let mut next = self.pc.wrapping_add(1);
            match instruction {
                Instruction::Halt => return UlpNext::Halted(at + RC_FAST.cycles(cycles)),
                Instruction::I2c { device, register, data, low, high } => {
                    let mask = ones(low, high) << low;
                    let (read, time) = bus.i2c(device, register, data.map(|data| data & mask as u8));
                    if data.is_none() {
                        self.registers[0] = u16::from(read) & mask as u16;
                    }
                    waited = time;
                }
                other => self.execute(other, bus, &mut next),
            }
            self.pc = next & ADDRESS;
            if instruction.reaches_out() {
                break;
            }
        }
        UlpNext::RunsAt(at + RC_FAST.cycles(cycles).max(Span::from_ticks(1)) + waited)
    }

    fn execute(&mut self, instruction: Instruction, bus: &mut impl UlpBus, next: &mut u16) {
        match instruction {
            Instruction::Alu { operation, to, a, b } => {
                let (a, b) = (self.registers[a], self.operand(b));
                self.registers[to] = self.compute(operation, a, b);
            }
            Instruction::Counter(by) => self.counter = by.map_or(0, |by| self.counter.wrapping_add(by)),
            Instruction::Load { to, from, offset } => {
                self.registers[to] = bus.load(self.address(from, offset)) as u16;
            }
            Instruction::Store { data, to, offset } => {
                let above = u32::from(self.pc) << 21 | (to as u32) << 16;
                bus.store(self.address(to, offset), above | u32::from(self.registers[data]));
            }
            Instruction::Jump { to, condition } => {
                if self.holds(condition) {
                    *next = self.operand(to);
                }
            }
            Instruction::Branch { distance, condition } => {
                if self.holds(condition) {
                    *next = self.pc.wrapping_add_signed(distance);
                }
            }
            Instruction::ReadRegister { word, low, high } => {
                self.registers[0] = (bus.read_register(word) >> low & ones(low, high)) as u16;
            }
            Instruction::WriteRegister { word, low, high, data } => {
                let mask = ones(low, high);
                let kept = bus.read_register(word) & !(mask << low);
                bus.write_register(word, kept | (data & mask) << low);
            }
            Instruction::Convert { to, second, channel } => self.registers[to] = bus.convert(second, channel),
            Instruction::Temperature { to, .. } => self.registers[to] = bus.temperature().into(),
            Instruction::Wake => bus.wake(),
            Instruction::Period(period) => self.period = period,
            Instruction::Delay(_) | Instruction::I2c { .. } | Instruction::Halt => {}
        }
    }

    fn compute(&mut self, operation: Alu, a: u16, b: u16) -> u16 {
        let shift = u32::from(b).min(u16::BITS);
        let result = match operation {
            Alu::Add => {
                let (sum, carry) = a.overflowing_add(b);
                self.overflow = carry;
                sum
            }
            Alu::Sub => {
                let (difference, borrow) = a.overflowing_sub(b);
                self.overflow = borrow;
                difference
            }
            Alu::And => a & b,
            Alu::Or => a | b,
            Alu::Move(source) => self.operand(source),
            Alu::ShiftLeft => (u32::from(a) << shift) as u16,
            Alu::ShiftRight => (u32::from(a) >> shift) as u16,
        };
        self.zero = result == 0;
        result
    }

    fn holds(&self, condition: Condition) -> bool {
        match condition {
            Condition::Always => true,
            Condition::Zero => self.zero,
            Condition::Overflow => self.overflow,
            Condition::Below(value) => self.registers[0] < value,
            Condition::NotBelow(value) => self.registers[0] >= value,
            Condition::CounterBelow(value) => self.counter < value,
            Condition::CounterNotBelow(value) => self.counter >= value,
            Condition::CounterUpTo(value) => self.counter <= value,
        }
    }
}

/// As many ones as there are bits from `low` to `high`.
fn ones(low: u32, high: u32) -> u32 {
    match high.checked_sub(low) {
        Some(31) => u32::MAX,
        Some(distance) => (2 << distance) - 1,
        None => 0,
    }
}
