//! The front end's digital side: the estimator of I/Q imbalance, which calibration waits for.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    FE_CONF_000[31] @ 0x000 = 0, rw();
    IQ_ESTIMATE @ 0x07C = 0, rw_bits(0x7FFF_FFFF);
    FE_CONF_080[992] @ 0x080 = 0, rw();
}

/// Bits of IQ_ESTIMATE.
mod iq_estimate {
    pub const START: u32 = 1 << 1;
    pub const DONE: u32 = 1 << 31;
}

/// The block at 0x3FF4_6000.
#[derive(Clone, Debug)]
pub struct RadioFrontEnd {
    registers: Registers,
}

espalier_core::persist!(state RadioFrontEnd { registers });

impl Default for RadioFrontEnd {
    fn default() -> RadioFrontEnd {
        RadioFrontEnd::new()
    }
}

impl RadioFrontEnd {
    /// The block with all registers at zero.
    pub fn new() -> RadioFrontEnd {
        RadioFrontEnd { registers: Registers::new(&REGISTERS) }
    }
}

impl Device for RadioFrontEnd {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("estimates end at once and find silence; other registers only store")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        let done = offset == reg::IQ_ESTIMATE && value & iq_estimate::START != 0;
        Ok(if done { value | iq_estimate::DONE } else { value })
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(drop)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::{RadioFrontEnd, iq_estimate, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn an_estimate_ends_once_it_is_started() {
        let mut block = RadioFrontEnd::new();
        assert_eq!(block.read(reg::IQ_ESTIMATE, Time::ZERO), Ok(0));
        block.write(reg::IQ_ESTIMATE, iq_estimate::START, Time::ZERO).unwrap();
        assert_eq!(block.read(reg::IQ_ESTIMATE, Time::ZERO), Ok(iq_estimate::START | iq_estimate::DONE));
    }
}
