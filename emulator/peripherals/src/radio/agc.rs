//! The receiver's gain control: of its configuration only the bandwidth is understood.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    AGC_CONF_000[276] @ 0x000 = 0, rw();
    BANDWIDTH @ 0x450 = 0, rw();
    AGC_CONF_454[491] @ 0x454 = 0, rw();
}

/// Bits of BANDWIDTH that Espressif's PHY library sets for channels of 40 MHz.
const WIDE: u32 = 3 << 2;

/// The block at 0x3FF5_C000.
#[derive(Clone, Debug)]
pub struct RadioAgc {
    registers: Registers,
}

espalier_core::persist!(state RadioAgc { registers });

impl Default for RadioAgc {
    fn default() -> RadioAgc {
        RadioAgc::new()
    }
}

impl RadioAgc {
    /// The block with all registers at zero.
    pub fn new() -> RadioAgc {
        RadioAgc { registers: Registers::new(&REGISTERS) }
    }

    /// True if the radio uses two neighbouring channels of 20 MHz as one; it is then tuned to the middle between them.
    pub fn is_wide(&self) -> bool {
        self.registers.get(reg::BANDWIDTH) & WIDE != 0
    }
}

impl Device for RadioAgc {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the bandwidth; other registers only store. There is no signal: strength is what a test says, noise is -97 dBm, and \
             distance, power and interference lose no frame",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
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
    use super::{RadioAgc, WIDE, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn the_bandwidth_is_what_software_chose() {
        let mut block = RadioAgc::new();
        assert!(!block.is_wide());
        block.write(reg::BANDWIDTH, WIDE, Time::ZERO).unwrap();
        assert!(block.is_wide());
    }
}
