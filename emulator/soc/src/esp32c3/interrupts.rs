//! INTERRUPT_CORE0: the matrix from interrupt sources to lines of the core's controller, and the registers of that controller
//! (ESP32-C3 TRM, chapters "Interrupt Matrix" and "ESP-RISC-V CPU").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};
use espalier_riscv::{InterruptController, LINES};

espalier_core::registers! {
    MAP[62] @ 0x00 = 0, rw_bits(0x1F);
    INTR_STATUS[2] @ 0xF8 = 0, ro();
    CLOCK_GATE @ 0x100 = 1, rw_bits(0x1);
    CPU_INT_ENABLE @ 0x104 = 0, rw();
    CPU_INT_TYPE @ 0x108 = 0, rw();
    CPU_INT_CLEAR @ 0x10C = 0, rw();
    CPU_INT_EIP_STATUS @ 0x110 = 0, ro();
    CPU_INT_PRI[32] @ 0x114 = 0, rw_bits(0xF);
    CPU_INT_THRESH @ 0x194 = 0, rw_bits(0xF);
    INTERRUPT_DATE @ 0x7FC = 0x0200_7210, rw();
}

/// Sources of the matrix.
const SOURCES: u32 = 62;
const PRIORITIES_END: u32 = reg::CPU_INT_PRI + 4 * LINES as u32;

/// The block.
#[derive(Clone, Debug)]
pub struct InterruptCore {
    registers: Registers,
    controller: InterruptController,
    sources: u64,
}

espalier_core::persist!(state InterruptCore { registers, controller, sources });

impl InterruptCore {
    pub fn new() -> InterruptCore {
        InterruptCore { registers: Registers::new(&REGISTERS), controller: InterruptController::new(), sources: 0 }
    }

    /// Sets the level of a source. True if it changed.
    pub fn set_source(&mut self, source: usize, level: bool) -> bool {
        let before = self.sources;
        self.sources = before & !(1 << source) | u64::from(level) << source;
        self.route();
        self.sources != before
    }

    /// Returns the interrupts that are presented to the core.
    pub fn presented(&self) -> u32 {
        self.controller.presented()
    }

    /// The priority of a line.
    pub fn priority(&self, line: usize) -> u32 {
        self.controller.priority(line)
    }

    fn route(&mut self) {
        let high = (0..SOURCES).filter(|source| self.sources >> source & 1 != 0);
        self.controller
            .set_levels(high.fold(0, |lines, source| lines | 1 << self.registers.get(reg::MAP + 4 * source)));
    }
}

impl Device for InterruptCore {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Modelled
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        const SECOND: u32 = reg::INTR_STATUS + 4;
        match offset {
            reg::INTR_STATUS => Ok(self.sources as u32),
            SECOND => Ok((self.sources >> u32::BITS) as u32),
            reg::CPU_INT_EIP_STATUS => Ok(self.controller.pending()),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let value = self.registers.write(offset, value)?;
        match offset {
            reg::CPU_INT_ENABLE => self.controller.set_enabled(value),
            reg::CPU_INT_TYPE => self.controller.set_edge(value),
            reg::CPU_INT_CLEAR => self.controller.clear(value),
            reg::CPU_INT_THRESH => self.controller.set_threshold(value),
            reg::CPU_INT_PRI..PRIORITIES_END => {
                self.controller.set_priority(((offset - reg::CPU_INT_PRI) / 4) as usize, value);
            }
            _ => self.route(),
        }
        Ok(())
    }

    fn reset(&mut self) {
        *self = InterruptCore { sources: self.sources, ..InterruptCore::new() };
        self.route();
    }
}

#[cfg(test)]
mod tests {
    use super::{InterruptCore, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn a_source_reaches_the_line_that_software_maps_it_to() {
        let mut matrix = InterruptCore::new();
        for (offset, value) in [
            (reg::MAP + 4 * 21, 5),
            (reg::CPU_INT_PRI + 4 * 5, 1),
            (reg::CPU_INT_THRESH, 1),
            (reg::CPU_INT_ENABLE, 1 << 5),
        ] {
            matrix.write(offset, value, Time::ZERO).unwrap();
        }
        assert!(matrix.set_source(21, true) && !matrix.set_source(21, true));
        assert_eq!((matrix.presented(), matrix.read(reg::CPU_INT_EIP_STATUS, Time::ZERO)), (1 << 5, Ok(1 << 5)));
        assert_eq!(matrix.read(reg::INTR_STATUS, Time::ZERO), Ok(1 << 21));
        matrix.write(reg::MAP + 4 * 21, 6, Time::ZERO).unwrap();
        assert_eq!(matrix.presented(), 0);
        matrix.reset();
        assert_eq!((matrix.read(reg::MAP + 4 * 21, Time::ZERO), matrix.presented()), (Ok(0), 0));
    }
}
